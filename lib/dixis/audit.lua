-- The record of runs in the target itself: the table dixis.run, beside the application's schemas, where neither
-- Prisma nor a dump of one schema looks. It is a courtesy to whoever asks the database: a run never fails by it.

local clock = require "host.clock"
local errors = require "dixis.errors"
local json = require "dixis.json"
local process = require "host.process"
local server_error = require "dixis.migrate.server_error"
local session = require "dixis.target.session"
local task = require "host.task"

local audit = {}

local CONNECT_SECONDS <const>, LONGEST <const> = 5, 15

-- No commit of its own is waited for: a change that reaches the disk takes along the row that was there before it.
local bounded <const> = { "BEGIN", "SET LOCAL lock_timeout = '3s'", "SET LOCAL statement_timeout = '10s'",
  "SET LOCAL synchronous_commit = off" }

local there <const> =
  "SELECT pg_catalog.to_regnamespace('dixis') IS NOT NULL AS schema, pg_catalog.to_regclass('dixis.run') IS NOT NULL AS found"

-- Two runs may come at once: the second waits for the first, and finds all of it.
local CREATE_LOCK <const> = "SELECT pg_catalog.pg_advisory_xact_lock(72707369, 2)"
local create <const> = {
  schema = "CREATE SCHEMA IF NOT EXISTS dixis",
  run = [[CREATE TABLE IF NOT EXISTS dixis.run (
    run            text PRIMARY KEY,
    dixis          text NOT NULL,
    runbook        text NOT NULL,
    version        text NOT NULL,
    runbook_digest text NOT NULL,
    environment    text NOT NULL,
    plan           text NOT NULL,
    migrations     text NOT NULL,
    who            text NOT NULL,
    host           text NOT NULL,
    git_commit     text,
    git_dirty      boolean,
    phrases        json NOT NULL,
    started        timestamptz NOT NULL,
    finished       timestamptz,
    outcome        text,
    exit           integer,
    applied        integer,
    seconds        double precision,
    journal_head   text,
    receipt        json)]],
  comment = "COMMENT ON SCHEMA dixis IS 'runs of dixis in this database; see docs/receipts.md'",
}

local INSERT <const> = [[INSERT INTO dixis.run (run, dixis, runbook, version, runbook_digest, environment, plan, migrations,
    who, host, git_commit, git_dirty, phrases, started)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::boolean, $13::json, pg_catalog.to_timestamp($14::float8))]]
local FINISH <const> = [[UPDATE dixis.run SET outcome = $2, exit = $3::integer, applied = $4::integer, seconds = $5::float8,
    finished = pg_catalog.clock_timestamp() WHERE run = $1]]
local ATTACH <const> = "UPDATE dixis.run SET receipt = $2::json, journal_head = $3 WHERE run = $1"

-- A run's own lock session is idle, and no migration has ever touched it.
local function with_session(run, fn)
  local opened = run.lock_session
  if opened and opened.conn:status() == "idle" then return fn(opened) end
  local fresh <close> = errors.check(run:connect { timeout = CONNECT_SECONDS, application_name = "dixis record " .. run.id })
  return fn(fresh)
end

