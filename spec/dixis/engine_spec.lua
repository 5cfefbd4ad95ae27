local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local full = require "spec.support.full"
local json = require "dixis.json"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"

describe("a run", function()
  local params, conn, folder

  setup(function()
    params = server.database "engine"
    conn = assert(pg.connect(params))
  end)
  teardown(function() conn:close() end)
  before_each(function()
    folder = migrations.project { ["1_first"] = "CREATE TABLE first (id int);\n" }
  end)
  after_each(function()
    assert(conn:script "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert(fs.remove(folder))
  end)

  local function value(sql) return assert(conn:query(sql))[1][1] end

  --- Runs a runbook of these gates, steps and criteria.
  local function run(lists, arguments)
    assert(fs.write(folder .. "/x.lua", ([[
      local gate, step, check = dixis.gate, dixis.step, dixis.check
      local function opens(name) return gate.custom { name = name, open = function() return true end } end
      local function does(name, run) return step.custom { name = name, run = run or function() end } end
      local function holds(name, what)
        return check.custom { name = name, holds = function() return what ~= false end }
      end
      return dixis.runbook { name = "x", version = "1", title = "X", uses = { read = { "." } },
        target = { env = "DATABASE_URL", environment = "spec" },
        gates = { %s }, steps = { %s }, criteria = { %s } }
    ]]):format(lists.gates or "", lists.steps or 'does "nothing"', lists.criteria or "")))
    local result = dixis.run({ "run", "x.lua", table.unpack(arguments or {}) },
      { cwd = folder, env = { DATABASE_URL = server.url(params) } })
    local found, events = pcall(dixis.journal, folder)
    return result, found and events
  end

  --- What happened, without the beginnings: "gate.opened a", ...
  local function order(events)
    local list = {}
    for _, event in ipairs(events) do
      if event.type:match "^gate%." or event.type:match "^step%." or event.type:match "^criterion%." then
        if not event.type:match "started$" then list[#list + 1] = event.type .. " " .. event.name end
      elseif event.type == "plan.computed" or event.type == "migration.applied" then
        list[#list + 1] = event.type
      end
    end
    return list
  end

  it("opens gates, takes steps and judges criteria, in the order in which they are written", function()
    local result, events = run { gates = 'opens "a", opens "b"', steps = 'does "c", step.deploy(), does "d"',
      criteria = 'holds "e", check.migrations_applied()' }
    assert.equal(0, result.code, result.stdout)
    assert.same({ "gate.opened a", "gate.opened b", "plan.computed", "step.finished c", "migration.applied",
      "step.finished deploy", "step.finished d", "criterion.green e", "criterion.green migrations_applied" },
      order(events))
  end)

  it("makes the plan before anybody is asked, and after the gates that cost nothing", function()
    local _, events = run({ gates = 'opens "a", gate.confirm "YES", opens "b"' }, { "--confirm", "YES" })
    assert.same({ "gate.opened a", "plan.computed", "gate.opened confirm", "gate.opened b", "step.finished nothing" },
      order(events))
  end)

  it("ends at the first gate that refuses", function()
    local result, events = run { gates = 'opens "a", gate.custom { name = "b", open = function() return false end }, '
      .. 'opens "c"', criteria = 'holds "d"' }
    assert.equal(3, result.code)
    assert.same({ "gate.opened a", "gate.refused b" }, order(events))
  end)

  it("takes a mistake in a gate as a refusal", function()
    local result, events = run { gates = 'gate.custom { name = "a", open = function() return nil .. "x" end }' }
    assert.equal(3, result.code)
    assert.same({ "gate.refused a" }, order(events))
    assert.is_truthy(result.stdout:find("x.lua:%d+"), result.stdout)
  end)

  it("ends at the first step that fails, and still says where things stand", function()
    local result, events = run { steps = 'does "a", does("b", function() error "broken" end), step.deploy()',
      criteria = 'holds("c", false), holds "d", check.migrations_applied()' }
    assert.equal(1, result.code)
    assert.same({ "plan.computed", "step.finished a", "step.failed b", "step.skipped deploy", "criterion.red c",
      "criterion.green d", "criterion.red migrations_applied" }, order(events))
    assert.is_true(value "SELECT to_regclass('first') IS NULL")
  end)

  it("has each step's intent on disk before it begins", function()
    local result = run { steps = [[does("a", function(run)
        local path = ".dixis/runs/" .. run.id .. ".jsonl"
        local text = run.file:read(path)
        assert(text:find('"type":"step.started".-"name":"a"'), "not yet there")
        assert(text:sub(-1) == "\n", "torn")
      end)]] }
    assert.equal(0, result.code, result.stdout)
  end)

  describe("whose connection is lost in a step", function()
    local LOSE <const> = 'run.db:value "SELECT pg_terminate_backend(pg_backend_pid())"'

    it("judges nothing, and may be tried again when nothing was changed", function()
      local result, events = run { steps = ('does("a", function(run) %s end)'):format(LOSE), criteria = 'holds "b"' }
      assert.equal(5, result.code, result.stdout)
      assert.same({ "plan.computed", "step.failed a" }, order(events))
      assert.equal("connection_lost", dixis.event(events, "step.failed").error.kind)
    end)

    for _, change in ipairs { 'run.db:exec "CREATE TABLE a (id int)"',
      'run.db:exec "CREATE TABLE a (id int)"; run.db:value "INSERT INTO a VALUES (1) RETURNING id"' } do
      it("may not be when something was: " .. change, function()
        local result, events = run { steps = ('does("a", function(run) %s; %s end)'):format(change, LOSE) }
        assert.equal(1, result.code, result.stdout)
        assert.is_true(dixis.event(events, "run.finished").changed)
      end)
    end
  end)

  it("knows that a query may change something too", function()
    assert(conn:query "CREATE TABLE kept (id int)")
    local _, events = run { steps = [[does("a", function(run) run.db:value "INSERT INTO kept VALUES (1) RETURNING id" end)]] }
    assert.is_true(dixis.event(events, "run.finished").changed)
    _, events = run { steps = [[does("a", function(run) run.db:value "SELECT max(id) FROM kept" end)]] }
    assert.is_false(dixis.event(events, "run.finished").changed)
  end)

  it("leaves no session behind, however it ended", function()
    run { gates = 'gate.lock { wait = "5s" }', steps = [[does("a", function(run)
        run.db:exec "CREATE TABLE x (id int)"
        error "broken"
      end)]] }
    local sessions = [[SELECT count(*) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend']]
    for _ = 1, 200 do
      if value(sessions) == 0 then break end
      require("host.clock").sleep(0.05)
    end
    assert.equal(0, value(sessions))
  end)

  describe("without a place for its record", function()
    it("does not begin", function()
      assert(fs.write(folder .. "/taken", "a file"))
      local result, events = run({ steps = "step.deploy()" }, { "--journal", "taken" })
      assert.equal(3, result.code, result.stdout .. result.stderr)
      assert.is_truthy(result.stderr:find("taken cannot be made", 1, true), result.stderr)
      assert.is_false(events)
      assert.is_true(value "SELECT to_regclass('first') IS NULL")
    end)

    it("any more stops, and commits nothing that is not in it", function()
      for i = 2, 60 do migrations.write(folder, ("2_%02d"):format(i), ("CREATE TABLE t%d (id int);"):format(i)) end
      run { steps = "step.deploy()", criteria = "check.migrations_applied()" } -- writes the runbook, and succeeds
      assert(conn:script "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
      assert(fs.remove(folder .. "/.dixis"))
      -- A limit of the size of files, as a full disk would be; with the signal ignored the write fails.
      local result = assert(process.run({ "bash", "-c", "trap '' XFSZ; ulimit -f 24; exec \"$0\" run x.lua",
        process.executable() }, { cwd = folder, timeout = 60, env = { PATH = process.getenv "PATH", LANG = "C.UTF-8",
          DATABASE_URL = server.url(params), DIXIS_LIB = process.getenv "DIXIS_LIB",
          ASAN_OPTIONS = process.getenv "ASAN_OPTIONS" } }))
      assert.equal(1, result.code, result.stdout .. result.stderr)
      assert.is_truthy(result.stderr:find("The record of this run is not complete", 1, true), result.stderr)
      assert.matches("file too large", result.stderr, 1, true)
      local intended = 0
      for _, event in ipairs(dixis.journal(folder)) do
        if event.type == "migration.started" then intended = intended + 1 end
      end
      local recorded = value "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL"
      assert.is_true(recorded > 0 and recorded < 60)
      assert.matches(("\n✗ failed  exit 1, [%%d.]+ s\n  %d migrations applied and recorded in the target.\n"):format(recorded),
        result.stdout)
      assert.is_true(recorded <= intended, ("%d of %d"):format(recorded, intended))
      assert.equal(recorded, value "SELECT count(*) FROM pg_class WHERE relname ~ '^(t[0-9]+|first)$'")
      assert.equal(0, run({ steps = "step.deploy()", criteria = "check.migrations_applied()" }).code)
    end)

    -- Wherever it breaks off, the last lines are true of the target, and the exit code fits them.
    it("any more says what is known of the target", function()
      for i = 2, 20 do migrations.write(folder, ("2_%02d"):format(i), ("CREATE TABLE t%d (id int);"):format(i)) end
      local seen = {}
      for left = 1, 9 do
        full.disk(left, function(disk)
          local output = left % 2 == 0 and "text" or "jsonl"
          local result = run({ steps = "step.deploy()", criteria = "check.migrations_applied()" },
            { "--journal", disk, "--output", output })
          local there = value "SELECT count(*) FROM pg_class WHERE relname ~ '^(t[0-9]+|first)$'"
          local complete = not result.stderr:find("The record of this run is not complete", 1, true)
          assert.equal(complete and there == 20 and 0 or there > 0 and 1 or 3, result.code, result.stdout .. result.stderr)
          if output == "jsonl" then
            local finished = json.decode(result.stdout:match "[^\n]+\n$")
            assert.same({ "run.finished", result.code, there, there > 0, not complete or nil },
              { finished.type, finished.exit, finished.applied, finished.changed, finished.unrecorded })
          else
            local changed = there == 0 and "Nothing was changed" or there == 1 and "1 migration was applied"
              or there .. " migrations applied and recorded in the target."
            assert.matches(("\n[^\n]+  exit %d, [%%d.]+ s\n  %s"):format(result.code, changed), result.stdout)
          end
          if result.stderr ~= "" then assert.matches("no space left", result.stderr, 1, true) end
          seen[result.code] = (seen[result.code] or 0) + 1
          assert(conn:script "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        end)
      end
      assert.is_true(seen[0] ~= nil and seen[1] ~= nil)
    end)
  end)
end)
