-- step.deploy: applies the pending migrations of the plan, each with its record in the ledger.

local lazy = require "dixis.lazy"
local words = require "dixis.words"

local binding = lazy "dixis.binding"
local change = require "dixis.change"
local clock = require "host.clock"
local deploy = lazy "dixis.migrate.deploy"
local doubt = lazy "dixis.migrate.doubt"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local lock = lazy "dixis.migrate.lock"
local monitor = lazy "dixis.migrate.monitor"
local observe = lazy "dixis.migrate.observe"
local task = require "host.task"
local window = lazy "dixis.window"

-- What the plan did not keep is read and parsed while the server works on the migration before it.
local function prepare_all(run, pending)
  local kept, ahead = run.prepared, {}
  local function look_ahead(i)
    local migration = pending[i]
    if migration and not kept[migration.name] and not ahead[i] then ahead[i] = task.spawn(deploy.prepare, migration) end
  end
  look_ahead(1)
  --- With `ready`: nil when it is not, instead of waiting for it.
  return function(i, ready)
    local name = pending[i].name
    if ready and not kept[name] and not (ahead[i] and ahead[i]:done()) then return nil end
    if not kept[name] then
      local ok, found = ahead[i]:join()
      if not ok then error(found, 0) end
      kept[name], ahead[i] = found, nil
    end
    look_ahead(i + 1)
    return kept[name]
  end
end

-- Failures that leave nothing behind and may be gone the next time: lock_timeout, deadlock.
local passing <const> = { ["55P03"] = true, ["40P01"] = true }
local LONGEST_PAUSE <const> = 30

-- Applies one migration, again when a lock was not to be had, with longer pauses and jitter.
local function apply(run, session, args, watcher, migration, prepared, hooks)
  for attempt = 1, args.lock_attempts do
    watcher:begin(migration.name)
    local ok, outcome = pcall(deploy.apply, run, session, run.ledger, migration, prepared,
      run.history.resume[migration.name], hooks)
    watcher.name = nil
    if ok then return outcome end
    local err = errors.from(outcome)
    if watcher.cancelled then
      err.message = ("%s was stopped: it held up %s for %s"):format(migration.name,
        words.count(watcher.cancelled.sessions, "other session"), duration.show(watcher.cancelled.seconds))
      err.hint = "run it in a quieter hour, split it, or allow more: --set max_blocking=..."
    end
    if session.due or not passing[err.sqlstate] or err.changed or attempt == args.lock_attempts then error(err, 0) end
    session:rollback()
    local pause = math.min(LONGEST_PAUSE, 0.5 * 2 ^ (attempt - 1)) * (0.5 + math.random())
    run.bus:emit("migration.retried", { name = migration.name, attempt = attempt, of = args.lock_attempts,
      pause = math.floor(pause * 1000) / 1000, blockers = watcher.blockers, sqlstate = err.sqlstate })
    clock.sleep(pause)
  end
end

-- What the step ends with when a migration failed: of which one, and what became of it.
local function failure(run, session, watcher, migration, err)
  local due = session.due
  if due and not due.sent and err.kind ~= "interrupted" then
    local ok, problem = pcall(deploy.settle, run, session)
    if ok then due = nil else err = errors.from(problem) end
  end
  if due then migration, session.due = due.migration, nil end
  if err.kind == "connection_lost" then
    if watcher.silent then err.message = "no answer came any more" end
    run.unsettled = migration.name
    err = doubt.settle(run, migration, err)
    run.unsettled = nil
  end
  if err.kind == "sql" and not err.changed and not err.hint then
    err.hint = passing[err.sqlstate] and "run again"
      or "nothing of this migration was kept: mend its script, or what it met there; then run again"
  end
  run.bus:emit("migration.failed", { name = migration.name, error = errors.record(err) })
  run.changed = run.changed or err.changed or false
  return err
end

return {
  type = "deploy",
  leaves = "plan",
  deploys = true,
  fields = {
    lock_timeout = { type = "duration", default = 10, help = "how long a statement may wait for a lock" },
    lock_attempts = { type = "integer", default = 5, help = "how often to try when a lock is not to be had" },
    concurrent_timeout = { type = "duration", default = 1800, help = "the same for CONCURRENTLY, which holds nobody up" },
    silence = { type = "duration", default = 120,
      help = "how long the network may swallow answers before the connection is given up" },
    observe = { type = "boolean", default = false, help = "record locks, rewrites and growth, statement by statement" },
    max_blocking = { type = "duration", help = "how long others may be held up before a statement of ours is cancelled" },
  },
  describe = function(args)
    return "apply the pending migrations" .. (args.observe and ", and observe what they hold and write" or "")
  end,
  act = function(run, args)
    local pending = run.history.pending
    if #pending == 0 then return "no pending migrations", { applied = 0 } end
    window.keep(run, pending[1].name, true)
    -- An earlier step may have changed the target, and have taken long.
    if run.began then binding.check(run) else change.begin(run) end
    local session = run:open_session() -- another one, perhaps: the check sees when one was lost
    lock.guard(run, session)
    session.lock_timeout, run.concurrent_timeout = args.lock_timeout, args.concurrent_timeout
    session:reset()
    if not run.ledger.exists then
      run.bus:intend("ledger.started", { table = run.ledger.table })
      run.changed = true
      run.ledger:ensure(session)
    end
    local statements, prepared = 0, prepare_all(run, pending)
    local watcher, watching = monitor.start(run, session, args.max_blocking, args.silence)
    local _ <close> = watching
    watcher.of = #pending
    local observer <close> = args.observe and observe.new(run, session) or nil
    run.observer = observer
    local begun, at = clock.now(), 0
    local hooks = {
      tell = function(statement)
        watcher.statement = statement
        watcher:tell()
      end,
      goes_along = function()
        -- What is begun is ended before the window is looked at again.
        if at == #pending or run.window or observer then return false end
        local ok, next_one = pcall(prepared, at + 1, true)
        return ok and next_one and deploy.takes_commit(next_one, run.history.resume[pending[at + 1].name])
      end,
    }
    local function one(migration)
      if observer then observer:before(migration.mode) end
      local outcome = apply(run, session, args, watcher, migration, prepared(at), hooks)
      if observer then observer:after(migration.name) end
      run.prepared[migration.name] = nil
      statements = statements + outcome.statements
    end
    for i, migration in ipairs(pending) do
      at, watcher.done = i, i - 1
      if i > 1 then window.keep(run, migration.name, false) end
      local ok, problem = pcall(one, migration)
      if not ok then error(failure(run, session, watcher, migration, errors.from(problem)), 0) end
    end
    deploy.clean(session)
    local unproved = run.ledger:unproved(session, pending, run.history.resume)
    if unproved then
      errors.raise("in_doubt", ("%s was committed, but the ledger does not have exactly one row that says so")
        :format(unproved), { changed = true, hint = "look at its rows in " .. run.ledger.table .. ", and at what changed them" })
    end
    local made = run.forecast
    if made then run.bus:emit("forecast.compared", { low = made.low, high = made.high, actual = clock.now() - begun }) end
    run.bus:sync()
    return ("%s applied, %s"):format(words.count(#pending, "migration"), words.count(statements, "statement")),
      { applied = #pending, statements = statements }
  end,
}
