-- A rehearsal's look at what a migration does besides its result: locks and how long they are held, tables written
-- anew, growth on disk, WAL. A migration in one transaction is sent statement by statement for it.

local clock = require "host.clock"
local footprint = require "dixis.migrate.footprint"
local side = require "dixis.target.side"
local task = require "host.task"

local observe = {}

---@class dixis.Observed
---@field name string
---@field growth integer   bytes of the database
---@field wal integer      bytes of write-ahead log
---@field statements dixis.ExplainedStatement[]
---@field locks? dixis.HeldLock[]  of a migration that is not one transaction: sampled

local Observer = {}
Observer.__index = Observer
Observer.__close = function(self) self:close() end

-- More than these would be looked at for longer than they run: the last one stands for all.
local LOOKED_AT <const> = 200
local SAMPLE <const>, ANSWER <const>, MOST <const> = 0.05, 30, 50

local sizes_query <const> = [[
SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::int8 AS bytes,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::int8 AS wal]]

---@param run dixis.Run
---@param session dixis.Session  that applies the migrations
---@return table observer
function observe.new(run, session)
  return setmetatable({ run = run, session = session }, Observer)
end

-- What runs outside of a transaction holds its locks for itself only: they are seen from beside it.
local function sample(self)
  local seen = self.sampled
  while true do
    side.use(self.run, ANSWER, function(session)
      local now = clock.now()
      for _, lock in ipairs(footprint.held(session, self.session.pid, MOST)) do
        local key = lock.relation .. " " .. lock.mode
        local known = seen[key]
        if known then
          known.last = now
        else
          seen[key] = { lock = lock, first = now, last = now }
          seen[#seen + 1] = seen[key]
        end
      end
    end)
    clock.sleep(SAMPLE)
  end
end

--- Before a migration begins.
---@async
---@param mode string
function Observer:before(mode)
  self.statements, self.begun = {}, clock.now()
  self.sizes = self.session:row(sizes_query)
  self.footprint = footprint.begin(self.session)
  self.sampled, self.sampler = {}, nil
  if mode ~= "transaction" then self.sampler = task.spawn(sample, self) end
end

--- Sends a transaction's statements as the pipeline of a connection does, but one after the other, and looks around
--- after each of the migration's own.
---@async
---@param batch table[]
---@param own dixis.Script
---@param first integer   where in the batch they begin
---@param on_result fun(index: integer, seconds: number)
---@return host.pg.Result[]? results
---@return dixis.Error? err  with its index
function Observer:send(batch, own, first, on_result)
  local results, last = {}, first + #own.statements - 1
  local since = clock.now()
  for i, item in ipairs(batch) do
    local begun = clock.now()
    local text, params = item, nil
    if type(item) == "table" then text, params = item[1], item.params end
    local result, err = self.session.conn:query(text, params)
    if not result then
      err.index = i
      return nil, err
    end
    results[i] = result
    local seconds = clock.now() - begun
    on_result(i, seconds)
    if i >= first and (i == last or i < last and #own.statements <= LOOKED_AT) then
      self.statements[#self.statements + 1] = { line = own.statements[i - first + 1].line, seconds = seconds,
        locks = self.footprint:locks(since), rewrites = self.footprint:rewrites() }
      since = clock.now()
    end
  end
  return results
end

local function rounded(list)
  for _, lock in ipairs(list) do lock.held = math.floor((lock.held or 0) * 1e6 + 0.5) / 1e6 end
  return list
end

--- After it was committed: what was seen is on record.
---@async
---@param name string
function Observer:after(name)
  self.footprint:finish()
  if self.sampler then
    self.sampler:cancel()
    self.sampler:join()
    local rewrites = self.footprint:rewrites()
    self.statements = #rewrites > 0
      and { { line = 1, seconds = clock.now() - self.begun, locks = {}, rewrites = rewrites } } or {}
  end
  for _, statement in ipairs(self.statements) do rounded(statement.locks) end
  local locks = {}
  for i, one in ipairs(self.sampled) do
    one.lock.held = one.last - one.first
    locks[i] = one.lock
  end
  local now = self.session:row(sizes_query)
  self.run.bus:emit("migration.observed", { name = name, growth = now.bytes - self.sizes.bytes,
    wal = now.wal - self.sizes.wal, statements = self.statements, locks = #locks > 0 and rounded(locks) or nil })
end

--- Also when a migration failed.
function Observer:close()
  if self.sampler then self.sampler:cancel() end
end

return observe
