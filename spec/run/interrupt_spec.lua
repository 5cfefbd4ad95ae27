local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"

local exit_of <const> = { INT = 130, TERM = 143 }

describe("an interrupted run", function()
  local params, conn, folder

  local function value(sql) return assert(conn:query(sql))[1][1] end
  local function exists(name) return value(("SELECT to_regclass('%s') IS NOT NULL"):format(name)) end

  local function eventually(what, condition)
    local until_when = clock.now() + 20
    while not condition() do
      if clock.now() > until_when then error("not within 20 s: " .. what) end
      clock.sleep(0.02)
    end
  end

  -- Other sessions of dixis on the database.
  local function sessions(where)
    return value([[SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
      AND pid <> pg_backend_pid()]] .. (where and " AND " .. where or ""))
  end

  local function ledger()
    if not exists "_prisma_migrations" then return 0 end
    return value "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL"
  end

  local function start(env, ...)
    return dixis.start({ "run", "deploy.lua", ... }, { cwd = folder, env = env or { DATABASE_URL = server.url(params) } })
  end

  --- The end of a run that was sent the signal, with its events.
  local function ended(handle, signal)
    local result = assert(handle:wait())
    assert.equal(exit_of[signal], result.code, result.stdout .. result.stderr)
    local events = dixis.journal(folder)
    local finished = dixis.event(events, "run.finished")
    assert.same({ "interrupted", exit_of[signal] }, { finished.outcome, finished.exit })
    assert.equal("SIG" .. signal, dixis.event(events, "run.interrupted").signal)
    assert.equal(0, dixis.run({ "verify", "last" }, { cwd = folder }).code)
    -- Nothing is left behind: no session, no lock.
    eventually("the server is rid of the run", function() return sessions() == 0 end)
    assert.equal(0, value "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    return events, result, finished
  end

  local function then_succeeds(count)
    local result = migrations.deploy(folder, params)
    assert.equal(0, result.code, result.stdout)
    assert.equal(count, ledger())
    assert.equal(count, value "SELECT count(*) FROM _prisma_migrations")
  end

  before_each(function()
    params = server.database "interrupt"
    conn = assert(pg.connect(params))
    folder = migrations.project { ["1_first"] = "CREATE TABLE first (id int);\n" }
  end)
  after_each(function()
    conn:close()
    assert(fs.remove(folder))
  end)

  for signal in pairs(exit_of) do
    describe("by SIG" .. signal, function()
      local function sleeping() return sessions "query ~ 'pg_sleep' AND state = 'active'" == 1 end

      it("inside a statement: it is stopped, rolled back, and not recorded as applied", function()
        migrations.write(folder, "2_slow",
          "CREATE TABLE a (id int);\nSELECT pg_sleep(coalesce(max(id), 600)) FROM first;\n")
        migrations.write(folder, "3_third", "CREATE TABLE third (id int);\n")
        local handle = start()
        eventually("it sleeps", sleeping)
        handle:kill(signal)
        local events, result, finished = ended(handle, signal)
        assert.is_truthy(dixis.event(events, "transaction.rolled_back"))
        assert.same({ true, 1 }, { finished.changed, finished.applied })
        assert.is_truthy(result.stdout:find("the open transaction was rolled back", 1, true), result.stdout)
        assert.is_false(exists "a" or exists "third")
        assert.equal(1, ledger())
        assert(conn:query "INSERT INTO first VALUES (0)")
        then_succeeds(3)
      end)

      it("inside a statement that stands alone: what was done before stays recorded", function()
        assert.equal(0, migrations.deploy(folder, params).code)
        migrations.write(folder, "2_slow",
          "CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY i ON first (id);\nCREATE INDEX CONCURRENTLY j ON first (id);\n")
        -- An older transaction that wrote to the table keeps CONCURRENTLY waiting.
        assert(conn:query "BEGIN")
        assert(conn:query "INSERT INTO first VALUES (1)")
        local handle = start()
        -- A transaction sees one and the same pg_stat_activity: another session has to look.
        local other = assert(pg.connect(params))
        eventually("it waits", function()
          return assert(other:query [[SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%'
            AND wait_event_type = 'Lock']])[1][1] == 1
        end)
        other:close()
        handle:kill(signal)
        local result = assert(handle:wait())
        assert.equal(exit_of[signal], result.code, result.stdout)
        assert(conn:query "COMMIT")
        eventually("the server is rid of the run", function() return sessions() == 0 end)
        assert.is_true(exists "a")
        assert.equal(1, value "SELECT applied_steps_count FROM _prisma_migrations WHERE finished_at IS NULL")
        then_succeeds(2)
        assert.is_true(value [[SELECT bool_and(indisvalid) AND count(*) = 2 FROM pg_index
          WHERE indrelid = 'first'::regclass]])
      end)

      it("while it waits for a target that does not answer", function()
        local handle = start { DATABASE_URL = "postgresql://user:pw@127.0.0.1:1/nowhere" }
        eventually("the gate is tried", function()
          local found, events = pcall(dixis.journal, folder)
          return found and dixis.event(events, "gate.started") ~= nil
        end)
        handle:kill(signal)
        local events, _, finished = ended(handle, signal)
        assert.is_false(finished.changed)
        assert.is_nil(dixis.event(events, "step.started"))
        then_succeeds(1)
      end)

      it("while it waits for another run", function()
        assert(conn:query "SELECT pg_advisory_lock(72707369)")
        local handle = start()
        eventually("it waits for the lock", function()
          return sessions "application_name LIKE 'dixis run%'" == 1
        end)
        handle:kill(signal)
        assert.equal(exit_of[signal], assert(handle:wait()).code)
        assert.equal(0, ledger())
        assert(conn:query "SELECT pg_advisory_unlock_all()")
        then_succeeds(1)
      end)

      it("between migrations: what is applied is recorded, and the next run goes on", function()
        for i = 2, 300 do migrations.write(folder, ("2_%03d"):format(i), ("CREATE TABLE t%d (id int);\n"):format(i)) end
        local handle = start()
        eventually("some are applied", function() return exists "t5" end)
        handle:kill(signal)
        local events, _, finished = ended(handle, signal)
        local applied = 0
        for _, event in ipairs(events) do
          if event.type == "migration.applied" then applied = applied + 1 end
        end
        assert.same({ applied, applied }, { finished.applied, ledger() })
        assert.is_true(applied > 1 and applied < 300)
        then_succeeds(300)
        assert.equal(300, value "SELECT count(*) FROM pg_class WHERE relname ~ '^(t[0-9]+|first)$'")
      end)

      it("during a backup: pg_dump ends too, and nothing was changed", function()
        assert(fs.write(folder .. "/backup.lua", [[
          return dixis.runbook { name = "backup", version = "1", title = "A backup",
            target = { env = "DATABASE_URL", environment = "spec" }, uses = { exec = { "pg_dump", "pg_restore" } },
            gates = { dixis.gate.reachable() }, steps = { dixis.step.backup() }, criteria = {} }
        ]]))
        assert(conn:query "CREATE TABLE held (id int)")
        local holder = assert(pg.connect(params))
        assert(holder:query "BEGIN")
        assert(holder:query "LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        local handle = dixis.start({ "run", "backup.lua" }, { cwd = folder, env = { DATABASE_URL = server.url(params) } })
        eventually("pg_dump waits", function()
          return sessions "application_name LIKE 'dixis backup%' AND wait_event_type = 'Lock'" == 1
        end)
        handle:kill(signal)
        local result = assert(handle:wait())
        assert.equal(exit_of[signal], result.code, result.stdout .. result.stderr)
        holder:close()
        eventually("the server is rid of pg_dump", function() return sessions() == 0 end)
        assert.is_false(dixis.event(dixis.journal(folder), "run.finished").changed)
        assert.same({}, fs.list(folder .. "/.dixis/backups"))
      end)
    end)
  end

  it("twice in a row ends as after the first, with a whole record", function()
    migrations.write(folder, "2_slow", "CREATE TABLE a (id int);\nSELECT pg_sleep(600);\n")
    local handle = start()
    eventually("it sleeps", function() return sessions "query ~ 'pg_sleep' AND state = 'active'" == 1 end)
    -- Of different ones at the same moment the kernel may deliver any first.
    for _ = 1, 3 do handle:kill "INT" end
    local events = ended(handle, "INT")
    assert.is_truthy(dixis.event(events, "transaction.rolled_back"))
    assert.is_false(exists "a")
    assert.equal(1, ledger())
  end)

  it("takes the maintenance page down, since that is always done", function()
    assert(fs.write(folder .. "/always.lua", [[
      return dixis.runbook { name = "always", version = "1", title = "Always",
        target = { env = "DATABASE_URL", environment = "spec" }, uses = { exec = { "touch" } },
        gates = { dixis.gate.reachable(), dixis.gate.history() },
        steps = { dixis.step.deploy(), dixis.step.command { name = "off", argv = { "touch", "off" }, always = true } },
        criteria = {} }
    ]]))
    migrations.write(folder, "2_slow", "SELECT pg_sleep(600);\n")
    local handle = dixis.start({ "run", "always.lua" }, { cwd = folder, env = { DATABASE_URL = server.url(params) } })
    eventually("it sleeps", function() return sessions "query ~ 'pg_sleep' AND state = 'active'" == 1 end)
    handle:kill "INT"
    ended(handle, "INT")
    assert.is_truthy(fs.stat(folder .. "/off"))
  end)

  it("by Ctrl-C at the question leaves the terminal and the database as they were", function()
    assert(fs.write(folder .. "/ask.lua", (assert(fs.read(folder .. "/deploy.lua"))
      :gsub("gate.history { allow = option \"allow\" }", "%0, gate.confirm \"YES\""))))
    local argv = { "python3", assert(fs.realpath "spec/support/pty.py"), "expect:Type YES", "send:YE\\x03", "--",
      process.executable(), "run", "ask.lua" }
    local env = { PATH = process.getenv "PATH", DATABASE_URL = server.url(params), TERM = "xterm", LANG = "C.UTF-8",
      DIXIS_LIB = process.getenv "DIXIS_LIB", ASAN_OPTIONS = process.getenv "ASAN_OPTIONS" }
    local result = assert(process.run(argv, { cwd = folder, env = env, timeout = 60 }))
    assert.is_truthy(result.stdout:find("exit=130 lines=True echo=True", 1, true), result.stdout)
    local events = dixis.journal(folder)
    local finished = dixis.event(events, "run.finished")
    assert.same({ "interrupted", false }, { finished.outcome, finished.changed })
    assert.equal(0, ledger())
    then_succeeds(1)
  end)
end)
