-- A migration that cannot be one transaction, statement by statement, with the count of finished ones in
-- its ledger row. A statement that can be in a transaction is committed together with the count; only
-- the others leave a gap, and what they left is asked of the catalog.

local effect = require "dixis.migrate.effect"
local errors = require "dixis.errors"
local lock = require "dixis.migrate.lock"
local server_error = require "dixis.migrate.server_error"
local task = require "host.task"
local words = require "dixis.words"

local stepwise = {}

-- What a person must know when the effect of an interrupted statement cannot be seen.
local function refuse_unknown(migration, statement, number, of)
  errors.raise("in_doubt", ("%s:%d: statement %d of %d was begun by an earlier run that was cut off, and the catalog does "
    .. "not show whether it was finished"):format(migration.file, statement.line, number, of), {
    file = migration.file, line = statement.line, changed = true,
    hint = ("look for its effect; then set applied_steps_count of this migration to %d (done) or leave it at %d (not done) "
      .. "and logs to 'dixis: checked' in _prisma_migrations, and run again"):format(number, number - 1),
  })
end

-- Runs what must stand alone. `begun`: an earlier run may have done it.
local function alone(run, session, ledger, job, i, begun)
  local statement, of = job.statements[i], #job.statements
  if begun then
    local state, name = effect.of(session, statement)
    if state == "present" then
      run.bus:emit("statement.found", { migration = job.migration.name, statement = i, of = of, effect = name })
      return
    elseif state == "invalid" then
      run.bus:emit("index.invalid", { migration = job.migration.name, statement = i, index = name })
      errors.check(session.conn:query("DROP INDEX CONCURRENTLY " .. name))
    elseif state == "unknown" and not job.repeatable[statement.node] then
      refuse_unknown(job.migration, statement, i, of)
    end
  end
  lock.check(run)
  ledger:progress(session, job.id, i - 1, ("statement %d of %d begins"):format(i, of))
  -- CONCURRENTLY waits for every older transaction without holding anybody up: it may take its time.
  session:set_lock_timeout(job.patience)
  local _, err = session.conn:query(job.texts[i])
  if err then error(err, 0) end
  session:set_lock_timeout(session.lock_timeout)
end

local function with_count(run, session, ledger, job, i)
  local count = ledger:progress_statement(job.id, i, words.of(i, #job.statements, "statement") .. " done")
  local results, err = session.conn:pipeline { "BEGIN", job.texts[i], count }
  if not results then
    if err.index == 2 then err.index = nil end
    session:rollback()
    error(err, 0)
  end
  ledger:counted(results[3])
  lock.check(run)
  local result = errors.check(session.conn:query "COMMIT")
  if result.tag ~= "COMMIT" then errors.raise("sql", "the server answered " .. result.tag .. " to COMMIT") end
end

local function one(run, session, ledger, job, i, begun)
  local statement, of = job.statements[i], #job.statements
  run.bus:intend("statement.started", { migration = job.migration.name, statement = i, of = of, line = statement.line })
  local ok, err = pcall(function()
    if job.alone[i] then alone(run, session, ledger, job, i, begun) else with_count(run, session, ledger, job, i) end
  end)
  if not ok then
    err = errors.from(err)
    if err.kind ~= "sql" then error(err, 0) end
    local placed = server_error.place(err, job.migration, job.text, statement, i, of)
    placed.changed = i > 1
    local state, name = effect.of(session, statement)
    if state == "invalid" then
      placed.changed = true
      placed.message = ("%s; it left the invalid index %s"):format(placed.message, name)
    end
    placed.hint = placed.hint or ("%s %s done and recorded; mend the cause, then run again: it goes on "
      .. "with statement %d%s"):format(words.of(i - 1, of, "statement"), words.are(i - 1), i,
      state == "invalid" and ", after dropping that index" or "")
    error(placed, 0)
  end
  task.shield(function()
    if job.alone[i] then ledger:progress(session, job.id, i, words.of(i, of, "statement") .. " done") end
    run.changed = true
    run.bus:emit("statement.finished", { migration = job.migration.name, statement = i, of = of })
  end)
end

-- Doing these again does no harm.
local repeatable <const> = { VacuumStmt = true, ReindexStmt = true, ClusterStmt = true, AlterSystemStmt = true,
  VariableSetStmt = true }

--- Applies the migration from where its ledger row says that it stands.
---@async
---@param run dixis.Run
---@param session dixis.Session
---@param ledger dixis.Ledger
---@param job table  { migration, text, statements, texts, alone, started, patience }
---@param row? dixis.LedgerRow
---@param record fun()  called inside the shield that records the end
function stepwise.apply(run, session, ledger, job, row, record)
  job.repeatable = repeatable
  job.id = row and row.id or task.shield(function()
    run.changed = true
    local id = ledger:begin(session, job.migration, job.started)
    -- Another attempt goes on with this row.
    run.history.resume[job.migration.name] = { id = id, name = job.migration.name, checksum = job.migration.checksum,
      finished = false, rolled_back = false, steps = 0, ours = true, begun = false }
    return id
  end)
  local done = row and row.steps or 0
  -- Settings went with the connection of the run that was cut off.
  for i = 1, done do
    if job.statements[i].node == "VariableSetStmt" then session:query(job.texts[i]) end
  end
  for i = done + 1, #job.texts do
    local begun = row ~= nil and i == done + 1 and row.begun
    one(run, session, ledger, job, i, begun)
  end
  run.bus:sync()
  task.shield(function()
    ledger:finish(session, job.id)
    record()
  end)
end

return stepwise
