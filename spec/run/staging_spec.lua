local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local proof = require "dixis.proof"
local server = require "spec.support.server"
local store = require "dixis.store"
local web = require "spec.support.web"

describe("the staging runbook", function()
  local params, conn, folder

  local function value(sql) return assert(conn:query(sql))[1][1] end
  local function is_untouched()
    return value [[SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace)
      AND NOT EXISTS (SELECT FROM pg_db_role_setting
                       WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))]]
  end
  local function untouched() assert.is_true(is_untouched()) end

  --- Runs it with the right phrase unless others are given.
  local function run(arguments, env)
    arguments = arguments or { "--confirm", "DIXIS-STAGING-OK" }
    env = env or {}
    if env.DATABASE_URL_STAGING == nil then env.DATABASE_URL_STAGING = server.url(params) end
    env.DATABASE_URL_STAGING = env.DATABASE_URL_STAGING or nil -- false: not set at all
    local result = dixis.run({ "run", "staging", table.unpack(arguments) }, { cwd = folder, env = env })
    return result, (dixis.journal(folder))
  end

  local function with(...) return run { "--confirm", "DIXIS-STAGING-OK", ... } end

  local function names(events, kind)
    local list = {}
    for _, event in ipairs(events) do
      if event.type == kind then list[#list + 1] = event.name end
    end
    return table.concat(list, " ")
  end

  local function refused(text, result, events)
    assert.equal(3, result.code, result.stdout)
    assert.is_truthy(result.stdout:find(text, 1, true), result.stdout)
    local finished = dixis.event(events, "run.finished")
    assert.same({ "refused", 3, false, 0 }, { finished.outcome, finished.exit, finished.changed, finished.applied })
    assert.is_nil(dixis.event(events, "step.started"))
  end

  -- A new database costs a quarter of a second: what a refusal has left alone serves the next test too.
  before_each(function()
    params = params or server.database "staging"
    conn = assert(pg.connect(params))
    folder = dixis.project()
  end)
  after_each(function()
    if not is_untouched() then params = nil end
    conn:close()
    assert(fs.remove(folder))
  end)

  it("takes all migrations to the database, and then has nothing to do", function()
    local result, events = run()
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.equal(7, value "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL")
    assert.equal("secret git reachable role environment lock history confirm", names(events, "gate.opened"))
    assert.equal("identity stamp deploy status validate", names(events, "step.finished"))
    assert.equal("backup generate", names(events, "step.skipped"))
    assert.equal("migrations_applied schema_up_to_date schema_valid no_errors", names(events, "criterion.green"))
    assert.equal("healthy log", names(events, "criterion.skipped"))
    assert.is_truthy(result.stdout:find("status             Database schema is up to date!", 1, true), result.stdout)
    assert.equal("", result.stderr)
    assert.is_nil(result.stdout:find("\27", 1, true))
    assert.equal(0, dixis.run({ "verify", "last" }, { cwd = folder }).code)

    local again, second = run()
    assert.equal(0, again.code, again.stdout)
    assert.is_truthy(again.stdout:find("no pending migrations", 1, true), again.stdout)
    local finished = dixis.event(second, "run.finished")
    assert.same({ "succeeded", 0, false }, { finished.outcome, finished.applied, finished.changed })
    assert.equal(7, value "SELECT count(*) FROM _prisma_migrations")
  end)

  it("stamps the database as staging", function()
    assert.equal(0, run().code)
    assert.equal("{dixis.environment=staging}", value [[SELECT setconfig::text FROM pg_db_role_setting
      WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) AND setrole = 0]])
    local _, events = run()
    assert.equal("staging", dixis.event(events, "target.identified").target.environment)
  end)

  it("leaves a record that says what happened, in the order in which it did", function()
    local _, events = run()
    local last = 0
    for i, event in ipairs(events) do
      assert.equal(i, event.seq)
      assert.is_true(event.t >= last)
      last = event.t
    end
    assert.equal("run.started", events[1].type)
    assert.equal("run.finished", events[#events].type)
    local begun, done = {}, {}
    for _, event in ipairs(events) do
      if event.type == "migration.started" then begun[#begun + 1] = event.name end
      if event.type == "migration.applied" then
        done[#done + 1] = event.name
        assert.equal(#begun, #done)
      end
    end
    assert.same(begun, done)
    assert.equal(7, #done)
    assert.equal("20251005000000_init", done[1])
  end)

  it("leaves a receipt", function()
    local _, events = run()
    local _, path = dixis.journal(folder)
    local receipt = proof.read(store.receipt_path(path))
    local identified = dixis.event(events, "target.identified").target
    assert.same({ "succeeded", 0, "staging", false, 7, "staging" }, { receipt.outcome, receipt.exit,
      receipt.environment, receipt.ephemeral, receipt.applied, receipt.runbook.name })
    assert.equal(params.dbname, receipt.target.database)
    assert.equal(identified.system_identifier, receipt.target.system_identifier)
    assert.equal(dixis.event(events, "plan.computed").digest, receipt.plan)
    assert.equal(#events, receipt.journal.lines)
    assert.is_truthy(receipt.git.commit:match "^%x+$")
    for _, file in ipairs { path, store.receipt_path(path) } do
      assert.equal(tonumber("600", 8), fs.stat(file).mode)
    end
    assert.equal(tonumber("700", 8), fs.stat(folder .. "/.dixis/runs").mode)
  end)

  describe("refuses, and leaves the database as it was:", function()
    after_each(untouched)

    for name, phrase in pairs {
      ["nothing"] = "", ["lower case"] = "dixis-staging-ok", ["space before"] = " DIXIS-STAGING-OK",
      ["space after"] = "DIXIS-STAGING-OK ", ["a newline"] = "DIXIS-STAGING-OK\n", ["look-alikes"] = "DIХIS-STAGING-OK",
      ["another dash"] = "DIXIS–STAGING–OK", ["the other runbook's"] = "DIXIS-PROD-OK", ["a part"] = "DIXIS-STAGING-O",
    } do
      it("a phrase that is " .. name, function()
        refused("the phrase is not DIXIS-STAGING-OK", run { "--confirm", phrase })
      end)
    end

    it("no phrase and no terminal", function() refused("no terminal, and no --confirm", run {}) end)

    it("no variable, and an empty one", function()
      refused("DATABASE_URL_STAGING is not set", run(nil, { DATABASE_URL_STAGING = "" }))
      refused("DATABASE_URL_STAGING is not set", run(nil, { DATABASE_URL_STAGING = false }))
    end)

    it("the same database in both variables", function()
      local url <const> = server.url(params)
      refused("name the same database", run(nil, { DATABASE_URL_PROD = url }))
      refused("name the same database", run(nil, { DATABASE_URL_PROD = (url:gsub("^postgresql:", "postgres:")) }))
      local _, after = url:match "^(.-)@(.*)$"
      refused("name the same database", run(nil, { DATABASE_URL_PROD = "postgresql://other:pw@" .. after }))
    end)

    it("a database that does not exist", function()
      local url = server.url(params):gsub(params.dbname, params.dbname .. "_nowhere")
      refused("does not exist", run(nil, { DATABASE_URL_STAGING = url }))
    end)

    it("a wrong password", function()
      local tcp = server.tcp()
      tcp.password = "canary-31337"
      local result, events = run(nil, { DATABASE_URL_STAGING = server.url(tcp) })
      refused("the password is wrong", result, events)
      local _, path = dixis.journal(folder)
      assert.is_nil((result.stdout .. result.stderr .. fs.read(path)):find("canary", 1, true))
    end)

    it("no repository, unless it is told that there is none", function()
      assert(fs.remove(folder .. "/.git"))
      refused("not in a git work tree", run())
    end)

    it("uncommitted changes, when a clean work tree is demanded", function()
      assert(fs.write(folder .. "/notes.txt", "x"))
      refused("1 uncommitted change", with("--set", "clean=true"))
    end)

    it("a pinned plan that is another one", function()
      refused("not the pinned", with("--plan", ("a"):rep(64)))
    end)

    it("a migration that controls its transaction itself", function()
      migrations.write(folder, "20260101000000_commit", "CREATE TABLE a (id int);\nCOMMIT;\n")
      refused("20260101000000_commit/migration.sql:2: controls its transaction itself", run())
    end)
  end)

  it("refuses a database that is stamped as production", function()
    assert(conn:query(("ALTER DATABASE %s SET dixis.environment = 'production'"):format(params.dbname)))
    refused("the target is stamped 'production', this runbook is for 'staging'", run())
    assert.is_true(value "SELECT to_regclass('_prisma_migrations') IS NULL")
  end)

  it("refuses tables that no record speaks of, unless allowed", function()
    assert(conn:query "CREATE TABLE legacy (id int)")
    refused("has 1 table but no record of migrations", run())
    assert.equal(0, with("--set", "allow=baseline").code)
  end)

  it("takes a plan that is the pinned one", function()
    local planned = dixis.run({ "plan", "staging", "--output", "json" },
      { cwd = folder, env = { DATABASE_URL_STAGING = server.url(params) } })
    local digest = planned.stdout:match '"digest":"(%x+)"'
    assert.is_string(digest, planned.stdout .. planned.stderr)
    untouched()
    local result = with("--plan", digest)
    assert.equal(0, result.code, result.stdout)
  end)

  describe("after a first run", function()
    before_each(function() assert.equal(0, run().code) end)

    it("refuses an edited migration, unless allowed, and says so in the record", function()
      local file <const> = folder .. "/prisma/migrations/20251005000000_init/migration.sql"
      assert(fs.write(file, fs.read(file) .. "\n-- changed\n"))
      refused("20251005000000_init was changed after it had been applied", run())
      local result, events = with("--set", "allow=edited")
      assert.equal(0, result.code, result.stdout)
      assert.equal("20251005000000_init", dixis.event(events, "history.allowed").name)
    end)

    it("refuses a folder that lacks what is applied", function()
      assert(fs.remove(folder .. "/prisma/migrations/20251010000000_add_order_public_token"))
      refused("is applied in the database but is not in the folder", run())
    end)

    it("refuses one that was renamed, before it is applied again", function()
      local names_of <const> = folder .. "/prisma/migrations/"
      assert(fs.rename(names_of .. "20251010000000_add_order_public_token", names_of .. "20251010000000_public_token"))
      refused("the folder has the same script as 20251010000000_public_token", run())
    end)

    it("passes over a folder without a script, and over another provider, where that is allowed", function()
      assert(fs.mkdir(folder .. "/prisma/migrations/20260101000000_empty"))
      assert(fs.write(folder .. "/prisma/migrations/migration_lock.toml", 'provider = "mysql"\n'))
      refused("no migration.sql in 20260101000000_empty", with("--set", "allow=provider"))
      refused("says the provider is 'mysql'", with("--set", "allow=no_script"))
      local result, events = with("--set", "allow=no_script,provider")
      assert.equal(0, result.code, result.stdout)
      local let_through = {}
      for _, event in ipairs(events) do
        if event.type == "history.allowed" then let_through[event.kind] = event.name end
      end
      assert.same({ no_script = "20260101000000_empty", provider = "migration_lock.toml" }, let_through)
    end)

    it("refuses a new migration that is older than what is applied", function()
      migrations.write(folder, "20251006000001_late", "CREATE TABLE late (id int);\n")
      refused("20251006000001_late is older than the newest applied one", run())
      assert.is_true(value "SELECT to_regclass('late') IS NULL")
      assert.equal(0, with("--set", "allow=out_of_order").code)
      assert.is_false(value "SELECT to_regclass('late') IS NULL")
    end)

    it("refuses to go on after Prisma failed, whatever is allowed", function()
      assert(conn:query [[INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at)
        VALUES ('x', 'x', '20260101000000_failed', now())]])
      refused("started and never finished", run())
      refused("started and never finished", with("--set", "allow=failed, missing, edited"))
    end)

    it("is red when a migration fails, judges everything, and says the way back", function()
      migrations.write(folder, "20260101000000_bad", "CREATE TABLE a (id int);\nSELECT * FROM nowhere;\n")
      migrations.write(folder, "20260102000000_good", "CREATE TABLE b (id int);\n")
      local result, events = run()
      assert.equal(1, result.code)
      local judged = names(events, "criterion.green") .. " " .. names(events, "criterion.red")
      for _, name in ipairs { "migrations_applied", "schema_up_to_date", "schema_valid", "no_errors" } do
        assert.is_truthy(judged:find(name, 1, true), judged)
      end
      assert.is_truthy(names(events, "criterion.red"):find("migrations_applied", 1, true))
      assert.is_truthy(names(events, "criterion.red"):find("no_errors", 1, true))
      assert.equal("status validate", names(events, "step.skipped"):match "status.*$")
      local finished = dixis.event(events, "run.finished")
      assert.same({ "failed", 1, 0 }, { finished.outcome, finished.exit, finished.applied })
      assert.is_true(value "SELECT to_regclass('a') IS NULL AND to_regclass('b') IS NULL")
      local _, path = dixis.journal(folder)
      assert.equal("failed", proof.read(store.receipt_path(path)).outcome)
    end)

    it("is red when the schema file is ahead of the migrations", function()
      local file <const> = folder .. "/prisma/schema.prisma"
      assert(fs.write(file, fs.read(file) .. "\nmodel Ahead {\n  id Int @id\n}\n"))
      local result, events = run()
      assert.equal(1, result.code, result.stdout)
      assert.is_truthy(names(events, "criterion.red"):find "schema_valid")
      assert.is_truthy(result.stdout:find("Ahead", 1, true))
    end)
  end)

  it("prints the way back with the database's name when something was changed", function()
    migrations.write(folder, "20260101000000_bad", "SELECT * FROM nowhere;\n")
    local result = run()
    assert.equal(1, result.code)
    assert.is_truthy(result.stdout:find("The way back", 1, true))
    assert.is_truthy(result.stdout:find(params.dbname .. ", or restore a backup", 1, true), result.stdout)
    assert.equal(7, value "SELECT count(*) FROM _prisma_migrations")
  end)

  it("is locked while another run holds the lock, Prisma's or ours, and changes nothing", function()
    assert(conn:query "SELECT pg_advisory_lock(72707369)")
    local result, events = with("--set", "lock_wait=1s")
    assert.equal(4, result.code, result.stdout)
    assert.equal("locked", dixis.event(events, "run.finished").outcome)
    untouched()
  end)

  it("asks the application at the end", function()
    local site = web.start()
    assert.equal(0, with("--set", "health_url=" .. site:note "health").code)
    assert.same({ "GET health" }, site:called())
    site:close()
  end)

  it("runs without a repository, a schema file and a health address when told", function()
    assert(fs.remove(folder .. "/.git"))
    assert(fs.remove(folder .. "/prisma/schema.prisma"))
    local result, events = with("--set", "git=false")
    assert.equal(0, result.code, result.stdout)
    assert.equal("schema_valid healthy log", names(events, "criterion.skipped"))
  end)
end)
