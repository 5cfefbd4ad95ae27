-- What a value is, as far as its text tells, and whether a type takes it. Silent wherever that is not certain.

local node = require "dixis.lint.node"
local types = require "dixis.lint.types"

local value = {}

local functions <const> = {}
for family, list in pairs {
  time = "now clock_timestamp transaction_timestamp statement_timestamp", uuid = "gen_random_uuid",
  text = "concat concat_ws md5 initcap to_char quote_ident quote_literal",
  number = "nextval currval setval random count length char_length octet_length strpos array_length jsonb_array_length",
  json = "jsonb_build_object jsonb_build_array json_build_object json_build_array to_json to_jsonb",
} do
  for name in list:gmatch "%S+" do functions[name] = family end
end

local asked <const> = { SVFOP_CURRENT_DATE = "time", SVFOP_CURRENT_TIMESTAMP = "time", SVFOP_CURRENT_TIMESTAMP_N = "time",
  SVFOP_LOCALTIMESTAMP = "time", SVFOP_LOCALTIMESTAMP_N = "time", SVFOP_CURRENT_USER = "text",
  SVFOP_SESSION_USER = "text" }

local said <const> = { number = "a number", time = "a date or time", text = "text", boolean = "a boolean", uuid = "a uuid",
  json = "JSON", bytea = "bytea", interval = "an interval" }

---@class dixis.lint.Value
---@field literal? string   a constant in quotes: it is read as what is needed
---@field family? string    of a builtin type
---@field array? boolean
---@field enum? dixis.lint.Object
---@field type? dixis.lint.Type
---@field column? dixis.lint.Column  that it is of
---@field said string       what it is

local function of_type(type)
  if type.user then
    if type.user.kind ~= "enum" or type.user.cause then return nil end
    return { enum = type.user, array = type.array, type = type, said = types.text(type) }
  end
  local family <const> = types.family(type)
  return family and { family = family, array = type.array, type = type, said = types.text(type) } or nil
end
value.of_type = of_type

--- What a column holds.
---@param column dixis.lint.Column
---@return dixis.lint.Value?
function value.of_column(column)
  local found <const> = of_type(column.type)
  if found then found.column = column end
  return found
end

local comparing <const> = { ["="] = true, ["<>"] = true, ["<"] = true, [">"] = true, ["<="] = true, [">="] = true }
local joined <const> = { number = true, boolean = true, uuid = true, time = true, interval = true }
local yes_or_no <const> = { BoolExpr = true, NullTest = true, BooleanTest = true }
local tests <const> = { EXISTS_SUBLINK = true, ANY_SUBLINK = true, ALL_SUBLINK = true }

