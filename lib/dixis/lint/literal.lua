-- Constants in quotes: are they what they are read as? Silent wherever that is not certain.

local node = require "dixis.lint.node"
local types = require "dixis.lint.types"

local literal = {}

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

-- A number of these is an interval, and no moment.
local spans <const> = { second = true, minute = true, hour = true, day = true, week = true, month = true, year = true }

-- Words that stand for a moment.
local function is_time(text)
  if text:find "^%s*[+-]?%d+%s*%a+%s*$" and spans[text:lower():match "(%a-)s?%s*$"] then return false end
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
function literal.unreadable(type, text)
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

-- ---- Bounds ------------------------------------------------------------------------------------

-- How far a number may go, beside the number of digits that numeric has.
local function most(name)
  if limits[name] then return limits[name] + 0.5 end
  local digits <const>, scale <const> = name:match "^numeric%((%d+),([1-9]%d*)%)$" -- (5,-2) is said as (5,0)
  return digits and 10.0 ^ (digits - scale) - 0.5 * 10.0 ^ -scale or nil
end

--- Why a constant that a column's type can read does not go into it; nil: it does, or that is not known.
---@param type dixis.lint.Type
---@param constant table  an A_Const
---@param source string   the text of the file
---@return string?
function literal.exceeds(type, constant, source)
  local name <const> = not type.array and (type.builtin or type.serial) and types.text(type)
  if not name then return nil end
  local text <const> = constant.sval and (constant.sval.sval or "")
  local length <const> = text and math.tointeger(name:match "^character.*%((%d+)%)$")
  if length then
    local count <const> = utf8.len((text:gsub(" +$", "")))
    return count and count > length and ("'%s' has %d characters, and it takes %d"):format(text, count, length) or nil
  end
  local number <const> = constant.ival and node.integer(constant, source) or tonumber(constant.fval and constant.fval.fval
    or text and text:match "^%s*[+-]?[%d.]+%s*$")
  local bound <const> = number and most(name)
  -- The negative side of an integer has one more.
  if not bound or number < 0 and limits[name] and number >= -bound - 1 then return nil end
  return math.abs(number) >= bound and ("%s is out of its range"):format(text or ("%.14g"):format(number)) or nil
end

return literal
