-- JSON for dixis: cjson with settings that lose nothing, and a canonical form to take digests of.
-- cjson decodes every number as a float: use %d or math.tointeger to show an integer.

local unicode = require "dixis.unicode"

local cjson <const> = require("cjson").new()
cjson.encode_sparse_array(true)
cjson.encode_number_precision(14)

--- json.canonical writes `empty_list` as [], which a table cannot say of itself.
local json = { null = cjson.null, empty_list = {} }

---@param value any
---@return string
function json.encode(value)
  local text = unicode.repair(cjson.encode(value))
  if not text:find("\\/", 1, true) then return text end
  return (text:gsub("\\/", "/"))
end

--- nil, message when the text is not JSON.
---@param text string
---@return any value
---@return string? message
function json.decode(text)
  local ok, value = pcall(cjson.decode, text)
  if ok then return value end
  return nil, value
end

---@param value any
---@param out string[]
local function write(value, out)
  if type(value) ~= "table" then
    out[#out + 1] = json.encode(value)
  elseif value == json.empty_list then
    out[#out + 1] = "[]"
  elseif #value > 0 then
    for i, item in ipairs(value) do
      out[#out + 1] = i == 1 and "[" or ","
      write(item, out)
    end
    out[#out + 1] = "]"
  else
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys)
    out[#out + 1] = "{"
    for i, key in ipairs(keys) do
      out[#out + 1] = (i > 1 and "," or "") .. json.encode(key) .. ":"
      write(value[key], out)
    end
    out[#out + 1] = "}"
  end
end

--- The same text for the same value: keys sorted, no spaces, an empty table as {}.
---@param value any
---@return string
function json.canonical(value)
  local out = {}
  write(value, out)
  return table.concat(out)
end

return json
