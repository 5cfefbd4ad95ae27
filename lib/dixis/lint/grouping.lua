-- GROUP BY, DISTINCT, ORDER BY: what has equals and an order, and what a group has one value of. Where aggregates can be.

local builtin = require "dixis.lint.builtin"
local find = require "dixis.lint.find"
local node = require "dixis.lint.node"
local value = require "dixis.lint.value"
local words = require "dixis.words"

local grouping = {}

local function has_operator(context, name, given)
  local found <const> = given and type(given.key) == "string" and value.operator(context, name, { given.key, given.key })
  return not found or not found.none
end

local function report(context, what, given)
  context:report("wrong-value", { object = given.said,
    message = ("%s cannot be done by %s: it has no operator %s"):format(what, given.said, what == "ORDER BY" and "<" or "="),
    fix = given.key == "json" and "cast it to jsonb" or nil })
end

--- Equal rows are one: then all columns have equals.
---@param context dixis.lint.Context
---@param what string  "DISTINCT", "UNION"
---@param list { values: (dixis.lint.Value|false)[] }
function grouping.distinct(context, what, list)
  for _, given in ipairs(list.values) do
    if given and not has_operator(context, "=", given) then return report(context, what, given) end
  end
end

-- What a part of GROUP BY or ORDER BY means: the number or the name of a column of the result, or an expression.
local function meant(context, tree, list, peek, outputs_first)
  local constant <const>, reference <const> = tree.A_Const, tree.ColumnRef
  if constant and constant.ival then return list and list.values[constant.ival.ival or 0] or nil end
  local name <const> = reference and #reference.fields == 1 and node.text(reference.fields[1])
  local given <const> = value.of(context, tree, peek)
  if not name or given and not outputs_first then return given end
  for i, output in ipairs(list or {}) do
    if output == name then return value.settled(list.values[i]) or nil end
  end
  return given
end

-- ---- Aggregates --------------------------------------------------------------------------------

-- All builtin functions of a name are of a kind; those of a project may be anything.
local function all(context, body, is)
  local schema <const>, name <const> = node.name(body.funcname)
  if schema and schema ~= "pg_catalog" or context.model.opaque or context.model:functions(nil, name) then return false end
  for _, candidate in ipairs(builtin.functions(name) or {}) do
    if not is(candidate) then return false end
  end
  return builtin.functions(name) ~= nil
end

local function is_aggregate(context, body)
  return not body.over and (body.agg_star or body.agg_within_group
    or all(context, body, function(candidate) return candidate.kind == "@" end)) or false
end

local function gives_rows(context, body)
  return all(context, body, function(candidate) return candidate.set end)
end

-- What a project or an extension made may be an aggregate too.
local function may_be_aggregate(context, body)
  if body.over then return false end
  return not all(context, body, function(candidate) return candidate.kind ~= "@" end) or is_aggregate(context, body)
end

--- Reports what is not about one row: an aggregate, a window function, a function that gives rows.
---@param context dixis.lint.Context
---@param tree any
---@param what string  "a WHERE", "a default"
function grouping.one_row(context, tree, what)
  local found, at
  node.walk(tree, function(kind, body)
    if found or kind == "SubLink" or kind == "SelectStmt" then return false end
    if kind ~= "FuncCall" then return end
    found = body.over and "a window function" or is_aggregate(context, body) and "an aggregate"
      or gives_rows(context, body) and "what gives rows" or nil
    at = found and body.location
  end)
  if not found or context.failed then return end
  context:report("misplaced-aggregate", { message = ("%s cannot hold %s"):format(what, found), at = at,
    fix = "a query in parentheses can" })
end

-- ---- GROUP BY ----------------------------------------------------------------------------------

