-- Which tables surely have rows, and what is in them: those that a migration inserted as constants, as long as nothing
-- was deleted anywhere.

local depend = require "dixis.lint.depend"
local find = require "dixis.lint.find"
local generated = require "dixis.lint.generated"
local node = require "dixis.lint.node"
local sql = require "host.sql"
local types = require "dixis.lint.types"

local rows = {}

local function plain(context, relation)
  return relation.kind == "table" and not relation.ruled and not relation.parent
    and not relation.inherits and not relation.open
    and find.stands(context, relation) and not context.soft
end

local function quiet(context, relation) return not next(relation.triggers) and plain(context, relation) end

-- May a trigger fill the columns of a row before it is held against NOT NULL?
local function is_filled(context, relation)
  if relation.epoch < context.model.epochs.part then return true end
  for _, trigger in pairs(relation.triggers) do
    if not trigger.fills_nothing then return true end
  end
  return false
end

local is_default <const> = generated.is_default
local function is_null(value) return value.A_Const ~= nil and value.A_Const.isnull == true end

-- What is wrong with a column's value in the rows.
local function fault(column, values)
  local all_default, has_null = true, false
  for _, value in ipairs(values or {}) do
    all_default = all_default and is_default(value)
    has_null = has_null or is_null(value)
  end
  if column.nullable or column.unsure_null or column.type.user and column.type.user.kind == "domain" then return nil end
  if has_null then return "null-in-rows", "cannot be NULL" end
  if all_default and column.default == nil and not column.identity and not column.generated then
    return "null-in-rows", "cannot be NULL, has no default, and gets no value here"
  end
end

--- Can the rows of INSERT ... VALUES be in the table?
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param targets? (dixis.lint.Column|false)[]
---@param lists table[]
function rows.check(context, relation, targets, lists)
  if is_filled(context, relation) or not plain(context, relation) then return end
  local place_of <const> = {}
  for i, column in ipairs(targets or relation.order) do
    if not column then return end
    place_of[column] = i
  end
  for _, column in ipairs(relation.order) do
    local at <const> = place_of[column]
    local values = at and {} or nil
    for i, row in ipairs(at and lists or {}) do values[i] = row.List.items[at] end
    if at and #values < #lists then values = nil end
    local rule <const>, reason = fault(column, values)
    if rule and find.stands(context, column) then
      context:report(rule, { object = find.full(relation.schema, relation.name) .. "." .. column.name,
        message = ('the column "%s" of "%s" %s'):format(column.name, relation.name, reason) })
      return
    end
  end
end

-- ---- What is in them ---------------------------------------------------------------------------

local NULL <const> = false -- nil: not known
local MOST <const> = 2000   -- rows of a table that are kept

local function constant(tree, text)
  local found <const> = tree.A_Const
  if not found or found.isnull or found.boolval then return nil end
  if found.sval then return found.sval.sval or "" end
  local integer <const> = found.ival and node.integer(found, text)
  return integer and ("%d"):format(integer) or found.fval and found.fval.fval
end

-- A constant in such a form that equal ones have equal texts, and others have not.
local function normal(context, column, tree)
  if is_null(tree) then return NULL end
  local type <const> = column.type
  local family <const> = not type.array and types.family(type)
  if tree.TypeCast then
    local cast <const> = types.read(context.model, tree.TypeCast.typeName)
    if cast.array or types.family(cast) ~= family or cast.user ~= type.user then return nil end
    tree = tree.TypeCast.arg
  end
  local text <const> = constant(tree, context.text)
  if not text then return nil end
  if family == "number" then
    local number <const> = math.tointeger(tonumber(text))
    return number and ("%d"):format(number)
  elseif family == "uuid" then
    return (text:lower():gsub("[{}-]", ""))
  elseif family == "text" then
    if column.collated then return nil end -- by some collations, other texts are equal
    return (type.text:find "^character varying" or type.text == "text") and text or nil
  end
  return type.user and type.user.kind == "enum" and not type.array and text or nil
end

-- The rows of a table that are surely in it; nil: none are known to be.
local function content(context, relation)
  local found <const>, model <const> = relation.content, context.model
  -- What is done to the rows of a table is done to those that inherit from it.
  if found and not relation.inherits and found.stamp == model.stamp
    and found.deleted == model.deleted and find.stands(context, relation) then
    return found
  end
end

