-- gate.window on a real target: what it refuses, and what it stops between migrations.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local pg = require "host.pg"
local server = require "spec.support.server"
local task = require "host.task"

local HOUR <const> = 3600

-- "2026-11-22 02:00" in UTC, so many seconds from now.
local function at(seconds) return (clock.iso(clock.wall() + seconds):sub(1, 16):gsub("T", " ")) end

describe("gate.window", function()
  local folder, url, conn, params

  before_each(function()
    params = server.database "window"
    url = server.url(params)
    conn = assert(pg.connect(params))
    folder = book.project { ["1_a"] = "CREATE TABLE a (id int);\n", ["2_b"] = "CREATE TABLE b (id int);\n" }
  end)
  after_each(function()
    conn:close()
    assert(fs.remove(folder))
  end)

  local function write(fields, more)
    more = more or {}
    book.write(folder, {
      gates = ("{ gate.reachable(), gate.lock(), gate.history(), gate.window { tz = 'UTC', %s } %s }"):format(fields,
        more.gates or ""),
      steps = more.steps or "{ step.deploy() }", uses = more.uses,
    })
  end
  local function from_to(opens, closes) return ("opens = %q, closes = %q,"):format(at(opens), at(closes)) end
  local function run()
    local result = book.dixis(folder, url, { "run", "book.lua" })
    return result, (dixis.journal(folder))
  end
  local function exists(name) return assert(conn:query(("SELECT to_regclass('%s') IS NOT NULL"):format(name)))[1][1] end
  local function refused(text)
    local before = book.snapshot(url)
    local result, events = run()
    assert.equal(3, result.code, result.shown)
    assert.matches(text, result.shown, 1, true)
    assert.is_false(dixis.event(events, "run.finished").changed)
    assert.equal(before, book.snapshot(url))
  end

  it("opens in the window, and tells the point of no return", function()
    write(from_to(-HOUR, 3 * HOUR) .. "recovery = '1h'")
    local result, events = run()
    assert.equal(0, result.code, result.shown)
    assert.is_true(exists "b")
    local judged = dixis.event(events, "window.judged")
    assert.equal(HOUR, judged.closes - judged.no_return)
    assert.matches("point of no return " .. at(2 * HOUR):gsub("%p", "%%%0"), result.shown)
  end)

  it("refuses before, after, and without the time that is needed", function()
    for text, fields in pairs {
      ["the window is closed: it opens at"] = from_to(HOUR, 2 * HOUR) .. "recovery = '1m'",
      ["the window is over"] = from_to(-2 * HOUR, -HOUR) .. "recovery = '1m'",
      ["it does not fit"] = from_to(-HOUR, HOUR) .. "recovery = '2h'",
      ["nothing says how long the way back takes"] = from_to(-HOUR, HOUR),
    } do
      write(fields)
      refused(text)
    end
  end)

  it("refuses what nothing says the length of; both can be allowed, and that is on record", function()
    assert(fs.write(folder .. "/prisma/migrations/2_b/migration.sql", "DO $$ BEGIN CREATE TABLE b (id int); END $$;\n"))
    write(from_to(-HOUR, 3 * HOUR) .. "recovery = '1h'")
    refused "nothing says how long the pending migrations take"
    write(from_to(-HOUR, 3 * HOUR) .. "allow = 'unknown_forecast, unknown_recovery'")
    local result, events = run()
    assert.equal(0, result.code, result.shown)
    local allowed = {}
    for _, event in ipairs(events) do
      if event.type == "window.allowed" then allowed[#allowed + 1] = event.what end
    end
    assert.same({ "unknown_forecast", "unknown_recovery" }, allowed)
    write(from_to(-HOUR, 3 * HOUR) .. "allow = 'everything'")
    assert.equal(3, (run()).code)
  end)

  it("takes the time of the way back from the proof of a backup: of this run, then of an earlier one", function()
    local steps, uses = "{ step.identity() }", "{ exec = { 'pg_dump', 'pg_restore' } }"
    local function gates(backup)
      book.write(folder, { steps = steps, uses = uses, gates = ("{ gate.reachable(), gate.lock(), %s "
        .. "gate.window { tz = 'UTC', %s } }"):format(backup, from_to(-HOUR, 3 * HOUR)) })
    end
    gates "gate.backup(),"
    local result, events = run()
    assert.equal(0, result.code, result.shown)
    local proven = dixis.event(events, "backup.proven")
    assert.equal(proven.recovery.seconds, dixis.event(events, "window.judged").recovery)
    assert.matches("measured by this run", result.shown, 1, true)
    gates ""
    result, events = run()
    assert.equal(0, result.code, result.shown)
    assert.equal(proven.recovery.seconds, dixis.event(events, "window.judged").recovery)
    assert.matches("measured by run " .. proven.path:match "%d%d%d%d%d%d%d%d%-%d+%-%d+%-%x+", result.shown, 1, true)
  end)

  -- Both wait for the same moment beside each other; the clock itself is not touched.
  describe("whose point of no return passes", function()
    local SOON <const> = 8
    local results, folders, databases = {}, {}, {}

    setup(function()
      local now = clock.wall()
      local no_return = now + SOON
      -- Windows are told to the minute.
      local closes = now - now % 60 + 2 * HOUR
      local fields = ("opens = %q, closes = %q, recovery = '%dms', allow = 'unknown_forecast'"):format(at(-HOUR),
        at(closes - now), math.floor((closes - no_return) * 1000))
      local until_then = ("run.clock.sleep(math.max(0, %f - run.clock.wall()))"):format(no_return + 0.1)
      local gates <const> = "{ gate.reachable(), gate.lock(), gate.history(), gate.window { tz = 'UTC', %s } %s }"
      local cases = {
        between = { gates = gates:format(fields, "") },
        question = { gates = gates:format(fields, (
          ", gate.custom { name = 'talk', open = function(run) %s return true end }"):format(until_then)) },
        before = { gates = gates:format(fields, ""),
          before_deploy = ("step.custom { name = 'talk', run = function(run) %s end },"):format(until_then) },
        told = { gates = gates:format(fields .. ", stop = false", "") },
      }
      local tasks = {}
      for name, case in pairs(cases) do
        databases[name] = server.database "window"
        local sleeps = (name == "between" or name == "told")
          and ("SELECT pg_sleep(greatest(0, %f - extract(epoch FROM clock_timestamp())));\n"):format(no_return + 0.1) or ""
        folders[name] = book.project {
          ["1_a"] = "CREATE TABLE a (id int);\n" .. sleeps, ["2_b"] = "CREATE TABLE b (id int);\n" }
        book.write(folders[name], { gates = case.gates, steps = ("{ %s step.deploy() }"):format(case.before_deploy or "") })
        tasks[name] = task.spawn(function()
          return book.dixis(folders[name], server.url(databases[name]), { "run", "book.lua" })
        end)
      end
      for name, started in pairs(tasks) do
        local ok, result = started:join()
        assert(ok, result)
        results[name] = { result = result, events = (dixis.journal(folders[name])) }
      end
    end)
    teardown(function()
      for _, path in pairs(folders) do fs.remove(path) end
    end)

    local function tables(name)
      local other <close> = setmetatable({ conn = assert(pg.connect(databases[name])) },
        { __close = function(self) self.conn:close() end })
      return assert(other.conn:query "SELECT to_regclass('a') IS NOT NULL AS a, to_regclass('b') IS NOT NULL AS b")[1]
    end
    local function ended(name, exit, text)
      local found = results[name]
      assert.equal(exit, found.result.code, found.result.shown)
      assert.matches(text, found.result.shown, 1, true)
      return dixis.event(found.events, "run.finished"), found.events
    end

    it("between migrations: what is applied is recorded, what is not is left", function()
      local finished = ended("between", 1, "the point of no return has passed")
      assert.equal(1, finished.applied)
      assert.is_true(tables "between".a)
      assert.is_false(tables "between".b)
    end)

    it("goes on where the runbook says so", function()
      ended("told", 0, "done")
      assert.is_true(tables "told".b)
    end)

    it("while people are asked: nothing is begun", function()
      local _, events = ended("question", 3, "it does not fit")
      assert.is_nil(dixis.event(events, "step.started"))
    end)

    it("in a step before the migrations: none is begun", function()
      local finished, events = ended("before", 1, "it does not fit")
      assert.is_false(finished.changed)
      assert.is_nil(dixis.event(events, "migration.started"))
    end)
  end)

  it("is checked when the runbook is loaded", function()
    for _, fields in ipairs { "opens = '2:00', closes = '03:00'", "opens = '02:00', closes = '2026-11-22 03:00'",
      "opens = '02:00', closes = '03:00', weekdays = { 'someday' }" } do
      write(fields)
      assert.equal(2, book.dixis(folder, url, { "plan", "book.lua" }).code, fields)
    end
  end)
end)