-- Runs the statements as one transaction.
local function commit(opened, statements)
  local batch = table.move(bounded, 1, #bounded, 1, {})
  table.move(statements, 1, #statements, #batch + 1, batch)
  batch[#batch + 1] = "COMMIT"
  local results, err = opened.conn:pipeline(batch)
  if not results then
    pcall(opened.rollback, opened)
    error(err, 0)
  end
  if results[#results].tag ~= "COMMIT" then errors.raise("sql", "the server answered ROLLBACK to COMMIT") end
  return results
end

local function ensure(opened)
  local found = opened:row(there)
  if found.found then return end
  local statements = { CREATE_LOCK, create.run }
  if not found.schema then statements = { CREATE_LOCK, create.schema, create.run, create.comment } end
  commit(opened, statements)
end

-- Nothing that goes wrong here may end the run, or hold it up for long.
local function attempt(run, fn)
  local child = task.spawn(with_session, run, fn)
  child:deadline(LONGEST)
  local ok, raised = child:join()
  if ok then return true end
  local err = errors.from(raised)
  err.message = server_error.safe_message(err)
  return false, err
end

-- Why there is no record of this run; nil when there is to be one.
local function unwanted(run)
  return run.settings.ephemeral or run.scratch or not run.settings.store or not run:resolve({ run.book.audit })[1]
end

local function failed(run, err)
  run.audited = false
  run.bus:emit("audit.failed", { error = errors.record(err) })
end

local function hint_for(run, err)
  if err.sqlstate ~= "42501" then return nil end
  local user = require("host.sql").quote_identifier(run.identity.user)
  return ("as the database's owner: CREATE SCHEMA dixis AUTHORIZATION %s%s"):format(user,
    run.book.options.audit and "; or do without it: --set audit=false" or "")
end

--- Puts the run on record in its target, before the first change of it.
---@async
---@param run dixis.Run
function audit.begin(run)
  if run.audited ~= nil or unwanted(run) then return end
  run.bus:intend("audit.started", { table = "dixis.run" })
  if run.ledger and run.ledger.schema == "dixis" then
    return failed(run, errors.new("failed", "the schema dixis is the application's own here"))
  end
  local git = run.git or {}
  local dirty
  if git.dirty ~= nil then dirty = tostring(git.dirty) end
  local ok, err = attempt(run, function(opened)
    ensure(opened)
    commit(opened, { { INSERT, params = {
      run.id, require "dixis.version", run.book.name, run.book.version, run.book.digest, run.book.target.environment,
      run.plan.digest, run.plan.migrations_digest, (process.user()), process.hostname(), git.commit, dirty,
      #run.phrases > 0 and json.encode(run.secrets:clean_all(run.phrases)) or "[]", ("%.3f"):format(clock.wall()), n = 14,
    } } })
  end)
  if ok then
    run.audited = true
  else
    err.hint = hint_for(run, err) or err.hint
    failed(run, err)
  end
end

local function update(run, statement)
  return attempt(run, function(opened)
    if commit(opened, { statement })[#bounded + 1].affected ~= 1 then
      errors.raise("failed", ("the row %s of dixis.run is gone"):format(run.id))
    end
  end)
end

--- Says how the run ended. A run that had nothing to change is put on record now, when it succeeded.
---@async
---@param run dixis.Run
---@param exit integer
---@param outcome string
function audit.finish(run, exit, outcome)
  if exit == 0 then audit.begin(run) end
  if not run.audited then return end
  local ok, err = update(run, { FINISH, params = { run.id, outcome, exit, #run.applied, ("%.6f"):format(run.bus:elapsed()) } })
  if not ok then failed(run, err) end
end

--- Adds the receipt. The journal has ended: what goes wrong is only shown.
---@async
---@param run dixis.Run
---@param text string
function audit.attach(run, text)
  if not run.audited then return end
  local head = run.bus.journal:head()
  local ok, err = update(run, { ATTACH, params = { run.id, text, head } })
  if not ok then run.bus:hint("audit.failed", { error = errors.record(err) }) end
end

-- ---- Reading -----------------------------------------------------------------------------------

local FOUND <const> = "SELECT pg_catalog.to_regclass('dixis.run') IS NOT NULL"

--- Calls fn with a session on a database that can only read; nil when nobody has ever run dixis there.
---@async
---@generic T
---@param target table  from dixis.target.url
---@param fn fun(opened: dixis.Session): T
---@return T?
function audit.read(target, fn)
  local opened <close> = errors.check(session.open(target, { lock_timeout = CONNECT_SECONDS,
    application_name = "dixis history" }))
  opened:query "BEGIN READ ONLY"
  if opened:value(FOUND) then return fn(opened) end
end

--- Receipts of runs in a database; those for these migrations first, then the newest.
---@async
---@param target table
---@param migrations_digest string
---@param limit integer
---@return { run: string, receipt: string }[]
function audit.receipts(target, migrations_digest, limit)
  return audit.read(target, function(opened)
    return opened:query([[SELECT run, receipt::text AS receipt FROM dixis.run WHERE receipt IS NOT NULL
      ORDER BY migrations = $1 DESC, started DESC, run DESC LIMIT $2]], migrations_digest, limit)
  end) or {}
end

--- Runs in a database, the newest first.
---@async
---@param target table
---@param limit integer
---@return table[]
function audit.runs(target, limit)
  return audit.read(target, function(opened)
    return opened:query([[SELECT run, runbook, version, environment, plan, who, host, git_commit, git_dirty, phrases::text,
        to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS started,
        coalesce(outcome, 'unfinished') AS outcome, exit, coalesce(applied, 0) AS applied, seconds, journal_head
      FROM dixis.run ORDER BY started DESC, run DESC LIMIT $1]], limit)
  end) or {}
end

return audit
