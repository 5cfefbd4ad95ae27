-- What operators, functions, conditions and alternatives are given: is it what they take?

local candidates = require "dixis.lint.candidates"
local coerce = require "dixis.lint.coerce"
local find = require "dixis.lint.find"
local literal = require "dixis.lint.literal"
local node = require "dixis.lint.node"
local types = require "dixis.lint.types"
local value = require "dixis.lint.value"

local operand = {}

---@alias dixis.lint.Peek fun(fields: table[]): dixis.lint.Column?  the column that a name means, where that is known

---@class dixis.lint.Reading
---@field context dixis.lint.Context
---@field peek? dixis.lint.Peek
---@field needs fun(object: dixis.lint.Object)
---@field rows table<table, true>  queries that stand for more than one value
---@field label fun(context: dixis.lint.Context, type: dixis.lint.Type, tree: table)  judges a constant for an enum

local function report_value(context, reason, object, at, cause)
  if reason then context:report("wrong-value", { object = object, message = reason, at = at, cause = cause }) end
end

-- A constant in quotes is read as of the type that takes it; of an enum, it is one of its values.
local function judge_literal(reading, key, tree)
  local text <const> = node.constant_text(tree)
  if not key or not text then return end
  local type <const> = coerce.type(key)
  if type.user then
    reading.label(reading.context, type, tree)
    reading.needs(type.user)
  else
    report_value(reading.context, literal.unreadable(type, text), coerce.said(key), tree.A_Const.location)
  end
end

local function judge_literals(reading, found, trees)
  for i, tree in ipairs(trees) do
    if reading.context.failed then return end
    judge_literal(reading, found.params and found.params[i], tree)
  end
end

-- What an argument is, in words.
local function said(key, tree)
  if key == false then return "?" end
  return node.constant_text(tree) and "text in quotes" or key == "LITERAL" and "NULL" or coerce.said(key)
end

local function listed(args, trees)
  local texts <const> = {}
  for i, key in ipairs(args) do texts[i] = said(key, trees[i]) end
  return table.concat(texts, ", ")
end

