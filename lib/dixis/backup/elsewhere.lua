-- A backup that another tool or the provider made: how old it is, and what the run keeps of it.

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"

local elsewhere = {}

-- Clocks differ a little between machines.
local CLOCK_SLACK <const> = 300

local function days_since_1970(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

--- Seconds since 1970 of "2026-11-21T10:00:00Z", the same with an offset or with a blank, or of such a number.
---@param value any
---@return number?
function elsewhere.time(value)
  if type(value) == "number" then return value > 1e11 and value / 1000 or value end
  if type(value) ~= "string" then return nil end
  local number = value:match "^%d+%.?%d*$"
  if number then return elsewhere.time(tonumber(number)) end
  local year, month, day, hour, minute, second, rest = value:match "^(%d%d%d%d)-(%d%d)-(%d%d)[T ](%d%d):(%d%d):(%d%d)(.*)$"
  if not year then return nil end
  local sign, hours, minutes = rest:gsub("^%.%d+", ""):match "^%s*([+-])(%d%d):?(%d*)$"
  local zone = rest:gsub("^%.%d+", "")
  if not sign and zone ~= "Z" and zone ~= "" and zone ~= " UTC" then return nil end
  local offset = sign and (tonumber(hours) * 3600 + (tonumber(minutes) or 0) * 60) * (sign == "+" and 1 or -1) or 0
  return days_since_1970(tonumber(year), tonumber(month), tonumber(day)) * 86400 + tonumber(hour) * 3600
    + tonumber(minute) * 60 + tonumber(second) - offset
end

--- Refuses a backup that is too old, or from the future.
---@param what string    for the message: "the snapshot"
---@param made number    seconds since 1970
---@param within number
---@return string age    for people
function elsewhere.check_age(what, made, within)
  local age = clock.wall() - made
  if age > within then
    errors.refuse(("%s is %s old, more than %s"):format(what, duration.show(age), duration.show(within)), "make a new one")
  elseif age < -CLOCK_SLACK then
    errors.refuse(("%s is from the future: compare the clocks"):format(what))
  end
  return duration.show(math.max(0, age))
end

--- Keeps it as the run's backup, in the record and for the way back.
---@async
---@param run dixis.Run
---@param made table     kind, proven, path?, sha256?, made (seconds since 1970)
---@param recovery? number  seconds that the way back takes
---@param measured? boolean
function elsewhere.keep(run, made, recovery, measured)
  made.recovery = recovery and { seconds = recovery, measured = measured or false } or nil
  made.takes = recovery and duration.show(recovery) or "nobody knows how long"
  made.state = made.proven and "proven" or "never restored"
  run.recovery = made.recovery
  run.results.backup = made
  run.bus:intend("backup.confirmed", made)
end

return elsewhere
