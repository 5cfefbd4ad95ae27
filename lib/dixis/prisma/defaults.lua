-- Which defaults a field may have.

local attributes = require "dixis.prisma.attributes"

local defaults = {}

local cjson <const> = require("cjson").new()
cjson.decode_invalid_numbers(false)

-- cjson takes some numbers that are none in JSON, such as 5. and 05.
local function is_json(text)
  if not pcall(cjson.decode, text) then return false end
  for word in text:gsub("\\.", ""):gsub('"[^"]*"', ""):gmatch "[%w.+-]+" do
    local whole <const>, rest <const> = word:match "^-?(%d+)(.*)$"
    local exponent <const> = rest and (rest:match "^%.%d+(.*)$" or rest)
    local good <const> = whole and (whole == "0" or whole:sub(1, 1) ~= "0")
      and (exponent == "" or exponent:find "^[eE][+-]?%d+$")
    if not good and word ~= "true" and word ~= "false" and word ~= "null" then return false end
  end
  return true
end

local function no_arguments(attribute, call)
  if #call.arguments > 0 then attribute:fail(("%s() takes no arguments"):format(call.value)) end
end

local function one_number(low, high, only)
  return function(attribute, call)
    local first <const> = call.arguments[1]
    if not first then return end
    local number <const> = first.value.kind == "number" and tonumber(first.value.value)
    if #call.arguments > 1 or not number then attribute:fail(("%s() takes one number"):format(call.value)) end
    if only and not only[number] or number < low or number > high then
      attribute:fail(("%s() does not take %s"):format(call.value, first.value.value))
    end
  end
end

-- What each function takes, and for which types it is; dbgenerated() is for all.
local functions <const> = {
  autoincrement = { types = { Int = true, BigInt = true }, check = no_arguments },
  now = { types = { DateTime = true }, check = no_arguments },
  ulid = { types = { String = true }, check = no_arguments },
  uuid = { types = { String = true }, check = one_number(4, 7, { [4] = true, [7] = true }) },
  cuid = { types = { String = true }, check = one_number(1, 2) },
  nanoid = { types = { String = true }, check = one_number(2, 255) },
}

local function check_generated(attribute, call)
  local first <const> = call.arguments[1]
  if not first then return end
  if #call.arguments > 1 or first.value.kind ~= "text" or first.value.value == "" then
    attribute:fail 'dbgenerated() takes nothing or one text that is not empty'
  end
end

local function check_function(attribute, field, call)
  local known <const> = functions[call.value]
  if not known then return end -- for defaults.check to say
  if not known.types[field.type] then
    attribute:fail(("%s() is not for fields of type %s"):format(call.value, field.type))
  end
  known.check(attribute, call)
end

local literal_kinds <const> = {
  String = { text = true }, Json = { text = true }, Bytes = { text = true }, DateTime = { text = true },
  Int = { number = true }, BigInt = { number = true }, Float = { number = true }, Decimal = { number = true, text = true },
  Boolean = { name = true },
}

local function is_time(text)
  local year <const>, month <const>, day <const>, hour <const>, minute <const>, second <const>, rest <const> =
    text:match "^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.*)$"
  if not year then return false end
  local zone <const> = rest:match "^%.%d+(.+)$" or rest
  local hours <const>, minutes <const> = zone:match "^[+-](%d%d):(%d%d)$"
  if not zone:find "^[Zz]$" and not (hours and tonumber(hours) < 24 and tonumber(minutes) < 60) then return false end
  local m <const>, d <const> = tonumber(month), tonumber(day)
  local days <const> = ({ 31, year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) and 29 or 28, 31, 30, 31, 30, 31, 31, 30,
    31, 30, 31 })[m]
  return days ~= nil and d >= 1 and d <= days and tonumber(hour) < 24 and tonumber(minute) < 60 and tonumber(second) <= 60
end

-- What the texts and numbers of some types must look like.
local forms <const> = {
  Json = function(value) return is_json(value.value) end,
  Bytes = function(value)
    local text <const> = value.value
    local padding <const> = #text:match "=*$"
    return #text % 4 == 0 and padding <= 2 and text:sub(1, #text - padding):find "^[%w+/]*$" ~= nil
  end,
  DateTime = function(value) return is_time(value.value) end,
  Int = function(value) return math.type(tonumber(value.value)) == "integer" end,
  Decimal = function(value)
    return value.kind == "number" or value.value:find "^[+-]?%d+%.?%d*$" ~= nil or value.value:find "^[+-]?%.%d+$" ~= nil
      or value.value:find "^[+-]?%d*%.?%d+[eE][+-]?%d+$" ~= nil
  end,
}
forms.BigInt = forms.Int

local function check_literal(attribute, field, value)
  if not literal_kinds[field.type][value.kind] then
    attribute:fail(("a %s expected, but this is %s"):format(field.type, attributes.shown(value)))
  end
  if field.type == "Boolean" and value.value ~= "true" and value.value ~= "false" then
    attribute:fail(("true or false expected, not %s"):format(value.value))
  end
end

local function check_enum_value(attribute, field, value)
  if value.kind ~= "name" then
    attribute:fail(("a value of the enum %s expected, but this is %s"):format(field.type, attributes.shown(value)))
  end
  if not field.target.by_name[value.value] then
    attribute:fail(("'%s' is not a value of the enum %s"):format(value.value, field.type))
  end
end

--- What Prisma looks at only when all attributes are read: unknown functions, and what texts and numbers must look like.
---@param model dixis.prisma.Model
---@param field dixis.prisma.Field
function defaults.check(model, field)
  local value <const> = field.default
  if not value or not field.type or field.enum then return end
  if value.kind == "call" then
    if value.value ~= "dbgenerated" and not functions[value.value] then
      model.source:fail(value.at, ("the function %s() is not known"):format(value.value))
    end
    return
  end
  local form <const> = forms[field.type]
  for _, item in ipairs(form and attributes.items(value) or {}) do
    if not form(item) then
      model.source:fail(item.at, ("%s is no %s"):format(attributes.shown(item),
        field.type == "DateTime" and "RFC 3339 time" or field.type))
    end
  end
end

--- The default of a field, or an error.
---@param attribute dixis.prisma.Attribute
---@param field dixis.prisma.Field
---@return table value  a node of the grammar
function defaults.read(attribute, field)
  local value <const> = attribute:default "value"
  if attribute:text "map" then attribute:fail "PostgreSQL has no names for defaults" end
  if value.kind == "call" and value.value == "dbgenerated" then
    check_generated(attribute, value)
  elseif field.unsupported then
    attribute:fail 'a field of an Unsupported type can only have dbgenerated("...")'
  elseif value.kind == "call" and not field.enum then
    check_function(attribute, field, value)
  else
    local check <const> = field.enum and check_enum_value or check_literal
    if field.list then
      if value.kind ~= "list" then attribute:fail "the default of a list is a list" end
      for _, item in ipairs(value.items) do check(attribute, field, item) end
    else
      if value.kind == "list" and not field.enum then attribute:fail "the default of a field that is no list cannot be one" end
      check(attribute, field, value)
    end
  end
  return value
end

return defaults
