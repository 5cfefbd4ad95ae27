-- The run lock: one migration run at a time in a database, whoever dies when.
--
-- Prisma's own advisory lock is held by a connection of its own, because a migration's SQL can unlock what
-- its session holds. A second one is held by the session that migrates: it is free only when that backend
-- is gone, so a run that follows one that was killed never meets its last statement.

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local task = require "host.task"

local lock = {}

local TAKE <const> = "SELECT pg_catalog.pg_try_advisory_lock(72707369)"
local TAKE_SECOND <const> = "SELECT pg_catalog.pg_try_advisory_lock(72707369, 1)"

local HELD <const> = [[
SELECT EXISTS (SELECT FROM pg_catalog.pg_locks
  WHERE locktype = 'advisory' AND classid = 0 AND objid = 72707369 AND objsubid = 1 AND pid = pg_catalog.pg_backend_pid())]]

-- An idle connection is seen to end at once; that its answers still come is asked this often.
local PROOF_SECONDS <const> = 1
local ANSWER_SECONDS <const> = 10

local holder_query <const> = [[
SELECT a.pid, l.pid IS NULL AS prepared, coalesce(nullif(a.application_name, ''), 'unnamed') AS name, a.usename AS role,
       extract(epoch FROM clock_timestamp() - a.backend_start)::float8 AS seconds
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted
   AND (l.classid = 0 AND l.objid = 72707369 AND l.objsubid = 1
     OR l.classid = 72707369 AND l.objid = 1 AND l.objsubid = 2)
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
   AND (l.pid IS NULL OR l.pid <> ALL ($1::int[])) ORDER BY l.objsubid LIMIT 1]]

--- Takes both locks; false: another has one of them.
---@async
---@param run dixis.Run  with its lock_session
---@return boolean
function lock.take(run)
  if not run.lock_session:value(TAKE) then return false end
  run.lock_proved = clock.now()
  local session = run:open_session()
  if session:value(TAKE_SECOND) then
    run.guarded, session.standing = session, TAKE_SECOND
    return true
  end
  -- The next to ask must not find each of us with a half.
  run.lock_session:query "SELECT pg_catalog.pg_advisory_unlock(72707369)"
  return false
end

--- The second lock, when the session that migrates is no longer the one that took it.
---@async
---@param run dixis.Run
---@param session dixis.Session
function lock.guard(run, session)
  if not run.lock_session or run.guarded == session then return end
  local begun = clock.now()
  while not session:value(TAKE_SECOND) do
    if clock.now() - begun > ANSWER_SECONDS then
      errors.raise("locked", "the backend of an earlier connection still works in the target",
        { hint = "run again when it is gone" })
    end
    clock.sleep(0.1)
  end
  run.guarded, session.standing = session, TAKE_SECOND
end

--- Who has it.
---@async
---@param run dixis.Run
---@return string
function lock.holder(run)
  local ours = ("{%d,%d}"):format(run.lock_session.conn:backend_pid(), run:open_session().conn:backend_pid())
  local row = run.lock_session:row(holder_query, ours)
  if row and row.prepared then return "a prepared transaction (see pg_prepared_xacts)" end
  if not row or not row.pid then return "another session" end -- which has just ended
  return ("%s (process %d, role %s, connected for %s)"):format(row.name, row.pid, row.role or "?",
    duration.show(row.seconds or 0))
end

-- A connection that is silent is as good as none: closing it ends the wait for its answer.
local function ask(session)
  local _ <close> = task.spawn(function()
    clock.sleep(ANSWER_SECONDS)
    session:close()
  end)
  local ok, held = pcall(session.value, session, HELD)
  return ok and held
end

--- Raises when the run lock is no longer ours, so that nothing more is committed: another run may have begun.
---@async
---@param run dixis.Run
---@param ask_anew? boolean  an answer of a moment ago is not enough
function lock.check(run, ask_anew)
  local session = run.lock_session
  if not session then return end
  if session.conn:status() ~= "closed" then
    if not ask_anew and clock.now() - run.lock_proved < PROOF_SECONDS then return end
    local asked = clock.now()
    if ask(session) then
      run.lock_proved = asked
      return
    end
  end
  errors.raise("lock_lost", "the connection that holds the run lock has ended, so another run may have begun; nothing more "
    .. "was committed", { changed = run.changed, hint = "run again; the record says what is applied" })
end

return lock
