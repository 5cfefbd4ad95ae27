-- A run whose lock connection had ended went on and committed, although another run could have begun: Prisma,
-- or dixis itself. And a run that followed one that was killed began while the server still worked at the
-- killed one's last statement.

local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

describe("the run lock", function()
  local params, conn, folder

  local function value(sql, ...) return assert(conn:query(sql, { ... }))[1][1] end

  local function wait_for(sql)
    local begun = clock.now()
    while not value(sql) do
      assert(clock.now() - begun < 20, "it never came: " .. sql)
      clock.sleep(0.02)
    end
  end

  local function start(...)
    return dixis.start({ "run", "deploy.lua", ... }, { cwd = folder, env = { DATABASE_URL = server.url(params) } })
  end

  local sleeping <const> = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
    .. "AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid())"

  before_each(function()
    params = server.database "run_lock"
    conn = assert(pg.connect(params))
    folder = migrations.project { ["1_first"] = "CREATE TABLE first (id int);\n" }
  end)
  after_each(function()
    conn:close()
    assert(fs.remove(folder))
  end)

  local ledger_query <const> = [[SELECT string_agg(concat_ws(' ', migration_name, applied_steps_count,
    finished_at IS NOT NULL), ', ' ORDER BY started_at) FROM _prisma_migrations]]

  for name, case in pairs {
    ["a transaction"] = { "CREATE TABLE a (id int);\nSELECT pg_sleep(0.7);\n", "1_first 1 t" },
    ["a migration that goes statement by statement"] = {
      "VACUUM first;\nCREATE TABLE b (id int);\nDO $$ BEGIN CREATE TABLE a (id int); PERFORM pg_sleep(0.7); END $$;\n",
      "1_first 1 t, 2_slow 2 f" },
  } do
    it("is ours at each commit, or " .. name .. " is not committed", function()
      migrations.write(folder, "2_slow", case[1])
      migrations.write(folder, "3_third", "CREATE TABLE third (id int);\n")
      local run = start()
      wait_for(sleeping)
      assert.is_true(value [[SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'dixis run %']])
      local result = run:wait()
      assert.equal(1, result.code, result.stdout .. result.stderr)
      assert.is_false(value "SELECT to_regclass('a') IS NOT NULL OR to_regclass('third') IS NOT NULL")
      assert.equal(case[2], value(ledger_query))
      local events = dixis.journal(folder)
      assert.equal("lock_lost", dixis.event(events, "migration.failed").error.kind)
      assert.equal(0, migrations.deploy(folder, params).code)
      assert.equal("1_first 1 t, 2_slow 1 t, 3_third 1 t", value(ledger_query))
    end)
  end

  it("is not ended by a time limit for idle sessions", function()
    assert(conn:query(("ALTER DATABASE %s SET idle_session_timeout = '200ms'"):format(params.dbname)))
    migrations.write(folder, "2_slow", "SELECT pg_sleep(1.5);\n")
    local result = migrations.deploy(folder, params)
    assert.equal(0, result.code, result.stdout)
  end)

  it("is still another's while the backend of a killed run works", function()
    assert.equal(0, migrations.deploy(folder, params).code)
    -- The server does not look whether its client is still there.
    migrations.write(folder, "2_slow", "SET client_connection_check_interval = 0;\nINSERT INTO first VALUES (1);\n"
      .. "SELECT pg_sleep(20);\n")
    local run = start()
    wait_for(sleeping)
    run:kill "KILL"
    run:wait()
    fs.remove(folder .. "/prisma/migrations/2_slow")
    migrations.write(folder, "2_quick", "INSERT INTO first VALUES (1);\n")
    local book = assert(fs.read(folder .. "/deploy.lua"))
    assert(fs.write(folder .. "/hasty.lua", (book:gsub('wait = "8s"', 'wait = "0s"'))))
    local result = dixis.run({ "run", "hasty.lua" }, { cwd = folder, env = { DATABASE_URL = server.url(params) } })
    assert.equal(4, result.code, result.stdout)
    assert.is_truthy(result.stdout:find("holds the lock: dixis (process " .. value [[SELECT pid FROM pg_stat_activity
      WHERE query LIKE '%pg_sleep(20)%' AND datname = current_database() AND pid <> pg_backend_pid()]], 1, true), result.stdout)
    assert.is_true(value [[SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'dixis' AND pid <> pg_backend_pid()]])
    assert.equal(0, migrations.deploy(folder, params).code)
    assert.equal(1, value "SELECT count(*) FROM first")
  end)
end)
