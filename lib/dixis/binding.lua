-- What was confirmed is what runs: all that the plan rests on is read again, and must be the same.

local clock = require "host.clock"
local errors = require "dixis.errors"
local folder = require "dixis.migrate.folder"
local history = require "dixis.migrate.history"
local identity = require "dixis.target.identity"
local json = require "dixis.json"
local ledger = require "dixis.migrate.ledger"
local loader = require "dixis.loader"
local lock = require "dixis.migrate.lock"
local plan = require "dixis.plan"

local binding = {}

local function changed(message, hint)
  errors.raise("plan_changed", "what was planned is no longer so: " .. message,
    { hint = hint or "look at what changed it, then plan and confirm anew" })
end

-- The first migration that differs.
local function compare_migrations(before, now)
  local known = {}
  for _, migration in ipairs(before) do known[migration.name] = migration.checksum end
  for _, migration in ipairs(now) do
    local checksum = known[migration.name]
    if checksum ~= migration.checksum then
      changed(("%s was %s"):format(migration.file, checksum and "edited" or "added"))
    end
    known[migration.name] = nil
  end
  local gone = next(known)
  if gone then changed(("the migration %s was removed"):format(gone)) end
end

-- Reading ten thousand scripts again takes a while, and as much memory again: only where something was touched.
local function check_folder(run)
  local project = run:project()
  if folder.unchanged(project:folder()) then return end
  local read, err = project:read_folder()
  if not read then changed(err.message, err.hint) end
  compare_migrations(project:migrations(), read.migrations)
end

local function compare_targets(run, now)
  local difference = identity.difference(run.identity, now)
  if difference then changed("the target is another one: " .. difference) end
  -- Another run, which had the lock before, may have set the stamp that this one sets too.
  if now.environment ~= run.identity.environment and now.environment ~= run.book.target.environment then
    changed(("the target's stamp was %s and is %s"):format(run.identity.environment or "absent",
      now.environment or "absent"))
  end
  run.identity.environment = now.environment
end

-- That a connection was lost may show only when it is used: the next one says who answers now.
local function read_target(run)
  local ok, now = pcall(function() return run:read_identity(run:open_session()) end)
  if ok then return now end
  if errors.from(now).kind ~= "connection_lost" then error(now, 0) end
  return run:read_identity(run:open_session())
end

-- The ledger and the folder; nothing of a runbook that works from beside its target.
local function read_project(run)
  if run:works_from() then return end
  check_folder(run)
  local session, migrations = run:open_session(), run:project():migrations()
  local found = history.compare(migrations, ledger.open(session):each(session))
  if found.ledger ~= run.plan.parts.ledger then
    changed(("rows of the ledger %s were added or changed: %d of the migrations had been applied, now %d"):format(
      run.ledger.table, run.plan.applied, found.applied))
  end
  return migrations, found
end

local function check(run)
  local edited = loader.changed(run.book)
  if edited then changed(("the runbook %s was edited"):format(edited)) end
  compare_targets(run, read_target(run))
  local parts = plan.parts(run, read_project(run))
  for name, part in pairs(parts) do
    if json.canonical(part) ~= json.canonical(run.plan.parts[name]) then changed(("its %s"):format(name)) end
  end
  lock.check(run, true)
end

-- How long a look holds when nothing but the deploy itself came after it.
local HOLDS <const> = 0.5

--- Raises an error of kind "plan_changed" when the plan would be another one now, and whatever lock.check raises.
---@async
---@param run dixis.Run
function binding.check(run)
  local begun = clock.now()
  if run.verified and begun - run.verified < HOLDS then return end
  check(run)
  run.verified = clock.now()
  run.bus:emit("plan.verified", { digest = run.plan.digest, seconds = math.floor((clock.now() - begun) * 1e6) / 1e6 })
end

return binding
