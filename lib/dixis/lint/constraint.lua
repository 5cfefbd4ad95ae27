-- Constraints: of CREATE TABLE, ADD COLUMN and ADD CONSTRAINT.

local depend = require "dixis.lint.depend"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local immutable = require "dixis.lint.immutable"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local opclass = require "dixis.lint.opclass"
local partition = require "dixis.lint.partition"
local rows = require "dixis.lint.rows"
local types = require "dixis.lint.types"
local value = require "dixis.lint.value"
local words = require "dixis.words"

local constraint = {}

--- From here on a column takes NULL, or does not; in a branch that may not be taken, one of the two.
---@param context dixis.lint.Context
---@param column dixis.lint.Column
---@param takes boolean
function constraint.takes_null(context, column, takes)
  if not context.soft then
    column.unsure_null = nil
  elseif column.nullable ~= takes then
    column.unsure_null = true
  end
  column.nullable = takes
end

local actions <const> = { a = "NO ACTION", r = "RESTRICT", c = "CASCADE", n = "SET NULL", d = "SET DEFAULT" }

local function columns_of(context, relation, list)
  local keys, texts = {}, node.texts(list)
  for i, name in ipairs(texts) do
    keys[i] = find.column(context, relation, name, { system = true })
    if not keys[i] then keys = nil break end
  end
  return keys, texts
end

local function taken(context, relation)
  return function(name)
    return context.model:relation_taken(relation.schema, name) or context.model:constraint_taken(relation.schema, name)
  end
end

local function taken_by_constraint(context, relation)
  return function(name) return context.model:constraint_taken(relation.schema, name) end
end

-- Says that the name is taken in the table. True: go on.
local function check_name(context, relation, name)
  local before <const> = relation.constraints[name]
  if not find.stands(context, before) then return true end
  context:report("duplicate-constraint", { before = before, object = find.full(relation.schema, relation.name) .. "." .. name,
    message = ('the constraint "%s" of "%s" is there already: it was %s'):format(name, relation.name,
      context:origin(before)),
    fix = "remove this statement, or drop the constraint before it" })
  return false
end

--- The index of a table, made in its schema.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param name string
---@param fields table
---@return dixis.lint.Object? index
function constraint.index(context, relation, name, fields)
  name = names.clip(name)
  local before <const> = context.model:relation_in(relation.schema, name)
  if find.stands(context, before) then
    local kind <const> = before.kind == "index" and "index" or "table"
    context:report("duplicate-" .. kind, { before = before, object = find.full(relation.schema, name),
      message = ('the name "%s" is taken: %s "%s" was %s'):format(name, names.with_article(before.kind), name,
        context:origin(before)),
      fix = before.kind == "index" and "remove this statement, or drop the index before it" or nil })
    return nil
  end
  if fields.unique then partition.check_key(context, relation, name, fields.keys) end
  fields.kind, fields.schema, fields.name, fields.table = "index", relation.schema, name, relation
  local index <const> = context:make(context.model:born(fields))
  context.model:add_relation(index)
  find.came_later(context, find.full(index.schema, name), "created")
  relation.indexes[index] = true
  if index.unique then rows.check_key(context, relation, index) end
  return index
end

local function add(context, relation, name, fields)
  name = names.clip(name)
  if not check_name(context, relation, name) then return nil end
  fields.kind, fields.name, fields.table = "constraint", name, relation
  relation.constraints[name] = context:make(context.model:born(fields))
  context.model:count_constraint(relation.schema, name, 1)
  find.came_later(context, find.key("constraint", relation, name), "added")
  return fields
end

-- Why an index cannot become a constraint; nil: it can, or that is not known.
local function unfit(context, relation, index)
  if not find.stands(context, index) then return nil end
  if index.kind ~= "index" then return ("is %s"):format(names.with_article(index.kind)) end
  if index.table ~= relation then return ('is of "%s"'):format(index.table.name) end
  if index.constraint and find.stands(context, index.constraint) then return "is a constraint's already" end
  if not index.unique then return "is not unique" end
  if index.where then return "is of a part of the rows" end
  if index.expressions then return "is over an expression" end
  for _, column in ipairs(index.columns or {}) do
    if column.order == "DESC" then return "has another order than usual" end
  end
