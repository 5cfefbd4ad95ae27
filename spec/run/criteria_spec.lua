-- Post checks, what they look at before the first change, and the watch that goes on judging them.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"
local web = require "spec.support.web"

local folder, url, params, conn, site

setup(function() site = web.start() end)
teardown(function() site:close() end)
before_each(function()
  folder = book.project()
  params = server.database()
  url = server.url(params)
  conn = assert(pg.connect(params))
end)
after_each(function()
  conn:close()
  fs.remove(folder)
end)

local function write(criteria, more)
  local fields = { steps = "{ step.deploy() }", criteria = "{" .. criteria .. "}",
    uses = ('{ net = { %q }, exec = { "sh", "./smoke" }, env = { "TOKEN" }, read = { "log" } }'):format(site.base) }
  for name, value in pairs(more or {}) do fields[name] = value end
  book.write(folder, fields)
end

--- Runs, and gives what became of each criterion: "green" or "red", its note.
local function judged(criteria, more, env)
  write(criteria, more)
  local result = book.dixis(folder, url, { "run", "book.lua" }, env)
  local found = {}
  for _, event in ipairs((dixis.journal(folder))) do
    local word = event.type:match "^criterion%.(%l+)$"
    if word and event.type ~= "criterion.prepared" then found[event.name] = { word, event.note or event.reason, event.hint } end
  end
  return found, result
end

local function expect(found, wanted)
  for name, expected in pairs(wanted) do
    local got = assert(found[name], name .. " was not judged")
    assert.equal(expected[1], got[1], ("%s: %s"):format(name, got[2]))
    if expected[2] then assert.matches(expected[2], got[2], 1, true) end
  end
end

describe("check.http", function()
  it("judges status, text, pattern and values of JSON, and tries again", function()
    local found = judged(([[
      check.http { name = "status", url = "%s/echo?status=503", status = 503 },
      check.http { name = "text", url = "%s/echo", contains = '"method": "GET"', matches = '"path": "/[a-z]+"' },
      check.http { name = "no_text", url = "%s/echo", contains = "all is well", within = "100ms" },
      check.http { name = "no_match", url = "%s/echo", matches = "^%%d", within = "100ms" },
      check.http { name = "value", url = "%s/echo", headers = { ["X-A"] = "b" },
        json = { method = "GET", ["headers.x-a"] = "b" } },
      check.http { name = "no_value", url = "%s/echo", json = { ["headers.x-a"] = "b" }, within = "100ms" },
      check.http { name = "no_json", url = "%s/bytes?n=3", json = { a = 1 }, within = "100ms" },
      check.http { name = "again", url = "%s/flaky?key=again&n=2", within = "30s", interval = "10ms" },
      check.http { name = "too_long", url = "%s/flaky?key=long&n=1000000", within = "200ms", interval = "10ms" },
      check.http { name = "nobody", url = "%s", within = "100ms" }]]):gsub("%%s", site.base):gsub("%%%%", "%%"):gsub(
      'url = "[^"]*", within = "100ms" }$', 'url = "http://127.0.0.1:1/s3cret", within = "100ms" }'),
      { uses = ('{ net = { %q, "127.0.0.1:1" } }'):format(site.base) })
    expect(found, {
      status = { "green" }, text = { "green" }, no_text = { "red", "does not hold" }, no_match = { "red", "match" },
      value = { "green" }, no_value = { "red", 'headers.x-a is nothing, not "b"' }, no_json = { "red", "not JSON" },
      again = { "green" }, too_long = { "red", "answered 503 instead of 200" }, nobody = { "red", "127.0.0.1:1" },
    })
  end)
end)

describe("check.sql", function()
  it("compares values, numbers and rows", function()
    expect(judged [[
      check.sql { name = "true", query = "SELECT true" }, check.sql { name = "one", query = "SELECT 1" },
      check.sql { name = "none", query = "SELECT 1 WHERE false" },
      check.sql { name = "same", query = "SELECT 2.50::numeric", equals = 2.5 },
      check.sql { name = "text", query = "SELECT 'a'", equals = "a", differs = "b", matches = "^%a$" },
      check.sql { name = "enough", query = "SELECT count(*) FROM pg_class", at_least = 10, at_most = 100000 },
      check.sql { name = "few", query = "SELECT 9.5::numeric", at_least = 10 },
      check.sql { name = "many", query = "SELECT 11", at_most = 10 },
      check.sql { name = "null", query = "SELECT NULL::int", at_least = 0 },
      check.sql { name = "forbidden", query = "SELECT 'b'", differs = "b" },
      check.sql { name = "rows", query = "SELECT FROM generate_series(1, 3)", rows = 3 },
      check.sql { name = "no_rows", query = "SELECT 1", rows = 0 },
      check.sql { name = "false", query = "SELECT false", equals = false },
      check.sql { name = "broken", query = "SELECT * FROM nowhere" }]], {
      ["true"] = { "green" }, one = { "red", "is 1, not true" }, none = { "red", "is nil" }, same = { "green" },
      text = { "green" }, enough = { "green" }, few = { "red", "is 9.5, not at least 10" }, many = { "red" },
      null = { "red" }, forbidden = { "red" }, rows = { "green" }, no_rows = { "red", "1 row, not 0" },
      ["false"] = { "green" }, broken = { "red", "nowhere" },
    })
  end)
end)

