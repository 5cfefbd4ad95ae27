-- Rehearsal without effect: the pending migrations run in a transaction that is rolled back, and each
-- statement's locks, their duration and table rewrites are listed.

local clock = require "host.clock"
local deploy = require "dixis.migrate.deploy"
local errors = require "dixis.errors"
local server_error = require "dixis.migrate.server_error"

local explain = {}

---@class dixis.Explained
---@field name string
---@field skipped? string  why it was not run
---@field problem? string  why it failed
---@field seconds? number
---@field statements dixis.ExplainedStatement[]

---@class dixis.ExplainedStatement
---@field line integer
---@field seconds number
---@field locks { relation: string, mode: string, held: number }[]  held: seconds until the migration's end
---@field rewrites string[]

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
 WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND granted AND relation >= 16384]]
local files_query <const> = [[
SELECT oid::int8, relfilenode::int8 AS file FROM pg_catalog.pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384]]

local function snapshot(session)
  local known = {}
  for _, row in ipairs(session:query(relations_query)) do known[row.oid] = { name = row.name, file = row.file, strength = 0 } end
  return known
end

-- What the last statement added to the locks that are held.
local function new_locks(session, known, now)
  local added = {}
  for _, row in ipairs(session:query(locks_query)) do
    local relation, force = known[row.oid], strength[row.mode] or 0
    if relation and force > relation.strength then
      relation.strength = force
      added[row.oid] = { relation = relation.name, mode = row.mode:gsub("Lock$", ""), since = now, force = force }
    end
  end
  local list = {}
  for _, lock in pairs(added) do list[#list + 1] = lock end
  table.sort(list, function(a, b)
    if a.force ~= b.force then return a.force > b.force end
    return a.relation < b.relation
  end)
  return list
end

local function rewrites(session, known)
  local list = {}
  for _, row in ipairs(session:query(files_query)) do
    local relation = known[row.oid]
    if relation and relation.file ~= row.file then
      relation.file = row.file
      list[#list + 1] = relation.name
    end
  end
  table.sort(list)
  return list
end

local function one(session, migration)
  local made = { name = migration.name, statements = {} }
  local prepared = deploy.prepare(migration)
  if prepared.script.mode ~= "transaction" then
    made.skipped = prepared.script.mode == "whole" and "its syntax is newer than the parser"
      or "it has statements that cannot run in a transaction"
    return made
  end
  local known, begun = snapshot(session), clock.now()
  for i, statement in ipairs(prepared.script.statements) do
    local at = clock.now()
    local _, err = session.conn:query(prepared.text:sub(statement.first, statement.last))
    if err then
      made.problem = server_error.place(err, migration, prepared.text, statement, i, #prepared.script.statements).message
      return made
    end
    local took = clock.now() - at
    made.statements[i] = { line = statement.line, seconds = took, locks = new_locks(session, known, at),
      rewrites = rewrites(session, known) }
  end
  made.seconds = clock.now() - begun
  local ended = clock.now()
  for _, statement in ipairs(made.statements) do
    for _, lock in ipairs(statement.locks) do
      lock.held = ended - lock.since
      lock.since, lock.force = nil, nil
    end
  end
  return made
end

--- Runs the pending migrations and takes everything back. Sequences that they advance stay advanced.
---@async
---@param run dixis.Run   with its plan
---@param lock_timeout number  seconds
---@return dixis.Explained[]
function explain.run(run, lock_timeout)
  local session, out = run:open_session(), {}
  session.lock_timeout = lock_timeout
  session:reset()
  session:query "BEGIN"
  local ok, err = pcall(function()
    for i, migration in ipairs(run.history.pending) do
      local done, made = pcall(one, session, migration)
      if not done then
        local failure = errors.from(made)
        made = { name = migration.name, statements = {}, problem = failure.message }
      end
      out[i] = made
      -- What comes after would be judged on a database that it will never see.
      if made.skipped or made.problem then break end
    end
  end)
  session:rollback()
  session:reset()
  if not ok then error(err, 0) end
  return out
end

return explain
