-- The local folder and the ledger held against each other: what is pending, and what is wrong.

local digest = require "host.digest"
local folder = require "dixis.migrate.folder"

local history = {}

---@class dixis.History
---@field pending table[]    migrations of the folder that are to be applied, in order
---@field resume table<string, dixis.LedgerRow>  pending ones that dixis began statement by statement
---@field applied integer
---@field ledger string  names the state of the ledger
---@field problems { kind: string, name: string, message: string, hint: string }[]

-- Prisma accepts a checksum of the file with either line ending, and an old form without leading zeros.
---@param migration dixis.Migration
---@param checksum string  of the ledger
---@return boolean
function history.same_script(migration, checksum)
  if migration.checksum == checksum then return true end
  local text = folder.text(migration)
  if not text then return false end
  local unix = text:gsub("\r\n", "\n")
  local windows = text:gsub("\r\n", "\n"):gsub("\n", "\r\n")
  for _, form in ipairs { text, unix, windows } do
    local sum = digest.sha256(form)
    if sum == checksum then return true end
    if #checksum ~= 64 then
      local unpadded = sum:gsub("(%x)(%x)", function(high, low) return high == "0" and low or high .. low end)
      if unpadded == checksum then return true end
    end
  end
  return false
end

-- The state of a name is that of its finished row, if it has one, among those that were not rolled back. One
-- that neither finished nor was rolled back stops Prisma also beside a finished one.
local function index(rows)
  local by_name, order, stuck = {}, {}, {}
  for _, row in ipairs(rows) do
    if not row.rolled_back then
      if by_name[row.name] and by_name[row.name].finished and row.finished then by_name[row.name].doubled = true end
      if not by_name[row.name] then order[#order + 1] = row.name end
      if not (by_name[row.name] and by_name[row.name].finished) then by_name[row.name] = row end
      if not row.finished and not row.ours then stuck[row.name] = true end
    end
  end
  return by_name, order, stuck
end

-- All that decides about what is pending.
local function ledger_digest(rows)
  local hash = digest.sha256_new()
  for _, row in ipairs(rows) do
    hash:update(("%s\0%s\0%s %s %s %s\n"):format(row.name, row.checksum, row.finished, row.rolled_back, row.steps, row.begun))
  end
  return hash:hex()
end

---@param migrations table[]      of dixis.migrate.folder
---@param rows dixis.LedgerRow[]
---@return dixis.History
function history.compare(migrations, rows)
  local by_name, order, stuck = index(rows)
  local found = { pending = {}, resume = {}, applied = 0, ledger = ledger_digest(rows), problems = {} }
  local function problem(kind, name, message, hint)
    found.problems[#found.problems + 1] = { kind = kind, name = name, message = message, hint = hint }
  end
  local local_names, last_applied = {}, nil
  for _, migration in ipairs(migrations) do
    local_names[migration.name] = true
    local row = by_name[migration.name]
    if row and row.finished then last_applied = migration.name end
  end
  local before_last = last_applied ~= nil
  for _, migration in ipairs(migrations) do
    local row = by_name[migration.name]
    if row and row.finished then
      found.applied = found.applied + 1
      if not history.same_script(migration, row.checksum) then
        problem("edited", migration.name, "was changed after it had been applied",
          "restore " .. migration.file .. " as it was (git log), and put the change into a new migration")
      end
      if migration.name == last_applied then before_last = false end
    elseif row and row.ours then
      found.resume[migration.name] = row
      found.pending[#found.pending + 1] = migration
      if not history.same_script(migration, row.checksum) then
        problem("edited", migration.name, "was changed after a part of it had been applied",
          "restore " .. migration.file .. " as it was, then run again")
      end
    elseif not row then
      found.pending[#found.pending + 1] = migration
      if before_last then
        problem("out_of_order", migration.name, "is older than the newest applied one, " .. last_applied,
          "give its folder a newer timestamp so that every database applies it in the same order")
      end
    end
  end
  local unrecorded = {}
  for _, migration in ipairs(found.pending) do unrecorded[migration.checksum] = migration.name end
  for _, name in ipairs(order) do
    local row = by_name[name]
    if stuck[name] then
      problem("failed", name, "started and never finished (Prisma's P3009)",
        ("look what of it is in the database (`dixis plan` says), then: dixis run runbooks/resolve.lua "
          .. "--set migration=%s --set as=rolled_back, or as=applied when all of it is there"):format(name))
    elseif not local_names[name] and unrecorded[row.checksum] then
      problem("renamed", name, ("is applied in the database; the folder has the same script as %s"):format(
        unrecorded[row.checksum]), "give it its name back: by another name it would be applied again")
    elseif not local_names[name] then
      problem("missing", name, "is applied in the database but is not in the folder",
        "check out the commit that has it; a deploy from an old branch must not go on")
    end
    if row.doubled then
      problem("doubled", name, "is recorded as applied more than once", "look at its rows in _prisma_migrations")
    end
  end
  return found
end

return history
