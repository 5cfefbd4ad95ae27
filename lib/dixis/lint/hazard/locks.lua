-- What PostgreSQL's lock modes keep others from, and which of them the forms of ALTER TABLE take. The claims are
-- compared with pg_locks in spec/lint/hazard_reality_spec.lua.

local locks = {}

---@alias dixis.lint.LockMode
---| "ACCESS SHARE" | "ROW SHARE" | "ROW EXCLUSIVE" | "SHARE UPDATE EXCLUSIVE" | "SHARE"
---| "SHARE ROW EXCLUSIVE" | "EXCLUSIVE" | "ACCESS EXCLUSIVE"

--- Weakest first; the parser numbers the modes of LOCK TABLE in this order.
---@type dixis.lint.LockMode[]
locks.modes = { "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
  "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE" }

local strength <const> = {}
for i, mode in ipairs(locks.modes) do strength[mode] = i end

---@param a? dixis.lint.LockMode
---@param b? dixis.lint.LockMode
---@return dixis.lint.LockMode?
function locks.stronger(a, b)
  if not a or not b then return a or b end
  return strength[a] >= strength[b] and a or b
end

--- True when INSERT, UPDATE and DELETE have to wait for it.
---@param mode dixis.lint.LockMode
---@return boolean
function locks.blocks_writes(mode)
  return strength[mode] >= strength["SHARE"]
end

---@param mode dixis.lint.LockMode
---@return string
function locks.blocks(mode)
  if mode == "ACCESS EXCLUSIVE" then return "blocks all reads and writes" end
  if locks.blocks_writes(mode) then return "blocks all writes" end
  return "blocks neither reads nor writes"
end

-- What is not here takes ACCESS EXCLUSIVE.
local weak <const> = {
  AT_ValidateConstraint = "SHARE UPDATE EXCLUSIVE", AT_SetStatistics = "SHARE UPDATE EXCLUSIVE",
  AT_SetOptions = "SHARE UPDATE EXCLUSIVE", AT_ResetOptions = "SHARE UPDATE EXCLUSIVE",
  AT_SetRelOptions = "SHARE UPDATE EXCLUSIVE", AT_ResetRelOptions = "SHARE UPDATE EXCLUSIVE",
  AT_ClusterOn = "SHARE UPDATE EXCLUSIVE", AT_DropCluster = "SHARE UPDATE EXCLUSIVE",
  AT_AttachPartition = "SHARE UPDATE EXCLUSIVE",
  AT_EnableTrig = "SHARE ROW EXCLUSIVE", AT_EnableAlwaysTrig = "SHARE ROW EXCLUSIVE",
  AT_EnableReplicaTrig = "SHARE ROW EXCLUSIVE", AT_EnableTrigAll = "SHARE ROW EXCLUSIVE",
  AT_EnableTrigUser = "SHARE ROW EXCLUSIVE", AT_DisableTrig = "SHARE ROW EXCLUSIVE",
  AT_DisableTrigAll = "SHARE ROW EXCLUSIVE", AT_DisableTrigUser = "SHARE ROW EXCLUSIVE",
}

--- The lock that one form of ALTER TABLE takes on its table.
---@param command table  AlterTableCmd
---@return dixis.lint.LockMode
function locks.of_command(command)
  local subtype <const> = command.subtype
  if weak[subtype] then return weak[subtype] end
  if subtype == "AT_AddConstraint" and command.def.Constraint.contype == "CONSTR_FOREIGN" then
    return "SHARE ROW EXCLUSIVE"
  end
  if subtype == "AT_DetachPartition" and command.def.PartitionCmd.concurrent then return "SHARE UPDATE EXCLUSIVE" end
  return "ACCESS EXCLUSIVE"
end

--- ALTER TABLE takes the strongest lock of its forms once, at its beginning.
---@param commands table[]
---@return dixis.lint.LockMode
function locks.of_commands(commands)
  local mode = "ACCESS SHARE"
  for _, entry in ipairs(commands) do mode = locks.stronger(mode, locks.of_command(entry.AlterTableCmd)) end
  return mode
end

return locks
