-- gate.window: now is inside of the agreed window, and the forecast with the way back after it ends inside too.
-- Judged again after the people were asked, under the run lock before the first migration, and before each later one.

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local lazy = require "dixis.lazy"
local refs = require "dixis.refs"

local past = lazy "dixis.forecast.past"
local forecast = lazy "dixis.forecast"
local window = lazy "dixis.window"

local known <const> = { unknown_forecast = true, unknown_recovery = true }

local function allowed(text)
  local set = {}
  for word in (text or ""):gmatch "[%w_]+" do
    if not known[word] then
      errors.refuse(("unknown word '%s' in the list of what the window allows"):format(word),
        "known: unknown_forecast, unknown_recovery")
    end
    set[word] = true
  end
  return set
end

local function parse(args)
  local ok, times = pcall(window.parse, args)
  return ok and times or errors.refuse(tostring(times))
end

-- Clocks of the two machines that are apart make every time of the window doubtful.
local MOST_APART <const> = 60

local function check_clock(run)
  local there = run:open_session():value "SELECT extract(epoch FROM clock_timestamp())::float8"
  local apart = clock.wall() - there
  if math.abs(apart) > MOST_APART then
    errors.refuse(("the clocks of this machine and of the server are %s apart"):format(duration.show(math.abs(apart))),
      "set the one that is wrong: a window is kept by the clock")
  end
end

-- How long the way back takes, and who says so: the proof of this run's backup first.
local function recovery_of(run, args)
  local proved = run.recovery
  if proved and proved.seconds then return proved.seconds, proved.measured and "measured by this run" or "as given" end
  if args.recovery then return args.recovery, "as given" end
  local earlier = past.read(run).recovery
  if earlier then return earlier.seconds, "measured by run " .. earlier.run end
end

local function judge(run, args)
  local times, allow = parse(args), allowed(args.allow)
  local recovery, whose = recovery_of(run, args)
  local high = forecast.most(run.forecast)
  local found, no_return, note = window.judge(times, { high = high, recovery = recovery, allow = allow }, clock.wall())
  run.window = { times = times, recovery = recovery, allow = allow, stop = args.stop, no_return = no_return,
    text = note }
  return ("%s; recovery %s"):format(note, recovery and duration.show(recovery) .. ", " .. whose or "not known"),
    { opens = found.opens, closes = found.closes, no_return = no_return, recovery = recovery, forecast = high }
end

return {
  type = "window",
  fields = {
    opens = { type = "string", required = true, help = "\"2026-11-22 02:00\", or \"02:00\" for every day" },
    closes = { type = "string", required = true, help = "the same" },
    tz = { type = "string", required = true, help = "\"Europe/Athens\"" },
    weekdays = { type = "list", help = "days on which it opens: { \"sat\", \"sun\" }" },
    recovery = { type = "duration", help = "how long the way back takes, when no proof of a backup says so" },
    allow = { type = "string", help = "\"unknown_forecast, unknown_recovery\": what need not be known" },
    stop = { type = "boolean", default = true, help = "stop between migrations once the point of no return has passed" },
  },
  needs_plan = true,
  check = function(args)
    for _, name in ipairs { "opens", "closes", "tz", "weekdays" } do
      if refs.is_ref(args[name]) then return end
    end
    window.parse(args)
  end,
  describe = function(args)
    local now = clock.wall()
    local ok, found = pcall(function() return window.at(window.parse(args), now) end)
    local state = not ok and "" or not found and "; it is over" or found.opens > now
      and "; it opens in " .. duration.show(found.opens - now) or "; it is open for another " .. duration.show(found.closes - now)
    return ("now is in the window from %s to %s (%s)%s"):format(args.opens, args.closes, args.tz, state)
  end,
  act = function(run, args)
    check_clock(run)
    local note, fields = judge(run, args)
    for _, word in ipairs { "unknown_forecast", "unknown_recovery" } do
      local unknown = word == "unknown_forecast" and not fields.forecast or word == "unknown_recovery" and not fields.recovery
      if unknown then
        run.bus:emit("window.allowed", { what = word, text = word == "unknown_forecast"
          and "how long the migrations take is not known, and that was allowed"
          or "how long the way back takes is not known, and that was allowed" })
      end
    end
    run.bus:emit("window.judged", fields)
    return note
  end,
  again = function(run, args) judge(run, args) end,
}
