-- The names that PostgreSQL gives to what has none: t_pkey, t_a_b_key, t_a_seq, cut to 63 bytes and numbered.

local node = require "dixis.lint.node"

local names = {}

local LONGEST <const> = 63

-- The first bytes of a text, without a broken character at the end.
local function clip(text, length)
  if #text <= length then return text end
  while length > 0 and (text:byte(length + 1) & 0xC0) == 0x80 do length = length - 1 end
  return text:sub(1, length)
end

names.cut = clip

--- What an identifier is cut to.
---@param name string
---@return string
function names.clip(name)
  if #name <= LONGEST then return name end
  return clip(name, LONGEST)
end

--- PostgreSQL's makeObjectName: the longer of the two names is cut first.
---@param first string
---@param second? string
---@param label? string
---@return string
function names.make(first, second, label)
  local room <const> = LONGEST - (second and 1 or 0) - (label and #label + 1 or 0)
  local a, b = #first, second and #second or 0
  while a + b > room do
    if a > b then a = a - 1 else b = b - 1 end
  end
  local made = clip(first, a)
  if second then made = made .. "_" .. clip(second, b) end
  if label then made = made .. "_" .. label end
  return made
end

--- The first name that is not taken: label, label1, label2, ...
---@param first string
---@param second? string
---@param label string
---@param taken fun(name: string): any
---@return string
function names.choose(first, second, label, taken)
  local made, pass = names.make(first, second, label), 0
  while taken(made) do
    pass = pass + 1
    made = names.make(first, second, label .. pass)
  end
  return made
end

local words <const> = { matview = "materialized view", partitioned = "partitioned table" }

--- A kind of object as a sentence has it: "a table", "an index".
---@param kind string
---@return string
function names.with_article(kind)
  return (kind:find "^[aeiou]" and "an " or "a ") .. (words[kind] or kind)
end

--- Column names as they are put together in a name.
---@param columns string[]
---@return string
function names.join(columns)
  return clip(table.concat(columns, "_"), LONGEST)
end

local function last_name(parts)
  return node.text(parts[#parts])
end

local figures = {}
function figures.ColumnRef(body) return last_name(body.fields), 2 end
function figures.FuncCall(body) return last_name(body.funcname), 2 end
function figures.A_Indirection(body)
  for i = #(body.indirection or {}), 1, -1 do
    local name <const> = node.text(body.indirection[i])
    if name then return name, 2 end
  end
  return names.figure(body.arg)
end
function figures.TypeCast(body)
  local name <const>, strength <const> = names.figure(body.arg)
  if name and strength == 2 then return name, 2 end
  return last_name(body.typeName.names), 1
end
function figures.CollateClause(body) return names.figure(body.arg) end
function figures.CaseExpr(body)
  local name <const>, strength <const> = names.figure(body.defresult)
  if name and strength == 2 then return name, 2 end
  return "case", 1
end
function figures.A_Expr(body)
  if body.kind == "AEXPR_NULLIF" then return "nullif", 2 end
end
function figures.CoalesceExpr() return "coalesce", 2 end
function figures.A_ArrayExpr() return "array", 2 end
function figures.RowExpr() return "row", 2 end
function figures.GroupingFunc() return "grouping", 2 end
function figures.MinMaxExpr(body) return body.op == "IS_LEAST" and "least" or "greatest", 2 end
function figures.SubLink(body)
  if body.subLinkType == "EXISTS_SUBLINK" then return "exists", 2 end
  if body.subLinkType == "ARRAY_SUBLINK" then return "array", 2 end
  local target <const> = body.subLinkType == "EXPR_SUBLINK" and body.subselect.SelectStmt.targetList
  local first <const> = target and target[1] and target[1].ResTarget
  if not first then return nil end
  if first.name then return first.name, 2 end
  return names.figure(first.val)
end
local values <const> = { SVFOP_CURRENT_DATE = "current_date", SVFOP_CURRENT_TIME = "current_time",
  SVFOP_CURRENT_TIMESTAMP = "current_timestamp", SVFOP_LOCALTIME = "localtime", SVFOP_LOCALTIMESTAMP = "localtimestamp",
  SVFOP_CURRENT_USER = "current_user", SVFOP_USER = "user", SVFOP_SESSION_USER = "session_user",
  SVFOP_CURRENT_ROLE = "current_role", SVFOP_CURRENT_SCHEMA = "current_schema" }
function figures.SQLValueFunction(body) return values[body.op], 2 end

--- The name that PostgreSQL gives to an expression (FigureColname); nil: it gives none, or this does not know.
---@param expression table
---@return string? name
---@return integer? strength  2 for a name, 1 for a fallback
function names.figure(expression)
  local kind <const>, body <const> = next(expression or {})
  local figure <const> = figures[kind]
  if figure then return figure(body) end
end

return names
