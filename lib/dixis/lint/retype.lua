-- When columns get other types, PostgreSQL makes each CHECK and the condition of each index of them anew. What a constant
-- was read as, and what else stands beside them, stays of its type: the operator between the two may not be there any more.

local depend = require "dixis.lint.depend"
local find = require "dixis.lint.find"
local node = require "dixis.lint.node"
local resolve = require "dixis.lint.resolve"
local value = require "dixis.lint.value"

local retype = {}

local kinds <const> = { AEXPR_OP = true, AEXPR_IN = true, AEXPR_DISTINCT = true, AEXPR_NOT_DISTINCT = true,
  AEXPR_LIKE = true, AEXPR_ILIKE = true }

-- The column that an operand is, when it gets another type.
local function changed(relation, tree)
  local fields <const> = tree and tree.ColumnRef and tree.ColumnRef.fields
  local column <const> = fields and relation.columns[node.text(fields[#fields]) or ""]
  return column and column.wanted and column or nil
end

-- Does an operand have such a column inside?
local function has_changed(relation, tree)
  for name in pairs(node.columns(tree)) do
    local column <const> = relation.columns[name]
    if column and column.wanted then return true end
  end
  return false
end

-- The operator between two operands as it was, and as it would have to be. Names the column that is to blame.
local function lost(context, relation, name, trees, before)
  local columns <const>, olds <const> = {}, {}
  for i, tree in ipairs(trees) do
    columns[i] = changed(relation, tree) or false
    if not columns[i] and has_changed(relation, tree) then return nil end
    olds[i] = value.operands(context, nil, tree, before)[1]
  end
  if not (columns[1] or columns[2]) then return nil end
  local was <const> = value.operator(context, name, olds)
  if not was or not was.params then return nil end
  local news <const> = {}
  for i, column in ipairs(columns) do
    local wanted <const> = column and value.of_type(context, column.wanted.type)
    -- What was cast to what the operator takes is so still.
    if column and (not wanted or was.params[i] ~= olds[i]) then return nil end
    news[i] = column and wanted.key or was.params[i] or resolve.UNKNOWN
  end
  local is <const> = value.operator(context, name, news)
  return is and is.none and (columns[1] or columns[2]) or nil
end

local function blamed(context, relation, condition)
  -- What the statement has found out about the same expression is of the new types.
  context.valued_for = nil
  local function before(fields)
    local column <const> = relation.columns[node.text(fields[#fields]) or ""]
    if not column or not column.wanted then return column end
    return { value = column.wanted.old and value.of_type(context, column.wanted.old) or false }
  end
  local found
  node.walk(condition, function(kind, body)
    if found or kind ~= "A_Expr" or not kinds[body.kind] or not body.lexpr then return end
    local name <const> = node.text(body.name[#body.name]) or ""
    for _, right in ipairs(body.rexpr.List and body.rexpr.List.items or { body.rexpr }) do
      found = found or lost(context, relation, name, { body.lexpr, right }, before)
    end
  end)
  context.valued_for = nil
  return found
end

--- The conditions of a table whose columns have new types (column.wanted, with the old one).
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
function retype.check(context, relation)
  local list <const> = {}
  local function collect(object)
    if object.condition and object.place ~= context.place and find.stands(context, object) then list[#list + 1] = object end
  end
  for index in pairs(relation.indexes) do collect(index) end
  for _, other in pairs(relation.constraints) do collect(other) end
  for _, object in ipairs(depend.in_order(list)) do
    local column <const> = blamed(context, relation, object.condition)
    if column and find.stands(context, column) then
      context:report("still-needed", { object = find.full(relation.schema, relation.name) .. "." .. column.name,
        message = ('the type of "%s"."%s" cannot be changed: the %s "%s" (made %s) compares it with a value of the old one')
          :format(relation.name, column.name, object.kind, object.name, context:where(object)),
        fix = "drop it before, and make it again behind" })
      return
    end
  end
end

return retype
