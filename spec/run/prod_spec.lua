local clock = require "host.clock"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local json = require "dixis.json"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local process = require "host.process"
local proof = require "dixis.proof"
local server = require "spec.support.server"
local store = require "dixis.store"
local web = require "spec.support.web"

local PASSWORD <const> = "canary p@ss:w/\\rd'1"
-- The part that any way of quoting it leaves alone.
local CANARY <const> = "canary"

describe("the production runbook", function()
  local cluster, staging, staging_spoilt, prod, conn, folder

  setup(function()
    cluster = assert(ephemeral.start { tcp = true, password = PASSWORD,
      settings = { log_connections = "on", log_statement = "all", log_line_prefix = "[%a] " } })
  end)
  teardown(function() assert(cluster:stop()) end)

  local count = 0
  local function database(name)
    count = count + 1
    local dbname = ("%s_%d"):format(name, count)
    local admin = assert(pg.connect(cluster.tcp_params))
    assert(admin:query("CREATE DATABASE " .. dbname))
    admin:close()
    local params = {}
    for key, found in pairs(cluster.tcp_params) do params[key] = found end
    params.dbname = dbname
    return params
  end

  local function value(sql) return assert(conn:query(sql))[1][1] end

  local function env(more)
    local made = { DATABASE_URL_STAGING = server.url(staging), DATABASE_URL_PROD = server.url(prod) }
    for name, found in pairs(more or {}) do made[name] = found end
    return made
  end

  local function confirmed(...)
    return { "run", "prod", "--confirm", "DIXIS-PROD-OK", "--confirm", prod.dbname, ... }
  end

  local function run(arguments, more)
    local result = dixis.run(arguments, { cwd = folder, env = env(more) })
    return result, (dixis.journal(folder))
  end
  local function go(...) return run(confirmed(...)) end

  -- The records of staging's database alone would do.
  local function go_by_files(...) return run(confirmed(...), { DATABASE_URL_STAGING = "" }) end

  local function run_staging()
    local result = dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK" }, { cwd = folder, env = env() })
    assert.equal(0, result.code, result.stdout)
  end

  local function summaries(events)
    local found = {}
    for _, event in ipairs(events) do
      if event.type:match "^step%.f" or event.type:match "^step%.skipped" or event.type:match "^gate%.[or]" then
        found[event.name] = event.type:match "%.(.*)$"
      end
    end
    return found
  end

  local function untouched()
    return value [[SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace)
      AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public$)')
      AND NOT EXISTS (SELECT FROM pg_db_role_setting
                       WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))]]
  end

  local function refused(text, result, events)
    assert.equal(3, result.code, result.stdout)
    assert.is_truthy(result.stdout:find(text, 1, true), result.stdout)
    assert.is_false(dixis.event(events, "run.finished").changed)
    assert.is_nil(dixis.event(events, "step.started"))
    assert.is_true(untouched())
  end

  local function bad_migration(text)
    migrations.write(folder, "20260101000000_bad", text)
    dixis.commit(folder)
    staging_spoilt = true
  end

  -- A database costs a quarter of a second: what a refusal has left alone serves the next test too.
  before_each(function()
    staging, prod = staging or database "staging", prod or database "prod"
    conn = assert(pg.connect(prod))
    folder = dixis.project()
  end)
  after_each(function()
    if not untouched() then prod = nil end
    if staging_spoilt then staging, staging_spoilt = nil, nil end
    conn:close()
    assert(fs.remove(folder))
  end)

  describe("demands a green staging run:", function()
    it("there is none", function() refused("no green staging run for these migrations", go()) end)

    it("it was for other migrations", function()
      run_staging()
      migrations.write(folder, "20260101000000_more", "CREATE TABLE more (id int);\n")
      dixis.commit(folder)
      refused("is for other migrations", go())
    end)

    it("it was on a throw-away server", function()
      local result = dixis.run({ "run", "staging", "--ephemeral", "--confirm", "DIXIS-STAGING-OK" }, { cwd = folder })
      assert.equal(0, result.code, result.stdout)
      refused("was a rehearsal on a throw-away server", go_by_files())
    end)

    it("it failed", function()
      bad_migration "SELECT * FROM nowhere;\n"
      assert.equal(1, dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK" },
        { cwd = folder, env = env() }).code)
      refused("did not succeed", go())
    end)

    it("it is too old", function()
      run_staging()
      clock.sleep(1.1)
      refused("old, more than 1.00 s", go("--set", "staging_within=1s"))
    end)

    it("its receipt was changed", function()
      run_staging()
      local _, journal = dixis.journal(folder)
      local path <const> = store.receipt_path(journal)
      local text <const> = fs.read(path)
      for _, changed in ipairs {
        text:gsub('"finished":%d', '"finished":9', 1), text:gsub('"outcome":"succeeded"', '"outcome":"failed"', 1),
        text:gsub('"digest":"%x', '"digest":"z', 1), text:sub(1, 40), "{}", "[1]", "", "null",
      } do
        assert.are_not.equal(text, changed)
        assert(fs.write(path, changed))
        refused("receipt", go("--set", "staging_receipt=" .. path))
      end
      refused("no green staging run for these migrations", go_by_files())
      assert(fs.write(path, text))
      assert.equal(0, go("--set", "staging_receipt=" .. path).code)
    end)

    it("the receipt that is named is not there, or is another runbook's", function()
      run_staging()
      refused("cannot be read", go("--set", "staging_receipt=nowhere.json"))
      assert.equal(0, go().code)
      local _, journal = dixis.journal(folder)
      local result = go("--set", "staging_receipt=" .. store.receipt_path(journal))
      assert.equal(3, result.code)
      assert.is_truthy(result.stdout:find("is for production", 1, true), result.stdout)
    end)
  end)

  describe("demands both confirmations:", function()
    before_each(run_staging)

    for name, case in pairs {
      ["one"] = { "this runbook asks for 2 confirmations", "DIXIS-PROD-OK" },
      ["the wrong order"] = { "the phrase is not DIXIS-PROD-OK", "DATABASE", "DIXIS-PROD-OK" },
      ["the phrase twice"] = { "the phrase is not prod_", "DIXIS-PROD-OK", "DIXIS-PROD-OK" },
      ["staging's phrase"] = { "the phrase is not DIXIS-PROD-OK", "DIXIS-STAGING-OK", "DATABASE" },
      ["the staging database's name"] = { "the phrase is not prod_", "DIXIS-PROD-OK", "STAGING" },
      ["another case of the name"] = { "the phrase is not prod_", "DIXIS-PROD-OK", "UPPER" },
    } do
      it(name, function()
        local words = { DATABASE = prod.dbname, STAGING = staging.dbname, UPPER = prod.dbname:upper() }
        local arguments = { "run", "prod" }
        for i = 2, #case do
          table.insert(arguments, "--confirm")
          table.insert(arguments, words[case[i]] or case[i])
        end
        refused(case[1], run(arguments))
      end)
    end

    it("none", function() refused("no terminal, and no --confirm", run { "run", "prod" }) end)
  end)

  describe("demands the right database:", function()
    it("not the one of staging", function()
      refused("name the same database", run(confirmed(), { DATABASE_URL_STAGING = server.url(prod) }))
    end)

    it("not one that is stamped as staging", function()
      assert(conn:query(("ALTER DATABASE %s SET dixis.environment = 'staging'"):format(prod.dbname)))
      local result = go()
      assert.equal(3, result.code)
      assert.is_truthy(result.stdout:find("the target is stamped 'staging', this runbook is for 'production'", 1, true))
    end)

    it("and staging does not touch one that production has run on", function()
      run_staging()
      assert.equal(0, go().code)
      local result = dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK" },
        { cwd = folder, env = { DATABASE_URL_STAGING = server.url(prod) } })
      assert.equal(3, result.code, result.stdout)
      assert.is_truthy(result.stdout:find("the target is stamped 'production'", 1, true), result.stdout)
    end)
  end)

  it("demands a clean work tree", function()
    run_staging()
    assert(fs.write(folder .. "/notes.txt", "x"))
    refused("1 uncommitted change", go())
  end)

  it("keeps to the agreed window, with staging's times and the backup's own way back", function()
    staging = database "staging" -- what is applied there already is not measured again
    run_staging()
    local function from_to(opens, closes)
      local function at(seconds) return (clock.iso(clock.wall() + seconds):sub(1, 16):gsub("T", " ")) end
      return "--set", "window_opens=" .. at(opens), "--set", "window_closes=" .. at(closes)
    end
    refused("the window is closed: it opens at", go(from_to(3600, 7200)))
    local result, events = go(from_to(-3600, 7200))
    assert.equal(0, result.code, result.stdout)
    local judged = dixis.event(events, "window.judged")
    assert.equal(dixis.event(events, "backup.proven").recovery.seconds, judged.recovery)
    local forecast = dixis.event(events, "forecast.made")
    assert.matches("from staging of .*, on data of the same size", forecast.migrations[1].basis)
    assert.is_true(judged.forecast >= forecast.high - 0.001) -- the event is rounded
    assert.is_number(dixis.event(events, "forecast.compared").actual)
    assert.is_truthy(dixis.event(events, "guard.sample"))
  end)

  it("refuses a backup folder that cannot be made", function()
    run_staging()
    refused("the backup folder", go("--set", "backup_folder=/proc/backups"))
  end)

  it("goes through: backup first, then the migrations, and a second time nothing", function()
    run_staging()
    assert(conn:script "CREATE SCHEMA before; CREATE TABLE before.kept AS SELECT 31337 AS a")
    local result, events = go()
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.equal(7, value "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL")
    assert.equal("{dixis.environment=production}", value [[SELECT setconfig::text FROM pg_db_role_setting
      WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())]])

    local backup = dixis.event(events, "backup.proven")
    local first = dixis.event(events, "step.started")
    assert.is_true(backup.seq < first.seq)
    assert.is_truthy(backup.path:find(folder .. "/.dixis/backups/", 1, true), backup.path)
    local stat = fs.stat(backup.path)
    assert.equal(tonumber("600", 8), stat.mode)
    assert.equal(tonumber("700", 8), fs.stat(folder .. "/.dixis/backups").mode)
    assert.same({ stat.size, digest.sha256_file(backup.path) }, { backup.size, backup.sha256 })
    local listed = assert(process.run({ "pg_restore", "--list", backup.path },
      { env = { PATH = process.getenv "PATH" } }))
    assert.equal(0, listed.code, listed.stderr)
    assert.is_truthy(listed.stdout:find("TABLE DATA before kept", 1, true))
    assert.is_nil(listed.stdout:find("_prisma_migrations", 1, true))

    local found = summaries(events)
    for _, name in ipairs { "secret", "git", "backup_tool", "staging_green", "confirm", "confirm_database" } do
      assert.equal("opened", found[name], name)
    end
    assert.same({ "opened", "finished", "skipped" }, { found.backup, found.deploy, found.maintenance_on })
    local _, journal = dixis.journal(folder)
    local receipt = proof.read(store.receipt_path(journal))
    assert.same({ "production", "succeeded", 7, prod.dbname },
      { receipt.environment, receipt.outcome, receipt.applied, receipt.target.database })
    assert.equal(0, dixis.run({ "verify", "last" }, { cwd = folder }).code)

    local again, second = go()
    assert.equal(0, again.code, again.stdout)
    assert.equal(0, dixis.event(second, "run.finished").applied)
    assert.is_false(dixis.event(second, "run.finished").changed)
  end)

  describe("maintenance", function()
    local site
    before_each(function()
      site = web.start()
      run_staging()
    end)
    after_each(function() site:close() end)

    local function with_hooks(on, off)
      return go("--set", "maintenance_on_url=" .. site:note("on", on),
        "--set", "maintenance_off_url=" .. site:note("off", off))
    end

    it("is put up before, and taken down after", function()
      local result, events = with_hooks()
      assert.equal(0, result.code, result.stdout)
      assert.same({ "POST on", "POST off" }, site:called())
      assert.same({ "finished", "finished" }, { summaries(events).maintenance_on, summaries(events).maintenance_off })
    end)

    it("is taken down after a migration that failed too", function()
      bad_migration "CREATE TABLE a (id int);\nSELECT * FROM nowhere;\n"
      -- Staging is green for these migrations, since it is let have what production lacks.
      local other = assert(pg.connect(staging))
      assert(other:query "CREATE TABLE nowhere (id int)")
      other:close()
      run_staging()
      local result, events = with_hooks()
      assert.equal(1, result.code, result.stdout)
      assert.same({ "POST on", "POST off" }, site:called())
      local found = summaries(events)
      assert.same({ "failed", "skipped", "finished" }, { found.deploy, found.status, found.maintenance_off })

      local backup = dixis.event(events, "backup.proven")
      local way <const> = result.stdout:match "The way back\n(.*)$"
      assert.is_string(way, result.stdout)
      local journal = select(2, dixis.journal(folder)):match "[^/]+$"
      for _, text in ipairs { ("dixis run rollback --set backup='%s' --set record='"):format(backup.path), journal .. "'\n",
        "(proven)", "beside " .. prod.dbname, "takes about " .. backup.takes } do
        assert.is_truthy(way:find(text, 1, true), way)
      end
      assert.is_nil(way:find("unknown", 1, true), way)
      assert.is_nil(way:find("${", 1, true), way)
    end)

    it("that cannot be put up stops the run before anything is changed", function()
      local result, events = with_hooks(503)
      assert.equal(1, result.code, result.stdout)
      assert.same({ "POST on", "POST off" }, site:called())
      assert.is_false(dixis.event(events, "run.finished").changed)
      assert.is_true(untouched())
    end)

    it("that cannot be taken down makes the run red", function()
      local result, events = with_hooks(200, 500)
      assert.equal(1, result.code, result.stdout)
      assert.equal("failed", summaries(events).maintenance_off)
      assert.equal(7, value "SELECT count(*) FROM _prisma_migrations")
    end)

    it("is left alone by a run that is refused", function()
      local result = run { "run", "prod", "--confirm", "no", "--set", "maintenance_on_url=" .. site:note "on", "--set",
        "maintenance_off_url=" .. site:note "off" }
      assert.equal(3, result.code)
      assert.same({}, site:called())
    end)
  end)

  it("refuses when the backup fails", function()
    run_staging()
    assert(conn:script(("CREATE SCHEMA s; CREATE TABLE s.secret (id int); CREATE ROLE %s_weak LOGIN PASSWORD 'weak';"
      .. "ALTER DATABASE %s OWNER TO %s_weak; GRANT ALL ON SCHEMA public TO %s_weak"):format(
      prod.dbname, prod.dbname, prod.dbname, prod.dbname)))
    local weak = env().DATABASE_URL_PROD:gsub("//.-@", ("//%s_weak:weak@"):format(prod.dbname))
    local result, events = run(confirmed(), { DATABASE_URL_PROD = weak })
    assert.equal(3, result.code, result.stdout)
    assert.equal("refused", summaries(events).backup)
    assert.is_truthy(result.stdout:find("pg_dump ended with code 1", 1, true), result.stdout)
    assert.is_false(dixis.event(events, "run.finished").changed)
    assert.is_true(value "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace)")
    assert.same({}, fs.list(folder .. "/.dixis/backups"))
  end)

  it("shows the password to nobody", function()
    run_staging()
    assert(conn:query "CREATE TABLE slow (id int)")
    local holder = assert(pg.connect(prod))
    assert(holder:query "BEGIN")
    assert(holder:query "LOCK TABLE slow IN ACCESS EXCLUSIVE MODE") -- pg_dump waits for it
    local handle = dixis.start(confirmed("--set", "allow=baseline",
      "--report", "r.json", "--report", "r.md", "--report", "r.xml"), { cwd = folder, env = env() })

    local seen, until_when = 0, clock.now() + 30
    while seen == 0 and clock.now() < until_when do
      for _, entry in ipairs(fs.list "/proc") do
        local pid = entry.name:match "^%d+$"
        local line = pid and fs.read(("/proc/%s/cmdline"):format(pid))
        if line and line:find("pg_dump", 1, true) and line:find(prod.dbname, 1, true) then
          seen = seen + 1
          -- The throw-away server is given its password by this statement; all else must be without it.
        if not line:find("ALTER ROLE", 1, true) then assert.is_nil(line:find(CANARY, 1, true), line) end
          local around = fs.read(("/proc/%s/environ"):format(pid)) or ""
          assert.is_nil(around:find(CANARY, 1, true))
          assert.is_truthy(around:find("PGPASSFILE=/proc/self/fd/", 1, true), around)
        end
      end
      clock.sleep(0.01)
    end
    assert.equal(1, seen)
    local own = fs.read(("/proc/%d/cmdline"):format(handle.pid))
    assert.is_nil(own:find(CANARY, 1, true))
    assert(holder:query "COMMIT")
    holder:close()
    local result = assert(handle:wait())
    assert.equal(0, result.code, result.stdout .. result.stderr)

    local _, journal = dixis.journal(folder)
    local texts = { result.stdout .. result.stderr, assert(fs.read(journal)),
      assert(fs.read(store.receipt_path(journal))), assert(fs.read(cluster.folder .. "/log")) }
    for _, ending in ipairs { "json", "md", "xml" } do texts[#texts + 1] = assert(fs.read(folder .. "/r." .. ending)) end
    local views <const> = { { "show", "last" }, { "show", "last", "--output", "jsonl" }, { "plan", "prod" } }
    for _, other in ipairs(views) do
      local shown = dixis.run(other, { cwd = folder, env = env() })
      assert.equal(0, shown.code, shown.stderr)
      texts[#texts + 1] = shown.stdout .. shown.stderr
    end
    for i, text in ipairs(texts) do
      assert.is_true(#text > 100, i .. ": " .. text)
      for line in text:gmatch "[^\n]+" do assert.is_nil(line:find(CANARY, 1, true), line) end
    end
    assert.is_truthy(texts[4]:find("[dixis backup ", 1, true))
    assert.is_table(json.decode(texts[5]))
  end)
end)