-- Are these all of its rows?
local function is_whole(context, relation)
  local model <const> = context.model
  return relation.place ~= nil and not relation.unseen and not relation.assumed and quiet(context, relation)
    and relation.epoch == model.stamp and relation.deleted_before == model.deleted
end

-- The values of columns in a row as one text; nil: not known, or one is NULL.
local function key_of(known, row, columns)
  local parts <const> = {}
  for i, column in ipairs(columns) do
    if not column or known.unsure[column] or not row[column] then return nil end
    parts[i] = row[column]
  end
  return table.concat(parts, "\0")
end

-- The keys of the rows, as far as they were read; many come one by one.
local function keys_in(known, reason)
  local set = known.sets[reason]
  if not set or set.version ~= known.version then
    set = { version = known.version, upto = 0, rows = {} }
    known.sets[reason] = set
  end
  return set
end

local function forget_sets(known) known.version = known.version + 1 end

local function names_of(columns)
  local list <const> = {}
  for i, column in ipairs(columns) do list[i] = column.name end
  return table.concat(list, '", "')
end

local function shown(key) return (key:gsub("%z", ", ")) end

local function is_sure(context, relation, columns)
  if not columns or #columns == 0 or relation.deferred then return false end
  for _, column in ipairs(columns) do
    if not column or not find.stands(context, column) then return false end
  end
  return true
end

--- Are there two rows with the same values in a unique key? Says so.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param index dixis.lint.Object
function rows.check_key(context, relation, index)
  local known <const> = content(context, relation)
  if not known or not index.unique or index.where or index.expressions or index.cause
    or not is_sure(context, relation, index.keys) then return end
  local set <const> = keys_in(known, index)
  local seen <const> = set.rows
  for i = set.upto + 1, #known.list do
    local row <const> = known.list[i]
    local key <const> = key_of(known, row, index.keys)
    if key and seen[key] then
      context:report("duplicate-row", { object = find.full(relation.schema, relation.name),
        message = ('"%s" has two rows with the same "%s" (%s): "%s" is unique%s'):format(relation.name, names_of(index.keys),
          shown(key), index.name, row.place ~= seen[key].place and ", and one was inserted " .. context:where(seen[key]) or ""),
        fix = row.counted and ("its sequence counts from 1 whatever is written beside it; after such rows: SELECT setval("
          .. "pg_get_serial_sequence('%s', '%s'), (SELECT max(%s) FROM %s))"):format(sql.quote_identifier(relation.name),
          row.counted.name, sql.quote_identifier(row.counted.name), sql.quote_identifier(relation.name)) or nil })
      return
    end
    if key then seen[key] = row end
    set.upto = i
  end
end

--- Does each row of a table have the one that a foreign key refers to? Says so.
---@param context dixis.lint.Context
---@param constraint dixis.lint.Object
function rows.check_reference(context, constraint)
  local relation <const>, target <const> = constraint.table, constraint.target
  local known <const> = content(context, relation)
  local keys <const>, referenced <const> = constraint.keys, constraint.referenced
  if not known or not target or context.model.foreign_keys_off or not keys or not referenced or #keys ~= #referenced
    or constraint.cause or not is_whole(context, target) or not is_sure(context, relation, keys)
    or not is_sure(context, target, referenced) then return end
  local theirs <const> = content(context, target)
  local there <const> = theirs and keys_in(theirs, constraint) or { rows = {} }
  for i = there.upto and there.upto + 1 or 1, theirs and #theirs.list or 0 do
    local key <const> = key_of(theirs, theirs.list[i], referenced)
    if not key then return end
    there.rows[key], there.upto = true, i
  end
  local set <const> = keys_in(known, constraint.name)
  for i = set.upto + 1, #known.list do
    local key <const> = key_of(known, known.list[i], keys)
    if key and not there.rows[key] then
      context:report("missing-row", { object = find.full(relation.schema, relation.name),
        message = ('a row of "%s" refers by "%s" to a row of "%s" that no migration inserts before (%s)'):format(relation.name,
          names_of(keys), target.name, shown(key)),
        fix = 'insert that before, or take only what is there: INSERT ... SELECT ... FROM the other table' })
      return
    end
    set.upto = i
  end
end

-- The next number that a serial gives, when all that it gave is known: from one on, whatever was written beside it.
local function next_number(context, relation, known, column)
  if column.counted == nil or column.default ~= column.counted or context.model.drawn
    or not is_whole(context, relation) then return nil end
  known.counts[column] = (known.counts[column] or 0) + 1
  return ("%d"):format(known.counts[column])
