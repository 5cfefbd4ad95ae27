-- A lab for disturbed runs: a trial disturbs one run in a database of its own; what is left is held against
-- what the run said, another run finishes the work, and the result is held against that of an undisturbed one.

local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local pg = require "host.pg"
local project = require "spec.torture.project"
local server = require "spec.support.server"
local store = require "dixis.store"

---@class torture.Lab
---@field project table
---@field admin table       pg.connect parameters of a superuser
---@field trials integer
---@field losses string[]
---@field lost? boolean    there was one
local Lab = {}
Lab.__index = Lab

local lab = {}

-- The lock of a dead run may outlive it by this: the server looks after its clients twice a second.
local LOCK_SECONDS <const> = 2

local schema_query <const> = [[
SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") FROM (
  SELECT 'column ' || attrelid::regclass || ' ' || attnum || ' ' || attname || ' ' || format_type(atttypid, atttypmod)
      || ' ' || attnotnull || coalesce(' ' || pg_get_expr(adbin, adrelid), '') AS line
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
   WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') AND attnum > 0
  UNION ALL
  SELECT 'index ' || pg_get_indexdef(indexrelid) || ' ' || indisvalid || ' ' || indisready
    FROM pg_index JOIN pg_class ON oid = indrelid WHERE relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
   WHERE connamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'label ' || enumtypid::regtype || ' ' || row_number() OVER (PARTITION BY enumtypid ORDER BY enumsortorder)
      || ' ' || enumlabel FROM pg_enum
  UNION ALL
  SELECT 'tally ' || n || ' ' || last FROM tally
  UNION ALL
  SELECT 'rows ' || count(*) || ' ' || sum(id) FROM t1) AS everything]]

local function connect(params)
  return assert(pg.connect(params))
end

local function value(conn, text)
  return assert(conn:query(text))[1][1]
end

--- All that the migrations make, as text; "nothing" before the first one.
local function state(params)
  local conn <close> = connect(params)
  if not value(conn, "SELECT to_regclass('tally') IS NOT NULL") then return "nothing" end
  return value(conn, schema_query)
end

local ledger_query <const> = [[
SELECT migration_name, checksum, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back,
       applied_steps_count AS steps, logs
  FROM _prisma_migrations]]

--- The ledger by name; two rows of one name are a loss.
local function ledger(params, lose)
  local conn <close> = connect(params)
  local rows = {}
  if not value(conn, "SELECT to_regclass('_prisma_migrations') IS NOT NULL") then return rows end
  for _, row in ipairs(assert(conn:query(ledger_query))) do
    if rows[row.migration_name] then lose("%s has two rows in the ledger", row.migration_name) end
    rows[row.migration_name] = { checksum = row.checksum, finished = row.finished, rolled_back = row.rolled_back,
      steps = row.steps, logs = row.logs }
  end
  return rows
end

--- What a run's journal says: its end, and which migrations were applied.
local function record(folder)
  local said = { applied = {}, lines = 0 }
  local ids = store.list(folder)
  if #ids == 0 then return said end
  for event in store.events(("%s/%s.jsonl"):format(folder, ids[1])) do
    said.lines = said.lines + 1
    if event.type == "migration.applied" then
      said.doubled = said.doubled or said.applied[event.name] and event.name
      said.applied[event.name] = true
    elseif event.type == "run.finished" then
      said.finished = event
    end
  end
  return said
end