-- Are two expressions the same, wherever they are written?
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  -- A column, with its table's name or without.
  if a.fields and b.fields then return same(a.fields[#a.fields], b.fields[#b.fields]) end
  for key, inner in pairs(a) do
    if key ~= "location" and not same(inner, b[key]) then return false end
  end
  for key in pairs(b) do
    if key ~= "location" and a[key] == nil then return false end
  end
  return true
end

local function holds(list, tree)
  for _, other in ipairs(list) do
    if same(other, tree) then return true end
  end
  return false
end

-- The expressions that rows are grouped by, and the names of their columns; nil: not understood.
local function groups(body, list)
  local trees <const>, names <const> = {}, {}
  for _, tree in ipairs(body.groupClause or {}) do
    if tree.GroupingSet then return nil end
    local position <const> = tree.A_Const and tree.A_Const.ival and tree.A_Const.ival.ival
    local name <const> = tree.ColumnRef and node.text(tree.ColumnRef.fields[#tree.ColumnRef.fields])
    for i, item in ipairs(body.targetList or {}) do
      if i == position or name and item.ResTarget.name == name then trees[#trees + 1] = item.ResTarget.val end
    end
    if tree.RowExpr or position and not list then return nil end
    trees[#trees + 1] = tree
  end
  for _, tree in ipairs(trees) do
    local fields <const> = tree.ColumnRef and tree.ColumnRef.fields
    if fields then names[node.text(fields[#fields]) or ""] = true end
  end
  return trees, names
end

-- A group by the primary key has one value of all other columns.
local function is_determined(context, column, names)
  local relation <const> = column.table
  local primary <const> = relation and relation.primary
  if not relation or relation.kind ~= "table" or not find.stands(context, relation)
    or context.model.epochs.constraint > relation.epoch then return true end
  if not primary or primary.removed then return false end
  for _, key in ipairs(primary.keys or { {} }) do
    if not names[key.name or ""] then return not key.name end
  end
  return true
end

local function has_aggregate(context, body)
  local found = body.havingClause ~= nil
  node.walk(body.targetList, function(kind, inner)
    if kind == "SubLink" then return false end
    found = found or kind == "FuncCall" and is_aggregate(context, inner)
    return not found
  end)
  return found
end

-- A column that a group has many values of.
local function check_groups(context, body, list, peek)
  if not body.groupClause and not has_aggregate(context, body) then return end
  local trees <const>, names <const> = groups(body, list)
  if not trees then return end
  local many, at
  node.walk({ body.targetList, body.havingClause }, function(kind, inner)
    if many or kind == "SubLink" or kind == "FuncCall" and may_be_aggregate(context, inner)
      or holds(trees, { [kind] = inner }) then
      return false
    elseif kind == "ColumnRef" then
      local name <const> = node.text(inner.fields[#inner.fields])
      local column <const> = name and not names[name] and peek(inner.fields)
      local known <const> = column and column.table and find.stands(context, column)
      if known and not is_determined(context, column, names) then many, at = name, inner.location end
      return false
    end
  end)
  if not many then return end
  context:report("not-grouped", { object = many, at = at, message = ('a group has many values of "%s"'):format(many),
    fix = ('GROUP BY "%s" too, or take one of them: min("%s")'):format(many, many) })
end

-- ---- ORDER BY ----------------------------------------------------------------------------------

local function position_of(tree)
  local constant <const> = tree.A_Const
  return constant and constant.ival and (constant.ival.ival or 0)
end

-- A number in GROUP BY or ORDER BY is that of a column of the result.
local function check_position(context, what, tree, list)
  local position <const> = position_of(tree)
  if not position or not list or position > 0 and position <= #list then return end
  context:report("wrong-value", { at = tree.A_Const.location,
    message = ("%s %d: the result has %s"):format(what, position, words.count(#list, "column")) })
end

-- Is what is ordered by one of these expressions, or a column of the result?
local function is_among(tree, trees, list)
  if position_of(tree) or holds(trees, tree) then return true end
  local fields <const> = tree.ColumnRef and tree.ColumnRef.fields
  local name <const> = fields and node.text(fields[#fields])
  for _, output in ipairs(name and list or {}) do
    if output == name then return true end
  end
  return false
end

-- With DISTINCT, rows can only be ordered by what makes them distinct.
local function check_distinct_order(context, body, list)
  local distinct <const>, sorts <const> = body.distinctClause, body.sortClause or {}
  if not distinct or not list then return end
  local whole <const> = not next(distinct[1] or {})
  local trees = distinct
  if whole then
    trees = {}
    for i, item in ipairs(body.targetList or {}) do trees[i] = item.ResTarget.val end
  else
    for _, tree in ipairs(distinct) do
      if position_of(tree) then return end
    end
  end
  for i = 1, whole and #sorts or math.min(#sorts, #distinct) do
    local tree <const> = sorts[i].SortBy.node
    if not is_among(tree, trees, whole and list or nil) then
      context:report("wrong-value", { at = tree.ColumnRef and tree.ColumnRef.location,
        message = whole and "SELECT DISTINCT cannot be ordered by what is no column of its result"
          or "SELECT DISTINCT ON must be ordered by what it is distinct on first" })
      return
    end
  end
end

--- Judges what a SELECT groups and orders by.
---@param context dixis.lint.Context
---@param body table   a SelectStmt
---@param list? { values: (dixis.lint.Value|false)[] }  its columns
---@param peek dixis.lint.Peek
---@param outside boolean  may a column be one of a query outside?
function grouping.check(context, body, list, peek, outside)
  if not outside and not context.failed then check_groups(context, body, list, peek) end
  if context.failed then return end
  local distinct <const> = body.distinctClause
  if distinct and list and not next(distinct[1] or {}) then grouping.distinct(context, "DISTINCT", list) end
  for _, tree in ipairs(body.groupClause or {}) do
    check_position(context, "GROUP BY", tree, list)
    local given <const> = meant(context, tree, list, peek, false)
    if not has_operator(context, "=", given) then return report(context, "GROUP BY", given) end
  end
  for _, item in ipairs(body.sortClause or {}) do
    check_position(context, "ORDER BY", item.SortBy.node, list)
    local given <const> = meant(context, item.SortBy.node, list, peek, true)
    if not item.SortBy.useOp and not has_operator(context, "<", given) then return report(context, "ORDER BY", given) end
  end
  if not context.failed then check_distinct_order(context, body, list) end
end

return grouping
