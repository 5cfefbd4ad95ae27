-- Maintenance windows: when one opens and closes, in a time zone, and whether work still fits into it.
--
-- A local time that the clocks skip or show twice is read so that the window is the shorter one: it opens at the
-- later reading and closes at the earlier.

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"

local window = {}

---@class dixis.Window
---@field opens number   seconds since 1970
---@field closes number
---@field zone string
---@field notes string[]  what is unusual about its times

---@class dixis.WindowTimes
---@field opens { day?: integer, second: integer }  day: since 1970; absent: every day
---@field closes { day?: integer, second: integer }
---@field zone string
---@field days? table<integer, true>  0 is Sunday: the days on which it opens

local DAY <const> = 86400
local weekdays <const> = { sun = 0, mon = 1, tue = 2, wed = 3, thu = 4, fri = 5, sat = 6 }

-- Days since 1970 in the Gregorian calendar.
local function day_number(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

local function parse_time(text)
  local date, hour, minute = tostring(text):match "^(%d%d%d%d%-%d%d%-%d%d) (%d%d):(%d%d)$"
  if not date then hour, minute = tostring(text):match "^(%d%d):(%d%d)$" end
  hour, minute = math.tointeger(hour), math.tointeger(minute)
  if not hour or hour > 23 or minute > 59 then return nil end
  local time = { second = hour * 3600 + minute * 60 }
  if date then
    local year, month, day = date:match "^(%d+)-(%d+)-(%d+)$"
    time.day = day_number(math.tointeger(year), math.tointeger(month), math.tointeger(day))
    if time.day < 0 or clock.iso(time.day * DAY):sub(1, 10) ~= date then return nil end
  end
  return time
end

--- Reads the fields of a window. Raises a plain message.
---@param given { opens: string, closes: string, tz: string, weekdays?: string[] }
---@return dixis.WindowTimes
function window.parse(given)
  local times = { zone = given.tz, opens = parse_time(given.opens), closes = parse_time(given.closes) }
  for _, name in ipairs { "opens", "closes" } do
    if not times[name] then
      error(("'%s' (%s) is no time: write \"2026-11-22 02:00\", or \"02:00\" for every day"):format(given[name], name), 0)
    end
  end
  if (times.opens.day == nil) ~= (times.closes.day == nil) then
    error("one of opens and closes has a date, the other has none", 0)
  end
  local known, err = clock.offset(given.tz, 0)
  if not known then error(err.message, 0) end
  if given.weekdays then
    if times.opens.day then error("weekdays do not go with dates", 0) end
    times.days = {}
    for _, name in ipairs(given.weekdays) do
      local day = weekdays[tostring(name):lower()]
      if not day then
        error(("'%s' is no day of the week: write sun, mon, tue, wed, thu, fri, sat"):format(tostring(name)), 0)
      end
      times.days[day] = true
    end
  end
  return times
end

-- The instants at which the zone's clocks show a local time (given as if it were UTC), the earlier first; two
-- when they show it twice, and when they skip it the readings by the offset before and after.
local function instants(zone, shown)
  local before, after = clock.offset(zone, shown - DAY), clock.offset(zone, shown + DAY)
  local a, b = shown - before, shown - after
  local a_holds, b_holds = clock.offset(zone, a) == before, clock.offset(zone, b) == after
  if a == b or a_holds and not b_holds then return a, a end
  if b_holds and not a_holds then return b, b end
  return math.min(a, b), math.max(a, b), a_holds and "twice" or "never"
end

local function local_text(zone, seconds)
  return clock.iso(seconds + clock.offset(zone, seconds)):sub(1, 16):gsub("T", " ")
end

--- "2026-11-22 02:00 (Europe/Athens)".
---@param found dixis.Window
---@param seconds number
---@return string
function window.show(found, seconds)
  return ("%s (%s)"):format(local_text(found.zone, seconds), found.zone)
end

-- nil when the clocks skip all of it.
local function on_day(times, opens_day, closes_day)
  local zone, notes = times.zone, {}
  local function instant(name, shown, later)
    local first, last, unusual = instants(zone, shown)
    local chosen = later and last or first
    if unusual then
      notes[#notes + 1] = ("%s is shown %s on that day: it %s at %s UTC"):format(clock.iso(shown):sub(12, 16), unusual, name,
        clock.iso(chosen):sub(12, 16))
    end
    return chosen
  end
  local opens = instant("opens", opens_day * DAY + times.opens.second, true)
  local closes = instant("closes", closes_day * DAY + times.closes.second, false)
  if opens >= closes then return nil end
  return { opens = opens, closes = closes, zone = zone, notes = notes }
end

--- The window that is open, or the next one; nil when there is none any more.
---@param times dixis.WindowTimes
---@param now number  seconds since 1970
---@return dixis.Window?
function window.at(times, now)
  if times.opens.day then
    local found = on_day(times, times.opens.day, times.closes.day)
    return found and found.closes > now and found or nil
  end
  local today = (now + clock.offset(times.zone, now)) // DAY
  local overnight = times.closes.second <= times.opens.second and 1 or 0
  for day = math.tointeger(today) - 1, math.tointeger(today) + 14 do
    if not times.days or times.days[(day + 4) % 7] then
      local found = on_day(times, day, day + overnight)
      if found and found.closes > now then return found end
    end
  end
end

---@class dixis.Load
---@field high? number      the most that the work is forecast to take; nil: not known
---@field recovery? number  how long the way back takes; nil: not known
---@field allow table<string, true>  "unknown_forecast", "unknown_recovery"

--- Whether work that begins now ends in the window, with enough of it left for the way back. Raises a refusal.
---@param times dixis.WindowTimes
---@param load dixis.Load
---@param now number
---@return dixis.Window found
---@return number no_return  from here on the way back no longer fits
---@return string note
function window.judge(times, load, now)
  local found = window.at(times, now)
  if not found then errors.refuse("the window is over", "agree on a new one, then give its times") end
  if now < found.opens then
    errors.refuse(("the window is closed: it opens at %s, in %s"):format(window.show(found, found.opens),
      duration.show(found.opens - now)), "run again when it is open")
  end
  if not load.high and not load.allow.unknown_forecast then
    errors.refuse("nothing says how long the pending migrations take",
      "rehearse them: dixis run runbooks/rehearse.lua. Or allow it for this run: unknown_forecast")
  end
  if not load.recovery and not load.allow.unknown_recovery then
    errors.refuse("nothing says how long the way back takes",
      "prove a backup by restoring it, or say how long: --set recovery=15m. Or allow it for this run: unknown_recovery")
  end
  local left, no_return = found.closes - now, found.closes - (load.recovery or 0)
  if (load.high or 0) + (load.recovery or 0) > left then
    errors.refuse(("it does not fit: up to %s of work and %s for the way back; the window closes in %s, at %s"):format(
      duration.show(load.high or 0), duration.show(load.recovery or 0), duration.show(left), window.show(found, found.closes)),
      "take a longer window, or fewer migrations")
  end
  return found, no_return, ("open until %s; point of no return %s%s"):format(window.show(found, found.closes),
    local_text(found.zone, no_return), #found.notes > 0 and "; " .. table.concat(found.notes, "; ") or "")
end

--- Before a migration begins: the whole judgement before the first one, under the run lock; later only whether the
--- point of no return has passed, because stopping half-way has its price too.
---@param run dixis.Run
---@param name string    the migration
---@param first boolean
function window.keep(run, name, first)
  local kept = run.window
  if not kept then return end
  local now = clock.wall()
  if first then
    local high = run.forecast and run.forecast.high or 0
    window.judge(kept.times, { high = high, recovery = kept.recovery, allow = kept.allow }, now)
  elseif now >= kept.no_return and kept.stop then
    errors.raise("failed", ("the point of no return has passed (%s ago) before %s: what is left of the window is needed for "
      .. "the way back"):format(duration.show(now - kept.no_return), name), {
      hint = "what is applied stays applied and recorded; go on in the next window by running this again, or go back",
    })
  end
end

return window
