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

local XACT_ID <const> = "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text"
local BACK_TO_SELF <const> = "RESET SESSION AUTHORIZATION"

local function statement_texts(classified, text)
  local texts = {}
  for i, statement in ipairs(classified.statements) do texts[i] = text:sub(statement.first, statement.last) end
  return texts
end

-- Commits and records it so that no cancellation falls between the two. `before` is the transaction's
-- identity at its beginning, `after` at its end.
local function commit(run, session, name, before, after, record)
  if before ~= after then
    errors.raise("in_doubt", "the migration ended its own transaction; what it did up to there is committed",
      { hint = "look at the database, then record it by runbooks/resolve.lua" })
  end
  run.bus:sync()
  lock.check(run)
  return task.shield(function()
    run.unsettled = name -- until there is an answer, whatever else comes
    local result, err = session.conn:query "COMMIT"
    if result or err.kind ~= "connection_lost" then run.unsettled = nil end
    errors.check(result, err)
    -- A COMMIT of an aborted transaction succeeds with the tag ROLLBACK.
    if result.tag ~= "COMMIT" then
      errors.raise("sql", ("the server answered %s to COMMIT; nothing was kept"):format(result.tag))
    end
    return record()
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

local function in_transaction(run, session, ledger, migration, text, classified, started, record)
  local recorded = ledger:applied(migration, started)
  local others = classified.names_ledger and ledger:others(recorded.params[1])
  local batch = { classified.begin, XACT_ID, others or nil }
  local first = #batch + 1
  for _, statement in ipairs(statement_texts(classified, text)) do batch[#batch + 1] = statement end
  local last = #batch
  if classified.touches_settings then batch[#batch + 1] = BACK_TO_SELF end
  batch[#batch + 1] = recorded
  local row_at = #batch
  batch[#batch + 1] = others or nil
  local seconds = {}
  local results, err = session.conn:pipeline(batch, function(i, took) seconds[i] = took end)
  if not results then
    local statement
    if err.index and err.index >= first and err.index <= last then statement = classified.statements[err.index - first + 1] end
    error(server_error.place(err, migration, text, statement, err.index and err.index - first + 1, #classified.statements), 0)
  end
  local xact = ledger:kept(migration, recorded, results[row_at])
  if others then ledger:same_others(migration, results[first - 1], results[#results]) end
  commit(run, session, migration.name, results[2][1][1], xact, function()
    record(timings(classified, results, seconds, first))
  end)
end

local function whole(run, session, ledger, migration, text, started, record)
  session:query "BEGIN"
  local before = session:value(XACT_ID)
  local recorded = ledger:applied(migration, started)
  local others = ledger:others(recorded.params[1])
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
  commit(run, session, migration.name, before, xact, function() record() end)
end

--- Reads and classifies a migration: all that can be done before its turn.
---@param migration table
---@return table prepared  { text, script }
function deploy.prepare(migration)
  local text = errors.check(folder.text(migration))
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
--- anything of it stayed in the database.
---@async
---@param run dixis.Run
---@param session dixis.Session
---@param ledger dixis.Ledger
---@param migration table
---@param prepared table    from deploy.prepare
---@param row? dixis.LedgerRow  of an earlier, unfinished run
---@return dixis.Applied
function deploy.apply(run, session, ledger, migration, prepared, row)
  local text, classified = prepared.text, prepared.script
  local started, begun = clock.wall(), clock.now()
  local outcome = { name = migration.name, mode = classified.mode, statements = #classified.statements }
  local function record(times)
    outcome.times = times
    outcome.seconds = math.floor((clock.now() - begun) * 1e6) / 1e6
    -- Here and not later: an interruption may come as soon as the shield ends.
    run.changed = true
    run.applied[#run.applied + 1] = migration.name
    run.bus:emit("migration.applied", outcome)
  end
  deploy.clean(session)
  run.bus:emit("migration.started", { name = migration.name, checksum = migration.checksum, mode = classified.mode,
    statements = #classified.statements })
  run.bus:sync_start()
  if classified.mode == "transaction" then
    in_transaction(run, session, ledger, migration, text, classified, started, record)
  elseif classified.mode == "whole" then
    whole(run, session, ledger, migration, text, started, record)
  else
    stepwise.apply(run, session, ledger, { migration = migration, text = text, statements = classified.statements,
      texts = statement_texts(classified, text), alone = classified.alone, started = started,
      patience = run.concurrent_timeout }, row, record)
  end
  outcome.times = nil -- in the journal; ten thousand of them need not stay in memory
  session.touched = classified.touches_settings
  return outcome
end

return deploy