describe("check.command", function()
  it("judges code and output, with the declared environment alone", function()
    local found, result = judged([[
      check.command { name = "fine", argv = { "sh", "-c", "echo all; echo well" }, contains = "all" },
      check.command { name = "code", argv = { "sh", "-c", "exit 3" }, code = 3 },
      check.command { name = "fails", argv = { "sh", "-c", "echo $TOKEN >&2; exit 1" }, env = { "TOKEN" } },
      check.command { name = "silent", argv = { "sh", "-c", "echo $SECRET_OF_NOBODY" }, contains = "x" },
      check.command { name = "absent", argv = { "./smoke" } }]], nil,
      { TOKEN = "canary-token", SECRET_OF_NOBODY = "x" })
    expect(found, { fine = { "green", "well" }, code = { "green" }, fails = { "red", "ended with code 1: ***" },
      silent = { "red", "did not say" }, absent = { "red" } })
    assert.not_matches("canary-token", result.shown, 1, true)
  end)
end)

describe("check.log", function()
  local function say(text) assert(fs.write(folder .. "/log/app.log", (fs.read(folder .. "/log/app.log") or "") .. text)) end

  local step <const> = [[{ step.deploy(), step.custom { name = "app", run = function(run)
    run.exec { "sh", "-c", %q }
  end } }]]

  before_each(function()
    assert(fs.mkdir(folder .. "/log"))
    say "ERROR from before\n"
  end)

  it("finds what is new, and says how much and where", function()
    local check <const> = [[check.log { name = "log", files = { "log/app.log", "log/later.log" }, ignore = { "harmless" } }]]
    expect(judged(check), { log = { "green", "no error since" } })
    local found = judged(check, { steps = step:format "echo fine >>log/app.log; echo ERROR harmless >>log/app.log" })
    expect(found, { log = { "green" } })
    found = judged(check, { steps = step:format
      "echo fine >>log/app.log; echo 'FATAL s3cret' >>log/app.log; echo ERROR >log/later.log" })
    expect(found, { log = { "red", "1 error in log/app.log\n1 error in log/later.log" } })
    local from = tonumber(found.log[3]:match "tail %-c %+(%d+) log/app.log")
    assert.equal("FATAL s3cret\n", fs.read(folder .. "/log/app.log", nil, from - 1))
    assert.not_matches("s3cret", found.log[2], 1, true)
  end)

  it("reads a rotated file from its beginning, and no more than allowed", function()
    expect(judged([[check.log { "log/app.log", name = "log" }]],
      { steps = step:format "mv log/app.log log/old; printf 'a long line that makes it larger\nERROR\n' >log/app.log" }),
      { log = { "red", "1 error" } })
    expect(judged([[check.log { "log/app.log", name = "log", allowed = 1, max_size = 100 },
      check.log { "log/app.log", name = "small", max_size = 10 }, check.log { "log/gone.log", name = "gone" }]],
      { steps = step:format "echo 'ERROR, and some more' >>log/app.log" }),
      { log = { "green", "1 error, 1 allowed" }, small = { "red", "grew by more than" }, gone = { "green" } })
  end)

  it("cannot be judged when the file cannot be looked at, or disappears", function()
    local before = book.snapshot(url)
    local _, result = judged [[check.log { "log/app.log/x" }]]
    assert.equal(3, result.code, result.shown)
    assert.equal(before, book.snapshot(url))
    expect(judged([[check.log { "log/app.log", name = "log" }]], { steps = step:format "rm log/app.log" }),
      { log = { "red", "is not there" } })
    write [[check.log "elsewhere/app.log"]]
    result = book.dixis(folder, url, { "plan", "book.lua" })
    assert.equal(2, result.code)
    assert.matches("uses read elsewhere/app.log, which the runbook does not declare", result.shown, 1, true)
  end)
end)

