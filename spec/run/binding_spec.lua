-- What was confirmed is what runs: whatever changes between the plan and the first statement ends the run.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local identity = require "dixis.target.identity"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"

local INIT <const> = "20250101000000_init"
local SCRIPT <const> = "prisma/migrations/" .. INIT .. "/migration.sql"

local folder, params, url, conn

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function psql(sql, database)
  return ("psql -qX -v ON_ERROR_STOP=1 -h %s -p %d -U %s -d %s -c %s"):format(params.host, params.port, params.user,
    database or params.dbname, quoted(sql))
end

-- Runs a script of the shell at one of the places where time may pass.
local function go(place, script, more)
  assert(fs.write(folder .. "/hook", "#!/bin/sh\nset -e\n" .. script .. "\n", tonumber("755", 8)))
  local gates, steps = "", { "", "" }
  if place == "gate" then
    gates = 'gate.custom { name = "meanwhile", open = function(run) run.exec { "./hook" } return true end },'
  else
    steps[place == "step" and 1 or 2] = 'step.command { name = "meanwhile", "./hook" },'
  end
  local fields = {
    uses = '{ exec = { "./hook" } }',
    gates = ("{ gate.secret(), gate.reachable { wait = 5 }, gate.lock(), gate.history(), %s gate.confirm 'YES' }"):format(gates),
    steps = ("{ %s step.stamp(), %s step.deploy() }"):format(table.unpack(steps)),
  }
  for name, value in pairs(more or {}) do fields[name] = value end
  local name = book.write(folder, fields)
  return book.dixis(folder, url, { "run", more and more.run or name, "--confirm", "YES" }, { HOME = "/tmp" }),
    (dixis.journal(folder))
end

local function untouched(other)
  local connection = other or conn
  return assert(connection:query [[SELECT to_regclass('note') IS NULL AND NOT EXISTS (SELECT FROM pg_db_role_setting
      WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'dixis')]])[1][1]
end

local function refused(text, result, events)
  assert.equal(3, result.code, result.shown)
  assert.matches(text, result.shown, 1, true)
  assert.equal(1, select(2, result.shown:gsub("[Nn]othing was changed", "")), result.shown)
  assert.is_false(dixis.event(events, "run.finished").changed)
  assert.is_nil(dixis.event(events, "migration.started"))
  assert.is_nil(dixis.event(events, "stamp.started"))
end

before_each(function()
  folder, params = book.project(), server.database()
  url = server.url(params)
  conn = assert(pg.connect(params))
end)
after_each(function()
  conn:close()
  fs.remove(folder)
end)

local cases <const> = {
  { "a migration is edited", "echo '-- more' >> " .. SCRIPT, SCRIPT .. " was edited" },
  { "a migration is added", "cp -r prisma/migrations/" .. INIT .. " prisma/migrations/20260101000000_more",
    "20260101000000_more/migration.sql was added" },
  { "a migration is renamed", "mv prisma/migrations/" .. INIT .. " prisma/migrations/20260101000000_init",
    "20260101000000_init/migration.sql was added" },
  { "a script is gone", "rm " .. SCRIPT, "no migration.sql in " .. INIT },
  { "a script is made unreadable", "rm " .. SCRIPT .. " && mkdir " .. SCRIPT, "no migration.sql in " .. INIT },
  { "the runbook is edited", "echo '-- more' >> book.lua", "the runbook book.lua was edited" },
  { "the runbook is removed", "rm book.lua", "the runbook book.lua was edited" },
  { "the folder is for another database", "echo 'provider = \"mysql\"' > prisma/migrations/migration_lock.toml", "mysql" },
}

for _, case in ipairs(cases) do
  for _, place in ipairs { "gate", "step" } do
    it(("refuses when %s behind a %s"):format(case[1], place), function()
      refused(case[3], go(place, case[2]))
      assert.is_true(untouched())
    end)
  end
end

it("stops when a migration is edited after the first change, before any statement of it", function()
  local result, events = go("later", "echo 'DROP TABLE note;' >> " .. SCRIPT)
  assert.equal(1, result.code, result.shown)
  assert.matches(SCRIPT .. " was edited", result.shown, 1, true)
  assert.is_true(dixis.event(events, "run.finished").changed) -- the stamp
  assert.is_nil(dixis.event(events, "migration.started"))
  assert.is_true(assert(conn:query "SELECT to_regclass('_prisma_migrations') IS NULL")[1][1])
end)

