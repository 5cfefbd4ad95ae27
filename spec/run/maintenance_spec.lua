-- The maintenance page: up, down whatever happens, and loud when it stays.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"
local web = require "spec.support.web"

describe("maintenance", function()
  local folder, url, conn, site, params

  setup(function() site = web.start() end)
  teardown(function() site:close() end)
  before_each(function()
    params = server.database "maintenance"
    url = server.url(params)
    conn = assert(pg.connect(params))
    folder = book.project()
    site:called()
  end)
  after_each(function()
    conn:close()
    assert(fs.remove(folder))
  end)

  -- A runbook whose steps are between on and off; both call the site unless told otherwise.
  local function write(between, fields)
    fields = fields or {}
    book.write(folder, {
      uses = ('{ net = { "127.0.0.1" }, env = { "PAGES_TOKEN" }, exec = { "touch", "false" } }'),
      steps = ("{ %s, %s, %s }"):format(
        fields.on or ("step.maintenance_on { url = %q }"):format(site:note "on"), between,
        fields.off or ("step.maintenance_off { url = %q }"):format(site:note "off")),
    })
  end
  local function run(env)
    local result = book.dixis(folder, url, { "run", "book.lua" }, env)
    return result, (dixis.journal(folder))
  end
  local function outcome(events, name)
    for _, event in ipairs(events) do
      if event.name == name and event.type:match "^step%.[fs]" and event.type ~= "step.started" then
        return event.type:match "%.(.*)$"
      end
    end
  end

  it("is taken down after a step that failed", function()
    write 'step.sql { name = "bad", statement = "SELECT 1/0" }'
    local result, events = run()
    assert.equal(1, result.code, result.shown)
    assert.same({ "POST on", "POST off" }, site:called())
    assert.equal("finished", outcome(events, "maintenance_off"))
    assert.is_nil(result.shown:find("MAINTENANCE", 1, true))
  end)

  it("is left alone when the run did not come to put it up", function()
    book.write(folder, { uses = '{ net = { "127.0.0.1" } }', steps = ([[{
      step.sql { name = "bad", statement = "SELECT 1/0" },
      step.maintenance_on { url = %q }, step.maintenance_off { url = %q } }]]):format(site:note "on", site:note "off") })
    local result, events = run()
    assert.equal(1, result.code, result.shown)
    assert.same({}, site:called())
    assert.equal("skipped", outcome(events, "maintenance_off"))
  end)

  it("is taken down after putting it up failed, since nobody knows how far that came", function()
    write("step.identity()", { on = ("step.maintenance_on { url = %q }"):format(site:note("on", 503)) })
    local result = run()
    assert.equal(1, result.code, result.shown)
    assert.same({ "POST on", "POST off" }, site:called())
  end)

  it("that stays up is what the last lines say, with what to do by hand", function()
    write("step.identity()", { off = ('step.maintenance_off { url = %q, by_hand = "./ops/pages off, on the web host" }')
      :format(site:note("off", 500)) })
    local result, events = run()
    assert.equal(1, result.code, result.shown)
    assert.matches("MAINTENANCE MAY STILL BE ON[^\n]*\n%s*%./ops/pages off, on the web host%s*$", result.shown)
    assert.matches("MAINTENANCE MAY STILL BE ON", dixis.event(events, "run.finished").left_behind[1])
    -- And again when the record is read.
    assert.matches("MAINTENANCE MAY STILL BE ON", dixis.run({ "show", "last" }, { cwd = folder }).stdout)
  end)

  for name, case in pairs {
    ["a program that fails"] = { 'step.maintenance_off { command = { "false" } }', "false ended with code 1" },
    ["a program that complains"] = { 'step.maintenance_off { command = { "touch" }, name = "off" }', "touch: missing" },
    ["a statement that fails"] = { 'step.maintenance_off { sql = "SELECT 1/0" }', "division by zero" },
    ["one that takes too long"] = { 'step.maintenance_off { url = "BASE/slow?s=60", deadline = "200ms" }', "STILL" },
  } do
    it("is red, and loud, by " .. name, function()
      write("step.identity()", { off = (case[1]:gsub("BASE", site.base)) })
      local result = run()
      assert.equal(1, result.code, result.shown)
      assert.matches(case[2], result.shown, 1, true)
      assert.matches("MAINTENANCE MAY STILL BE ON", result.shown, 1, true)
    end)
  end

  it("by a statement and by a program, each verified", function()
    assert(conn:query "CREATE TABLE config (maintenance boolean)")
    assert(conn:query "INSERT INTO config VALUES (false)")
    write('step.sql { name = "seen", statement = "CREATE TABLE seen AS SELECT * FROM config" }', {
      on = [[step.maintenance_on { sql = "UPDATE config SET maintenance = true",
        verify = { sql = "SELECT maintenance FROM config" } }]],
      off = [[step.maintenance_off { sql = "UPDATE config SET maintenance = false",
        verify = { sql = "SELECT maintenance FROM config", equals = false } }]],
    })
    local result = run()
    assert.equal(0, result.code, result.shown)
    assert.is_true(assert(conn:query "SELECT maintenance FROM seen")[1][1])
    assert.is_false(assert(conn:query "SELECT maintenance FROM config")[1][1])
    write("step.identity()", {
      on = 'step.maintenance_on { command = { "touch", "up" } }', off = 'step.maintenance_off { command = { "touch", "down" } }',
    })
    assert.equal(0, run().code)
    assert.is_truthy(fs.stat(folder .. "/up") and fs.stat(folder .. "/down"))
  end)

  it("that did not take effect is a failure, also of putting it up", function()
    write('step.sql { name = "never", statement = "CREATE TABLE never (id int)" }', {
      on = ('step.maintenance_on { url = %q, verify = { url = %q, status = 503, within = "100ms" } }')
        :format(site:note "on", site.base .. "/echo") })
    local result, events = run()
    assert.equal(1, result.code, result.shown)
    assert.matches("did not take effect: 127.0.0.1:%d+ answers 200, not 503", result.shown)
    assert.equal("skipped", outcome(events, "never"))
    assert.same({ "POST on", "POST off" }, site:called())
  end)

  it("takes the value of a header from a variable, and keeps it out of all that is kept", function()
    write("step.identity()", { on = ('step.maintenance_on { url = %q, secret_headers = { Authorization = "PAGES_TOKEN" } }')
      :format(site.base .. "/echo") })
    local result = run { PAGES_TOKEN = "canary-of-the-pages" }
    assert.equal(0, result.code, result.shown)
    local _, path = dixis.journal(folder)
    assert.is_nil((result.shown .. fs.read(path)):find("canary", 1, true))
    assert.equal(1, (run()).code) -- not set: it is not called without
  end)

  it("is what a runbook must say plainly", function()
    for _, fields in ipairs {
      '{}', '{ url = "http://127.0.0.1/", sql = "SELECT 1" }', '{ url = "http://127.0.0.1/", verify = {} }',
      '{ url = "http://127.0.0.1/", verify = { status = 3, sql = "x", url = "y" } }',
      '{ url = "http://elsewhere/" }', '{ command = { "rm" } }', '{ url = "http://127.0.0.1/", secret_headers = { a = "X" } }',
    } do
      write("step.identity()", { on = "step.maintenance_on " .. fields })
      local result = book.dixis(folder, url, { "plan", "book.lua" })
      assert.equal(2, result.code, fields .. result.shown)
    end
  end)

  local function eventually(what, condition)
    local limit = clock.now() + 60
    while not condition() do
      if clock.now() > limit then error("not within 60 s: " .. what) end
      clock.sleep(0.02)
    end
  end

  local function sleeping()
    return assert(conn:query [[SELECT count(*) FROM pg_stat_activity
      WHERE query ~ 'pg_sleep\(600' AND state = 'active' AND datname = current_database()]])[1][1] == 1
  end

  for signal, exit in pairs { INT = 130, TERM = 143 } do
    it("is taken down after SIG" .. signal, function()
      write 'step.sql { name = "slow", statement = "SELECT pg_sleep(600)" }'
      local handle = dixis.start({ "run", "book.lua" }, { cwd = folder, env = { SPEC_URL = url } })
      eventually("it sleeps", sleeping)
      handle:kill(signal)
      assert.equal(exit, assert(handle:wait()).code)
      assert.same({ "POST on", "POST off" }, site:called())
    end)
  end

  it("that stays up after Ctrl-C is exit 1: who tries again must see to it first", function()
    write('step.sql { name = "slow", statement = "SELECT pg_sleep(600)" }',
      { off = ("step.maintenance_off { url = %q }"):format(site:note("off", 500)) })
    local handle = dixis.start({ "run", "book.lua" }, { cwd = folder, env = { SPEC_URL = url } })
    eventually("it sleeps", sleeping)
    handle:kill "INT"
    local result = assert(handle:wait())
    assert.equal(1, result.code)
    assert.matches("MAINTENANCE MAY STILL BE ON", result.stdout, 1, true)
  end)

  it("being taken down is not stopped by Ctrl-C", function()
    write("step.identity()", { off = ("step.maintenance_off { url = %q, verify = { url = %q, within = '60s' } }"):format(
      site:note "off", site:note("asked", 503)) })
    local handle = dixis.start({ "run", "book.lua" }, { cwd = folder, env = { SPEC_URL = url } })
    local notes = ""
    eventually("it is being verified", function()
      notes = notes .. table.concat(site:called(), " ")
      return notes:find("GET asked", 1, true)
    end)
    handle:kill "INT"
    eventually("it is asked again", function() return table.concat(site:called(), " "):find("GET asked", 1, true) end)
    handle:kill "KILL"
    handle:wait()
  end)

  it("is taken down also when nothing can be recorded any more", function()
    write('step.custom { name = "fill", run = function(run) run.log(("x"):rep(100000)) end }')
    local result = assert(process.run(
      { "sh", "-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" run book.lua", process.executable() },
      { cwd = folder, env = { PATH = process.getenv "PATH", SPEC_URL = url, DIXIS_LIB = process.getenv "DIXIS_LIB",
        HOME = process.getenv "HOME", ASAN_OPTIONS = process.getenv "ASAN_OPTIONS" } }))
    assert.not_equal(0, result.code)
    assert.same({ "POST on", "POST off" }, site:called(), result.stdout .. result.stderr)
  end)
end)