-- "name" for those that the first has and the second has not.
local function missing(names, from)
  local out = {}
  for name in pairs(names) do
    if not from[name] then out[#out + 1] = name end
  end
  table.sort(out)
  return out[1]
end

local function finished_ones(rows)
  local out = {}
  for name, row in pairs(rows) do out[name] = row.finished or nil end
  return out
end

local function without(names, others)
  local out = {}
  for name in pairs(names) do out[name] = not others[name] or nil end
  return out
end

local locks_query <const> = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
  .. "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"

local holders_query <const> = [[
SELECT string_agg(concat_ws(' ', pid, application_name, state, query), '; ')
  FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory']]

local function check_lock(params, lose)
  local conn <close> = connect(params)
  local begun = clock.now()
  while value(conn, locks_query) > 0 do
    if clock.now() - begun > LOCK_SECONDS then
      return lose("a lock is left after %d s: %s", LOCK_SECONDS, value(conn, holders_query))
    end
    clock.sleep(0.05)
  end
end

-- Exit code and journal against the database. A run that was killed may say less than there is, never more.
local function check_verdict(result, before, now, said, lose, allowed, others)
  local done = without(finished_ones(now), finished_ones(before))
  local false_claim = missing(said.applied, finished_ones(now))
  if false_claim then lose("the journal says that %s is applied, the ledger does not", false_claim) end
  if said.doubled then lose("the journal says twice that %s was applied", said.doubled) end
  -- Killed after its last record, it must be right like any other.
  local code = result.code or said.finished and said.finished.exit
  if not code then return end
  if not allowed[code] then
    lose("exit code %s: %s", code, (result.shown or ""):sub(-1500))
  end
  if not said.finished then return lose "the journal has no end" end
  if said.finished.exit ~= code then
    lose("the journal says exit %d, the process ended with %d", said.finished.exit, code)
  end
  if code ~= 6 then
    local unsaid = missing(done, said.applied)
    if unsaid and not others then lose("%s is applied and the journal does not say so", unsaid) end
    local begun = next(without(now, before)) or next(done)
    if said.finished.changed == false and begun and not others then
      lose("the journal says unchanged, but %s is in the ledger", begun)
    end
  end
  if code == 0 and said.finished.error then lose "exit code 0 with an error" end
end

local function check_end(self, params, lose)
  local rows = ledger(params, lose)
  for name, checksum in pairs(self.project.checksums) do
    local row = rows[name]
    if not row then
      lose("%s is not in the ledger", name)
    elseif not row.finished or row.rolled_back or row.checksum ~= checksum or row.steps ~= 1 or row.logs then
      lose("%s is recorded as finished=%s rolled_back=%s steps=%d logs=%s%s", name, row.finished, row.rolled_back,
        row.steps, row.logs, row.checksum ~= checksum and ", with another checksum" or "")
    end
  end
  if missing(rows, self.project.checksums) then lose "the ledger has more than the folder" end
  local found = state(params)
  if found ~= self.reference then
    local was, is = {}, {}
    for line in self.reference:gmatch "[^\n]+" do was[line] = true end
    for line in found:gmatch "[^\n]+" do is[line] = true end
    lose("the schema differs; missing: %s; too much: %s", missing(was, is), missing(is, was))
  end
end

local function remove(self, params)
  local conn <close> = connect(self.admin)
  assert(conn:query(('DROP DATABASE "%s" WITH (FORCE)'):format(params.dbname)))
end

---@class torture.Trial
---@field name string
---@field lose fun(text: string, ...)
---@field params table           of its database
---@field journal string         folder of the disturbed run's
---@field url string             of its database
---@field arguments string[]
---@field start fun(trial: torture.Trial, url?: string): host.process.Handle

function Lab:database()
  self.databases = self.databases + 1
  local conn <close> = connect(self.admin)
  local params = {}
  for name, given in pairs(self.admin) do params[name] = given end
  params.dbname = ("torture_%d"):format(self.databases)
  assert(conn:query(('CREATE DATABASE "%s"'):format(params.dbname)))
  return params
end

local function run_arguments(journal)
  return { "run", "torture.lua", "--output", "jsonl", "--journal", journal }
end

--- Starts the disturbed run.
---@async
local function start(self, trial)
  return function(_, url, ...)
    local arguments = run_arguments(trial.journal)
    for _, argument in ipairs { ... } do arguments[#arguments + 1] = argument end
    return dixis.start(arguments, { cwd = self.project.folder, env = { DATABASE_URL = url or trial.url } })
  end
end

-- The other run, undisturbed: it must make everything good at once.
local function run_again(self, trial, lose)
  local before = ledger(trial.params, lose)
  local folder = trial.journal .. "-again"
  local result = dixis.run(run_arguments(folder), { cwd = self.project.folder, env = { DATABASE_URL = trial.url } })
  result.shown = result.stdout .. result.stderr
  check_verdict(result, before, ledger(trial.params, lose), record(folder), lose, { [0] = true })
end

--- One trial. `disturb(trial)` starts a run, disturbs it, waits for its end, and returns its result.
---@async
---@param name string
---@param disturb fun(trial: torture.Trial): host.process.Result
---@param allowed? integer[]  exit codes of the disturbed run, when it was not killed; default 0, 1 and 5
---@param others? boolean  other runs may have applied what its journal does not say
function Lab:trial(name, disturb, allowed, others)
  self.trials = self.trials + 1
  local codes, lost = {}, false
  for _, code in ipairs(allowed or { 0, 1, 5 }) do codes[code] = true end
  local function lose(text, ...)
    lost, self.lost = true, true
    self.losses[#self.losses + 1] = ("%s: %s"):format(name, text:format(...))
  end
  local params = self:database()
  local trial = { name = name, params = params, url = server.url(params), lose = lose,
    journal = ("%s/runs/%d"):format(self.project.folder, self.trials) }
  trial.start = start(self, trial)
  local ok, err = pcall(function()
    local result = disturb(trial)
    result.shown = result.stdout .. result.stderr
    check_lock(params, lose)
    local now, said = ledger(params, lose), record(trial.journal)
    check_verdict(result, {}, now, said, lose, codes, others)
    run_again(self, trial, lose)
    check_end(self, params, lose)
  end)
  if not ok then lose("%s", type(err) == "table" and err.message or tostring(err)) end
  remove(self, params)
  if lost then return end -- its records are what explains it
  for _, kind in ipairs { "", "-again", "-crowd" } do fs.remove(trial.journal .. kind) end
end

--- Whether all trials went well, and what to say about it.
---@return boolean ok
---@return string summary
function Lab:verdict()
  return #self.losses == 0, ("%d trials, %d losses%s"):format(self.trials, #self.losses,
    #self.losses > 0 and "\n" .. table.concat(self.losses, "\n") or "")
end

--- Removes the project, unless its records explain a loss.
function Lab:close()
  if not self.lost then fs.remove(self.project.folder) end
end

--- A lab with a project of `count` migrations, on the server of `admin`.
---@async
---@param admin table
---@param count integer
---@return torture.Lab
function lab.new(admin, count)
  local self = setmetatable({ project = project.make(count), admin = admin, trials = 0, losses = {}, databases = 0 }, Lab)
  local params = self:database()
  local result = dixis.run(run_arguments(self.project.folder .. "/runs/0"),
    { cwd = self.project.folder, env = { DATABASE_URL = server.url(params) } })
  assert(result.code == 0, (result.stdout .. result.stderr):sub(-1500))
  self.reference = state(params)
  self.lines = record(self.project.folder .. "/runs/0").lines
  self.seconds = result.seconds
  remove(self, params)
  return self
end

return lab
