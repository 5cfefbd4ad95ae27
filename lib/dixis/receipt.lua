-- The receipt: the short summary of a finished run that another run can demand as proof.

local clock = require "host.clock"
local digest = require "host.digest"
local errors = require "dixis.errors"
local forecast = require "dixis.lazy" "dixis.forecast"
local fs = require "host.fs"
local identity = require "dixis.target.identity"
local json = require "dixis.json"
local process = require "host.process"
local proof = require "dixis.proof"
local signature = require "dixis.signature"
local store = require "dixis.store"

local receipt = {}

local verdicts <const> = {
  ["criterion.green"] = "green", ["criterion.red"] = "red", ["criterion.skipped"] = "skipped",
}

-- What a clinic looked at: from nothing, or from the schema of a database.
local function clinic_of(run)
  if not run.diagnosed then return nil end
  local from = run.schema_from and run.schema_from.source
  return { counts = run.diagnosed.counts, lint = run.linted.counts, statements = run.examined.statements,
    schema_from = from and { database = from.database, system_identifier = from.system_identifier } }
end

-- A receipt is short; of more than these only the number is in it, and the journal has them all.
local LISTED <const> = 200

--- Collects from the run's events what its receipt will say.
---@param run dixis.Run
function receipt.collect(run)
  local migrations, criteria, checksums = {}, {}, {}
  run.told = { migrations = migrations, criteria = criteria, started = clock.wall() }
  run.bus:subscribe(function(event)
    if event.type == "migration.started" then
      checksums[event.name] = event.checksum
    elseif event.type == "migration.applied" then
      if #migrations == LISTED then
        run.told.migrations = nil
      else
        migrations[#migrations + 1] = { name = event.name, checksum = checksums[event.name], seconds = event.seconds,
          statements = event.statements, recovered = event.recovered }
      end
      checksums[event.name] = nil
    elseif verdicts[event.type] then
      criteria[#criteria + 1] = { name = event.name, verdict = verdicts[event.type] }
    end
  end)
end

local function target_of(run)
  local target = identity.fingerprint(run.identity)
  target.host, target.port, target.user = run.identity.host, run.identity.port, run.identity.user
  return target
end

-- As it will be read back: numbers have the precision of the file.
local function settled(made)
  return json.decode(json.encode(made))
end

local function backup_of(run)
  local made = run.results.backup
  return made and { path = made.path, sha256 = made.sha256, size = made.size, proven = made.proven }
end

--- Makes the receipt of a run that has come to its end. Its digest is over all of it, and it holds the journal's last
--- hash, so that neither can be changed unseen.
---@param run dixis.Run
---@param exit integer
---@param outcome string
---@return dixis.Receipt
local function make(run, exit, outcome)
  local head, lines = run.bus.journal:head()
  local made = settled(run.secrets:clean_all {
    run = run.id, dixis = require "dixis.version", outcome = outcome, exit = exit,
    runbook = { name = run.book.name, version = run.book.version, digest = run.book.digest },
    environment = run.book.target.environment, target = target_of(run), server_version = run.identity.server_version,
    ephemeral = run:thrown_away(), deploys = run.plan.deploys,
    clinic = clinic_of(run),
    plan = run.plan.digest, migrations_digest = run.plan.migrations_digest,
    applied = #run.applied, migrations = run.told.migrations, criteria = run.told.criteria, confirmed = run.phrases,
    backup = backup_of(run), recovery = run.recovery,
    started = run.told.started, finished = clock.wall(), seconds = math.floor(run.bus:elapsed() * 1e6) / 1e6,
    phases = run.phases, sizes = run.forecast and forecast.sizes(run.forecast),
    git = run.git, by = process.user(), host = process.hostname(), ci = run.ci,
    journal = { head = head, lines = lines },
  })
  local form = proof.form(made)
  made.digest = digest.sha256(form)
  if run.signing_key then made.signature = signature.make(run.signing_key, form) end
  return made
end

--- Writes the receipt beside the journal.
---@param run dixis.Run
---@param exit integer
---@param outcome string
---@return string? text  nil when the run never reached its target
function receipt.write(run, exit, outcome)
  if not run.identity or not run.plan then return nil end
  local text = json.encode(make(run, exit, outcome))
  local path = store.receipt_path(run.journal_path)
  errors.check(fs.create(path, text .. "\n", tonumber("600", 8)))
  run.receipt_path = path
  return text
end

return receipt
