-- Applies one migration so that it is done and recorded, or neither.

local lazy = require "dixis.lazy"

local clock = require "host.clock"
local errors = require "dixis.errors"
local folder = require "dixis.migrate.folder"
local lock = lazy "dixis.migrate.lock"
local script = require "dixis.migrate.script"
local server_error = lazy "dixis.migrate.server_error"
local stepwise = lazy "dixis.migrate.stepwise"
local task = require "host.task"

local deploy = {}

---@class dixis.Applied
---@field seconds number
---@field statements integer
---@field mode string

---@class dixis.DeployHooks
---@field goes_along fun(): boolean  whether the COMMIT may go with the next migration's statements (deploy.takes_commit)
---@field tell? fun(statement?: string)  called when it has begun, and at each next statement that is waited for alone

local XACT_ID <const> = "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text"
local BACK_TO_SELF <const> = "RESET SESSION AUTHORIZATION"

local function statement_texts(classified, text)
  local texts = {}
  for i, statement in ipairs(classified.statements) do texts[i] = text:sub(statement.first, statement.last) end
  return texts
end

-- What is to be sure before a COMMIT is sent. The journal may be a moment behind: what is pending was on disk before the
-- step began, and the ledger tells what is applied. `before` is the transaction's identity at its beginning, `after` at its end.
local function may_commit(run, begun, before, after)
  if before ~= after then
    errors.raise("in_doubt", "the migration ended its own transaction; what it did up to there is committed",
      { hint = "look at the database, then record it by runbooks/resolve.lua" })
  end
  run.bus:sync_unless_recent(begun)
  lock.check(run)
end

---@class dixis.Due  a migration of which all is done but the COMMIT
---@field migration table
---@field record fun()
---@field sent? boolean  the COMMIT is under way

-- Takes the answer to its COMMIT.
local function committed(run, session, due, result, err)
  if result or err.kind ~= "connection_lost" then run.unsettled = nil end
  if not result then error(server_error.place(err, due.migration, ""), 0) end
  -- A COMMIT of an aborted transaction succeeds with the tag ROLLBACK.
  if result.tag ~= "COMMIT" then
    errors.raise("sql", ("the server answered %s to COMMIT; nothing was kept"):format(result.tag))
  end
  session.due = nil
  due.record()
end

-- Commits and records it so that no cancellation falls between the two.
local function commit(run, session, due)
  task.shield(function()
    session.due, due.sent = due, true
    run.unsettled = due.migration.name -- until there is an answer, whatever else comes
    local result, err = session.conn:query "COMMIT"
    if err and err.kind ~= "connection_lost" then session.due = nil end -- it may be tried again
    committed(run, session, due, result, err)
  end)
end

