-- What statements held and wrote anew, as lines for people: of `plan --explain` and of a rehearsal.

local duration = require "dixis.duration"

local locks = {}

---@param lock dixis.HeldLock
---@return string
function locks.lock(lock)
  return ("%-22s on %-30s held %s"):format(lock.mode, lock.relation, duration.show(lock.held or 0))
end

---@param name string  of a table
---@return string
function locks.rewrite(name)
  return "rewrites the table " .. name
end

local function size(bytes)
  return ("%.1f MB"):format(bytes / 1e6)
end

--- All of a statement.
---@param statement dixis.ExplainedStatement
---@return string[]
function locks.statement(statement)
  local lines = {}
  for _, lock in ipairs(statement.locks) do lines[#lines + 1] = locks.lock(lock) end
  for _, name in ipairs(statement.rewrites) do lines[#lines + 1] = locks.rewrite(name) end
  return lines
end

--- What is known of a migration as a whole: sampled locks, growth, WAL.
---@param observed dixis.Observed
---@return string[]
function locks.whole(observed)
  local lines = {}
  for _, lock in ipairs(observed.locks or {}) do lines[#lines + 1] = locks.lock(lock) end
  lines[#lines + 1] = ("%s %s on disk, wrote %s of WAL"):format(observed.growth < 0 and "shrank by" or "grew by",
    size(math.abs(observed.growth)), size(observed.wal))
  return lines
end

return locks