it("refuses when a runbook that it extends is edited", function()
  assert(fs.write(folder .. "/child.lua", 'return dixis.extend("book.lua", { name = "child" })\n'))
  refused("the runbook ./book.lua was edited", go("gate", "echo '-- more' >> book.lua", { run = "child.lua" }))
  assert.is_true(untouched())
end)

describe("refuses when the ledger is changed meanwhile:", function()
  before_each(function()
    assert.equal(0, (go("gate", "true")).code)
    assert(fs.mkdir(folder .. "/prisma/migrations/20260101000000_more"))
    assert(fs.write(folder .. "/prisma/migrations/20260101000000_more/migration.sql", "CREATE TABLE more (id int);\n"))
  end)

  for what, sql in pairs {
    ["the pending one is recorded"] = [[INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
      VALUES ('x', 'y', '20260101000000_more', now())]],
    ["an unknown one is recorded"] = [[INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
      VALUES ('x', 'y', '20250601000000_other', now())]],
    ["one fails"] = "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '20250601000000_other')",
    ["one is rolled back"] = "UPDATE _prisma_migrations SET rolled_back_at = now()",
    ["a checksum is changed"] = "UPDATE _prisma_migrations SET checksum = 'z'",
    ["a row is deleted"] = "DELETE FROM _prisma_migrations",
    ["the ledger is dropped"] = "DROP TABLE _prisma_migrations",
  } do
    it(what, function()
      for _, place in ipairs { "gate", "step" } do
        refused("_prisma_migrations were added or changed", go(place, psql("BEGIN; " .. sql .. "; SAVEPOINT x; COMMIT")))
        assert.is_true(assert(conn:query "SELECT to_regclass('more') IS NULL")[1][1])
        if place == "gate" then
          -- The same once more, from where it was.
          assert(conn:script "DROP TABLE IF EXISTS _prisma_migrations, note; DROP SCHEMA IF EXISTS dixis CASCADE")
          assert(conn:query(("ALTER DATABASE %s RESET ALL"):format(params.dbname)))
          assert(fs.rename(folder .. "/prisma/migrations/20260101000000_more", folder .. "/more"))
          assert.equal(0, (go("gate", "true")).code)
          assert(fs.rename(folder .. "/more", folder .. "/prisma/migrations/20260101000000_more"))
        end
      end
    end)
  end
end)

