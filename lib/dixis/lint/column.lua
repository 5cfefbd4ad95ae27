-- Columns: of CREATE TABLE and ADD COLUMN.

local coerce = require "dixis.lint.coerce"
local constraint = require "dixis.lint.constraint"
local depend = require "dixis.lint.depend"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local generated = require "dixis.lint.generated"
local immutable = require "dixis.lint.immutable"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local source = require "dixis.lint.source"
local types = require "dixis.lint.types"
local value = require "dixis.lint.value"

local column = {}

-- A sequence that goes with its column.
local function own_sequence(context, relation, made, identity)
  local model <const> = context.model
  local name <const> = names.choose(relation.name, made.name, "seq",
    function(wanted) return model:relation_taken(relation.schema, wanted) end)
  local sequence <const> = context:make(model:new_relation("sequence", relation.schema, name))
  sequence.owner, made.owned, sequence.identity = made, { [sequence] = true }, identity
  model:add_relation(sequence)
  return sequence
end

--- The column's default, and what it depends on.
---@param context dixis.lint.Context
---@param made dixis.lint.Column
---@param text? string|false  the SQL; false: not known
---@param tree? any
function column.set_default(context, made, text, tree)
  if made.default_object then
    depend.free(made.default_object)
    made.default_object = nil
  end
  made.default = text
  if not tree then return end
  local named <const> = next(node.columns(tree))
  if named then
    context:report("wrong-column", { object = find.full(made.table.schema, made.table.name) .. "." .. made.name,
      message = ('the default of "%s" names "%s": a default cannot name a column'):format(made.name, named),
      fix = "text is written in single quotes" })
    return
  end
  immutable.no_query(context, made.table, tree, "a default")
  local object <const> = context.model:born { kind = "default", name = made.name, column = made, table = made.table,
    place = context.place }
  made.default_object = object
  expression.read(context, tree, nil, expression.bind(object))
  expression.enum_value(context, made.type, tree)
  local reason <const> = value.refused(context, made.type, value.of(context, tree))
  if reason and not context.failed then
    context:report("wrong-value", { object = find.full(made.table.schema, made.table.name) .. "." .. made.name,
      message = ('the default does not fit the column "%s": %s'):format(made.name, reason) })
  end
end

local only_once <const> = { CONSTR_DEFAULT = "default", CONSTR_IDENTITY = "identity", CONSTR_GENERATED = "GENERATED" }

-- What a definition says twice, or denies.
local function contradictions(context, made, body)
  local not_null, null, seen = made.type.serial, false, {}
  local reason
  for _, item in ipairs(body.constraints or {}) do
    local kind <const> = item.Constraint.contype
    not_null = not_null or kind == "CONSTR_NOTNULL" or kind == "CONSTR_IDENTITY"
    null = null or kind == "CONSTR_NULL"
    local what <const> = only_once[kind]
    if what and seen[kind] then reason = ("has more than one %s"):format(what) end
    if what and made.type.serial then reason = ("is a serial, which has a default, and has a %s too"):format(what) end
    if what then seen[kind] = true end
  end
  if null and not_null then reason = "is said to take NULL and not to" end
  local key <const> = body.collClause and coerce.key(context.model, made.type)
  if key and not coerce.collates(key) then reason = ("is %s, which has no collation"):format(types.text(made.type)) end
  if not reason then return end
  context:report("wrong-column", { object = find.full(made.table.schema, made.table.name) .. "." .. made.name,
    message = ('the column "%s" %s'):format(made.name, reason) })
end

--- Makes a column of a ColumnDef, without its keys and foreign keys.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param body table
---@return dixis.lint.Column
function column.make(context, relation, body)
  local name <const> = names.clip(body.colname)
  local type <const> = body.typeName and expression.type(context, body.typeName) or { text = false, name = "?" }
  local made <const> = context:make { kind = "column", table = relation, name = name, type = type, nullable = true,
    collated = body.collClause and true }
  context.model:add_column(relation, made)
  if type.user then depend.on(made, type.user) end
  if type.serial then
    local sequence <const> = own_sequence(context, relation, made)
    made.nullable, made.default = false, source.nextval(sequence)
    made.counted = made.default
    made.default_object = context.model:born { kind = "default", name = name, column = made, table = relation,
      place = context.place }
    depend.on(made.default_object, sequence)
  end
  contradictions(context, made, body)
  for _, item in ipairs(body.constraints or {}) do
    local found <const> = item.Constraint
    if found.contype == "CONSTR_NOTNULL" then
      made.nullable = false
    elseif found.contype == "CONSTR_DEFAULT" then
      column.set_default(context, made, source.default(context, found), found.raw_expr)
    elseif found.contype == "CONSTR_IDENTITY" then
      made.identity, made.nullable, made.always = true, false, generated.always(found.generated_when)
      own_sequence(context, relation, made, true)
    elseif found.contype == "CONSTR_GENERATED" then
      made.generated, made.expression = true, found.raw_expr
    end
  end
  return made
end

-- Keys first and foreign keys last, as PostgreSQL does. What is not here is of the column alone.
local turn_of <const> = { CONSTR_PRIMARY = 1, CONSTR_UNIQUE = 2, CONSTR_CHECK = 2, CONSTR_EXCLUSION = 2, CONSTR_FOREIGN = 3 }

--- The constraints that were written with columns and for the table.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param entries { body: table, column?: dixis.lint.Column }[]
function column.constraints(context, relation, entries)
  for turn = 1, 3 do
    for _, entry in ipairs(entries) do
      if turn_of[entry.body.contype] == turn then constraint.add(context, relation, entry.body, entry.column) end
    end
  end
end

--- The constraints of a ColumnDef.
---@param made dixis.lint.Column
---@param body table
---@param entries table[]
function column.collect(made, body, entries)
  for _, item in ipairs(body.constraints or {}) do
    if turn_of[item.Constraint.contype] then entries[#entries + 1] = { body = item.Constraint, column = made } end
  end
end

--- A generated column needs the columns of its expression, which may come after it.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param made dixis.lint.Column
function column.finish(context, relation, made)
  if not made.expression then return end
  local tree <const> = made.expression
  made.expression = nil
  expression.read(context, tree, relation, function(other) depend.on(made, other) end)
  immutable.no_query(context, relation, tree, "a generated column")
  local reason <const> = value.refused(context, made.type, value.of(context, tree, expression.column_in(relation)))
  if reason and not context.failed then
    context:report("wrong-value", { object = find.full(relation.schema, relation.name) .. "." .. made.name,
      message = ('what generates the column "%s" does not fit it: %s'):format(made.name, reason) })
  end
  immutable.check(context, relation, tree, "a generated column")
end

column.text = types.text

return column
