-- What an expression gives, as far as its text tells, and whether a type takes it. Silent wherever that is not certain.

local candidates = require "dixis.lint.candidates"
local coerce = require "dixis.lint.coerce"
local literal = require "dixis.lint.literal"
local node = require "dixis.lint.node"
local resolve = require "dixis.lint.resolve"
local types = require "dixis.lint.types"

local value = {}

---@class dixis.lint.Value
---@field literal? string   a constant in quotes: it is read as what is needed
---@field key? dixis.lint.Key  of its type; nil: an array, of what is not known
---@field type? dixis.lint.Type
---@field column? dixis.lint.Column  that it is of
---@field said string       what it is

---@param key dixis.lint.Key?
---@return dixis.lint.Value?
local function of_key(key)
  if not key then return nil end
  return { key = key, type = coerce.type(key), said = coerce.said(key) }
end

--- A value of a type; nil: its rules are not known.
---@param context dixis.lint.Context
---@param type dixis.lint.Type
---@return dixis.lint.Value?
function value.of_type(context, type)
  local key <const> = coerce.key(context.model, type)
  return key and { key = key, type = type, said = types.text(type) } or nil
end

--- What a column holds.
---@param context dixis.lint.Context
---@param column dixis.lint.Column
---@return dixis.lint.Value?
function value.of_column(context, column)
  local found <const> = value.of_type(context, column.type)
  if found then found.column = column end
  return found
end

-- What was found out about the parts of this statement.
local function memory(context)
  if context.valued_for ~= context.place then context.valued_for, context.valued = context.place, {} end
  return context.valued
end

-- ---- Calls -------------------------------------------------------------------------------------

local function argument(given, tree)
  if given and given.literal or tree and tree.A_Const and tree.A_Const.isnull then return resolve.LITERAL end
  return given and given.key or resolve.UNKNOWN
end

local function arguments(context, trees, column)
  local args <const> = {}
  for i, tree in ipairs(trees) do
    args[i] = argument(value.of(context, tree, column), tree)
  end
  return args
end

local function is_named(trees)
  for _, tree in ipairs(trees) do
    if tree.NamedArgExpr then return true end
  end
  return false
end

--- The function that a call means; nil: not all that have the name are known, or it is written in a way that is not judged.
---@param context dixis.lint.Context
---@param body table   a FuncCall
---@param column? fun(fields: table[]): dixis.lint.Column?
---@return dixis.lint.Resolved?
---@return (dixis.lint.Key|false)[] args
function value.call(context, body, column)
  local schema <const>, name <const> = node.name(body.funcname)
  local args <const>, model <const> = body.args or {}, context.model
  if candidates.own_rules(model) or body.agg_star or body.agg_within_group or body.func_variadic or is_named(args)
    or name == "unnest" and #args > 1 then return nil, {} end
  local list <const> = candidates.functions(model, schema, name)
  if not list then return nil, {} end
  local given <const> = arguments(context, args, column)
  if candidates.may_be_lent(model, given) then return nil, {} end
  return resolve.call(list, given), given
end

--- The builtin operator that stands between two operands; nil: it may be another one.
---@param context dixis.lint.Context
---@param name string
---@param args (dixis.lint.Key|false)[]
---@return dixis.lint.Resolved?
function value.operator(context, name, args)
  local model <const> = context.model
  if candidates.own_rules(model) or candidates.may_be_lent(model, args) then return nil end
  local list <const> = candidates.operators(model, name)
  return list and resolve.operator(list, args)
end

--- The operands of an operator: their types, for value.operator.
---@param context dixis.lint.Context
---@param left table?   nil: it stands before its operand
---@param right table
---@param column? fun(fields: table[]): dixis.lint.Column?
---@return (dixis.lint.Key|false)[]
function value.operands(context, left, right, column)
  local args <const> = arguments(context, { right }, column)
  if left then table.insert(args, 1, arguments(context, { left }, column)[1]) end
  return args
end

-- ---- Expressions -------------------------------------------------------------------------------

local readers = {}

local function boolean() return of_key "bool" end

function readers.A_Const(_, body)
  if body.isnull then return nil end
  if body.sval then return { literal = body.sval.sval or "", said = "text" } end
  if body.ival then return of_key "int4" end
  if body.fval then return of_key(body.fval.fval:find "^%d+$" and math.tointeger(body.fval.fval) and "int8" or "numeric") end
  return body.boolval and boolean() or body.bsval and of_key "bit" or nil
end

function readers.TypeCast(context, body)
  return value.of_type(context, types.read(context.model, body.typeName))
end

