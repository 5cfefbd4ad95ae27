-- check.latency: queries are not slower after the change than before it, but for an allowed factor.

local duration = require "dixis.duration"
local errors = require "dixis.errors"
local latency = require("dixis.lazy") "dixis.latency"
local near = require "dixis.near"
local words = require "dixis.words"

-- undefined_table, undefined_column, undefined_function, invalid_schema_name: what the change is about to make.
local not_there_yet <const> = { ["42P01"] = true, ["42703"] = true, ["42883"] = true, ["3F000"] = true }

local hint <const> = "look for a missing index, and for statistics that are not there yet: ANALYZE the tables that were changed"

local function time_all(run, args)
  local out, session = {}, run:open_session()
  for _, name in ipairs(near.keys(args.queries)) do
    run:note(name)
    out[name] = latency.time(session, args.queries[name], args.times, args.limit)
  end
  return out
end

-- What there is to compare with, for people; and true when that is nothing.
local function tell(timed, counted, reason)
  local missing, parts = 0, {}
  for _, timing in pairs(timed) do
    if timing.problem then missing = missing + 1 end
  end
  local measured <const>, statements <const> = #near.keys(timed) - missing, counted and #near.keys(counted) or 0
  if measured > 0 then parts[1] = ("%d timed"):format(measured) end
  if missing > 0 then
    parts[#parts + 1] = ("%s what is not there yet"):format(missing == 1 and "1 query needs" or missing .. " queries need")
  end
  if statements > 0 then parts[#parts + 1] = words.count(statements, "statement") .. " counted" end
  if counted and statements == 0 then parts[#parts + 1] = "pg_stat_statements has counted nothing here" end
  parts[#parts + 1] = reason or #parts == 0 and "no query is chosen" or nil
  local nothing <const> = measured + statements == 0
  return (nothing and "nothing to compare with: " or "") .. table.concat(parts, "; "), nothing
end

local function slower(was, is, args)
  return is > was * args.factor and is - was > args.slack
end

-- Lines for what is red, and how many could be compared.
local function compare_queries(before, after, args)
  local red, compared = {}, 0
  for _, name in ipairs(near.keys(after)) do
    local was, is = before[name], after[name]
    if is.problem then
      red[#red + 1] = ("%s does not run: %s"):format(name, is.problem)
    elseif was.seconds then
      compared = compared + 1
      if slower(was.seconds, is.seconds, args) then
        red[#red + 1] = ("%s: %s before, %s after%s"):format(name, duration.show(was.seconds), duration.show(is.seconds),
          was.scans ~= is.scans and ("; it was %s, and is %s"):format(was.scans, is.scans) or "")
      end
    end
  end
  return red, compared
end

-- Only what was called since, against the mean of all time before.
local function compare_counted(before, after, args)
  local red, compared = {}, 0
  for _, id in ipairs(near.keys(after)) do
    local was, is = before[id], after[id]
    local calls = was and is.calls - was.calls or 0
    if was and was.calls >= args.calls and calls >= args.calls then
      compared = compared + 1
      local mean_was, mean_is = was.seconds / was.calls, (is.seconds - was.seconds) / calls
      if slower(mean_was, mean_is, args) then
        red[#red + 1] = ("the query %s of pg_stat_statements: %s before, %s in %s since"):format(id,
          duration.show(mean_was), duration.show(mean_is), words.count(calls, "call"))
      end
    end
  end
  return red, compared
end

return {
  type = "latency",
  deadline = 600,
  fields = {
    queries = { type = "table", default = {}, help = '{ orders = "SELECT ..." }: chosen queries, timed before and after' },
    times = { type = "integer", default = 5, help = "how often each is run; the median counts" },
    factor = { type = "any", default = 2, help = "how many times slower is still right" },
    slack = { type = "duration", default = 0.005, help = "a difference below this is none" },
    limit = { type = "duration", default = 10, help = "how long one query may take" },
    statements = { type = "any", default = true, help = "compare pg_stat_statements too, where it is there" },
    calls = { type = "integer", default = 20, help = "of a query of pg_stat_statements, before and since, to judge by" },
  },
  describe = function(args)
    local chosen = near.keys(args.queries)
    return ("%sno slower than before by more than %s times"):format(#chosen > 0 and table.concat(chosen, ", ") .. ": " or "",
      tostring(args.factor))
  end,
  before = function(run, args)
    local timed = time_all(run, args)
    for name, timing in pairs(timed) do
      if timing.problem and not not_there_yet[timing.sqlstate] then
        errors.refuse(("the query %s does not run: %s"):format(name, timing.problem),
          "without a time from before the change there is nothing to compare with")
      end
    end
    local counted, reason
    if args.statements then counted, reason = latency.counted(run:open_session()) end
    local note, nothing = tell(timed, counted, reason)
    return note, { timed = timed, counted = counted, reason = reason }, nothing
  end,
  act = function(run, args, before)
    local red, compared = compare_queries(before.timed, time_all(run, args), args)
    local counted = before.counted and latency.counted(run:open_session())
    if counted then
      local more, n = compare_counted(before.counted, counted, args)
      table.move(more, 1, #more, #red + 1, red)
      compared = compared + n
    end
    if #red > 0 then return false, table.concat(red, "\n"), hint end
    if compared == 0 then
      run:skip("nothing could be compared: " .. (before.reason or "no query was there before and called often enough since"))
    end
    return true, ("%d compared, none is %s times slower"):format(compared, tostring(args.factor))
  end,
}
