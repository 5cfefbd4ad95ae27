-- What statements hold and what they write anew: the one place that reads locks, and files that tables are in.

local clock = require "host.clock"

local footprint = {}

---@class dixis.HeldLock
---@field relation string
---@field mode string     "AccessExclusive"
---@field held? number    seconds until the migration's end

-- From weak to strong, as PostgreSQL's documentation orders them.
local modes <const> = { "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
  "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock" }
local strength <const> = {}
for i, mode in ipairs(modes) do strength[mode] = i end

-- Locks on what the transaction itself made hold nobody up: only relations from before it count. Indexes
-- are locked with their table and say nothing more.
local relations_query <const> = [[
SELECT oid::int8, oid::regclass::text AS name, relfilenode::int8 AS file FROM pg_catalog.pg_class
 WHERE oid >= 16384 AND relkind IN ('r', 'p', 'm', 'v', 'f')]]
local locks_query <const> = [[
SELECT relation::int8 AS oid, mode FROM pg_catalog.pg_locks
 WHERE pid = coalesce($1::int, pg_catalog.pg_backend_pid()) AND locktype = 'relation' AND granted AND relation >= 16384]]
local files_query <const> = [[
SELECT oid::int8, relfilenode::int8 AS file FROM pg_catalog.pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384]]

local function by_strength(a, b)
  if a.force ~= b.force then return a.force > b.force end
  return a.relation < b.relation
end

local Footprint = {}
Footprint.__index = Footprint

--- Begins to look at a session's transaction, before its first statement.
---@async
---@param session dixis.Session  that looks, and runs the statements unless pid says otherwise
---@param pid? integer           of the backend that runs them
---@return table
function footprint.begin(session, pid)
  local self = setmetatable({ session = session, pid = pid, known = {}, all = {} }, Footprint)
  for _, row in ipairs(session:query(relations_query)) do
    self.known[row.oid] = { name = row.name, file = row.file, strength = 0 }
  end
  return self
end

--- What was added to the locks that are held, since the last look.
---@async
---@param since number  when the statement began
---@return dixis.HeldLock[]
function Footprint:locks(since)
  local added = {}
  for _, row in ipairs(self.session:query(locks_query, self.pid)) do
    local relation, force = self.known[row.oid], strength[row.mode] or 0
    if relation and force > relation.strength then
      relation.strength = force
      added[row.oid] = { relation = relation.name, mode = row.mode:gsub("Lock$", ""), since = since, force = force }
    end
  end
  local list = {}
  for _, lock in pairs(added) do
    list[#list + 1] = lock
    self.all[#self.all + 1] = lock
  end
  table.sort(list, by_strength)
  return list
end

--- Tables that were written anew since the last look.
---@async
---@return string[]
function Footprint:rewrites()
  local list = {}
  for _, row in ipairs(self.session:query(files_query)) do
    local relation = self.known[row.oid]
    if relation and relation.file ~= row.file then
      relation.file = row.file
      list[#list + 1] = relation.name
    end
  end
  table.sort(list)
  return list
end

--- The transaction has ended: says of each lock how long it was held.
function Footprint:finish()
  local ended = clock.now()
  for _, lock in ipairs(self.all) do
    if lock.since then lock.held = ended - lock.since end
    lock.since, lock.force = nil, nil
  end
  self.all = {}
end

-- What a transaction has made itself is seen by nobody else yet, and holds nobody up.
local held_query <const> = [[
SELECT c.oid::regclass::text AS relation, l.mode
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
 WHERE l.pid = $1::int AND l.locktype = 'relation' AND l.granted AND c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())]]

--- The strongest lock that a backend holds on each relation, the strongest first.
---@async
---@param session dixis.Session
---@param pid integer
---@param most integer
---@return dixis.HeldLock[]
function footprint.held(session, pid, most)
  local strongest, list = {}, {}
  for _, row in ipairs(session:query(held_query, pid)) do
    local force = strength[row.mode] or 0
    if not strongest[row.relation] or force > strongest[row.relation].force then
      strongest[row.relation] = { relation = row.relation, mode = row.mode:gsub("Lock$", ""), force = force }
    end
  end
  for _, lock in pairs(strongest) do list[#list + 1] = lock end
  table.sort(list, by_strength)
  for i = #list, 1, -1 do
    list[i].force = nil
    if i > most then list[i] = nil end
  end
  return list
end

return footprint