end

-- The columns of an index, when all its keys are columns that are there.
local function whole(keys)
  for _, key in ipairs(keys or {}) do
    if not key then return nil end
  end
  return keys
end

local function with_index(context, relation, body, type)
  local index <const> = find.relation(context, { schemaname = relation.schema, relname = body.indexname }, { kind = "index" })
  if not index then return end
  local reason <const> = unfit(context, relation, index)
  if reason then
    context:report("wrong-object", { object = find.full(index.schema, index.name),
      message = ('"%s" cannot become a constraint: it %s'):format(index.name, reason) })
    return
  end
  if index.kind ~= "index" then return end
  local name <const> = body.conname or index.name
  local made <const> = add(context, relation, name, { type = type, keys = whole(index.keys), index = index })
  if not made then return end
  index.constraint = made
  if index.name ~= name then context.model:rename(index, name, context.place) end
  return made
end

local function first_twice(texts)
  local seen <const> = {}
  for _, text in ipairs(texts) do
    if seen[text] then return text end
    seen[text] = true
  end
end

local function keyed(context, relation, body, type, column)
  if type == "p" then
    local before <const> = relation.primary
    if before and find.stands(context, before) and not before.removed then
      context:report("duplicate-primary-key", { before = before, object = find.full(relation.schema, relation.name),
        message = ('the table "%s" has a primary key already, made %s'):format(relation.name, context:where(before)) })
      return
    end
  end
  if body.indexname then
    local made <const> = with_index(context, relation, body, type)
    if type == "p" then relation.primary = made end
    return
  end
  local keys, texts
  if column then
    keys, texts = { column }, { column.name }
  else
    keys, texts = columns_of(context, relation, body.keys)
  end
  local twice <const> = first_twice(texts)
  if twice then
    context:report("wrong-column", { object = find.full(relation.schema, relation.name) .. "." .. twice,
      message = ('"%s" is twice in the key'):format(twice) })
    return
  end
  local primary <const> = type == "u" and not body.conname and relation.primary
  if primary and primary.place == context.place and keys and primary.keys and #keys == 1 and #primary.keys == 1
    and primary.keys[1] == keys[1] then
    return -- one index serves both
  end
  local name = body.conname
  if not name then
    if type == "p" then
      name = names.choose(relation.name, nil, "pkey", taken(context, relation))
    else
      name = names.choose(relation.name, names.join(texts), "key", taken(context, relation))
    end
  end
  local index <const> = constraint.index(context, relation, name, { keys = keys, unique = true, method = "btree" })
  if not index then return end
  local made <const> = add(context, relation, name, { type = type, keys = keys, index = index, implicit = not body.conname })
  if not made then return end
  index.constraint = made
  if type == "p" then
    relation.primary = made
    for _, key in ipairs(keys or {}) do constraint.takes_null(context, key, false) end
  end
end

local function exclusion(context, relation, body)
  local keys, texts = {}, {}
  for i, pair in ipairs(body.exclusions or {}) do
    local element <const> = pair.List and pair.List.items[1].IndexElem or {}
    keys[i] = element.name and find.column(context, relation, element.name) or false
    texts[i] = element.name or names.figure(element.expr) or "expr"
  end
  for i, pair in ipairs(body.exclusions or {}) do
    if pair.List then
      opclass.check(context, relation, pair.List.items[1].IndexElem, keys[i], body.access_method or "btree")
    end
  end
  local name <const> = body.conname or names.choose(relation.name, names.join(texts), "excl", taken(context, relation))
  local index <const> = constraint.index(context, relation, name,
    { keys = keys, unique = false, method = body.access_method or "btree", expressions = true })
  local made <const> = index and add(context, relation, name, { type = "x", keys = keys, index = index })
  if made then index.constraint = made end
