-- The connection was lost while a migration ran: the database itself says whether it was committed.

local clock = require "host.clock"
local errors = require "dixis.errors"
local words = require "dixis.words"

local doubt = {}

local PATIENCE <const> = 30
-- The server notices within a second that its client is gone, unless the network keeps the end to itself.
local GRACE <const> = 3

-- A process that began later only has the number of ours.
local ours_query <const> = [[
SELECT count(*) FROM pg_catalog.pg_stat_activity
 WHERE pid = $1::int AND (backend_start IS NULL OR backend_start <= clock_timestamp() - make_interval(secs => $2::float8))]]

-- The lost backend may still be committing: its word counts only when it is gone.
local function wait_until_gone(session, lost)
  local begun, ended = clock.now(), false
  while session:value(ours_query, lost.pid, clock.now() - lost.opened) > 0 do
    local waited = clock.now() - begun
    if waited > PATIENCE then return false end
    if waited > GRACE and not ended then
      ended = true
      session:query("SELECT pg_catalog.pg_terminate_backend($1::int)", lost.pid)
    end
    clock.sleep(0.1)
  end
  return true
end

local function reconnect(run)
  local until_then = clock.now() + PATIENCE
  repeat
    local opened = run:connect { timeout = 5 }
    if opened then return opened end
    clock.sleep(0.5)
  until clock.now() > until_then
end

local function same_server(before, now)
  return not now.replica and before.system_identifier == now.system_identifier and before.database_oid == now.database_oid
end

-- The migration's row, or false when it has none; nil and why, when nobody can tell.
local function look(run, migration)
  local before, lost = run.identity, run.session
  local opened = reconnect(run)
  if not opened then return nil, "the server could not be reached again" end
  run.session:close()
  run:adopt(opened)
  if not same_server(before, run.identity) then return nil, "another server answers now" end
  if not wait_until_gone(opened, lost) then return nil, "the server still works at it" end
  local found = false
  for _, row in ipairs(run.ledger:rows(opened)) do
    if row.name == migration.name and not row.rolled_back then found = row end
  end
  return found
end

--- Finds out what became of a migration whose connection was lost, and returns the error to end the
--- step with: "connection_lost" with a known outcome, or "in_doubt".
---@async
---@param run dixis.Run
---@param migration { name: string }
---@param err dixis.Error
---@return dixis.Error
function doubt.settle(run, migration, err)
  run:note "the connection was lost; asking the server what became of the migration"
  local asked, row, why = pcall(look, run, migration)
  if not asked then row, why = nil, errors.from(row).message end
  if row == nil then
    return errors.new("in_doubt",
      ("the connection was lost while %s ran, and whether it was applied is not known: %s"):format(migration.name, why),
      { changed = true, hint = ("when the server answers again, look for %s in _prisma_migrations: with finished_at it is "
        .. "applied, without a row it is not; then run again"):format(migration.name) })
  elseif not row then
    return errors.new("connection_lost", ("the connection was lost inside %s: nothing of it was kept (%s)"):format(
      migration.name, err.message), { changed = run.changed, hint = "run again" })
  end
  run.changed = true
  if not row.finished then
    local done = ("%d of its statements %s done and recorded"):format(row.steps, words.are(row.steps))
    return errors.new("connection_lost", ("the connection was lost inside %s; %s"):format(migration.name, done),
      { changed = true, hint = "run again: it goes on after checking" })
  end
  run.bus:emit("migration.applied", { name = migration.name, seconds = 0, recovered = true })
  run.applied[#run.applied + 1] = migration.name
  return errors.new("connection_lost", ("the connection was lost after %s was committed: it is applied and recorded")
    :format(migration.name), { changed = true, hint = "run again to go on with the next migration" })
end

return doubt
