-- The guard of the target while steps run: connections, blocked sessions, replication lag and our own locks go
-- into the record every few seconds, and what a runbook does not want to go on with stops the run.

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local lazy = require "dixis.lazy"
local task = require "host.task"
local words = require "dixis.words"

local define = lazy "dixis.define"
local footprint = lazy "dixis.migrate.footprint"
local side = lazy "dixis.target.side"

local guard = {}

guard.fields = {
  every = { type = "duration", default = 5, help = "how often it is looked" },
  abort = { type = "table", default = {}, help = "what stops the run" },
}
guard.abort_fields = {
  blocked_sessions = { type = "integer", help = "so many sessions wait for a lock" },
  blocked_for = { type = "duration", help = "one of them waits so long" },
  connections = { type = "number", help = "so many connections; below 1: that share of what the server allows" },
  replication_lag = { type = "string", help = "a replica is so far behind: \"64MB\" or \"30s\"" },
}

local ANSWER <const> = 30
local SHORTEST <const> = 0.1
local LOCKS <const> = 5
local units <const> = { B = 1, kB = 1 << 10, MB = 1 << 20, GB = 1 << 30, TB = 1 << 40 }

-- Bytes, or seconds.
local function lag_limit(text)
  local number, unit = tostring(text):match "^(%d+%.?%d*)%s*(%a+)$"
  if units[unit] then return { bytes = tonumber(number) * units[unit] } end
  local seconds = unit and duration.parse(text)
  return seconds and { seconds = seconds } or nil
end

--- Checks the `guard` of a runbook. Raises a plain message.
---@param given table
---@return table
function guard.check(given)
  local checked = define.check_fields("guard", given, guard.fields)
  checked.abort = define.check_fields("guard.abort", checked.abort, guard.abort_fields)
  local lag = checked.abort.replication_lag
  if type(lag) == "string" and not lag_limit(lag) then
    error(("guard.abort: replication_lag '%s' is neither an amount (\"64MB\") nor a time (\"30s\")"):format(lag), 0)
  end
  return checked
end

-- Who waits is seen by every role; what others do, only by some. Who waits since when is told from version 14 on.
local sample_query <const> = [[
SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::int AS most,
       CASE WHEN count(*) = count(a.state) THEN count(*) FILTER (WHERE a.state = 'active') END AS active,
       count(l.pid) AS blocked,
       coalesce(extract(epoch FROM max(clock_timestamp() - coalesce(l.since, a.state_change)) FILTER (WHERE l.pid IS NOT NULL)),
         0)::float8 AS blocked_for
  FROM pg_catalog.pg_stat_activity a
  LEFT JOIN (SELECT pid, %s AS since FROM pg_catalog.pg_locks WHERE NOT granted GROUP BY pid) l ON l.pid = a.pid
 WHERE a.datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND a.pid <> ALL ($1::int[])]]
local replicas_query <const> = [[
SELECT coalesce(nullif(application_name, ''), 'unnamed') AS name,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn)::int8 AS bytes,
       extract(epoch FROM replay_lag)::float8 AS seconds
  FROM pg_catalog.pg_stat_replication ORDER BY 1]]

local function rounded(seconds) return math.floor(seconds * 1000 + 0.5) / 1000 end

