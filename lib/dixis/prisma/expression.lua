-- When two expressions are the same, as the default of a column. Their parse trees are compared, without what PostgreSQL
-- adds when it stores one (casts, the schema pg_catalog) and without differences in spelling.

local json = require "dixis.json"
local lpeg = require "lpeg"
local sql = require "host.sql"

local expression_of = {}

-- '{a,"b c"}' as a list; nothing for what nests or is no list.
local escaped <const> = lpeg.P "\\" / "" * 1
local quoted <const> = '"' * lpeg.Cs((escaped + (1 - lpeg.S '"\\')) ^ 0) * '"'
local bare <const> = lpeg.C((1 - lpeg.S '{},"\\ ') ^ 1)
local gap <const> = lpeg.P " " ^ 0
local item <const> = gap * (quoted + bare) * gap
local list <const> = lpeg.Ct(gap * "{" * gap * (item * ("," * item) ^ 0) ^ -1 * "}" * gap * -1)

-- 1.50, 1.5 and 01.5 in one form; other text as it is.
local function number(text)
  local sign, whole, fraction = text:match "^%s*([+-]?)%s*(%d*)%.?(%d*)%s*$"
  if not whole or whole .. fraction == "" then return text end
  whole, fraction = whole:gsub("^0+", ""), fraction:gsub("0+$", "")
  local digits <const> = (whole == "" and "0" or whole) .. (fraction == "" and "" or "." .. fraction)
  return (sign == "-" and digits ~= "0" and "-" or "") .. digits
end

local booleans <const> = { t = "true", f = "false" }

-- What a constant is worth to a column of that type.
local function constant(text, type)
  if type:find "%[%]$" then
    local element <const> = type:gsub("%[%]$", "")
    local items <const> = list:match(text)
    if not items then return text end
    for i, entry in ipairs(items) do items[i] = constant(entry, element) end
    return "[" .. table.concat(items, ",") .. "]"
  elseif type:find "^json" then
    local value <const> = json.decode(text)
    if value == nil then return text end
    -- An empty list and an empty object are one table in Lua: the brackets tell.
    local _, lists = text:gsub("\\.", ""):gsub('"[^"]*"', ""):gsub("%[", "")
    return json.canonical(value) .. lists
  elseif type:find "^time" or type == "date" then
    return "time"
  elseif type == "boolean" then
    return booleans[text:lower()] or text:lower()
  elseif type:find "^numeric" or type:find "int" or type == "real" or type:find "^double" or type == "money" then
    return number(text)
  end
  return text
end

local canonical
local forms <const> = {}

function forms.TypeCast(cast, context) return canonical(cast.arg, context) end

function forms.A_Const(const, context)
  local text
  if const.sval then
    text = const.sval.sval or ""
  elseif const.fval then
    text = const.fval.fval
  elseif const.boolval then
    text = const.boolval.boolval and "true" or "false"
  elseif const.ival then
    -- libpg_query leaves out the value of an integer below 1: it is read where it stands.
    local value <const> = const.ival.ival
    text = value and ("%d"):format(value) or (context.text:match("^%-%s*%d+", const.location + 1) or "0"):gsub("%s", "")
  else
    return "NULL"
  end
  return constant(text, context.type)
end

function forms.A_ArrayExpr(array, context)
  local inner <const> = { text = context.text, type = context.type:gsub("%[%]$", "") }
  local items <const> = {}
  for i, entry in ipairs(array.elements or {}) do items[i] = canonical(entry, inner) end
  return "[" .. table.concat(items, ",") .. "]"
end

function forms.SQLValueFunction(call)
  return (call.op:gsub("^SVFOP_", ""):gsub("_N$", ""))
end

function forms.FuncCall(call, context)
  local parts <const> = {}
  for i, part in ipairs(call.funcname) do parts[i] = part.String.sval:lower() end
  if #parts > 1 and parts[1] == "pg_catalog" then table.remove(parts, 1) end
  local name <const> = table.concat(parts, ".")
  if name == "now" or name == "transaction_timestamp" then return "CURRENT_TIMESTAMP" end
  if name == "nextval" then return name end
  -- The type of the column says nothing about its arguments.
  local arguments <const> = canonical(call.args or {}, { text = context.text, type = "" })
  return name .. arguments
end

function canonical(value, context)
  if type(value) ~= "table" then return tostring(value) end
  local kind <const>, body <const> = next(value)
  if forms[kind] then return forms[kind](body, context) end
  local parts <const> = {}
  for key, entry in pairs(value) do
    if type(key) == "number" then
      parts[key] = canonical(entry, context)
    elseif key ~= "location" then
      parts[#parts + 1] = key .. "=" .. canonical(entry, context)
    end
  end
  if kind ~= 1 then table.sort(parts) end
  return "(" .. table.concat(parts, ",") .. ")"
end

local function form_of(expression, type)
  local text <const> = "SELECT " .. expression
  local statements <const> = sql.parse(text)
  if not statements or #statements ~= 1 then return expression:lower() end
  local target <const> = json.decode(statements[1].tree).targetList
  if not target or #target ~= 1 then return expression:lower() end
  return canonical(target[1].ResTarget.val, { text = text, type = type })
end

--- Whether two expressions mean the same to a column of that type.
---@param a string
---@param b string
---@param type? string  of the column, as a dixis.Catalog.Column has it
---@return boolean
function expression_of.same(a, b, type)
  if a:find "^nextval%(" and b:find "^nextval%(" then return true end
  type = _G.type(type) == "string" and type or ""
  return form_of(a, type) == form_of(b, type)
end

return expression_of
