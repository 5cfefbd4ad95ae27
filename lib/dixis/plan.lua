-- The plan: all that would happen, computed without effects, and the digest that names it.

local lazy = require "dixis.lazy"

local deploy = lazy "dixis.migrate.deploy"
local digest = require "host.digest"
local errors = require "dixis.errors"
local identity = lazy "dixis.target.identity"
local json = require "dixis.json"

local triage = lazy "dixis.migrate.triage"
local triage_text = lazy "dixis.migrate.triage_text"

local work = lazy "dixis.forecast.work"

local plan = {}

---@class dixis.Plan
---@field digest? string     nil when the target could not be read
---@field pending table[]    migrations of the folder, with their number of statements and their mode
---@field found? integer     migrations in the folder; nil: they are no business of the runbook
---@field applied? integer
---@field deploys boolean    the runbook applies what is pending
---@field evidence? table<string, table>  what gates read, by their names
---@field parts? table  what the digest is over
---@field migrations_digest string  over all migrations of the folder: names the set

-- A long list of migrations would make one huge line of the record; each is recorded again when it starts.
local LISTED <const> = 200

--- Names the whole set of migrations in the folder, for receipts.
---@param migrations table[]
---@return string
function plan.migrations_digest(migrations)
  local hash = digest.sha256_new()
  for _, migration in ipairs(migrations) do hash:update(migration.name .. "\0" .. migration.checksum .. "\n") end
  return hash:hex()
end

-- What was read for the plan is what the deploy executes, up to this much text; beyond it a migration is
-- read again, and must still have the plan's checksum.
local KEPT_BYTES <const> = 256 << 10

-- The parse tree is only asked for where a statement may have to be looked for in the catalog.
local function keep(kept, migration, prepared)
  kept.bytes = kept.bytes + #prepared.text
  if kept.bytes > KEPT_BYTES then return end
  if prepared.script.mode ~= "statements" then
    for _, statement in ipairs(prepared.script.statements) do statement.tree = nil end
  end
  kept[migration.name] = prepared
end

-- What each pending migration is; refuses the ones that could not be kept atomic.
local function read_pending(pending, texts, deploys)
  local kept, made = { bytes = 0 }, {}
  for i, migration in ipairs(pending) do
    local ok, prepared = pcall(deploy.prepare, migration, texts[migration.name])
    if not ok and not deploys and errors.from(prepared).kind == "migrations" then
      prepared = { text = "", script = { mode = "refused", statements = {} } }
    elseif not ok then
      local err = errors.from(prepared)
      if err.kind ~= "migrations" then error(err, 0) end
      errors.refuse(err.message,
        err.hint
          or "take transaction control out of the file: dixis runs each migration as one transaction with its record",
        { file = err.file, line = err.line })
    end
    if deploys then migration.work = work.of_script(prepared.script, made) end
    keep(kept, migration, prepared)
    if i % 500 == 0 then collectgarbage() end -- parse trees are large; peak memory must not grow with the history
    migration.statements = #prepared.script.statements
    if prepared.script.mode ~= "transaction" then migration.mode = prepared.script.mode end
  end
  return kept
end

-- A runbook that deploys nothing need not refuse what could not be deployed.
local function deploys(book)
  for _, step in ipairs(book.steps) do
    if step.definition.deploys then return true end
  end
  return false
end

-- What is known of a migration that never finished is said where people meet it.
local function explain_failures(run, problems)
  for _, problem in ipairs(problems) do
    if problem.kind == "failed" then
      local found = triage.of(run, problem.name)
      problem.triage = { verdict = found.verdict, shape = found.shape, statements = found.statements }
      problem.message = problem.message .. "\n" .. table.concat(triage_text.lines(found), "\n")
      problem.hint = triage_text.advice(run, found)
    end
  end
end

-- What gates read for the plan: their decisions rest on it, so the digest covers it.
local function read_evidence(run)
  local evidence = {}
  for _, gate in ipairs(run.book.gates) do
    local read = gate.definition.evidence
    local asked = gate.when == nil or run:resolve({ gate.when })[1]
    if read and asked then evidence[gate.name] = read(run, run:resolve(gate.args)) end
  end
  return next(evidence) and evidence or nil
end

--- All that decides what a run does to its target: the plan's digest is over it.
---@async
---@param run dixis.Run
---@param migrations? table[]  of the folder; nil: they are no business of the runbook
---@param found? dixis.History
---@return table
function plan.parts(run, migrations, found)
  if not migrations or not found then migrations, found = {}, { pending = {} } end
  return {
    runbook = run.book.digest, options = run.options, target = identity.fingerprint(run.identity), ledger = found.ledger,
    pending = plan.migrations_digest(found.pending), migrations = plan.migrations_digest(migrations),
    evidence = read_evidence(run),
  }
end

-- A runbook that works from beside its target reads nothing of the project: the target need not even be there.
local function beside(run)
  local parts = plan.parts(run)
  return { pending = {}, problems = {}, deploys = false, parts = parts, migrations_digest = parts.migrations,
    evidence = parts.evidence, digest = digest.sha256(json.canonical(parts)) }
end

--- Computes the plan from the run's target, folder and options.
---@async
---@param run dixis.Run
---@return dixis.Plan
function plan.compute(run)
  if run:works_from() then
    run.plan = beside(run)
    return run.plan
  end
  local found = run:read_history()
  local migrations = run:project():migrations()
  local kept = read_pending(found.pending, run:project():take_texts(), deploys(run.book))
  explain_failures(run, found.problems)
  local parts = plan.parts(run, migrations, found)
  local computed = {
    found = #migrations, applied = found.applied, pending = found.pending, problems = found.problems,
    deploys = deploys(run.book), parts = parts, migrations_digest = parts.migrations, evidence = parts.evidence,
    digest = digest.sha256(json.canonical(parts)),
  }
  run.history, run.plan, run.prepared = found, computed, kept
  return computed
end

--- What can be said of the folder alone, when there is no target to read.
---@param run dixis.Run
---@return dixis.Plan
function plan.of_folder(run)
  if run:works_from() then return { pending = {}, problems = {} } end
  local migrations = run:project():migrations()
  read_pending(migrations, run:project():take_texts(), deploys(run.book))
  return { found = #migrations, pending = migrations, problems = {},
    migrations_digest = plan.migrations_digest(migrations) }
end

--- Migrations as they are shown and kept.
---@param migrations table[]
---@return table[]
function plan.list(migrations)
  local out = {}
  for i, migration in ipairs(migrations) do
    out[i] = { name = migration.name, checksum = migration.checksum, statements = migration.statements, mode = migration.mode }
  end
  return out
end

--- The fields of the event that shows a plan.
---@param computed dixis.Plan
---@return table
function plan.record(computed)
  local statements, special = 0, {}
  for _, migration in ipairs(computed.pending) do
    statements = statements + migration.statements
    if migration.mode ~= "transaction" then special[#special + 1] = { name = migration.name, mode = migration.mode } end
  end
  return {
    digest = computed.digest, found = computed.found, applied = computed.applied,
    pending = #computed.pending, statements = statements, special = special,
    migrations_digest = computed.migrations_digest, evidence = computed.evidence,
    migrations = #computed.pending <= LISTED and plan.list(computed.pending) or nil,
  }
end

return plan
