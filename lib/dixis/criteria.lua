-- Criteria: what they must know from before the first change, judging them all, and watching them afterwards.

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local perform = require "dixis.perform"
local task = require "host.task"
local words = require "dixis.words"

local since <const> = perform.since

local criteria = {}

--- Lets every criterion that compares before with after look at the world as it is now. One that cannot is a
--- refusal: later it could not be judged.
---@async
---@param run dixis.Run
function criteria.prepare(run)
  run.before = {}
  for _, check in ipairs(run.book.criteria) do
    if run.interrupted then error(run.interrupted, 0) end
    if check.definition.before and not run:why_not(check) then
      local begun = clock.now()
      run.bus:hint("criterion.started", { name = check.name })
      local ok, note, value, nothing = perform.item(run, check, check.definition.before)
      local seconds = since(begun)
      if ok then
        run.before[check.name] = value
        run.bus:emit("criterion.prepared", { name = check.name, note = note, nothing = nothing or nil, seconds = seconds })
      else
        local err = errors.from(note)
        run.bus:emit("gate.refused", { name = check.name, error = errors.record(err), seconds = seconds })
        error(err, 0)
      end
    end
  end
end

-- true, false or "skipped", and the fields of its event.
local function judge(run, check)
  local reason = run:why_not(check)
  if reason then return "skipped", { name = check.name, reason = reason } end
  local begun = clock.now()
  local ok, green, note, hint = perform.item(run, check, check.definition.act, run.before and run.before[check.name])
  if not ok and type(green) == "table" and green.kind == "skipped" then
    return "skipped", { name = check.name, reason = green.message }
  end
  local lost
  if not ok then
    local err = errors.from(green)
    run:settle()
    green, note, hint = false, err.message, err.hint
    lost = err.kind == "connection_lost" or err.kind == "unreachable"
  end
  return green, { name = check.name, word = check.type, note = note, hint = hint, seconds = since(begun) }, lost
end

local function record(run, green, fields)
  if green == "skipped" then
    run.bus:emit("criterion.skipped", fields)
  else
    run.bus:emit(green and "criterion.green" or "criterion.red", fields)
  end
end

--- Judges all, also after the first red one.
---@async
---@param run dixis.Run
function criteria.judge_all(run)
  local red = {}
  for _, check in ipairs(run.book.criteria) do
    if run.interrupted then error(run.interrupted, 0) end
    run.bus:hint("criterion.started", { name = check.name })
    local green, fields = judge(run, check)
    record(run, green, fields)
    if not green then red[#red + 1] = check.name end
  end
  if #red > 0 then
    errors.raise("red", ("%s %s red: %s"):format(words.of(#red, #run.book.criteria, "criterion", "criteria"),
      words.are(#red), table.concat(red, ", ")))
  end
end

-- ---- Watching ----------------------------------------------------------------------------------

-- In a task, so that a signal ends it.
local function pause(run, seconds)
  run.current_task = task.spawn(clock.sleep, seconds)
  run.current_task:join()
  run.current_task = nil
end

-- The name of the first red criterion of one round, if any. A connection that got lost in an hour of silence
-- says nothing of the criterion: it is judged once more.
local function judge_round(run)
  for _, check in ipairs(run.book.criteria) do
    local green, fields, lost = judge(run, check)
    if lost and not run.watch.stopped then green, fields = judge(run, check) end
    if run.watch.stopped then return nil end
    if not green then
      record(run, green, fields)
      return check.name
    end
  end
end

--- How long the runbook wants its criteria watched after they have been green; nil: not at all.
---@param run dixis.Run
---@return number? seconds
function criteria.watch_time(run)
  local wanted = run.book.watch
  local seconds = wanted and run:resolve { wanted.after }[1]
  return seconds and seconds > 0 and seconds or nil
end

--- Goes on judging until the time is over, one turns red (which raises), or a signal says that it is enough: then
--- what was done stays done, and run.watch.stopped names the signal.
---@async
---@param run dixis.Run
function criteria.watch(run)
  local of, every = criteria.watch_time(run), run:resolve { run.book.watch.every }[1]
  run.watch = { of = of, rounds = 0, seconds = 0 }
  local watch, begun = run.watch, clock.now()
  run.bus:emit("watch.started", { name = "watch", seconds = of, every = every })
  -- Nothing is changed any more: whoever has to repair something must not wait for our locks.
  run:close()
  repeat
    pause(run, math.max(0, math.min(every, of - (clock.now() - begun))))
    local red = not watch.stopped and judge_round(run)
    watch.seconds = since(begun)
    if red then
      errors.raise("red", ("of the criteria, %s turned red %s after all had been green"):format(red,
        duration.show(watch.seconds)))
    elseif not watch.stopped then
      watch.rounds = watch.rounds + 1
      run.bus:emit("watch.green", { round = watch.rounds, seconds = watch.seconds })
      run.bus:hint("progress", { text = ("%s green, %s left"):format(words.count(watch.rounds, "round"),
        duration.show(math.max(0, of - watch.seconds))) })
    end
  until watch.stopped or watch.seconds >= of
  run.bus:emit(watch.stopped and "watch.stopped" or "watch.finished",
    { rounds = watch.rounds, seconds = watch.seconds, of = of, signal = watch.stopped })
end

return criteria
