-- The receipt: the short summary of a finished run that another run can demand as proof.

local clock = require "host.clock"
local digest = require "host.digest"
local errors = require "dixis.errors"
local fs = require "host.fs"
local identity = require "dixis.target.identity"
local json = require "dixis.json"
local process = require "host.process"
local store = require "dixis.store"

local receipt = {}

local outcome_of <const> = { [0] = "succeeded" }

-- What a clinic looked at: from nothing, or from the schema of a database.
local function clinic_of(run)
  if not run.diagnosed then return nil end
  local from = run.schema_from and run.schema_from.source
  return { counts = run.diagnosed.counts, lint = run.linted.counts, statements = run.examined.statements,
    schema_from = from and { database = from.database, system_identifier = from.system_identifier } }
end

--- Writes the receipt beside the journal. It ends with the digest of its own canonical form, and holds
--- the journal's last hash, so that neither can be changed unseen.
---@param run dixis.Run
---@param exit integer
---@return string? path  nil when the run never reached its target
function receipt.write(run, exit)
  if not run.identity or not run.plan then return nil end
  local head, seq = run.bus.journal:head()
  local made = {
    run = run.id, outcome = outcome_of[exit] or "failed", exit = exit,
    runbook = { name = run.book.name, version = run.book.version, digest = run.book.digest },
    environment = run.book.target.environment, target = identity.fingerprint(run.identity),
    server_version = run.identity.server_version, ephemeral = run.settings.ephemeral or run.scratch ~= nil,
    clinic = clinic_of(run),
    plan = run.plan.digest, migrations_digest = run.plan.migrations_digest, applied = #run.applied,
    deploys = run.plan.deploys,
    seconds = math.floor(run.bus:elapsed() * 1e6) / 1e6, phases = run.phases, finished = clock.wall(),
    git = run.git, by = process.user(), host = process.hostname(),
    journal = { head = head, lines = seq },
  }
  made = json.decode(json.encode(made)) -- as it will be read back: numbers in the precision of the file
  made.digest = digest.sha256(json.canonical(made))
  local path = store.receipt_path(run.journal_path)
  errors.check(fs.create(path, json.encode(made) .. "\n", tonumber("600", 8)))
  run.receipt_path = path
  return path
end

return receipt