describe("check.latency", function()
  before_each(function()
    assert(conn:query "CREATE TABLE big AS SELECT i AS id, md5(i::text) AS text FROM generate_series(1, 200000) i")
    assert(conn:query "CREATE INDEX big_text ON big (text)")
    assert(conn:query "ANALYZE big")
  end)

  local slow <const> = [[check.latency { name = "latency", factor = 3, slack = "100us",
    queries = { one = "SELECT * FROM big WHERE text = 'c4ca4238a0b923820dcc509a6f75849b'" } }]]

  it("is green when nothing became slower", function()
    local found, result = judged(slow:gsub("100us", "10s"), { gates = "{ gate.secret(), gate.reachable(), gate.confirm 'YES' }",
      steps = "{ step.identity() }" })
    assert.equal(3, result.code) -- what is looked at before is looked at before anybody is asked
    assert.is_nil(next(found))
    assert.is_truthy(dixis.event(dixis.journal(folder), "criterion.prepared"))
    found = judged((slow:gsub("100us", "10s")), { steps = "{ step.identity() }" })
    expect(found, { latency = { "green", "1 compared" } })
  end)

  it("is red when the index is gone, and says how the table is read now", function()
    local found = judged((slow:gsub("100us", "0.1ms")), { steps = [[{ step.sql "DROP INDEX big_text" }]] })
    expect(found, { latency = { "red", "one: " } })
    assert.matches("it was %a+ [%a ]*on big, and is [%a ,]*Seq Scan on big", found.latency[2])
  end)

  it("changes nothing, and refuses a query that does not run", function()
    local before = book.snapshot(url)
    local _, result = judged [[check.latency { queries = { bad = "DELETE FROM big" } }]]
    assert.equal(3, result.code, result.shown)
    assert.matches("the query bad does not run", result.shown, 1, true)
    assert.equal(before, book.snapshot(url))
  end)

  it("judges the application's own queries by pg_stat_statements, where it is there", function()
    local cluster <close> = setmetatable({ made = assert(ephemeral.start { memory = true,
      settings = { shared_preload_libraries = "pg_stat_statements" } }) }, { __close = function(self) self.made:stop() end })
    local there = cluster.made.params
    local app = assert(pg.connect(there))
    assert(app:query "CREATE EXTENSION pg_stat_statements")
    assert(app:query "CREATE TABLE big AS SELECT i AS id, md5(i::text) AS text FROM generate_series(1, 100000) i")
    assert(app:query "CREATE INDEX big_text ON big (text)")
    for i = 1, 30 do assert(app:query("SELECT * FROM big WHERE text = $1", { tostring(i) })) end
    -- The application goes on while the run does.
    local calls <const> = [[{ step.custom { name = "app", run = function(run)
      %s
      for i = 1, 30 do run.db:query("SELECT * FROM big WHERE text = $1", tostring(i)) end
    end } }]]
    local check <const> = [[check.latency { name = "latency", factor = 3, slack = "0.1ms", %s }]]
    local function judge(change, fields)
      write(check:format(fields), { steps = calls:format(change) })
      local result = book.dixis(folder, server.url(there), { "run", "book.lua" })
      for _, event in ipairs((dixis.journal(folder))) do
        if event.type:match "^criterion%.[grs]" then return event, result end
      end
    end
    local event, result = judge("", "")
    assert.equal("criterion.green", event and event.type, event and event.note or result.shown)
    assert.matches("%d+ compared", event.note)
    event = judge('run.db:exec "DROP INDEX big_text"', "")
    assert.equal("criterion.red", event.type, event.note)
    assert.matches("of pg_stat_statements: %d[%d.]* s before, %d[%d.]* s in 30 calls since", event.note)
    event = judge("", "statements = false")
    assert.matches("nothing could be compared: no query was there before", event.reason, 1, true)
    app:close()
  end)

  it("lets a query wait for what the change makes", function()
    local found, result = judged [[check.latency { name = "new", queries = { note = "SELECT * FROM note" } }]]
    expect(found, { new = { "skipped", "nothing could be compared" } })
    assert.matches("\n  – new                before: nothing to compare with: 1 query needs what is not there yet; pg_stat",
      result.stdout, 1, true)
  end)

  it("has no tick where nothing was measured", function()
    local found, result = judged [[check.latency()]]
    expect(found, { latency = { "skipped", "nothing could be compared: pg_stat_statements is not installed" } })
    assert.matches("\n  – latency            before: nothing to compare with: pg_stat_statements is not installed",
      result.stdout, 1, true)
    assert.is_nil(result.stdout:find("✓ latency", 1, true))
  end)
end)

