-- Puts the ledger right by hand, as `prisma migrate resolve` leaves it: a migration that failed is marked as
-- rolled back, or recorded as applied, without running anything of it.

local clock = require "host.clock"
local digest = require "host.digest"
local errors = require "dixis.errors"
local lock = require "dixis.migrate.lock"
local task = require "host.task"

local resolution = {}

---@class dixis.Rows
---@field open string[]    ids of rows that neither finished nor were rolled back
---@field finished integer rows that count as applied
---@field closed integer   rows that were rolled back

--- The rows of each migration that has any, by its name.
---@async
---@param run dixis.Run
---@param only? string  of this one
---@return table<string, dixis.Rows>
function resolution.all(run, only)
  local out = {}
  if not run.ledger.exists then return out end
  for _, row in ipairs(run:open_session():query(([[
      SELECT id, migration_name AS name, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back
        FROM %s WHERE $1::text IS NULL OR migration_name = $1::text ORDER BY started_at, id]])
      :format(run.ledger.table), only)) do
    local rows = out[row.name] or { open = {}, finished = 0, closed = 0 }
    out[row.name] = rows
    if row.rolled_back then rows.closed = rows.closed + 1
    elseif row.finished then rows.finished = rows.finished + 1
    else rows.open[#rows.open + 1] = row.id end
  end
  return out
end

--- The rows of one migration.
---@async
---@param run dixis.Run
---@param name string
---@return dixis.Rows
function resolution.rows(run, name)
  return resolution.all(run, name)[name] or { open = {}, finished = 0, closed = 0 }
end

local function time(seconds)
  return ("%.6f"):format(seconds)
end

--- Marks an open row as rolled back.
---@return table statement  for Connection:pipeline
function resolution.roll_back(ledger, id, now)
  return { ([[UPDATE %s SET rolled_back_at = pg_catalog.to_timestamp($2::float8)
    WHERE id = $1 AND finished_at IS NULL AND rolled_back_at IS NULL]]):format(ledger.table), params = { id, time(now) } }
end

--- Records a migration as applied without having run it: logs is empty and no step is counted.
---@return table statement  for Connection:pipeline
function resolution.applied(ledger, migration, now)
  return { ([[INSERT INTO %s (id, checksum, migration_name, logs, started_at, finished_at, applied_steps_count)
    VALUES ($1, $2, $3, '', pg_catalog.to_timestamp($4::float8), pg_catalog.to_timestamp($4::float8), 0)]])
    :format(ledger.table), params = { digest.uuid(), migration.checksum, migration.name, time(now) } }
end

--- Runs the statements in one transaction; each must touch one row, or be a definition.
---@async
---@param run dixis.Run
---@param statements table[]
function resolution.write(run, statements)
  local session = run:open_session()
  table.insert(statements, 1, "BEGIN")
  local results, err = session.conn:pipeline(statements)
  if not results then
    session:rollback()
    error(err, 0)
  end
  for i = 2, #results do
    if results[i].tag:match "^%u+ %d" and results[i].affected ~= 1 then
      session:rollback()
      errors.raise("failed", "a row of the ledger was changed by somebody else meanwhile; nothing was recorded",
        { hint = "look at the plan again, then run again" })
    end
  end
  lock.check(run)
  run.bus:sync()
  task.shield(function()
    run.changed = true
    local done, lost = session.conn:query "COMMIT"
    if not done and lost.kind == "connection_lost" then
      errors.raise("in_doubt", "the connection was lost while the record was committed",
        { changed = true, hint = "when the server answers again, `dixis plan` shows what the ledger says" })
    end
    if errors.check(done, lost).tag ~= "COMMIT" then
      run.changed = false
      errors.raise("sql", ("the server answered %s to COMMIT; nothing was kept"):format(done.tag))
    end
  end)
end

--- Times for rows that are written together, so that they are read in this order.
---@param count integer
---@return fun(i: integer): number
function resolution.times(count)
  local now = clock.wall()
  return function(i) return now - (count - i) * 1e-6 end
end

return resolution