local asked <const> = { SVFOP_CURRENT_DATE = "date", SVFOP_CURRENT_TIME = "timetz", SVFOP_CURRENT_TIME_N = "timetz",
  SVFOP_CURRENT_TIMESTAMP = "timestamptz", SVFOP_CURRENT_TIMESTAMP_N = "timestamptz", SVFOP_LOCALTIME = "time",
  SVFOP_LOCALTIME_N = "time", SVFOP_LOCALTIMESTAMP = "timestamp", SVFOP_LOCALTIMESTAMP_N = "timestamp" }

function readers.SQLValueFunction(_, body) return of_key(asked[body.op] or "name") end

function readers.FuncCall(context, body, column)
  local schema <const>, name <const> = node.name(body.funcname)
  if name == "count" and body.agg_star and not schema then return of_key "int8" end
  local found <const> = value.call(context, body, column)
  return found and of_key(found.result)
end

function readers.A_Expr(context, body, column)
  if body.kind == "AEXPR_NULLIF" then return value.of(context, body.lexpr, column) end
  if body.kind ~= "AEXPR_OP" then return boolean() end
  local found <const> = value.operator(context, node.text(body.name[#body.name]) or "",
    value.operands(context, body.lexpr, body.rexpr, column))
  return found and of_key(found.result)
end

function readers.ParamRef(context, body)
  return context.positional and context.positional[body.number or 0] or nil
end

readers.BoolExpr, readers.NullTest, readers.BooleanTest = boolean, boolean, boolean

local tests <const> = { EXISTS_SUBLINK = true, ANY_SUBLINK = true, ALL_SUBLINK = true }

-- A constant in quotes that no operator took is text once its query has been read.
local function settled(given)
  return given and given.literal and of_key "text" or given or nil
end
value.settled = settled

function readers.SubLink(context, body)
  if tests[body.subLinkType] then return boolean() end
  local list <const> = value.results(context, body.subselect)
  local given <const> = list and #list == 1 and settled(list[1]) or nil
  if body.subLinkType ~= "ARRAY_SUBLINK" then return given end
  local key <const> = given and given.key
  return key and of_key(coerce.element(key) and key or coerce.array(key)) or nil
end

--- The type that alternatives are of together; nil: it is not known, or there is none.
---@param context dixis.lint.Context
---@param trees table[]
---@param column? fun(fields: table[]): dixis.lint.Column?
---@return dixis.lint.Key?
---@return boolean clash   there is none
function value.common(context, trees, column)
  local keys <const> = {}
  for i, key in ipairs(arguments(context, trees, column)) do
    if key == resolve.UNKNOWN and trees[i] then return nil, false end
    if key ~= resolve.LITERAL then keys[#keys + 1] = key end
  end
  if #keys == 0 then return #trees > 0 and "text" or nil, false end
  if candidates.own_rules(context.model) then return #keys == 1 and keys[1] or nil, false end
  local common <const> = coerce.common(keys)
  return common, common == nil
end

--- What comes of two columns that become one, as in UNION.
---@param context dixis.lint.Context
---@param a dixis.lint.Value|false
---@param b dixis.lint.Value|false
---@return dixis.lint.Value?  nil: not known
---@return string? reason      they cannot
function value.together(context, a, b)
  if not a or not b or candidates.own_rules(context.model) then return nil end
  if a.literal and b.literal then return of_key "text" end
  local constant <const>, other <const> = a.literal and a or b, a.literal and b or a
  if constant.literal then
    return other, other.type and literal.unreadable(other.type, constant.literal) or nil
  end
  if not a.key or not b.key then return nil end
  local common <const> = coerce.common { a.key, b.key }
  return of_key(common), not common and ("%s and %s are of no common type"):format(a.said, b.said) or nil
end

--- The alternatives of CASE, COALESCE, GREATEST and LEAST.
---@param kind string
---@param body table
---@return table[]?
function value.alternatives(kind, body)
  if kind == "CoalesceExpr" or kind == "MinMaxExpr" then return body.args end
  if kind ~= "CaseExpr" then return nil end
  local list <const> = {}
  for i, item in ipairs(body.args) do list[i] = item.CaseWhen.result end
  list[#list + 1] = body.defresult
  return list
end

for _, kind in ipairs { "CoalesceExpr", "MinMaxExpr", "CaseExpr" } do
  readers[kind] = function(context, body, column)
    return of_key((value.common(context, value.alternatives(kind, body), column)))
  end
end

function readers.A_ArrayExpr(context, body, column)
  local elements <const> = body.elements or {}
  local common <const> = #elements > 0 and value.common(context, elements, column)
  local key <const> = common and (coerce.element(common) and common or coerce.array(common))
  return key and of_key(key) or { said = "an array" }
end

function readers.A_Indirection(context, body, column)
  local steps <const> = body.indirection
  local index <const> = #steps == 1 and steps[1].A_Indices
  local of <const> = index and not index.is_slice and value.of(context, body.arg, column)
  if not of or not of.key then return nil end
  return of_key(of.key == "jsonb" and "jsonb" or coerce.element(of.key))
end

function readers.CollateClause(context, body, column) return value.of(context, body.arg, column) end

function readers.ColumnRef(context, body, column)
  local found <const> = column and column(body.fields)
  if found and found.value ~= nil then return found.value or nil end
  return found and context.model:certain(found) and not found.cause and value.of_column(context, found) or nil
end

--- What an expression gives; nil: not known.
---@param context dixis.lint.Context
---@param tree table?
---@param column? fun(fields: table[]): dixis.lint.Column?  the column that a name means
---@return dixis.lint.Value?
function value.of(context, tree, column)
  local kind <const>, body <const> = next(tree or {})
  local reader <const> = readers[kind]
  if not reader then return nil end
  -- Each expression is asked for by all that it is a part of.
  local before <const> = memory(context)
  if before[body] == nil then before[body] = reader(context, body, column) or false end
  return before[body] or nil
end

--- Keeps what the columns of a query are, for the expression that it is a part of.
---@param context dixis.lint.Context
---@param body table   a SelectStmt
---@param list (dixis.lint.Value|false)[]?  nil: not known
function value.keep_results(context, body, list)
  memory(context)[body] = list or false
end

--- What the columns of a query are; nil: it was not read yet, or they are not known.
---@param context dixis.lint.Context
---@param tree table   { SelectStmt = ... }
---@return (dixis.lint.Value|false)[]?
function value.results(context, tree)
  return tree.SelectStmt and memory(context)[tree.SelectStmt] or nil
end

-- ---- Does it fit? ------------------------------------------------------------------------------

-- May a value be taken for a type, by rules that are known here?
local function is_taken(context, type, given, level)
  local wanted <const> = coerce.key(context.model, type)
  if not wanted then return true end
  if given.key then return coerce.can(given.key, wanted, level) end
  return coerce.element(wanted) ~= nil or coerce.category(wanted) == "S"
end

local function judge(context, type, given, level)
  if not given or candidates.own_rules(context.model) then return nil end
  if given.literal then return literal.unreadable(type, given.literal) end
  return not is_taken(context, type, given, level) and true or nil
end

--- Why a value cannot go into a column of a type; nil: it can, or that is not known.
---@param context dixis.lint.Context
---@param type dixis.lint.Type
---@param given dixis.lint.Value?
---@return string?
function value.refused(context, type, given)
  local reason <const> = judge(context, type, given, "assignment")
  return reason == true and ("it is %s, and this is %s"):format(types.text(type), given.said) or reason or nil
end

--- Why a value cannot be cast to a type; nil: it can, or that is not known.
---@param context dixis.lint.Context
---@param type dixis.lint.Type
---@param given dixis.lint.Value?
---@return string?
function value.not_cast(context, type, given)
  local reason <const> = judge(context, type, given, "explicit")
  return reason == true and ("%s cannot be cast to %s"):format(given.said, types.text(type)) or reason or nil
end

--- Why an expression is no condition; nil: it is one, or that is not known.
---@param context dixis.lint.Context
---@param given dixis.lint.Value?
---@return string?
function value.no_condition(context, given)
  if not given or candidates.own_rules(context.model) or given.literal then return nil end
  if given.key == "bool" then return nil end
  return ("a condition is true or false, and this is %s"):format(given.said)
end

--- A value by its name, where it has one.
---@param given dixis.lint.Value
---@return string
function value.named(given)
  local column <const> = given.column
  if not column then return given.said end
  return ('"%s"."%s" (%s)'):format(column.table.name, column.name, given.said)
end

--- Why two values cannot be compared with `=`; nil: they can, or that is not known.
---@param context dixis.lint.Context
---@param a dixis.lint.Value?
---@param b dixis.lint.Value?
---@return string?
function value.incomparable(context, a, b)
  if not a or not b or not a.key or not b.key then return nil end
  local found <const> = value.operator(context, "=", { a.key, b.key })
  return found and found.none and ("%s cannot be compared with %s"):format(value.named(a), value.named(b)) or nil
end

local function as_wanted(context, given)
  local wanted <const> = given.column and given.column.wanted
  return wanted and value.of_type(context, wanted.type) or given
end

--- Why two values cannot be compared that could be, had a statement not failed: the finding of that.
---@param context dixis.lint.Context
---@param a dixis.lint.Value
---@param b dixis.lint.Value
---@return integer?
function value.not_given(context, a, b)
  local first <const>, second <const> = as_wanted(context, a), as_wanted(context, b)
  if first == a and second == b or value.incomparable(context, first, second) then return nil end
  return (first ~= a and a or b).column.wanted.cause
end

return value