describe("the watch", function()
  local watched <const> = { options = [[{ after = { type = "duration", help = "how long" } }]],
    watch = [[{ after = option "after", every = "50ms" }]] }

  --- Starts a run that watches, and waits until it does.
  local function start()
    assert(conn:query "CREATE TABLE state AS SELECT true AS fine")
    write([[check.sql { name = "fine", query = "SELECT fine FROM state" }]], watched)
    local handle = dixis.start({ "run", "book.lua", "--set", "after=10m" }, { cwd = folder, env = { SPEC_URL = url } })
    local until_time <const> = clock.now() + 60
    while not fs.stat(folder .. "/.dixis/runs") or not dixis.event(dixis.journal(folder), "watch.green") do
      assert(clock.now() < until_time and handle:running(), "it does not watch")
      clock.sleep(0.02)
    end
    return handle
  end

  it("goes on judging until its time is over", function()
    write([[check.sql { name = "fine", query = "SELECT true" }]], watched)
    local result = book.dixis(folder, url, { "run", "book.lua", "--set", "after=300ms" })
    assert.equal(0, result.code, result.shown)
    local events = dixis.journal(folder)
    local finished = dixis.event(events, "watch.finished")
    assert.is_true(finished.rounds >= 1 and finished.seconds >= 0.3)
    assert.equal(finished.rounds, dixis.event(events, "run.finished").watch.rounds)
  end)

  it("does not happen without a time", function()
    write([[check.sql { name = "fine", query = "SELECT true" }]], watched)
    assert.equal(0, book.dixis(folder, url, { "run", "book.lua" }).code)
    assert.is_nil(dixis.event(dixis.journal(folder), "watch.started"))
  end)

  it("ends red with the first criterion that turns red, and names it", function()
    local handle = start()
    assert(conn:query "UPDATE state SET fine = false")
    local result = assert(handle:wait())
    assert.equal(1, result.code, result.stdout)
    assert.matches("of the criteria, fine turned red", result.stdout, 1, true)
    assert.matches("1 migration was applied", result.stdout, 1, true)
    local events = dixis.journal(folder)
    assert.equal("fine", dixis.event(events, "criterion.red").name)
  end)

  it("is stopped by a signal, and nothing else is", function()
    local handle = start()
    handle:kill "INT"
    local result = assert(handle:wait())
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.matches("SIGINT: stopped watching after", result.stdout, 1, true)
    assert.matches("what the run did stays done", result.stdout, 1, true)
    local events = dixis.journal(folder)
    local finished = dixis.event(events, "run.finished")
    assert.same({ "succeeded", "SIGINT" }, { finished.outcome, finished.watch.stopped })
    assert.is_nil(dixis.event(events, "run.interrupted"))
    assert.equal(1, assert(conn:query "SELECT count(*) AS n FROM _prisma_migrations WHERE finished_at IS NOT NULL")[1].n)
  end)

  it("has a live line at a terminal, and is stopped there by Ctrl-C", function()
    write([[check.sql { name = "fine", query = "SELECT true" }]], watched)
    local result = assert(process.run({ "python3", fs.cwd() .. "/spec/support/pty.py", "expect:rounds green, ", "expect: left",
      "send:\\x03", "--", process.executable(), "run", "book.lua", "--set", "after=10m" }, { cwd = folder, timeout = 120,
      env = { SPEC_URL = url, LANG = "C.UTF-8", TERM = "xterm", PATH = process.getenv "PATH", HOME = process.getenv "HOME",
        DIXIS_LIB = process.getenv "DIXIS_LIB" } }))
    assert.matches("\nexit=0 lines=True echo=True\n", result.stdout, 1, true)
    assert.matches("SIGINT: stopped watching after", result.stdout, 1, true)
  end)

  it("holds no lock, and survives the loss of its connection", function()
    local handle = start()
    assert.is_true(assert(conn:query
      "SELECT pg_try_advisory_lock(72707369) AND pg_try_advisory_lock(72707369, 1)")[1][1])
    assert(conn:query [[SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()]])
    local function rounds()
      local count = 0
      for _, event in ipairs((dixis.journal(folder))) do count = count + (event.type == "watch.green" and 1 or 0) end
      return count
    end
    local before, until_time = rounds(), clock.now() + 60
    while rounds() < before + 3 do
      assert(clock.now() < until_time and handle:running(), "it stopped watching")
      clock.sleep(0.02)
    end
    handle:kill "TERM"
    assert.equal(0, assert(handle:wait()).code)
  end)
end)
