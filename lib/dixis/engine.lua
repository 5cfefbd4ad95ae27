-- Runs a runbook: gates, plan, steps, criteria, receipt. Everything that happens becomes an event; this
-- file prints nothing.
--
-- What an item's `act` gives back:
--   gate:  a note; refuses by raising (errors.refuse). Any failure in a gate is a refusal.
--   step:  a summary line and a table that later items find in run.results[name].
--   check: true or false, a note, and a hint.
-- Any of them may end by run:skip(reason).

local audit = require "dixis.audit"
local binding = require "dixis.binding"
local clock = require "host.clock"
local criteria = require "dixis.criteria"
local errors = require "dixis.errors"
local forecast = require "dixis.lazy" "dixis.forecast"
local fs = require "host.fs"
local herald = require "dixis.herald"
local people = require "dixis.people"
local perform = require "dixis.perform"
local guard = require "dixis.lazy" "dixis.guard"
local plan = require "dixis.plan"
local receipt = require "dixis.receipt"
local signature = require "dixis.signature"
local task = require "host.task"

local since <const> = perform.since

local engine = {}

-- ---- Gates -------------------------------------------------------------------------------------

local SHORTEST_DIGEST <const> = 12

local function check_pinned(run, computed)
  local pinned = run.settings.plan
  if not pinned then return end
  if #pinned < SHORTEST_DIGEST then
    errors.refuse(("the pinned digest '%s' is too short to name a plan"):format(pinned),
      ("give at least %d characters of it; `dixis plan` prints it"):format(SHORTEST_DIGEST))
  end
  if computed.digest:sub(1, #pinned) ~= pinned then
    errors.refuse(("the plan is %s, not the pinned %s"):format(computed.digest:sub(1, 16), pinned:sub(1, 16)),
      "migrations, target, options or runbook are not what was planned; run `dixis plan` again and review it")
  end
end

-- What is wrong with the plan, or with the target or the key to begin with, is recorded as a gate's refusal.
local function beside_gates(run, name, fn)
  local begun = clock.now()
  local child = task.spawn(fn, run)
  run.current_task = child
  local ok, err = child:join()
  run.current_task = nil
  if ok then return end
  err = errors.from(err)
  run.bus:emit("gate.refused", { name = name, error = errors.record(err), seconds = since(begun) })
  error(err, 0)
end

local function make_plan(run)
  local begun = clock.now()
  local computed = plan.compute(run)
  local record = plan.record(computed)
  record.seconds = since(begun)
  run.bus:emit("plan.computed", record)
  check_pinned(run, computed)
  run.forecast = forecast.make(run)
  if run.forecast then run.bus:emit("forecast.made", forecast.record(run.forecast)) end
end

local function open_gate(run, gate)
  local reason = run:why_not(gate)
  if reason then
    run.bus:emit("gate.skipped", { name = gate.name, reason = reason })
    return
  end
  local begun = clock.now()
  run.bus:emit("gate.started", { name = gate.name, word = gate.type })
  local ok, note = perform.item(run, gate, gate.definition.act)
  local seconds = since(begun)
  if ok then
    run.bus:emit("gate.opened", { name = gate.name, note = note, seconds = seconds })
  elseif type(note) == "table" and note.kind == "skipped" then
    run.bus:emit("gate.skipped", { name = gate.name, reason = note.message })
  else
    local err = errors.from(note)
    run.bus:emit("gate.refused", { name = gate.name, error = errors.record(err), seconds = seconds })
    error(err, 0)
  end
end

-- People take their time to answer: what depends on the time is judged again after them.
local function judge_again(run)
  for _, gate in ipairs(run.book.gates) do
    if gate.definition.again and not run:why_not(gate) then
      local ok, err = perform.item(run, gate, gate.definition.again)
      if not ok then
        err = errors.from(err)
        run.bus:emit("gate.refused", { name = gate.name, error = errors.record(err), seconds = 0 })
        error(err, 0)
      end
    end
  end
end

-- The world as it is before any change: what criteria compare with, and whether it is fit for one.
local function look_around(run)
  if run.before then return end
  criteria.prepare(run)
  if run.book.guard then beside_gates(run, "guard", guard.begin) end
end

-- What may have taken hours, or have done anything.
local function takes_time(run, gate)
  return gate.definition.foreign or gate.definition.human and #run.settings.confirm == 0
end

-- The plan is made when the cheap gates are open and before the first human one, under the run lock. It is
-- looked at again behind an answer, so that nothing is begun in vain; what counts is the look before the first change.
local function open_gates(run)
  local stale = false
  beside_gates(run, "signing_key", signature.prepare)
  for _, gate in ipairs(run.book.gates) do
    if run.interrupted then error(run.interrupted, 0) end
    if gate.definition.needs_plan and not run.plan then beside_gates(run, "plan", make_plan) end
    -- A person is asked when nothing else can refuse any more.
    if gate.definition.human then look_around(run) end
    stale = stale or run.plan ~= nil and takes_time(run, gate)
    open_gate(run, gate)
  end
  look_around(run)
  if not run.plan then
    beside_gates(run, "plan", make_plan)
  elseif stale then
    beside_gates(run, "plan", binding.check)
  end
  judge_again(run)
end

-- ---- Steps -------------------------------------------------------------------------------------

local function take_step(run, step)
  local reason = run:why_not(step)
  if reason then
    run.bus:emit("step.skipped", { name = step.name, reason = reason })
    return true
  end
  local begun = clock.now()
  local intended, unrecorded = pcall(function()
    run.bus:intend("step.started", { name = step.name, word = step.type })
  end)
  -- What must always be tried is tried also when nothing can be recorded any more.
  if not intended and not step.always then error(unrecorded, 0) end
  local ok, summary, result = perform.item(run, step, step.definition.act)
  if not intended then error(unrecorded, 0) end
  local seconds = since(begun)
  if ok then
    run.results[step.name] = result or {}
    run.bus:emit("step.finished", { name = step.name, summary = summary, seconds = seconds, result = result })
    return true
  elseif type(summary) == "table" and summary.kind == "skipped" then
    run.bus:emit("step.skipped", { name = step.name, reason = summary.message })
    return true
  end
  run:settle()
  local err = errors.from(summary)
  err.changed = run.changed or err.changed or false
  run.bus:emit("step.failed", { name = step.name, error = errors.record(err), seconds = seconds })
  run.bus:sync()
  return false, err
end

local function take_steps(run)
  local _ <close> = guard.start(run)
  local failure
  for _, step in ipairs(run.book.steps) do
    failure = failure or run.interrupted or run.aborted
    if failure and not step.always then
      pcall(function() run.bus:emit("step.skipped", { name = step.name, reason = "an earlier step did not finish" }) end)
    else
      local done, ok, err = pcall(take_step, run, step)
      -- Raised is what has broken the record itself; the steps that are always taken still are.
      failure = failure or not done and errors.from(ok) or (not ok and err) or nil
    end
  end
  if failure then error(failure, 0) end
end

-- ---- The whole ---------------------------------------------------------------------------------

-- An interrupt may come while the target is asked what became of a migration: then nobody knows.
local function stopped_in_doubt(run)
  if not run.interrupted or not run.unsettled then return nil end
  return errors.new("in_doubt", ("interrupted before it was known whether %s was applied"):format(run.unsettled), {
    changed = true, signal = run.interrupted.signal,
    hint = ("look for %s in _prisma_migrations: with finished_at it is applied, without a row it is not; then run again")
      :format(run.unsettled),
  })
end

local function on_signal(run)
  return function(name)
    if run.interrupted then
      run.bus:hint("interrupted.again", {})
      return
    end
    if run.phase == "watch" then
      run.watch.stopped = name
      if run.current_task then run.current_task:cancel() end
      return
    end
    run.interrupted = errors.new("interrupted", "interrupted by " .. name, { signal = name })
    run.bus:emit("run.interrupted", { signal = name })
    -- What must always be done has a deadline of its own, and is the way out.
    if run.current_task and not run.current_always then run.current_task:cancel(run.interrupted) end
  end
end

local outcomes <const> = { [0] = "succeeded", [1] = "failed", [2] = "invalid", [3] = "refused", [4] = "locked",
  [5] = "unreachable", [6] = "in_doubt", [130] = "interrupted", [143] = "interrupted" }

local function phase(run, name, fn)
  if run.interrupted then error(run.interrupted, 0) end
  local begun = clock.now()
  run.phase = name
  run.bus:emit("phase.started", { name = name })
  local ok, err = pcall(fn, run)
  run.phases[#run.phases + 1] = { name = name, seconds = since(begun) }
  if not ok then error(err, 0) end
end

local unjudgeable <const> = { in_doubt = true, unreachable = true, connection_lost = true, plan_changed = true,
  journal = true }

-- After a failed step the criteria still say where things stand; not so when nobody waits for them any
-- more, when the target is out of reach or not the one that was meant, or when there is no place for what they say.
local function judgeable(run, err)
  return not run.interrupted and not unjudgeable[err.kind]
end

local function way_back(run)
  if not run.book.way_back then return nil end
  local journal <const> = fs.realpath(run.journal_path) -- whoever needs it may be in another folder by then
  local lines = {}
  for i, line in ipairs(run.book.way_back) do
    lines[i] = line:gsub("%${([%w_.]+)}", function(path)
      local value = setmetatable({ target = run.identity or {}, run = { id = run.id, journal = journal } },
        { __index = run.results })
      for part in path:gmatch "[^.]+" do value = type(value) == "table" and value[part] or nil end
      return value and tostring(value) or "(unknown " .. path .. ")"
    end)
  end
  return lines
end

local function backups(run)
  local list = {}
  for i, made in ipairs(run.backups) do list[i] = { path = made.path, size = made.size, proven = made.proven } end
  return list[1] and list
end

-- The journal cannot take the end: whoever looks on is told all the same what is known. A success without a record
-- is none.
local function tell_unrecorded(run, ending, problem)
  if ending.exit == 0 then
    ending.exit, ending.outcome, ending.error = 1, outcomes[1], errors.record(problem)
    pcall(audit.finish, run, ending.exit, ending.outcome)
  end
  ending.unrecorded = true
  pcall(run.bus.hint, run.bus, "run.finished", ending)
end

--- Runs the runbook to its end and leaves a complete journal. Never raises for what happens in the run.
---@async
---@param run dixis.Run  with its bus
---@return integer exit
---@return any problem  set when the end itself, or the receipt, could not be recorded
---@return boolean? recorded  false when the journal has no end
function engine.run(run)
  run.phases = {}
  receipt.collect(run)
  task.on_signal(on_signal(run))
  local teller
  local failed_in = "gate"
  local ok, err = pcall(function()
    teller = herald.new(run)
    phase(run, "gates", open_gates)
    run.bus:sync()
    failed_in = "step"
    local taken, failure = pcall(phase, run, "steps", take_steps)
    if not taken and not judgeable(run, errors.from(failure)) then error(failure, 0) end
    local judged, red = pcall(phase, run, "criteria", criteria.judge_all)
    if not taken or not judged then error(failure or red, 0) end
    if criteria.watch_time(run) then phase(run, "watch", criteria.watch) end
  end)
  if not ok then
    err = stopped_in_doubt(run) or run.interrupted or errors.from(err)
    err.changed = run.changed or err.changed or false
  end
  pcall(run.remove_scratch, run) -- what it could not say is for run.finished
  local exit = ok and 0 or errors.exit_code(err, failed_in)
  -- Who tries again, as after an interruption, must first see to what was left behind.
  if run.left_behind and exit ~= 6 then exit = 1 end
  local outcome = outcomes[exit] or "failed"
  local astray = not ok and run.changed and not run:thrown_away() -- somebody has to put something right
  local ending = {
    outcome = outcome, exit = exit, seconds = since(run.bus.started), phases = run.phases,
    error = err and errors.record(err) or nil, changed = run.changed, applied = #run.applied,
    backups = backups(run), watch = run.watch, ephemeral = run:thrown_away() or nil,
    way_back = astray and way_back(run) or nil, left_behind = run.left_behind,
    people = astray and run.book.people and people.lines(run.book.people) or nil,
  }
  local recorded = false
  local finished, problem = pcall(function()
    if teller then teller:finish(outcome, err) end
    audit.finish(run, exit, outcome)
    ending.seconds = since(run.bus.started)
    run.bus:emit("run.finished", ending)
    run.bus:sync()
    recorded = true
    -- A run without it is as its journal says; whoever demands it refuses.
    local text = run.settings.store and receipt.write(run, exit, outcome)
    if text then audit.attach(run, text) end
  end)
  if not recorded then tell_unrecorded(run, ending, errors.from(problem)) end
  run:close()
  task.on_signal(nil)
  if finished then return exit end
  return ending.exit, problem, recorded
end

return engine
