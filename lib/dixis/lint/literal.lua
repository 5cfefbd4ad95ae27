-- Constants in quotes: are they what they are read as? Silent wherever that is not certain.

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

return literal
