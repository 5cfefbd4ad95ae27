-- Partitions that come and go while the table is in use.

local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local partition = {}

-- A valid CHECK can say what the bounds say; whether it says enough is not judged here.
local function has_valid_check(relation)
  for _, constraint in pairs(relation and relation.constraints or {}) do
    if constraint.type == "c" and constraint.valid then return true end
  end
  return false
end

---@param context dixis.lint.Hazards
---@param on? dixis.lint.Subject  nil: the parent is new
---@param command table
---@return string? long
function partition.attach(context, on, command)
  local inner <const> = command.def.PartitionCmd
  local child <const> = subject.of(context, inner.name)
  if not child then return nil end
  context:locked(child, "ACCESS EXCLUSIVE")
  if has_valid_check(child.relation) then return nil end
  local name <const> = subject.quote(child.name .. "_bounds")
  say.hazard(context, "attach-scans", { what = "ATTACH PARTITION " .. child.sql, on = child, lock = "ACCESS EXCLUSIVE",
    long = "scan", at = inner.name.location, why = (on and "A default partition is read under that lock too. " or "")
      .. "No valid CHECK on it says that its rows are within the bounds.",
    fix = "let a CHECK that says the bounds (and NOT NULL of the key) prove it: reading the rows for it blocks nobody", sql = {
      "-- 1", ("ALTER TABLE %s ADD CONSTRAINT %s CHECK (...) NOT VALID;"):format(child.sql, name),
      "-- 2", ("ALTER TABLE %s VALIDATE CONSTRAINT %s;"):format(child.sql, name),
      "-- 3", ("ALTER TABLE %s ATTACH PARTITION %s ...;"):format(on and on.sql or "...", child.sql),
      ("ALTER TABLE %s DROP CONSTRAINT %s;"):format(child.sql, name),
    } })
  return "scan"
end

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
function partition.detach(context, on, command)
  local inner <const> = command.def.PartitionCmd
  if inner.concurrent then return nil end
  local child <const> = subject.of(context, inner.name)
  if not child then return nil end
  context:locked(child, "ACCESS EXCLUSIVE")
  local newer <const> = not context.server_major or context.server_major >= 14
  say.hazard(context, "detach-blocks", { what = "DETACH PARTITION " .. child.sql, on = on, lock = "ACCESS EXCLUSIVE",
    also = { { on = child, lock = "ACCESS EXCLUSIVE" } }, at = inner.name.location,
    fix = newer and "detach it CONCURRENTLY, alone in its migration (PostgreSQL 14; not with a default partition)"
      or "PostgreSQL 14 can do it CONCURRENTLY; before that, do it when there are no long statements",
    sql = newer and ("ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY;"):format(on.sql, child.sql) or nil })
end

return partition