-- Sends the COMMIT of the migration before together with this one's statements, so that the server need not wait while
-- its answer is recorded. No cancellation falls between that answer and its record. Results and errors count from the
-- statements after it.
local function send_with_commit(run, session, batch, on_result)
  local due = session.due
  table.insert(batch, 1, { "COMMIT", flush = true })
  run.unsettled, due.sent = due.migration.name, true
  return task.shield(function()
    local results, err = session.conn:pipeline(batch, function(i, took, result)
      if i > 1 then return on_result(i - 1, took) end
      committed(run, session, due, result)
      on_result(0, took)
      task.unshield()
    end)
    if results then return table.move(results, 2, #results, 1, {}) end
    local refused_before_sent = session.due and err.index and err.index > 1
    if session.due and not refused_before_sent then committed(run, session, due, nil, err) end
    if refused_before_sent then run.unsettled, due.sent = nil, nil end
    if err.index then err.index = err.index - 1 end
    return nil, err
  end)
end

-- A record of each statement is worth its size in an ordinary script, not in one of thousands.
local TIMED <const> = 200

local function timings(classified, results, seconds, first)
  if #classified.statements > TIMED then return nil end
  local out = {}
  for i, statement in ipairs(classified.statements) do
    out[i] = { line = statement.line, seconds = math.floor((seconds[first + i - 1] or 0) * 1e6) / 1e6,
      rows = results[first + i - 1].affected }
  end
  return out
end

-- All of a transaction but its COMMIT. Places: which of the batch are the script's statements, and the ledger's row. An
-- answer that is waited for alone tells how long its statement took.
local function batch_of(ledger, classified, texts, recorded, others, prepared)
  local batch = { classified.begin, prepared and ledger.identity or XACT_ID, others or nil }
  local timed, first = #texts <= TIMED, #batch + 1
  for i, text in ipairs(texts) do batch[first + i - 1] = timed and { text, flush = true } or text end
  local last = #batch
  if classified.touches_settings then batch[#batch + 1] = BACK_TO_SELF end
  batch[#batch + 1] = recorded
  local places = { first = first, last = last, row = #batch }
  batch[#batch + 1] = others or nil
  return batch, places
end

local function in_transaction(run, session, ledger, job, on)
  local migration, classified = job.migration, job.script
  local prepared = not classified.touches_settings and not run.observer
  if prepared then ledger:prepare(session) end
  local recorded = ledger:applied(migration, job.started, prepared)
  local others = classified.names_ledger and ledger:others(recorded.id)
  local batch, places = batch_of(ledger, classified, statement_texts(classified, job.text), recorded, others, prepared)
  local seconds, waited = {}, 0
  local function on_result(i, took)
    if i == 0 then return on.begin() end
    waited = waited + took
    if i < places.first then return end
    seconds[i], waited = waited, 0
    if i < places.last then on.tell(i - places.first + 2) end
  end
  local results, err
  if session.due then
    results, err = send_with_commit(run, session, batch, on_result)
  else
    on.begin()
    if run.observer then
      results, err = run.observer:send(batch, classified, places.first, on_result)
    else
      results, err = session.conn:pipeline(batch, on_result)
    end
  end
  if not results then
    local at = err.index and err.index >= places.first and err.index <= places.last and err.index - places.first + 1 or nil
    error(server_error.place(err, migration, job.text, classified.statements[at], at, #classified.statements), 0)
  end
  local xact = ledger:kept(migration, recorded, results[places.row])
  if others then ledger:same_others(migration, results[places.first - 1], results[#results]) end
  may_commit(run, job.begun, results[2][1][1], xact)
  local due = { migration = migration, record = function() on.record(timings(classified, results, seconds, places.first)) end }
  if not classified.touches_settings and on.goes_along() then
    session.due = due
  else
    commit(run, session, due)
  end
end

local function whole(run, session, ledger, job, record)
  local migration, text = job.migration, job.text
  session:query "BEGIN"
  local before = session:value(XACT_ID)
  local recorded = ledger:applied(migration, job.started)
  local others = ledger:others(recorded.id)
  local known = session:query(others[1], others.params[1])
  local ok, err = session.conn:script(text)
  if not ok then error(server_error.place(err, migration, text), 0) end
  if session.conn:status() ~= "transaction" then
    errors.raise("in_doubt", migration.name .. " ended its own transaction; what it did is committed but not recorded",
      { file = migration.file, changed = true, hint = "look at the database, then record it by runbooks/resolve.lua" })
  end
  session:query(BACK_TO_SELF)
  local xact = ledger:kept(migration, recorded, session:query(recorded[1], table.unpack(recorded.params)))
  ledger:same_others(migration, known, session:query(others[1], others.params[1]))
  may_commit(run, job.begun, before, xact)
  commit(run, session, { migration = migration, record = function() record() end })
end

--- Reads and classifies a migration: all that can be done before its turn.
---@param migration table
---@param text? string    its script, when that was read just now
---@return table prepared  { text, script }
function deploy.prepare(migration, text)
  text = text or errors.check(folder.text(migration))
  local classified = script.classify(text)
  if classified.mode == "refused" then
    errors.raise("migrations", ("%s:%d: %s"):format(migration.file, classified.line, classified.problem),
      { file = migration.file, line = classified.line, hint = classified.hint })
  end
  return { text = text, script = classified }
end

--- Undoes what a migration has set. Not right after it: what fails here is no failure of what is applied.
---@async
---@param session dixis.Session
function deploy.clean(session)
  if not session.touched then return end
  session:reset()
  session.touched = nil
end

--- Applies one migration. Raises with file, line and statement on failure; err.changed says whether
--- anything of it stayed in the database. A failure while `session.due` is sent is one of that migration's COMMIT.
---@async
---@param run dixis.Run
---@param session dixis.Session
---@param ledger dixis.Ledger
---@param migration table
---@param prepared table    from deploy.prepare
---@param row? dixis.LedgerRow  of an earlier, unfinished run
---@param hooks dixis.DeployHooks
---@return dixis.Applied
function deploy.apply(run, session, ledger, migration, prepared, row, hooks)
  local classified = prepared.script
  local job = { migration = migration, text = prepared.text, script = classified, started = clock.wall() }
  local outcome = { name = migration.name, mode = classified.mode, statements = #classified.statements }
  local function tell(number)
    if not hooks.tell then return end
    local statement, of = classified.statements[number], #classified.statements
    hooks.tell(of > 1 and statement and ("statement %d of %d, line %d"):format(number, of, statement.line) or nil)
  end
  local function begin()
    job.begun = clock.now()
    run.bus:emit("migration.started", { name = migration.name, checksum = migration.checksum, mode = classified.mode,
      statements = #classified.statements })
    run.bus:keep_up()
    tell(1)
  end
  local function record(times)
    outcome.times = times
    outcome.seconds = math.floor((clock.now() - job.begun) * 1e6) / 1e6
    -- Here and not later: an interruption may come as soon as the shield ends.
    run.changed = true
    run.applied[#run.applied + 1] = migration.name
    run.bus:emit("migration.applied", outcome)
    outcome.times = nil -- in the journal; ten thousand of them need not stay in memory
  end
  deploy.clean(session)
  if classified.mode == "transaction" then
    in_transaction(run, session, ledger, job, { record = record, begin = begin, tell = tell, goes_along = hooks.goes_along })
  elseif classified.mode == "whole" then
    begin()
    whole(run, session, ledger, job, record)
  else
    begin()
    stepwise.apply(run, session, ledger, { migration = migration, text = prepared.text, statements = classified.statements,
      texts = statement_texts(classified, prepared.text), alone = classified.alone, started = job.started,
      patience = run.concurrent_timeout }, row, record)
  end
  session.touched = classified.touches_settings
  return outcome
end

--- Commits what waits for the next migration, when that does not come.
---@async
---@param run dixis.Run
---@param session dixis.Session
function deploy.settle(run, session)
  if session.due and not session.due.sent then commit(run, session, session.due) end
end

--- Whether the COMMIT of the migration before may go together with this one's statements.
---@param prepared table    from deploy.prepare
---@param row? dixis.LedgerRow
---@return boolean
function deploy.takes_commit(prepared, row)
  return prepared.script.mode == "transaction" and not row
end

return deploy