local function no_function(context, name, args, body)
  local rounds <const> = (name == "round" or name == "trunc") and args[1] == "float8" and #args == 2
  local trees <const> = body.args or {}
  local json <const> = name:find "^jsonb_" and args[1] == "json"
  context:report("missing-function", { object = name, at = body.location,
    message = #args == 0 and ('the function "%s" needs arguments'):format(name)
      or ("there is no function %s(%s)"):format(name, listed(args, trees)),
    fix = rounds and "cast the first argument to numeric" or json and "cast the first argument to jsonb"
      or #args > 0 and "cast what is of another type than it takes" or nil })
end

-- A kind of node -> how it is judged, when all that is inside of it has been read.
---@type table<string, fun(reading: dixis.lint.Reading, body: table, kind: string)>
local judges <const> = {}

-- Do the arguments of a builtin function fit one that there is?
function judges.FuncCall(reading, body)
  local context <const> = reading.context
  local found <const>, args <const> = value.call(context, body, reading.peek)
  if not found or context.failed then return end
  local _, name <const> = node.name(body.funcname)
  if found.none then return no_function(context, name, args, body) end
  judge_literals(reading, found, body.args or {})
end

-- ---- Operators ---------------------------------------------------------------------------------

local comparing <const> = candidates.comparing
local spoken <const> = { ["~~"] = "LIKE", ["!~~"] = "NOT LIKE", ["~~*"] = "ILIKE", ["!~~*"] = "NOT ILIKE" }

-- Two values that cannot be compared, and what is to blame for it.
local function unlike(context, one, other, at)
  local column <const> = one.column or other.column
  local of <const> = column and column.table
  context:report("wrong-value", { object = of and ("%s.%s"):format(find.full(of.schema, of.name), column.name) or one.said,
    message = ("%s cannot be compared with %s"):format(value.named(one), value.named(other)),
    fix = "cast one of them, or give both one type", at = at, cause = value.not_given(context, one, other) })
end

local function no_operator(context, name, args, trees, at)
  local left <const>, right <const> = said(args[1], trees[1]), args[2] ~= nil and said(args[2], trees[2])
  local json <const> = (args[1] == "json" or args[2] == "json") and not comparing[name]
  local message
  if not right then
    message = ("there is no operator %s before %s"):format(name, left)
  elseif comparing[name] and args[1] == args[2] or node.constant_text(trees[1]) or node.constant_text(trees[2]) then
    message = ("%s has no operator %s"):format(node.constant_text(trees[1]) and right or left, spoken[name] or name)
  else
    message = ("there is no operator %s between %s and %s"):format(spoken[name] or name, left, right)
  end
  context:report("wrong-value", { object = left, message = message, at = at,
    fix = json and "cast it to jsonb" or right and name:find "~" and "cast it to text"
      or right and "cast one of them to a type that has it" or nil })
end

-- One operator between one pair.
local function judge_pair(reading, name, left, right, at)
  local context <const> = reading.context
  local args <const> = value.operands(context, left, right, reading.peek)
  local trees <const> = left and { left, right } or { right }
  local found <const> = value.operator(context, name, args)
  if not found or context.failed then return end
  if not found.none then return judge_literals(reading, found, trees) end
  local one <const>, other <const> = value.of(context, left, reading.peek), value.of(context, right, reading.peek)
  local keyed <const> = comparing[name] and one and other and one.key and other.key
  if keyed and one.key ~= other.key then return unlike(context, one, other, at) end
  no_operator(context, name, args, trees, at)
end

local function items(tree) return tree and tree.List and tree.List.items or { tree } end

local pairwise <const> = { AEXPR_OP = true, AEXPR_LIKE = true, AEXPR_ILIKE = true, AEXPR_SIMILAR = true, AEXPR_DISTINCT = true,
  AEXPR_NOT_DISTINCT = true, AEXPR_NULLIF = true, AEXPR_IN = true }
local between <const> = { AEXPR_BETWEEN = true, AEXPR_NOT_BETWEEN = true, AEXPR_BETWEEN_SYM = true, AEXPR_NOT_BETWEEN_SYM = true }

-- x = ANY (array)
local function judge_any(reading, name, body)
  local context <const>, right <const> = reading.context, value.of(reading.context, body.rexpr, reading.peek)
  if not right or not right.key then return end
  local element <const> = coerce.element(right.key)
  if not element then
    return report_value(context, ("ANY and ALL take an array, and this is %s"):format(right.said), right.said, body.location)
  end
  local args <const> = value.operands(context, nil, body.lexpr, reading.peek)
  args[2] = element
  local found <const> = value.operator(context, name, args)
  if found and found.none then no_operator(context, name, args, { body.lexpr }, body.location) end
end

function judges.A_Expr(reading, body)
  local name <const> = node.text(body.name[#body.name]) or ""
  if pairwise[body.kind] then
    for _, right in ipairs(items(body.rexpr)) do judge_pair(reading, name, body.lexpr, right, body.location) end
  elseif between[body.kind] then
    for i, right in ipairs(items(body.rexpr)) do
      judge_pair(reading, i == 1 and ">=" or "<=", body.lexpr, right, body.location)
    end
  elseif body.kind == "AEXPR_OP_ANY" or body.kind == "AEXPR_OP_ALL" then
    judge_any(reading, name, body)
  end
end

-- ---- Conditions and alternatives ---------------------------------------------------------------

-- AND, OR and NOT take what is true or false.
function judges.BoolExpr(reading, body)
  for _, tree in ipairs(body.args) do
    local given <const> = value.of(reading.context, tree, reading.peek)
    local reason <const> = value.no_condition(reading.context, given)
    if reason then return report_value(reading.context, reason, given and given.said, body.location) end
  end
end

-- The first two that are of no common type.
local function clash(reading, trees)
  local first
  for _, tree in ipairs(trees) do
    local given <const> = value.of(reading.context, tree, reading.peek)
    if given and given.key then
      if first and not coerce.common { first.key, given.key } then return first, given end
      first = first or given
    end
  end
end

-- The alternatives of COALESCE and CASE are of one type: a constant in quotes is read as of that.
local function judge_alternatives(reading, body, kind)
  local context <const>, trees <const> = reading.context, value.alternatives(kind, body) or {}
  local common <const>, clashes <const> = value.common(context, trees, reading.peek)
  if clashes then
    local one <const>, other <const> = clash(reading, trees)
    return one and report_value(context, ("%s and %s cannot be alternatives of one value"):format(value.named(one),
      value.named(other)), one.said, body.location, value.not_given(context, one, other))
  end
  for _, tree in ipairs(common and trees or {}) do
    if context.failed then return end
    judge_literal(reading, common, tree)
  end
end

judges.CoalesceExpr, judges.CaseExpr, judges.MinMaxExpr = judge_alternatives, judge_alternatives, judge_alternatives

function judges.TypeCast(reading, body)
  local context <const> = reading.context
  local type <const> = types.read(context.model, body.typeName)
  report_value(context, value.not_cast(context, type, value.of(context, body.arg, reading.peek)), type.name, body.location)
end

local function has_elements(key)
  return coerce.element(key) ~= nil or key == "jsonb" or key == "name" or type(key) ~= "string" or coerce.category(key) == "G"
end

-- An element of what is no array, or the element of no number.
function judges.A_Indirection(reading, body)
  local context <const>, index <const> = reading.context, body.indirection[1].A_Indices
  local of <const> = index and value.of(context, body.arg, reading.peek)
  if not of or not of.key then return end
  if not has_elements(of.key) then return report_value(context, ("%s has no elements"):format(of.said), of.said) end
  for _, tree in ipairs(of.key ~= "jsonb" and { index.lidx or {}, index.uidx or {} } or {}) do
    local given <const> = value.of(context, tree, reading.peek)
    if given and given.key and not coerce.can(given.key, "int4", "assignment") then
      return report_value(context, ("the number of an element is an integer, and this is %s"):format(given.said), given.said)
    end
  end
end

function judges.CollateClause(reading, body)
  local given <const> = value.of(reading.context, body.arg, reading.peek)
  if given and given.key and not coerce.collates(given.key) then
    report_value(reading.context, ("%s has no collation"):format(given.said), given.said)
  end
end

-- ---- Queries in expressions --------------------------------------------------------------------

local function list_of(tree) return tree.RowExpr and tree.RowExpr.args or { tree } end

-- x IN (SELECT ...), x = ANY (SELECT ...), (x, y) IN (SELECT ...)
local function judge_rows(reading, body, list)
  local context <const>, lefts <const> = reading.context, list_of(body.testexpr)
  if #lefts ~= #list then
    return report_value(context, ("%d value%s cannot be compared with the %d columns of the query"):format(#lefts,
      #lefts == 1 and "" or "s", #list), nil, body.location)
  end
  local name <const> = body.operName and node.text(body.operName[#body.operName]) or "="
  for i, tree in ipairs(lefts) do
    local args <const> = value.operands(context, nil, tree, reading.peek)
    local right <const> = value.settled(list[i])
    args[2] = right and right.key or false
    local found <const> = value.operator(context, name, args)
    if context.failed then return end
    local left <const> = value.of(context, tree, reading.peek)
    if found and found.none and left and right and left.key and right.key then
      return unlike(context, left, right, body.location)
    end
  end
end

function judges.SubLink(reading, body)
  local list <const> = value.results(reading.context, body.subselect)
  if not list or reading.context.failed or body.subLinkType == "EXISTS_SUBLINK" then return end
  if body.testexpr then return judge_rows(reading, body, list) end
  if #list ~= 1 and not reading.rows[body] then
    report_value(reading.context, ("a query that stands for one value has %d columns"):format(#list), nil, body.location)
  end
end

--- Is a node of this kind one to judge?
---@param kind string
---@return boolean
function operand.judges(kind) return judges[kind] ~= nil end

--- Judges a part of an expression, when all that is inside of it has been read.
---@param reading dixis.lint.Reading
---@param kind string
---@param body table
function operand.judge(reading, kind, body) judges[kind](reading, body, kind) end

return operand