local function of_operator(context, body, column)
  local name <const> = node.text(body.name and body.name[#body.name])
  if body.kind ~= "AEXPR_OP" then
    return body.kind ~= "AEXPR_NULLIF" and { family = "boolean", said = said.boolean } or nil
  elseif comparing[name] then
    return { family = "boolean", said = said.boolean }
  elseif name == "||" then
    local left <const>, right <const> = value.of(context, body.lexpr, column), value.of(context, body.rexpr, column)
    if not left or not right or left.array or right.array then return nil end
    local text <const> = left.family == "text" or right.family == "text" or left.literal and joined[right.family]
      or right.literal and joined[left.family]
    return text and { family = "text", said = said.text } or nil
  end
end

--- What an expression gives; nil: not known.
---@param context dixis.lint.Context
---@param tree table?
---@param column? fun(fields: table[]): dixis.lint.Column?  the column that a name means
---@return dixis.lint.Value?
function value.of(context, tree, column)
  local kind <const>, body <const> = next(tree or {})
  if kind == "A_Const" then
    if body.isnull then return nil end
    if body.sval then return { literal = body.sval.sval or "", said = "text" } end
    local family <const> = body.boolval and "boolean" or (body.ival or body.fval) and "number"
    return family and { family = family, said = said[family] } or nil
  elseif kind == "TypeCast" then
    return of_type(types.read(context.model, body.typeName))
  elseif kind == "SQLValueFunction" then
    local family <const> = asked[body.op]
    return family and { family = family, said = said[family] } or nil
  elseif kind == "FuncCall" then
    local schema <const>, name <const> = node.name(body.funcname)
    local family <const> = (not schema or schema == "pg_catalog") and functions[name]
    if not family or context.model:functions(nil, name) then return nil end
    return { family = family, said = said[family] }
  elseif kind == "A_Expr" then
    return not (context.model.casts or context.model.opaque) and of_operator(context, body, column) or nil
  elseif yes_or_no[kind] or kind == "SubLink" and tests[body.subLinkType] then
    return { family = "boolean", said = said.boolean }
  elseif kind == "A_ArrayExpr" then
    return { array = true, said = "an array" }
  elseif kind == "ColumnRef" and column then
    local found <const> = column(body.fields)
    return found and context.model:certain(found) and not found.cause and value.of_column(found) or nil
  end
end

-- ---- Constants in quotes -----------------------------------------------------------------------

local limits <const> = { smallint = 32767, integer = 2147483647 }

local function is_integer(text, name)
  if not text:find "^%s*[+-]?%d+%s*$" then return text:find "^%s*[+-]?0[xXoObB]%x+%s*$" ~= nil or text:find "%d_%d" ~= nil end
  local limit <const> = limits[name]
  return not limit or math.abs(tonumber(text)) <= limit + 1
end

local function is_number(text)
  return text:find "%d" ~= nil and not text:find "[^%x%s.+eExXoObB_-]" or text:lower():find "^%s*[+-]?%a+%s*$" ~= nil
    and text:lower():find "nan" ~= nil or text:lower():find "inf" ~= nil
end

local function is_boolean(text)
  local word <const> = text:match("^%s*(.-)%s*$"):lower()
  if word == "1" or word == "0" or word == "on" or word == "of" or word == "off" then return true end
  for _, full in ipairs { "true", "false", "yes", "no" } do
    if word ~= "" and full:sub(1, #word) == word then return true end
  end
  return false
end

local function is_uuid(text)
  return text:gsub("[{}-]", ""):find "^%x+$" ~= nil and #text:gsub("[{}-]", "") == 32
end

local function is_json(text)
  local first <const> = text:match "^%s*(.)"
  if not first then return false end
  if first == "{" or first == "[" or first == '"' or first:find "[-%d]" then return true end
  local word <const> = text:match "^%s*(%a+)%s*$"
  return word == "true" or word == "false" or word == "null"
end

-- Words that stand for a moment.
local function is_time(text)
  if text:find "%d" then return true end
  local word <const> = text:lower()
  for _, known in ipairs { "now", "today", "tomorrow", "yesterday", "epoch", "infinity", "allballs" } do
    if word:find(known, 1, true) then return true end
  end
  return false
end

local function is_interval(text) return text:find "%d" ~= nil or text:lower():find("infinity", 1, true) ~= nil end

local readers <const> = { smallint = is_integer, integer = is_integer, bigint = is_integer, numeric = is_number,
  real = is_number, ["double precision"] = is_number, boolean = is_boolean, uuid = is_uuid, json = is_json, jsonb = is_json,
  ["timestamp without time zone"] = is_time, ["timestamp with time zone"] = is_time, date = is_time, interval = is_interval }

--- What is wrong with a constant in quotes that is read as of a type; nil: nothing, or not known.
---@param type dixis.lint.Type
---@param text string
---@return string?
function value.unreadable(type, text)
  if type.array then
    -- Its elements may have bounds before them.
    local known <const> = type.builtin or type.user and not type.user.cause and type.user.kind == "enum"
    return known and not text:find "^%s*[{%[]" and ("'%s' is no array: that begins with a brace"):format(text) or nil
  end
  local name <const> = type.builtin and types.text(type)
  local base <const> = name and name:gsub("%(.-%)", "")
  local reader <const> = base and readers[base]
  return reader and not reader(text, base) and ("'%s' is no %s"):format(text, base) or nil
end

-- What CREATE CAST, CREATE OPERATOR or an extension that is not known makes may take what is refused otherwise.
local function own_rules(model) return model.casts or model.opaque end

-- ---- Does it fit? ------------------------------------------------------------------------------

-- What a value that is no literal is held against; the text of a literal tells by itself.
local function held_against(context, type, given)
  if not given or own_rules(context.model) then return nil end
  if given.literal then return nil, value.unreadable(type, given.literal) end
  local wanted <const> = of_type(type)
  return wanted and (wanted.family ~= "text" or wanted.array) and wanted or nil
end

--- Why a value cannot go into a column of a type; nil: it can, or that is not known.
---@param context dixis.lint.Context
---@param type dixis.lint.Type
---@param given dixis.lint.Value?
---@return string?
function value.refused(context, type, given)
  local wanted <const>, reason <const> = held_against(context, type, given)
  if not wanted then return reason end
  local differs
  if (given.array or false) ~= (wanted.array or false) then
    differs = true
  elseif given.array then
    return nil
  elseif wanted.enum or given.enum then
    differs = given.enum ~= wanted.enum
  else
    differs = given.family ~= wanted.family
  end
  return differs and ("it is %s, and this is %s"):format(types.text(type), given.said) or nil
end

-- What one cannot be cast to, even when the cast is written.
local uncastable <const> = {}
for family, list in pairs { uuid = "number boolean time json interval bytea", number = "uuid time json interval",
  boolean = "uuid time json interval bytea", time = "number boolean uuid json interval bytea",
  json = "uuid time interval bytea", interval = "number boolean uuid json bytea",
  enum = "number boolean time uuid json interval bytea" } do
  uncastable[family] = {}
  for name in list:gmatch "%S+" do uncastable[family][name] = true end
end

--- Why a value cannot be cast to a type; nil: it can, or that is not known.
---@param context dixis.lint.Context
---@param type dixis.lint.Type
---@param given dixis.lint.Value?
---@return string?
function value.not_cast(context, type, given)
  local wanted <const>, reason <const> = held_against(context, type, given)
  if not wanted then return reason end
  local differs
  if (given.array or false) ~= (wanted.array or false) then
    differs = given.array or given.family ~= nil and given.family ~= "text" or given.enum ~= nil
  elseif given.enum and wanted.enum then
    differs = given.enum ~= wanted.enum
  elseif given.family or given.enum then
    local never <const> = uncastable[given.enum and "enum" or given.family]
    differs = never and wanted.family and never[wanted.family] or wanted.enum and given.family ~= "text"
  end
  return differs and ("%s cannot be cast to %s"):format(given.said, types.text(type)) or nil
end

--- Why an expression is no condition; nil: it is one, or that is not known.
---@param context dixis.lint.Context
---@param given dixis.lint.Value?
---@return string?
function value.no_condition(context, given)
  if not given or own_rules(context.model) or given.literal then return nil end
  if given.family == "boolean" and not given.array then return nil end
  return ("a condition is true or false, and this is %s"):format(given.said)
end

-- A value by its name, where it has one.
local function named(given)
  local column <const> = given.column
  if not column then return given.said end
  return ('"%s"."%s" (%s)'):format(column.table.name, column.name, given.said)
end

--- Why two values cannot be compared with `=`, `<` and the like; nil: they can, or that is not known.
---@param context dixis.lint.Context
---@param a dixis.lint.Value?
---@param b dixis.lint.Value?
---@return string?
function value.incomparable(context, a, b)
  if not a or not b or a.literal or b.literal or own_rules(context.model) then return nil end
  local differs
  if (a.array or false) ~= (b.array or false) then
    differs = true
  elseif a.array then
    return nil
  else
    differs = a.enum ~= b.enum or a.family ~= b.family
  end
  return differs and ("%s cannot be compared with %s"):format(named(a), named(b)) or nil
end

local function as_wanted(given)
  local wanted <const> = given.column and given.column.wanted
  return wanted and of_type(wanted.type) or given
end

--- Why two values cannot be compared that could be, had a statement not failed: the finding of that.
---@param context dixis.lint.Context
---@param a dixis.lint.Value
---@param b dixis.lint.Value
---@return integer?
function value.not_given(context, a, b)
  local first <const>, second <const> = as_wanted(a), as_wanted(b)
  if first == a and second == b or value.incomparable(context, first, second) then return nil end
  return (first ~= a and a or b).column.wanted.cause
end

return value