end

--- Which of a table's unique indexes has just these columns.
---@param target dixis.lint.Relation
---@param columns dixis.lint.Column[]
---@return dixis.lint.Object?
function constraint.key_for(target, columns)
  local wanted <const> = {}
  for _, column in ipairs(columns) do wanted[column] = true end
  for index in pairs(target.indexes) do
    if index.unique and not index.where and not index.expressions then
      local count = 0
      for _, key in ipairs(index.keys or {}) do
        if wanted[key] then count = count + 1 else count = -1000 end
      end
      if not index.keys or count == #columns then return index end
    end
  end
end

-- Most keys are of one of these on both sides, which needs no closer look.
local are_alike <const> = { integer = true, bigint = true, text = true, uuid = true }

local function check_types(context, relation, name, columns, referenced)
  for i, column in ipairs(columns) do
    local other <const> = referenced[i]
    local plain <const> = are_alike[column and column.type.text] and other and column.type.text == other.type.text
    local known <const> = not plain and find.stands(context, column) and find.stands(context, other)
    local one <const> = known and value.of_column(context, column) or nil
    local two <const> = known and value.of_column(context, other) or nil
    if value.incomparable(context, one, two) then
      context:report("foreign-key-type", { object = find.full(relation.schema, relation.name) .. "." .. column.name,
        cause = value.not_given(context, one, two),
        message = ('the foreign key "%s" cannot be made: "%s" is %s and "%s" is %s'):format(name, column.name,
          types.text(column.type), other.name, types.text(other.type)) })
      return
    end
  end
end

--- The foreign keys that a column is in, on either side, are made anew when its type changes.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param changed dixis.lint.Column
function constraint.recheck(context, relation, changed)
  local found <const> = {}
  local function collect(other)
    if other.kind ~= "constraint" or other.type ~= "f" or not find.stands(context, other) then return end
    if other.keys and other.referenced and #other.keys == #other.referenced then found[#found + 1] = other end
  end
  for _, other in pairs(relation.constraints) do
    for _, key in ipairs(other.keys or {}) do
      if key == changed then collect(other) end
    end
  end
  for other in pairs(changed.dependents or {}) do collect(other) end
  for _, other in ipairs(depend.in_order(found)) do
    check_types(context, other.table, other.name, other.keys, other.referenced)
    if context.failed then return end
  end
end

