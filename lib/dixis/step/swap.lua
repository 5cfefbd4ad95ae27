-- step.swap: the restored database takes the target's name, and the target another one, in one transaction: both or
-- neither. Nobody is let in meanwhile. The old one is kept until a person drops it.

local binding = require "dixis.binding"
local change = require "dixis.change"
local clock = require "host.clock"
local errors = require "dixis.errors"
local host_sql = require "host.sql"
local task = require "host.task"
local words = require "dixis.words"

local quoted <const> = host_sql.quote_identifier

local EMPTY_SECONDS <const> = 30
local ATTEMPTS <const> = 5
local OBJECT_IN_USE <const> = "55006"

-- What kind of process it is only a superuser sees; those without a user come and go by themselves.
local sessions_query <const> = [[
SELECT count(*)::int, coalesce(sum(pg_catalog.pg_terminate_backend(pid)::int), 0)
  FROM pg_catalog.pg_stat_activity
 WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid() AND usesysid IS NOT NULL]]

-- Ends the sessions of a database into which nobody is let any more.
local function empty(run, session, name)
  local begun, ended = clock.now(), 0
  while true do
    local left = session:value(sessions_query, name)
    ended = math.max(ended, left)
    if left == 0 then return ended end
    run:note(("ending %s of %s"):format(words.count(left, "session"), name))
    if clock.now() - begun > EMPTY_SECONDS then
      errors.raise("failed", ("%s of %s did not end within %d s"):format(words.count(left, "session"), name, EMPTY_SECONDS))
    end
    clock.sleep(0.05)
  end
end

local function let_in(session, name, yes)
  session:query(("ALTER DATABASE %s ALLOW_CONNECTIONS %s"):format(quoted(name), tostring(yes)))
end

local oid_query <const> = "SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = $1"

-- The answer to COMMIT was lost: the server knows whose name it is.
local function ask_again(run, names)
  local opened, err = run:connect { application_name = "dixis rollback " .. run.id }
  if not opened then
    errors.raise("in_doubt", "the connection was lost while the databases were swapped: " .. err.message, { changed = true,
      hint = ("look which of %s, %s and %s are there (psql -l), and rename by hand"):format(names.database, names.kept_as,
        names.restored) })
  end
  local oid = opened:value(oid_query, names.database)
  opened:close()
  return oid == names.oid
end

-- Both names change, or none.
local function rename_both(run, session, names, exists)
  local statements = { "BEGIN" }
  if exists then
    statements[2] = ("ALTER DATABASE %s RENAME TO %s"):format(quoted(names.database), quoted(names.kept_as))
  end
  statements[#statements + 1] = ("ALTER DATABASE %s RENAME TO %s"):format(quoted(names.restored), quoted(names.database))
  if exists then
    statements[#statements + 1] = ("ALTER DATABASE %s ALLOW_CONNECTIONS true"):format(quoted(names.kept_as))
  end
  for _, statement in ipairs(statements) do
    local done, err = session.conn:query(statement)
    if not done then
      if err.kind ~= "connection_lost" then session:rollback() end
      return false, err
    end
  end
  local done, err = session.conn:query "COMMIT"
  if done then return true end
  if err.kind == "connection_lost" and ask_again(run, names) then return true end
  return false, err
end

local function swap(run, session, names, exists)
  for attempt = 1, ATTEMPTS do
    local done, err = task.shield(rename_both, run, session, names, exists)
    if done then return end
    -- Somebody's last breath, or autovacuum: the server has waited five seconds already.
    if err.sqlstate ~= OBJECT_IN_USE or attempt == ATTEMPTS then
      errors.raise(err.kind, "the databases could not be swapped: " .. err.message,
        { sqlstate = err.sqlstate, hint = ("neither has another name; the restored one is %s"):format(names.restored) })
    end
    run:note(err.message)
  end
end

-- Also when the swap fails or is interrupted, people get in again.
local function let_in_afterwards(run, names, old, before)
  run:afterwards(function()
    local opened = errors.check(run:connect { application_name = "dixis rollback " .. run.id })
    local _ <close> = setmetatable({}, { __close = function() opened:close() end })
    if opened:value(oid_query, names.database) ~= old then return end
    let_in(opened, names.database, true)
    run.changed = before
  end)
end

-- Who the target is now: another database, on purpose, perhaps met by another connection.
local function look_again(run, session)
  if session.conn:status() == "closed" then
    session = errors.check(run:connect())
    run.session = session
  end
  run.identity = run:read_identity(session)
end

return {
  type = "swap",
  describe = function() return "end the target's sessions, and swap it with the restored database by their names" end,
  act = function(run)
    local names = run.results.rollback
    if not names or not names.oid then
      errors.raise("failed", "there is no restored database to swap with", { hint = "put step.restore before step.swap" })
    end
    -- Restoring may have taken hours.
    if run.began then binding.check(run) else change.begin(run) end
    local session, before = run:open_session(), run.changed
    local old = session:value(oid_query, names.database)
    local kept_as = old and names.kept_as or nil
    run.bus:intend("swap.started", { database = names.database, kept_as = kept_as, restored = names.restored })
    local ended = 0
    run.changed = true
    if old then
      let_in_afterwards(run, names, old, before)
      let_in(session, names.database, false)
      ended = empty(run, session, names.database)
    end
    empty(run, session, names.restored) -- whoever looks after all databases
    swap(run, session, names, old ~= nil)
    look_again(run, session)
    run.bus:emit("swap.finished", { database = names.database, kept_as = kept_as, sessions = ended })
    if not old then return names.database .. " is the restored one" end
    return ("%s is the restored one; %s; the one that was there is kept as %s until somebody drops it"):format(names.database,
      words.count(ended, "session") .. " ended", names.kept_as)
  end,
}
