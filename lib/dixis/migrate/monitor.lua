-- Watches a running migration from the run's second connection: who holds it up, whom it holds up, how far an
-- index is, and whether our connection still carries answers. It connects only when a migration takes long
-- enough to be watched.

local clock = require "host.clock"
local duration = require "dixis.duration"
local side = require "dixis.target.side"
local task = require "host.task"
local words = require "dixis.words"

local monitor = {}

---@class dixis.Watcher
---@field name? string      the migration that runs now
---@field done integer      migrations before it
---@field of integer
---@field statement? string  where in its script it is
---@field seen? string      what the second connection saw of it
---@field cancelled? { sessions: integer, seconds: number }
---@field blockers string[]
---@field silent? boolean
local Watcher = {}
Watcher.__index = Watcher

--- Tells whoever looks on what is under way.
function Watcher:tell()
  local parts = { self.name, self.statement }
  parts[#parts + 1] = self.seen
  self.run.bus:hint("progress", { item = self.run.current_item, done = self.done, of = self.of,
    text = table.concat(parts, ", ") })
end

--- Takes up the next migration, or the same once more.
---@param name string
function Watcher:begin(name)
  self.name, self.statement, self.seen, self.cancelled = name, nil, nil, nil
end

local INTERVAL <const> = 0.5

local blockers_query <const> = [[
SELECT a.pid, coalesce(nullif(a.application_name, ''), 'unnamed') AS name, a.usename AS role, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS seconds
  FROM pg_catalog.pg_stat_activity a WHERE a.pid = ANY (pg_catalog.pg_blocking_pids($1::int)) ORDER BY a.xact_start LIMIT 3]]

local waiting_query <const> = [[
SELECT count(*) AS sessions,
       coalesce(extract(epoch FROM max(clock_timestamp() - a.state_change)), 0)::float8 AS seconds
  FROM pg_catalog.pg_stat_activity a
 WHERE a.wait_event_type = 'Lock' AND a.pid <> $1::int AND $1::int = ANY (pg_catalog.pg_blocking_pids(a.pid))]]

local progress_query <const> = [[
SELECT phase, CASE WHEN blocks_total > 0 THEN 100.0 * blocks_done / blocks_total
                   WHEN tuples_total > 0 THEN 100.0 * tuples_done / tuples_total END::float8 AS percent
  FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1::int]]

local state_query <const> = "SELECT state, state_change::text AS since FROM pg_catalog.pg_stat_activity WHERE pid = $1::int"

local function describe(row)
  return ("%s (process %d, role %s, %s%s)"):format(row.name, row.pid, row.role or "?", row.state or "no state",
    row.seconds and ", in a transaction for " .. duration.show(row.seconds) or "")
end

-- Ends the wait for an answer that will not come; what is true is then asked on a new connection.
local function give_up(self)
  self.silent = true
  self.conn:close()
end

-- The server waits for us while we wait for the server.
local function check_link(self, session)
  local row = session:row(state_query, self.pid)
  local state = row and row.state or "gone"
  if self.conn:status() ~= "active" or not (state == "gone" or state:find "^idle") then
    self.stuck = nil
    return
  end
  local since = row and row.since or state
  if not self.stuck or self.stuck.since ~= since then self.stuck = { since = since, at = clock.now() } end
  if clock.now() - self.stuck.at >= self.silence then give_up(self) end
end

local function look(self, session)
  check_link(self, session)
  local pid = self.pid
  local blockers = {}
  for i, row in ipairs(session:query(blockers_query, pid)) do blockers[i] = describe(row) end
  local held = session:row(waiting_query, pid)
  local index = session:row(progress_query, pid)
  self.blockers = blockers
  local seen = {}
  if #blockers > 0 then
    seen[1] = "waits for " .. table.concat(blockers, " and ")
    if self.told_blocker ~= blockers[1]:match "process %d+" then
      self.told_blocker = blockers[1]:match "process %d+"
      self.run.bus:emit("lock.waiting", { migration = self.name, blockers = blockers })
    end
  end
  if held.sessions > 0 then
    seen[#seen + 1] = ("holds up %s for %s"):format(words.count(held.sessions, "session"), duration.show(held.seconds))
    if not self.told_held then
      self.told_held = true
      self.run.bus:emit("lock.holding", { migration = self.name, sessions = held.sessions, seconds = held.seconds })
    end
  end
  if index then
    seen[#seen + 1] = index.phase .. (index.percent and (" %.0f %%"):format(index.percent) or "")
  end
  self.seen = #seen > 0 and table.concat(seen, ", ") or nil
  if self.name then self:tell() end
  if self.most_blocking and held.sessions > 0 and held.seconds >= self.most_blocking and not self.cancelled then
    self.cancelled = { sessions = held.sessions, seconds = held.seconds }
    self.run.bus:emit("lock.released", { migration = self.name, sessions = held.sessions, seconds = held.seconds })
    self.conn:cancel()
  end
end

-- Whether it is worth to look again.
local function worth(self, err, where)
  if where == "query" then return err.kind == "connection_lost" end
  -- What the server itself says, that it is full for example, does not speak against our connection.
  if err.kind ~= "unreachable" or err.sqlstate then return err.kind == "unreachable" end
  self.unreachable = self.unreachable or clock.now()
  if clock.now() - self.unreachable < self.silence then return true end
  give_up(self)
  return false
end

local function watch(self)
  while true do
    local name = self.name
    clock.sleep(INTERVAL)
    if name and name == self.name then
      local err, where = side.use(self.run, self.silence, function(session)
        self.unreachable = nil
        if name == self.name then look(self, session) end
      end)
      if err and not worth(self, err, where) then return end -- it only watches: a deploy goes on without it
    end
  end
end

--- Starts watching the session's backend.
---@param run dixis.Run
---@param session dixis.Session
---@param most_blocking? number  seconds that others may be held up before our statement is cancelled
---@param silence number  seconds without a sign of life before the connection is given up
---@return dixis.Watcher
---@return host.Task task  close it with the scope
function monitor.start(run, session, most_blocking, silence)
  local self = setmetatable({ run = run, conn = session.conn, pid = session.pid, most_blocking = most_blocking,
    silence = silence, blockers = {}, done = 0, of = 0 }, Watcher)
  return self, task.spawn(watch, self)
end

return monitor
