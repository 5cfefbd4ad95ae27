-- The guard of the target while steps run: samples, and what stops a run.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"
local task = require "host.task"

describe("the guard", function()
  local folder, url, conn, params

  local function use(database)
    params, url = database, server.url(database)
    conn = assert(pg.connect(params))
    assert(conn:query "CREATE TABLE busy (id int)")
    folder = book.project {
      ["1_quick"] = "CREATE TABLE quick (id int);\n",
      ["2_slow"] = "ALTER TABLE busy ADD COLUMN note text;\nSELECT pg_sleep(600);\n",
    }
  end
  local function done()
    conn:close()
    assert(fs.remove(folder))
  end
  local function write(abort, fields)
    fields = fields or {}
    book.write(folder, {
      gates = "{ gate.reachable(), gate.lock() }", steps = fields.steps or "{ step.deploy() }", options = fields.options,
      criteria = fields.criteria,
      way_back = ("{ 'back' }, guard = { every = %q, abort = { %s } }"):format(fields.every or "100ms", abort),
    })
  end
  local function start(...) return dixis.start({ "run", "book.lua", ... }, { cwd = folder, env = { SPEC_URL = url } }) end
  local function eventually(what, condition)
    local limit = clock.now() + 60
    while not condition() do
      if clock.now() > limit then error("not within 60 s: " .. what) end
      clock.sleep(0.02)
    end
  end
  local function value(sql) return assert(conn:query(sql))[1][1] end
  local function sleeping()
    return value [[SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
      AND query ~ 'pg_sleep\(600' AND state = 'active' AND pid <> pg_backend_pid()]] == 1
  end
  -- Rolled back and recorded: the first migration stays, of the second there is nothing, and no session is left.
  local function stopped(handle, rule, text)
    local result = assert(handle:wait())
    assert.equal(1, result.code, result.stdout .. result.stderr)
    local events = dixis.journal(folder)
    assert.equal(rule, dixis.event(events, "guard.abort").rule)
    assert.matches(text, result.stdout, 1, true)
    assert.matches("(abort." .. rule .. ")", result.stdout, 1, true)
    assert.is_truthy(dixis.event(events, "transaction.rolled_back"))
    assert.equal(1, dixis.event(events, "run.finished").applied)
    assert.equal(1, value "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL")
    assert.equal(1, value "SELECT count(*) FROM _prisma_migrations")
    assert.is_false(value [[SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'busy'::regclass AND attname = 'note')]])
    assert.equal(0, dixis.run({ "verify", "last" }, { cwd = folder }).code)
    return events, result
  end

  describe("with sessions that it blocks", function()
    before_each(function() use(server.database "guard") end)
    after_each(function() done() end)

    -- Two sessions that want the table which the migration has locked.
    local function blocked(fn)
      local others, waiting = {}, {}
      eventually("it sleeps", sleeping)
      for i = 1, 2 do
        others[i] = assert(pg.connect(params))
        waiting[i] = task.spawn(function() return others[i]:query "SELECT count(*) FROM busy" end)
      end
      fn()
      for i = 1, 2 do
        local ok, result = waiting[i]:join()
        assert(ok and result)
        others[i]:close()
      end
    end

    it("stops at so many, and lets them go on", function()
      write "blocked_sessions = 2"
      local handle = start()
      blocked(function()
        local events = stopped(handle, "blocked_sessions", "2 sessions waited for locks")
        local last
        for _, event in ipairs(events) do
          if event.type == "guard.sample" then last = event end
        end
        assert.equal(2, last.blocked)
        assert.same({ relation = "busy", mode = "AccessExclusive" }, last.locks[1])
      end)
    end)

    it("sees them also as a role that may not see what others do", function()
      local role = params.dbname .. "_owner"
      assert(conn:script(("CREATE ROLE %s LOGIN; ALTER TABLE busy OWNER TO %s; GRANT ALL ON SCHEMA public TO %s"):format(
        role, role, role)))
      url = url:gsub("//postgres@", "//" .. role .. "@")
      write "blocked_for = '200ms'"
      local handle = start()
      blocked(function()
        local events = stopped(handle, "blocked_for", "a session waited for a lock for")
        assert.is_nil(dixis.event(events, "guard.sample").active)
      end)
    end)

    it("stops when one waits for so long", function()
      write "blocked_for = option 'longest'"
      write("blocked_for = option 'longest'", { options = "{ longest = { type = 'duration', default = '300ms', help = 'x' } }" })
      local handle = start()
      blocked(function() stopped(handle, "blocked_for", "a session waited for a lock for") end)
    end)

    it("takes the maintenance page down after it has stopped a run", function()
      write("blocked_sessions = 1", { steps = [[{ step.deploy(), step.sql { name = "off", always = true,
        statement = "CREATE TABLE off (id int)" } }]] })
      local handle = start()
      blocked(function()
        stopped(handle, "blocked_sessions", "waited for locks")
        assert.equal("off", value "SELECT to_regclass('off')::text")
      end)
    end)
  end)

  describe("of connections", function()
    before_each(function() use(server.database "guard") end)
    after_each(function() done() end)

    it("refuses before anything is changed when there are too many already", function()
      write "connections = 1"
      local before = book.snapshot(url)
      local result = assert(start():wait())
      assert.equal(3, result.code, result.stdout)
      assert.matches("the guard would stop the run at once", result.stdout, 1, true)
      assert.equal(before, book.snapshot(url))
    end)

    it("stops when they become too many", function()
      local now = value "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
      write(("connections = %d"):format(now + 8))
      local handle = start()
      eventually("it sleeps", sleeping)
      local others = {}
      for i = 1, 8 do others[i] = assert(pg.connect(params)) end
      stopped(handle, "connections", "connections were taken")
      for _, other in ipairs(others) do other:close() end
    end)
  end)

  it("stops when a replica is too far behind", function()
    local cluster = assert(ephemeral.start { memory = true, settings = { wal_level = "replica", max_wal_senders = 4 } })
    use(cluster.params)
    local replica = assert(process.start({ "python3", "spec/support/replica.py", cluster.folder, tostring(cluster.port),
      params.user }, { keep_stdin = true, die_with_parent = "KILL" }))
    eventually("the replica is there", function()
      return value "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn IS NOT NULL" == 1
    end)
    write "replication_lag = '8MB'"
    local handle = start()
    eventually("it sleeps", sleeping)
    assert(conn:query "CREATE TABLE written AS SELECT g, repeat('x', 1000) AS x FROM generate_series(1, 20000) g")
    local events = stopped(handle, "replication_lag", "the replica stuck was")
    local last
    for _, event in ipairs(events) do
      if event.type == "guard.sample" then last = event end
    end
    assert.is_true(last.replicas[1].bytes > 8 << 20)
    assert(replica:running())
    replica:close()
    done()
    assert(cluster:stop())
  end)

  it("records samples, and leaves a run alone that breaks no rule", function()
    use(server.database "guard")
    assert(fs.write(folder .. "/prisma/migrations/2_slow/migration.sql", "SELECT pg_sleep(0.5);\n"))
    write("blocked_sessions = 5, blocked_for = '1h', connections = 0.99, replication_lag = '30s'")
    local result = assert(start():wait())
    assert.equal(0, result.code, result.stdout .. result.stderr)
    local samples = {}
    for _, event in ipairs((dixis.journal(folder))) do
      if event.type == "guard.sample" then samples[#samples + 1] = event end
    end
    assert.is_true(#samples >= 2)
    assert.is_true(samples[1].connections >= 2 and samples[1].most == 100 and samples[1].blocked == 0)
    done()
  end)

  it("is checked when the runbook is loaded", function()
    use(server.database "guard")
    for _, abort in ipairs { "blocked = 1", "replication_lag = 'far'", "blocked_for = 'long'", "connections = '90%'" } do
      write(abort)
      assert.equal(2, book.dixis(folder, url, { "plan", "book.lua" }).code, abort)
    end
    write "blocked_for = option 'nowhere'"
    assert.equal(2, book.dixis(folder, url, { "plan", "book.lua" }).code)
    done()
  end)
end)
