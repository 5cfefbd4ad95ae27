-- step.restore: the backup of gate.restorable into a new database beside the target, compared with its record. The
-- target is left alone.

local lazy = require "dixis.lazy"

local change = require "dixis.change"
local archive = lazy "dixis.backup.archive"
local database = lazy "dixis.backup.database"
local errors = require "dixis.errors"
local host_sql = require "host.sql"
local restore = lazy "dixis.backup.restore"

local function rollback_of(run)
  if run.rollback then return run.rollback, run.results.rollback end
  errors.raise("failed", "no backup was chosen", { hint = "put gate.restorable among the gates" })
end

-- Half a database must not be taken for the restored one, however this ends.
local function drop_unless(run, name, state)
  run:afterwards(function()
    if state.done then return end
    local opened = errors.check(run:connect { application_name = "dixis rollback " .. run.id })
    local dropped, err = opened.conn:query(("DROP DATABASE IF EXISTS %s%s"):format(host_sql.quote_identifier(name),
      run.identity.major >= 13 and " WITH (FORCE)" or ""))
    opened:close()
    if not dropped then
      errors.raise("failed", ("the half-made database %s could not be dropped: %s"):format(name, err.message))
    end
    run.bus:emit("restore.dropped", { database = name })
  end)
end

local function dress(session, properties, name)
  for _, statement in ipairs(database.dress_statements(properties, name)) do session:query(statement) end
  local other = database.differences(properties, database.read(session, name))
  if #other > 0 then
    errors.raise("failed", ("%s could not be made like the target: %s differ"):format(name, table.concat(other, ", ")))
  end
end

return {
  type = "restore",
  uses = function() return { exec = { "pg_dump", "pg_restore" } } end,
  describe = function() return "restore the backup into a new database beside the target, and compare it" end,
  act = function(run)
    local rollback, names = rollback_of(run)
    change.begin(run)
    local session, name, state = run:open_session(), names.restored, {}
    run.bus:intend("restore.started", { path = names.path, database = name })
    drop_unless(run, name, state)
    session:query(database.create_statement(rollback.properties, name, run.identity.major))
    local made = restore.run(run, { programs = rollback.programs, params = run:beside(name).params, path = names.path,
      jobs = rollback.jobs, flags = {}, source = rollback.source, rows = rollback.record.rows,
      tables = math.tointeger(rollback.record.tables) })
    run:note "computing its SHA-256"
    if archive.sha256(names.path) ~= names.sha256 then
      errors.raise("failed", names.path .. " was changed while it was restored; the target was left alone")
    end
    dress(session, rollback.properties, name)
    names.oid = database.read(session, name).oid
    state.done = true
    run.bus:emit("restore.finished", { database = name, seconds = made.seconds, tables = made.tables, rows = made.rows })
    return ("%s, %s%s%s"):format(name, restore.describe(made),
      rollback.record.rows and ", as recorded" or ", of which no record is there",
      #rollback.withheld > 0 and "\nwithout what the role may not set; a superuser does it afterwards: "
        .. table.concat(rollback.withheld, "; ") or ""), made
  end,
}