local function own_pids(run, session)
  local pids = { session.pid }
  for _, own in ipairs { run.session or false, run.lock_session or false } do
    if own then pids[#pids + 1] = own.pid end
  end
  return "{" .. table.concat(pids, ",") .. "}"
end

local function take(run, session)
  local since = session.conn:server_version() >= 140000 and "min(waitstart)" or "NULL::timestamptz"
  local row = session:row(sample_query:format(since), own_pids(run, session))
  local made = { connections = row.connections, most = row.most, active = row.active, blocked = row.blocked,
    blocked_for = row.blocked > 0 and rounded(row.blocked_for) or nil }
  for i, replica in ipairs(session:query(replicas_query)) do
    made.replicas = made.replicas or {}
    made.replicas[i] = { name = replica.name, bytes = replica.bytes, seconds = replica.seconds and rounded(replica.seconds) }
  end
  local locks = run.session and footprint.held(session, run.session.pid, LOCKS) or {}
  made.locks = #locks > 0 and locks or nil
  return made
end

--- "12 of 100 connections, 3 sessions blocked for 2.10 s, 12.0 MB behind": for the live line.
---@param sample table
---@return string
function guard.describe(sample)
  local parts = { ("%d of %d connections"):format(sample.connections, sample.most) }
  if sample.blocked > 0 then
    parts[2] = ("%s blocked for %s"):format(words.count(sample.blocked, "session"), duration.show(sample.blocked_for))
  end
  local behind = 0
  for _, replica in ipairs(sample.replicas or {}) do behind = math.max(behind, replica.bytes or 0) end
  if behind > 0 then parts[#parts + 1] = ("replication %.1f MB behind"):format(behind / 1e6) end
  return table.concat(parts, ", ")
end

-- The first rule that the sample breaks: its name and what was found.
local function broken(rules, sample)
  if rules.blocked_sessions and sample.blocked >= rules.blocked_sessions then
    return "blocked_sessions", words.count(sample.blocked, "session") .. " waited for locks"
  end
  if rules.blocked_for and (sample.blocked_for or 0) >= rules.blocked_for then
    return "blocked_for", ("a session waited for a lock for %s"):format(duration.show(sample.blocked_for))
  end
  local most = rules.connections
  if most and sample.connections >= (most < 1 and most * sample.most or most) then
    return "connections", ("%d of %d connections were taken"):format(sample.connections, sample.most)
  end
  local limit = rules.replication_lag and lag_limit(rules.replication_lag)
  for _, replica in ipairs(limit and sample.replicas or {}) do
    if limit.bytes and (replica.bytes or 0) >= limit.bytes then
      return "replication_lag", ("the replica %s was %.1f MB behind"):format(replica.name, replica.bytes / 1e6)
    elseif limit.seconds and (replica.seconds or 0) >= limit.seconds then
      return "replication_lag", ("the replica %s was %s behind"):format(replica.name, duration.show(replica.seconds))
    end
  end
end

local function told_blind(self, sample)
  if self.blind or not self.rules.replication_lag then return end
  for _, replica in ipairs(sample.replicas or {}) do
    if not replica.bytes then
      self.blind = true
      self.run.bus:emit("guard.blind", { rule = "replication_lag",
        reason = "the role may not see how far replicas are behind: GRANT pg_read_all_stats TO it" })
      return
    end
  end
end

local function look(self)
  local sample
  local err = side.use(self.run, ANSWER, function(session) sample = take(self.run, session) end)
  if err then return nil, err end
  self.run.bus:emit("guard.sample", sample)
  told_blind(self, sample)
  return sample
end

-- The statement is cancelled, and what it was a part of rolled back. Not while it is being asked what became of
-- a COMMIT, and not what must be done whatever happens.
local function abort(run, rule, found)
  if run.unsettled or run.current_always or not run.current_task then return false end
  run.aborted = errors.new("failed", ("stopped by the guard: %s (abort.%s)"):format(found, rule), {
    hint = "what was running was cancelled and rolled back; see the samples in the record, then run again in a quieter hour",
  })
  run.bus:emit("guard.abort", { rule = rule, found = found })
  run.current_task:cancel(run.aborted)
  return true
end

local function go_on(self)
  local lost = false
  while true do
    clock.sleep(self.every)
    local sample, err = look(self)
    if err and not lost then self.run.bus:emit("guard.lost", { error = errors.record(err) }) end
    lost = err ~= nil
    local rule, found
    if sample then rule, found = broken(self.rules, sample) end
    if rule and abort(self.run, rule, found) then return end
  end
end

--- The first look, while nothing is changed yet: a target that is beyond the rules already is a refusal.
---@async
---@param run dixis.Run
function guard.begin(run)
  local given = run:resolve(run.book.guard)
  local lag = given.abort.replication_lag
  if lag and not lag_limit(lag) then
    errors.refuse(("replication_lag '%s' is neither an amount nor a time"):format(lag), "as in \"64MB\" or \"30s\"")
  end
  local self = { run = run, every = math.max(SHORTEST, given.every), rules = given.abort }
  local sample, err = look(self)
  if not sample then
    errors.refuse("the target could not be watched: " .. err.message, err.hint)
  end
  local rule, found = broken(self.rules, sample)
  if rule then
    errors.refuse(("the guard would stop the run at once: %s (abort.%s)"):format(found, rule),
      "find out what is the matter with the target, then run again")
  end
  run.guarding = self
end

--- Goes on watching until it is closed.
---@param run dixis.Run
---@return host.Task?
function guard.start(run)
  return run.guarding and task.spawn(go_on, run.guarding) or nil
end

return guard