describe("refuses when the target becomes another one:", function()
  local other
  setup(function() other = assert(ephemeral.start { memory = true }) end)
  teardown(function() assert(other:stop()) end)

  it("its stamp is another", function()
    local result, events = go("gate", psql(("ALTER DATABASE %s SET dixis.environment = 'production'"):format(params.dbname)))
    refused("the target's stamp was absent and is production", result, events)
  end)

  it("but goes on when another run gave it the same stamp", function()
    local result, events = go("gate", psql(("ALTER DATABASE %s SET dixis.environment = 'spec'"):format(params.dbname)))
    assert.equal(0, result.code, result.shown)
    assert.matches("already stamped", dixis.event(events, "step.skipped").reason, 1, true)
  end)

  it("the database is dropped and made anew", function()
    for _, place in ipairs { "gate", "step" } do
      conn:close()
      refused("its database's OID was", go(place, psql(("DROP DATABASE %s WITH (FORCE)"):format(params.dbname), "postgres")
        .. "\n" .. psql(("CREATE DATABASE %s"):format(params.dbname), "postgres")))
      conn = assert(pg.connect(params))
      assert.is_true(untouched())
    end
  end)

  it("another server answers at its address", function()
    local admin = assert(pg.connect(other.params))
    -- Both are copies of one cluster: their databases are told apart by their OIDs alone.
    assert(admin:query "SELECT lo_creat(-1) FROM generate_series(1, 5000)")
    assert(admin:query("CREATE DATABASE " .. params.dbname))
    admin:close()
    local sockets = assert(fs.mkdtemp "/tmp/dixis-sockets-")
    local function link(to) return ("ln -sfn %s/.s.PGSQL.%d %s/.s.PGSQL.5432"):format(to.host, to.port, sockets) end
    local there = { host = sockets, port = 5432, dbname = params.dbname, user = params.user }
    url = server.url(there)
    for _, place in ipairs { "gate", "step" } do
      assert.is_true(os.execute(link(params)))
      refused("its database's OID was", go(place, link(other.params) .. "\n"
        .. psql(("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s' AND pid <> pg_backend_pid()")
          :format(params.dbname), "postgres")))
      for _, where in ipairs { params, { host = other.params.host, port = other.params.port, dbname = params.dbname,
        user = params.user } } do
        local connection = assert(pg.connect(where))
        assert.is_true(untouched(connection))
        connection:close()
      end
    end
    assert(fs.remove(sockets))
  end)

  it("a standby is promoted in its place", function()
    local primary = assert(ephemeral.start { memory = true, settings = { wal_level = "replica", max_wal_senders = 4 } })
    params = primary.params
    conn:close()
    conn = assert(pg.connect(params))
    local bin = assert(conn:query "SELECT setting FROM pg_config WHERE name = 'BINDIR'")[1][1]
    local home = assert(fs.mkdtemp "/tmp/dixis-standby-")
    local as_root = select(2, process.user()) == 0
    local function command(...)
      local result = assert(process.run({ ... }, { env = { PATH = process.getenv "PATH" } }))
      assert.equal(0, result.code, result.stderr)
    end
    command(bin .. "/pg_basebackup", "-h", params.host, "-p", tostring(params.port), "-U", params.user, "-D", home .. "/data",
      "-R", "--checkpoint=fast", "--no-sync")
    if as_root then command("chown", "-R", "postgres", home) end
    local standby = assert(process.start({ bin .. "/postgres", "-D", home .. "/data", "-k", home, "-p", "5432",
      "-c", "listen_addresses=", "-c", "fsync=off" },
      { user = as_root and "postgres" or nil, cwd = "/", die_with_parent = "KILL", env = { PATH = process.getenv "PATH" } }))
    local there = { host = home, port = 5432, dbname = params.dbname, user = params.user }
    local other_side, until_then = pg.connect(there), clock.now() + 60
    while not other_side and clock.now() < until_then do
      clock.sleep(0.05)
      other_side = pg.connect(there)
    end
    assert(other_side, "the standby does not answer")

    local sockets = assert(fs.mkdtemp "/tmp/dixis-sockets-")
    local function link(from) return ("ln -sfn %s %s/.s.PGSQL.5432"):format(from, sockets) end
    assert.is_true(os.execute(link(("%s/.s.PGSQL.%d"):format(params.host, params.port))))
    url = server.url { host = sockets, port = 5432, dbname = params.dbname, user = params.user }
    refused("its timeline was 00000001 and is 00000002", go("gate",
      ("psql -qX -v ON_ERROR_STOP=1 -h %s -p 5432 -U %s -d postgres -c 'SELECT pg_promote()'\n"):format(home, params.user)
      .. link(home .. "/.s.PGSQL.5432") .. "\n" .. psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
      .. "application_name LIKE 'dixis%' AND pid <> pg_backend_pid()")))
    conn = assert(pg.connect(params))
    assert.is_true(untouched())
    assert.is_true(untouched(other_side))
    other_side:close()
    standby:kill "QUIT"
    standby:wait()
    standby:close()
    for _, path in ipairs { home, sockets } do assert(fs.remove(path)) end
    assert(primary:stop())
  end)

  it("a failover is told by its timeline, another cluster by its system identifier", function()
    local session = require("dixis.target.session").open { params = params }
    local now = identity.read(session)
    session:close()
    assert.equal("00000001", now.timeline)
    local promoted = setmetatable({ timeline = "00000002" }, { __index = now })
    assert.equal("its timeline was 00000001 and is 00000002", identity.difference(now, promoted))
    local foreign = setmetatable({ system_identifier = "1" }, { __index = now })
    assert.equal(("its system identifier was %s and is 1"):format(now.system_identifier), identity.difference(now, foreign))
    assert.is_nil(identity.difference(now, now))
  end)

  it("but not when only the connection was lost", function()
    local result, events = go("step", psql(("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s' "
      .. "AND pid <> pg_backend_pid() AND application_name = 'dixis'"):format(params.dbname), "postgres"))
    assert.equal(0, result.code, result.shown)
    assert.equal(1, #dixis.event(events, "run.finished").phases - 2)
  end)

  it("and says so when the run lock was lost", function()
    local result = go("step", psql(("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s' "
      .. "AND application_name LIKE 'dixis run %%'"):format(params.dbname), "postgres"))
    assert.equal(5, result.code, result.shown)
    assert.is_true(untouched())
  end)
end)

it("shows the plan's digest in the record of each look at it", function()
  local result, events = go("gate", "true")
  assert.equal(0, result.code, result.shown)
  local computed, looks = dixis.event(events, "plan.computed").digest, 0
  for _, event in ipairs(events) do
    if event.type == "plan.verified" then
      looks = looks + 1
      assert.equal(computed, event.digest)
    end
  end
  assert.equal(1, looks) -- before the stamp; nothing comes between that and the migrations
end)