end

-- Takes the rows of INSERT ... VALUES in, and says what keeps them out.
local function take(context, relation, targets, lists)
  local known = content(context, relation)
  if not known then
    known = { stamp = context.model.stamp, deleted = context.model.deleted, list = {}, unsure = {}, sets = {},
      counts = {}, version = 0 }
    relation.content = known
  end
  local place_of <const> = {}
  for i, column in ipairs(targets or relation.order) do
    if column then place_of[column] = i end
  end
  local before <const> = #known.list
  for _, list in ipairs(lists) do
    local row <const> = { place = context.place }
    for _, column in ipairs(relation.order) do
      local tree <const> = place_of[column] and list.List.items[place_of[column]]
      if tree and not is_default(tree) then
        row[column] = normal(context, column, tree)
      elseif column.counted then
        row[column] = next_number(context, relation, known, column)
        if row[column] then row.counted = column end
      elseif column.default == nil and not column.identity and not column.generated then
        row[column] = NULL
      end
    end
    known.list[#known.list + 1] = row
  end
  local checks <const> = {}
  for index in pairs(relation.indexes) do
    if find.stands(context, index) then checks[#checks + 1] = index end
  end
  for _, constraint in pairs(relation.constraints) do
    if constraint.type == "f" and find.stands(context, constraint) then checks[#checks + 1] = constraint end
  end
  for _, check in ipairs(depend.in_order(checks)) do
    if check.type == "f" then rows.check_reference(context, check) else rows.check_key(context, relation, check) end
    if context.failed then break end
  end
  -- What fails leaves nothing behind.
  if context.failed then
    for i = #known.list, before + 1, -1 do known.list[i] = nil end
    forget_sets(known)
  end
end

--- INSERT ... VALUES: behind it there is a row, be it this one or the one that it conflicts with.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param targets? (dixis.lint.Column|false)[]
---@param lists table[]
---@param other boolean  not all rows go in, or not as they are
function rows.inserted(context, relation, targets, lists, other)
  if context.failed then return end
  local known <const> = relation.content
  if not quiet(context, relation) or other or #lists + (known and #known.list or 0) > MOST then
    rows.unseen(relation)
  else
    take(context, relation, targets, lists)
    if context.failed then return end
  end
  if not quiet(context, relation) then return end
  relation.rows = { place = context.place, stamp = context.model.stamp, deleted = context.model.deleted }
end

--- Rows came that are not known here.
---@param relation dixis.lint.Relation
function rows.unseen(relation) relation.unseen = true end

--- A column has other values now.
---@param context dixis.lint.Context
---@param column dixis.lint.Column
function rows.changed(context, column)
  local known <const> = column.table and column.table.content
  if known then
    known.unsure[column] = true
    forget_sets(known)
  end
  for other in pairs(column.dependents or {}) do
    if other.type == "f" then rows.deleted(context) end -- ON UPDATE CASCADE
  end
end

--- Where a row was inserted whose value of the column is NULL; nil: none is known.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param column dixis.lint.Column
---@return { place: dixis.lint.Place }?
function rows.with_null(context, relation, column)
  local known <const> = content(context, relation)
  if not known or known.unsure[column] then return nil end
  for _, row in ipairs(known.list) do
    if row[column] == NULL then return row end
  end
end

--- Rows went away, in this table or by ON DELETE CASCADE in another one; or may have, or were filled.
---@param context dixis.lint.Context
function rows.deleted(context)
  context.model.deleted = (context.model.deleted or 0) + 1
end

--- DELETE: only this table's rows go away, if nothing refers to it and no trigger sees it.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
function rows.deleted_from(context, relation)
  local alone = quiet(context, relation)
  for other in pairs(relation.dependents or {}) do alone = alone and other.type ~= "f" end
  if not alone then return rows.deleted(context) end
  relation.content, relation.rows, relation.unseen = nil, nil, true
  for _, column in ipairs(relation.order) do column.unfilled = nil end
end

--- Has the table rows, for sure?
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param known? table  those that are meant; the last ones when absent
---@return boolean
function rows.certain(context, relation, known)
  local model <const> = context.model
  known = known or relation.rows
  return known ~= nil and known.stamp == model.stamp and known.deleted == model.deleted and find.stands(context, relation)
end

return rows
