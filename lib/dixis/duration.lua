-- Lengths of time as people write them: "90", "90s", "5m", "1h30m", "7d"; and as people read them.

local duration = {}

local unit_seconds <const> = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400, w = 604800 }

--- Seconds, or nil when the text is no duration. A bare number is seconds.
---@param value string|number
---@return number? seconds
function duration.parse(value)
  if type(value) == "number" then return value >= 0 and value < 1e9 and value or nil end
  if type(value) ~= "string" then return nil end
  if value:match "^%d+%.?%d*$" then return tonumber(value) end
  local seconds, rest = 0, value
  while rest ~= "" do
    local number, unit, tail = rest:match "^(%d+%.?%d*)(%a+)(.*)$"
    if not unit or not unit_seconds[unit] then return nil end
    seconds = seconds + tonumber(number) * unit_seconds[unit]
    rest = tail
  end
  return value ~= "" and seconds or nil
end

--- Short text for a person: "0.004 s", "12.3 s", "4 min 05 s", "2 h 10 min".
---@param seconds number
---@return string
function duration.show(seconds)
  if seconds < 0.1 then return ("%.3f s"):format(seconds) end
  if seconds < 10 then return ("%.2f s"):format(seconds) end
  if seconds < 60 then return ("%.1f s"):format(seconds) end
  local whole = math.floor(seconds + 0.5)
  if whole < 3600 then return ("%d min %02d s"):format(whole // 60, whole % 60) end
  if whole < 172800 then return ("%d h %02d min"):format(whole // 3600, whole % 3600 // 60) end
  return ("%d days"):format(whole // 86400)
end

return duration
