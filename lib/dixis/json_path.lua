-- A value inside of decoded JSON by its path: "checks.db.status", "items[0].name". Positions count from 0.

local json_path = {}

--- nil when there is nothing at that place.
---@param value any
---@param path string
---@return any
function json_path.get(value, path)
  for part in path:gsub("%[(%d+)%]", ".%1"):gmatch "[^.]+" do
    if type(value) ~= "table" then return nil end
    local found = value[part]
    if found == nil and part:match "^%d+$" then found = value[math.tointeger(tonumber(part)) + 1] end
    value = found
  end
  return value
end

return json_path