local function foreign(context, relation, body, column)
  local target = relation
  local range <const> = body.pktable
  -- A table that is being made is not found by its name before it is there.
  local own <const> = range.relname == relation.name and (range.schemaname or relation.schema) == relation.schema
  if not (own and relation.making) then
    target = find.relation(context, range)
  end
  local keys, texts
  if column then
    keys, texts = { column }, { column.name }
  else
    keys, texts = columns_of(context, relation, body.fk_attrs)
  end
  local name <const> = body.conname or names.choose(relation.name, names.join(texts), "fkey",
    taken_by_constraint(context, relation))
  local model <const> = context.model
  local known <const> = target ~= nil and not target.open and not target.partly and not target.cause
    and model:certain(target)
  if target and target.kind ~= "table" and target.kind ~= "partitioned" and known then
    context:report("wrong-object", { object = find.full(target.schema, target.name),
      message = ('a foreign key cannot refer to "%s": it is %s'):format(target.name, names.with_article(target.kind)) })
    return
  end
  local referenced, index
  if body.pk_attrs then
    referenced = target and columns_of(context, target, body.pk_attrs)
    if referenced and keys and #referenced == #keys and known then
      index = constraint.key_for(target, referenced)
      if not index and model.epochs.constraint <= target.epoch and model.epochs.relation <= target.epoch then
        local list <const> = table.concat(node.texts(body.pk_attrs), '", "')
        context:report("foreign-key-target", { object = find.full(target.schema, target.name),
          message = ('the foreign key "%s" refers to "%s"("%s"), which no primary key or unique constraint covers'):format(
            name, target.name, list) })
      end
    end
  elseif target and target.primary then
    referenced, index = target.primary.keys, target.primary.index
  elseif known and model.epochs.constraint <= target.epoch then
    context:report("foreign-key-target", { object = find.full(target.schema, target.name),
      message = ('the foreign key "%s" refers to "%s", which has no primary key'):format(name, target.name) })
  end
  if keys and referenced and #keys == #referenced then
    check_types(context, relation, name, keys, referenced)
  elseif keys and referenced and known then
    context:report("foreign-key-target", { object = find.full(target.schema, target.name),
      message = ('the foreign key "%s" is of %s, and what it refers to in "%s" of %d'):format(name,
        words.count(#keys, "column"), target.name, #referenced) })
  end
  local made <const> = add(context, relation, name, { type = "f", keys = keys, target = target, referenced = referenced,
    on_delete = actions[body.fk_del_action] or "NO ACTION", on_update = actions[body.fk_upd_action] or "NO ACTION" })
  if not made or not target then return end
  if not body.skip_validation then rows.check_reference(context, made) end
  if target ~= relation then depend.on(made, target) end
  for _, key in ipairs(target ~= relation and referenced or {}) do depend.on(made, key) end
  if index then depend.on(made, index.constraint or index) end
end

-- The columns that a condition keeps from being NULL: those that it says so of, alone or with AND.
local function not_null(relation, tree, found)
  local kind <const>, body <const> = next(tree or {})
  if kind == "NullTest" and body.nulltesttype == "IS_NOT_NULL" and body.arg.ColumnRef then
    local fields <const> = body.arg.ColumnRef.fields
    local column <const> = relation.columns[node.text(fields[#fields]) or ""]
    if column then found[column] = true end
  elseif kind == "BoolExpr" and body.boolop == "AND_EXPR" then
    for _, inner in ipairs(body.args) do not_null(relation, inner, found) end
  end
  return found
end

--- Is an expression about a table's rows true or false?
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param tree? any
function constraint.condition(context, relation, tree)
  local reason <const> = value.no_condition(context, value.of(context, tree, expression.column_in(relation)))
  if reason and not context.failed then
    context:report("wrong-value", { object = find.full(relation.schema, relation.name), message = reason })
  end
end

local function check(context, relation, body)
  local mentioned <const> = node.columns(body.raw_expr)
  local keys, only = {}, nil
  for name in pairs(mentioned) do
    if relation.columns[name] then
      keys[#keys + 1] = relation.columns[name]
      only = name
    end
  end
  if #keys ~= 1 then only = nil end
  local name <const> = body.conname or names.choose(relation.name, only, "check",
    taken_by_constraint(context, relation))
  local made <const> = add(context, relation, name, { type = "c", keys = keys, valid = not body.skip_validation,
    condition = body.raw_expr, not_null = not_null(relation, body.raw_expr, {}) })
  expression.read(context, body.raw_expr, relation, made and expression.bind(made, relation))
  immutable.no_query(context, relation, body.raw_expr, "a CHECK")
  constraint.condition(context, relation, body.raw_expr)
end

local kinds <const> = {
  CONSTR_EXCLUSION = exclusion, CONSTR_FOREIGN = foreign, CONSTR_CHECK = check,
}

local letters <const> = { CONSTR_PRIMARY = "p", CONSTR_UNIQUE = "u" }

--- Adds a constraint to a table.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param body table     a Constraint
---@param column? dixis.lint.Column  of a column's own constraint
function constraint.add(context, relation, body, column)
  if body.deferrable or body.contype:find "^CONSTR_ATTR" then relation.deferred = true end
  if letters[body.contype] then return keyed(context, relation, body, letters[body.contype], column) end
  local kind <const> = kinds[body.contype]
  if kind then kind(context, relation, body, column) end
end

return constraint
