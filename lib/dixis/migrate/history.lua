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
-- that neither finished nor was rolled back stops Prisma also beside a finished one. Rows come one by one, and of
-- the thousands that are simply done only the checksum is kept, in the copy that the folder has of it.
local function read_rows(rows, checksums)
  local index = { finished = {}, begun = {}, doubled = {}, stuck = {}, order = {} } -- order: of those that are not simply done
  local hash, told = digest.sha256_new(), {} -- hash: over all that decides about what is pending
  for row in rows do
    local name, done = row.name, index.finished[row.name]
    hash:update(("%s\0%s\0%s %s %s %s\n"):format(name, row.checksum, row.finished, row.rolled_back, row.steps, row.begun))
    if not row.rolled_back then
      local same = row.checksum == checksums[name]
      if row.finished then
        if done then index.doubled[name] = true end
        index.finished[name] = done or same and checksums[name] or row.checksum
      else
        index.begun[name] = index.begun[name] or row
        if not row.ours then index.stuck[name] = true end
      end
      if (done or not same or not row.finished) and not told[name] then
        told[name], index.order[#index.order + 1] = true, name
      end
    end
  end
  return index, hash:hex()
end

local function iterator(rows)
  if type(rows) == "function" then return rows end
  local i = 0
  return function()
    i = i + 1
    return rows[i]
  end
end

---@param migrations table[]      of dixis.migrate.folder
---@param rows dixis.LedgerRow[]|fun(): dixis.LedgerRow?
---@return dixis.History
function history.compare(migrations, rows)
  local checksums, last_applied = {}, nil
  for _, migration in ipairs(migrations) do checksums[migration.name] = migration.checksum end
  local index, state = read_rows(iterator(rows), checksums)
  local found = { pending = {}, resume = {}, applied = 0, ledger = state, problems = {} }
  local function problem(kind, name, message, hint)
    found.problems[#found.problems + 1] = { kind = kind, name = name, message = message, hint = hint }
  end
  for _, migration in ipairs(migrations) do
    if index.finished[migration.name] then last_applied = migration.name end
  end
  local before_last = last_applied ~= nil
  for _, migration in ipairs(migrations) do
    local name = migration.name
    local checksum, begun = index.finished[name], index.begun[name]
    if checksum then
      found.applied = found.applied + 1
      if not history.same_script(migration, checksum) then
        problem("edited", name, "was changed after it had been applied",
          "restore " .. migration.file .. " as it was (git log), and put the change into a new migration")
      end
      if name == last_applied then before_last = false end
    elseif begun and begun.ours then
      found.resume[name] = begun
      found.pending[#found.pending + 1] = migration
      if not history.same_script(migration, begun.checksum) then
        problem("edited", name, "was changed after a part of it had been applied",
          "restore " .. migration.file .. " as it was, then run again")
      end
    elseif not begun then
      found.pending[#found.pending + 1] = migration
      if before_last then
        problem("out_of_order", name, "is older than the newest applied one, " .. last_applied,
          "give its folder a newer timestamp so that every database applies it in the same order")
      end
    end
  end
  local unrecorded = {}
  for _, migration in ipairs(found.pending) do unrecorded[migration.checksum] = migration.name end
  for _, name in ipairs(index.order) do
    local checksum = index.finished[name] or index.begun[name].checksum
    if index.stuck[name] then
      problem("failed", name, "started and never finished (Prisma's P3009)",
        ("look what of it is in the database (`dixis plan` says), then: dixis run runbooks/resolve.lua "
          .. "--set migration=%s --set as=rolled_back, or as=applied when all of it is there"):format(name))
    elseif not checksums[name] and unrecorded[checksum] then
      problem("renamed", name, ("is applied in the database; the folder has the same script as %s"):format(
        unrecorded[checksum]), "give it its name back: by another name it would be applied again")
    elseif not checksums[name] then
      problem("missing", name, "is applied in the database but is not in the folder",
        "check out the commit that has it; a deploy from an old branch must not go on")
    end
    if index.doubled[name] then
      problem("doubled", name, "is recorded as applied more than once", "look at its rows in _prisma_migrations")
    end
  end
  return found
end

return history
