-- What earlier runs measured: read from the journals of the journal folder, the newest first.

local clock = require "host.clock"
local errors = require "dixis.errors"
local fs = require "host.fs"
local journal = require "host.journal"
local json = require "dixis.json"
local proof = require "dixis.lazy" "dixis.proof"
local store = require "dixis.store"

local past = {}

-- Far enough back for a forecast, near enough for a quick one.
local JOURNALS <const>, BYTES <const> = 20, 512 << 10

---@class dixis.Measurement
---@field run string
---@field at string             when the run began
---@field environment string
---@field throw_away boolean       it was on a throw-away server
---@field seconds number
---@field checksum string
---@field times? { line: integer, seconds: number }[]  of each statement, where it was kept
---@field sizes table<string, number>  bytes of the tables, before that run
---@field database_bytes? number

---@class dixis.Past
---@field migrations table<string, dixis.Measurement[]>  by name
---@field steps table<string, number[]>      of the same runbook on the same target: seconds
---@field compared table[]                   forecasts and what came of them, on the same target
---@field recovery? { seconds: number, at: string, run: string }  the last proof of a backup of the target

local function same_target(a, b)
  return a and b and a.database == b.database and a.system_identifier == b.system_identifier
end

local wanted <const> = { ["run.started"] = true, ["target.identified"] = true, ["forecast.made"] = true,
  ["migration.started"] = true, ["migration.applied"] = true, ["step.finished"] = true, ["forecast.compared"] = true,
  ["backup.proven"] = true }

-- Most of a journal is of no interest here, and decoding is what takes time.
local function events(path)
  local lines = errors.check(journal.lines(path))
  return function()
    for line, complete in lines do
      local event = complete and wanted[line:match '"type":"([%w.]+)"'] and json.decode(line)
      if event then return event end
    end
  end
end

-- One journal's facts, as they can be used when its end is known.
local function read(path, run)
  local facts = { started = nil, sizes = {}, checksums = {}, applied = {}, steps = {}, compared = {} }
  for event in events(path) do
    local kind = event.type
    if kind == "run.started" then facts.started = event
    elseif kind == "target.identified" then facts.here = same_target(event.target, run.identity)
    elseif kind == "forecast.made" then
      facts.database_bytes = event.database_bytes
      for _, size in ipairs(event.sizes or {}) do facts.sizes[size.table] = size.bytes end
    elseif kind == "migration.started" then facts.checksums[event.name] = event.checksum
    elseif kind == "migration.applied" and not event.recovered then facts.applied[#facts.applied + 1] = event
    elseif kind == "step.finished" then facts.steps[event.name] = event.seconds
    elseif kind == "forecast.compared" then facts.compared[#facts.compared + 1] = event
    elseif kind == "backup.proven" and type(event.recovery) == "table" then facts.proved = event
    end
  end
  return facts
end

local function measurement(out, name, made)
  local list = out.migrations[name] or {}
  out.migrations[name] = list
  list[#list + 1] = made
end

local function take(out, facts, id, run)
  local started = facts.started
  if not started then return end
  for _, applied in ipairs(facts.applied) do
    measurement(out, applied.name, { run = id, at = started.at, environment = started.environment,
      throw_away = started.ephemeral or false, seconds = applied.seconds,
      times = applied.times, checksum = facts.checksums[applied.name], sizes = facts.sizes,
      database_bytes = facts.database_bytes })
  end
  if not facts.here then return end
  if started.runbook.name == run.book.name then
    for name, seconds in pairs(facts.steps) do
      out.steps[name] = out.steps[name] or {}
      table.insert(out.steps[name], seconds)
    end
  end
  for _, compared in ipairs(facts.compared) do table.insert(out.compared, compared) end
  if facts.proved and not out.recovery then
    out.recovery = { seconds = facts.proved.recovery.seconds, at = facts.proved.at, run = id }
  end
end

-- A receipt without its journal says as much of whole migrations, not of their statements.
local function take_receipt(out, receipt)
  local sizes = {}
  for _, size in ipairs(receipt.sizes and receipt.sizes.tables or {}) do sizes[size.table] = size.bytes end
  for _, one in ipairs(receipt.migrations or {}) do
    if not one.recovered then
      measurement(out, one.name, { run = receipt.run, at = clock.iso(receipt.finished), environment = receipt.environment,
        throw_away = receipt.ephemeral or false, seconds = one.seconds, checksum = one.checksum, sizes = sizes,
        database_bytes = receipt.sizes and receipt.sizes.database })
    end
  end
end

local function journal_of(folder, id) return ("%s/%s.jsonl"):format(folder, id) end

local function take_receipts(out, folder)
  for _, entry in ipairs(fs.list(folder) or {}) do
    local id = entry.name:match "^(.+)%.receipt%.json$"
    if id and not fs.stat(journal_of(folder, id)) then
      local ok, receipt = pcall(proof.read, folder .. "/" .. entry.name)
      if ok then take_receipt(out, receipt) end
    end
  end
end

--- Whether the journal of a receipt's run is here.
---@param run dixis.Run
---@param receipt dixis.Receipt
---@return boolean
function past.knows(run, receipt)
  local folder = run.settings.journal_dir
  return folder ~= nil and receipt.run:match "^[%w-]+$" ~= nil and fs.stat(journal_of(folder, receipt.run)) ~= nil
end

--- Reads what earlier runs left. A journal that cannot be read is passed over: it is no proof of anything here.
---@param run dixis.Run  with its identity
---@return dixis.Past
function past.read(run)
  local out, folder = { migrations = {}, steps = {}, compared = {} }, run.settings.journal_dir
  local seen, bytes = 0, 0
  for _, id in ipairs(folder and store.list(folder) or {}) do
    local path = journal_of(folder, id)
    local stat = id ~= run.id and fs.stat(path)
    if stat and bytes + stat.size <= BYTES then
      bytes = bytes + stat.size
      local ok, facts = pcall(read, path, run)
      if ok then take(out, facts, id, run) end
      seen = seen + 1
      if seen == JOURNALS then break end
    end
  end
  if folder then take_receipts(out, folder) end
  for _, receipt in ipairs(run.measured or {}) do take_receipt(out, receipt) end
  return out
end

return past
