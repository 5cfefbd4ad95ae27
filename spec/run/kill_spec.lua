local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

local function eventually(what, condition)
  local until_when = clock.now() + 20
  while not condition() do
    if clock.now() > until_when then error("not within 20 s: " .. what) end
    clock.sleep(0.005)
  end
end

describe("a run that is killed", function()
  local params, conn, folder

  local function value(sql) return assert(conn:query(sql))[1][1] end
  local function exists(name) return value(("SELECT to_regclass('%s') IS NOT NULL"):format(name)) end

  local function recorded()
    if not exists "_prisma_migrations" then return -1 end
    return value "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL"
  end

  local function start()
    return dixis.start({ "run", "deploy.lua" }, { cwd = folder, env = { DATABASE_URL = server.url(params) } })
  end

  --- Kills it as soon as the condition holds; gives what it left as a journal.
  local function kill_when(what, condition)
    local handle = start()
    eventually(what, condition)
    assert.is_true(handle:kill "KILL", "it had ended before it could be killed")
    assert.equal("SIGKILL", assert(handle:wait()).signal)
    return select(2, dixis.journal(folder))
  end

  local function free_again()
    local begun = clock.now()
    eventually("the lock is free", function()
      return value "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'" == 0
    end)
    assert.is_true(clock.now() - begun < 10)
  end

  local function then_completes(count)
    local result, events = migrations.deploy(folder, params)
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.equal(count, recorded())
    assert.equal(count, value "SELECT count(*) FROM _prisma_migrations")
    assert.equal(count, value "SELECT count(DISTINCT migration_name) FROM _prisma_migrations")
    assert.is_true(value "SELECT bool_and(applied_steps_count = 1 AND logs IS NULL) FROM _prisma_migrations")
    return events
  end

  before_each(function()
    params = server.database "kill"
    conn = assert(pg.connect(params))
    folder = migrations.project {}
  end)
  after_each(function()
    conn:close()
    assert(fs.remove(folder))
  end)

  describe("among thirty migrations", function()
    before_each(function()
      for i = 1, 30 do
        -- Long enough to be hit, now in a statement and now between two.
        migrations.write(folder, ("%02d_m"):format(i), ([[
          CREATE TABLE t%d (id int PRIMARY KEY);
          SELECT pg_sleep(0.01);
          INSERT INTO t%d VALUES (%d);
        ]]):format(i, i, i))
      end
    end)

    for _, moment in ipairs { 0, 1, 7, 16, 29 } do
      it(("leaves %d of them whole, and the next run does the rest"):format(moment), function()
        kill_when("so many are recorded", function() return recorded() >= moment end)
        -- What has its row has all that it made; what has none has nothing. The server may be finishing one.
        free_again()
        local rows = recorded()
        assert.is_true(rows >= moment and rows <= 30)
        assert.equal(rows, value "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+$'")
        then_completes(30)
        for i = 1, 30 do assert.equal(i, value("SELECT id FROM t" .. i)) end
      end)
    end

    it("has its lock taken over by a run that starts right away", function()
      kill_when("some are recorded", function() return recorded() >= 3 end)
      then_completes(30)
    end)

    it("leaves a record that holds up to its last line", function()
      local path = kill_when("some are recorded", function() return recorded() >= 5 end)
      local function verify() return dixis.run({ "verify", path }, { cwd = folder }) end
      local result = verify()
      assert.equal(0, result.code, result.stdout .. result.stderr)
      local shown = dixis.run({ "show", path }, { cwd = folder })
      assert.equal(0, shown.code)
      assert.is_truthy(shown.stderr:find("has no end in its journal", 1, true), shown.stderr)
      assert.is_truthy(shown.stderr:find("says what is applied", 1, true), shown.stderr)
      local early = {}
      for line in fs.read(path):gmatch "[^\n]+\n" do
        if line:find('"type":"step.started"', 1, true) then break end
        early[#early + 1] = line
      end
      assert(fs.write(folder .. "/early.jsonl", table.concat(early)))
      shown = dixis.run({ "show", "./early.jsonl" }, { cwd = folder })
      assert.is_truthy(shown.stderr:find("no step had begun, so it has changed nothing", 1, true), shown.stderr)
      assert.is_truthy(shown.stdout:find("01_m", 1, true), shown.stdout)
      assert.is_nil(fs.stat((path:gsub("%.jsonl$", ".receipt.json"))))
      assert.equal(0, dixis.run({ "history" }, { cwd = folder }).code)

      local text = assert(fs.read(path))
      assert(fs.write(path, text .. '{"seq":'))
      result = verify()
      assert.equal(0, result.code, result.stdout)
      assert.is_truthy(result.stdout:find("the last line was being written when dixis ended", 1, true), result.stdout)
      assert.equal(0, dixis.run({ "show", path }, { cwd = folder }).code)

      assert(fs.write(path, (text:gsub('"name":"01_m"', '"name":"02_m"', 1))))
      result = verify()
      assert.equal(1, result.code, result.stdout)
      assert.is_truthy(result.stdout:find("broken: line %d+"), result.stdout)
    end)
  end)

  it("inside a statement leaves nothing of it, and the next run need not wait for it", function()
    migrations.write(folder, "1_first", "CREATE TABLE first (id int);")
    migrations.write(folder, "2_slow", "CREATE TABLE a (id int);\nSELECT pg_sleep(coalesce(max(id), 600)) FROM first;")
    kill_when("it sleeps", function()
      return value "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'" == 1
    end)
    free_again()
    eventually("its session is gone", function()
      return value "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'" == 0
    end)
    assert.is_false(exists "a")
    assert(conn:query "INSERT INTO first VALUES (0)")
    then_completes(2)
    assert.is_true(exists "a")
  end)

  it("inside CREATE INDEX CONCURRENTLY: the next run replaces the invalid index", function()
    migrations.write(folder, "1_first", "CREATE TABLE first (id int);")
    assert.equal(0, migrations.deploy(folder, params).code)
    migrations.write(folder, "2_index", "CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY i ON first (id);\n"
      .. "CREATE INDEX CONCURRENTLY j ON first (id);\n")
    local writer = assert(pg.connect(params))
    assert(writer:query "BEGIN")
    assert(writer:query "INSERT INTO first VALUES (1)") -- CONCURRENTLY waits for it
    kill_when("it waits", function()
      return value [[SELECT count(*) FROM pg_stat_activity WHERE query ~ '^CREATE INDEX CONC'
        AND wait_event_type = 'Lock']] == 1
    end)
    eventually("its session is gone", function()
      return value "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^CREATE INDEX CONC' AND state = 'active'" == 0
    end)
    assert.is_false(value "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")
    assert(writer:query "COMMIT")
    writer:close()
    then_completes(2)
    assert.is_true(exists "a")
    assert.same({ 2, true }, { value "SELECT count(*) FROM pg_index WHERE indrelid = 'first'::regclass",
      value "SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 'first'::regclass" })
  end)

  it("on a throw-away server leaves neither server nor folder", function()
    migrations.write(folder, "1_slow", "SELECT pg_sleep(600);")
    local handle = dixis.start({ "run", "deploy.lua", "--ephemeral" }, { cwd = folder })
    local target
    eventually("its migration runs", function()
      local found, events = pcall(dixis.journal, folder)
      local identified = found and dixis.event(events, "target.identified")
      target = identified and identified.target
      return found and dixis.event(events, "migration.started") ~= nil
    end)
    local socket = ("%s/.s.PGSQL.%s"):format(target.host, target.port)
    assert.is_truthy(fs.stat(socket))
    assert.is_true(handle:kill "KILL")
    assert.equal("SIGKILL", assert(handle:wait()).signal)
    eventually("its folder is gone", function() return fs.stat(target.host) == nil end)
    eventually("its server is gone", function()
      for _, entry in ipairs(fs.list "/proc") do
        local line = entry.name:match "^%d+$" and fs.read(("/proc/%s/cmdline"):format(entry.name))
        if line and line:find(target.host, 1, true) then return false end
      end
      return true
    end)
  end)
end)
