-- A secret goes through every way in which a run can fail, and turns up nowhere: not in what is printed, journals,
-- receipts, reports, arguments and environments of children, temporary files, or the server's log.
local book = require "spec.support.book"
local canary = require "spec.support.canary"
local clock = require "host.clock"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local json = require "dixis.json"
local pg = require "host.pg"
local post = require "spec.support.post"
local server = require "spec.support.server"
local web = require "spec.support.web"

local cluster, folder, params, site, office
local count = 0

setup(function()
  cluster = assert(ephemeral.start { tcp = true, password = canary.password,
    settings = { log_connections = "on", log_statement = "all", log_min_error_statement = "error" } })
  site, office = web.start(), post.start { tls = "starttls" }
end)
teardown(function()
  site:close()
  office:close()
  assert(cluster:stop())
end)

local function admin(dbname)
  local given = {}
  for name, value in pairs(cluster.params) do given[name] = value end
  given.dbname = dbname
  return assert(pg.connect(given))
end

before_each(function()
  count = count + 1
  params = {}
  for name, value in pairs(cluster.tcp_params) do params[name] = value end
  params.dbname = "canary_" .. count
  local conn = admin "postgres"
  assert(conn:query("CREATE DATABASE " .. params.dbname))
  conn:close()
  folder = book.project()
  assert(fs.mkdir(folder .. "/tmp"))
end)

-- What is new in the places for temporary files; folders of specs that run beside us come and go.
local function temporary()
  local found = {}
  for _, place in ipairs { "/tmp", "/dev/shm" } do
    for _, entry in ipairs(fs.list(place) or {}) do found[place .. "/" .. entry.name] = true end
  end
  return found
end
local before_all <const> = temporary()

after_each(function()
  local searched = canary.absent_below(folder)
  assert.is_true(searched > 0)
  for path in pairs(temporary()) do
    local stat = not before_all[path] and fs.stat(path, true)
    if stat and stat.type == "file" and stat.size < 1 << 20 then canary.absent(fs.read(path) or "", path) end
  end
  local log = assert(fs.read(cluster.params.host .. "/log"))
  canary.absent(log, "the server's log")
  assert(fs.remove(folder))
end)

local function environment(more)
  local env = { SPEC_URL = server.url(params), TOKEN = canary.password, TMPDIR = folder .. "/tmp" }
  for name, value in pairs(more or {}) do env[name] = value end
  return env
end

-- Runs, with every report, and looks for the secret in all that came of it.
local function go(fields, more, code, arguments)
  if fields then
    fields.uses = fields.uses
      or '{ env = { "TOKEN", "HOOK", "SMTP", "SCRATCH" }, exec = { "sh", "./tool", "pg_dump", "pg_restore" }, '
        .. 'net = { "127.0.0.1" } }'
    book.write(folder, fields)
    local path = folder .. "/book.lua"
    assert(fs.write(path, (fs.read(path):gsub("local gate", "local notice = dixis.notice\nlocal gate", 1))))
  end
  local given = arguments or { "run", "book.lua" }
  given = table.move(given, 1, #given, 1, {})
  table.move({ "--report", "report.json", "--report", "report.md", "--report", "report.xml" }, 1, 6, #given + 1, given)
  local result = dixis.run(given, { cwd = folder, env = environment(more) })
  local shown = result.stdout .. result.stderr
  canary.absent(shown, "what was printed")
  assert.equal(code, result.code, shown)
  for _, look in ipairs { { "show", "last" }, { "history" } } do
    local again = dixis.run(look, { cwd = folder, env = environment(more) })
    canary.absent(again.stdout .. again.stderr, "dixis " .. table.concat(look, " "))
  end
  if given[1] == "run" then assert.is_truthy(fs.stat(folder .. "/report.md")) end
  return shown, (dixis.journal(folder))
end

local function migration(text)
  assert(fs.mkdir(folder .. "/prisma/migrations/20250102000000_more"))
  assert(fs.write(folder .. "/prisma/migrations/20250102000000_more/migration.sql", text))
end

describe("the search", function()
  it("finds the secret in every form", function()
    local password = canary.password
    for _, form in ipairs {
      password, canary.encoded, canary.encoded:lower(), json.encode(password), password:gsub("'", "''"),
      digest.base64(password), digest.base64("x" .. password), digest.base64("xy" .. password .. "z"),
      (password:gsub(".", function(c) return ("%02x"):format(c:byte()) end)),
      (password:gsub(".", function(c) return ("%02X"):format(c:byte()) end)),
    } do
      assert.is_string(canary.find("before " .. form .. " after"))
    end
    assert.is_nil(canary.find "nothing here")
  end)
end)

describe("a password of the target is not shown", function()
  it("when all is well", function()
    go({ steps = "{ step.identity(), step.deploy(), step.backup() }" }, nil, 0)
    local plan = dixis.run({ "plan", "book.lua" }, { cwd = folder, env = environment() })
    canary.absent(plan.stdout .. plan.stderr, "the plan")
    plan = dixis.run({ "plan", "book.lua", "--output", "json" }, { cwd = folder, env = environment() })
    canary.absent(plan.stdout .. plan.stderr, "the plan")
  end)

  it("when it is wrong, nobody listens, or the database is another", function()
    params.password = canary.password .. "x"
    go({}, nil, 3)
    params.password = canary.password
    params.user = "nobody"
    go(nil, nil, 3)
    params.user = cluster.tcp_params.user
    params.dbname = "nowhere"
    go(nil, nil, 3)
    params.host, params.port = "127.0.0.1", 1
    go({ gates = "{ gate.reachable '1s' }" }, nil, 5)
    params.host = "nowhere.invalid"
    go(nil, nil, 5)
  end)

  it("when the URL is malformed", function()
    local secret <const> = canary.core
    for _, url in ipairs {
      "postgresql://user:" .. canary.password .. "@127.0.0.1/x", "postgresql://user:" .. secret .. "@127.0.0.1:x/y",
      "postgresql://user:" .. secret .. "%zz@127.0.0.1/x", "mysql://user:" .. secret .. "@127.0.0.1/x",
      "postgresql://127.0.0.1/x?user=a&password=" .. secret .. "&colour=red", "user:" .. secret .. "@127.0.0.1", secret,
      "postgresql://user:" .. secret .. "@127.0.0.1:1/x?sslmode=" .. secret, "host=127.0.0.1 password=" .. secret,
      "postgresql://user:" .. secret .. "@[::1/x", "postgresql://user:" .. secret .. "\n@127.0.0.1/x",
    } do
      book.write(folder, { gates = "{ gate.secret(), gate.reachable '1s' }" })
      for _, verb in ipairs { "run", "plan" } do
        local result = dixis.run({ verb, "book.lua" }, { cwd = folder, env = environment { SPEC_URL = url } })
        canary.absent(result.stdout .. result.stderr, url)
        assert.not_equal(0, result.code, url)
      end
    end
  end)

  it("when a migration fails, a statement does, or the connection is lost", function()
    migration "SELECT * FROM nowhere;\n"
    go({ steps = "{ step.deploy() }" }, nil, 1)
    go({ steps = [[{ step.sql "SELECT 1 / 0" }]] }, nil, 1)
    go({ steps = [[{ step.custom { name = "cut", run = function(run)
      run.db:exec "SELECT pg_terminate_backend(pg_backend_pid())" end } }]] }, nil, 5)
  end)

  it("when pg_dump runs, to it and to what it leaves, and when it fails", function()
    local conn = admin(params.dbname)
    assert(conn:query "CREATE TABLE busy (id int)")
    assert(conn:query "BEGIN")
    assert(conn:query "LOCK TABLE busy")
    book.write(folder, { steps = "{ step.backup() }", uses = '{ exec = { "pg_dump", "pg_restore" } }' })
    local handle = dixis.start({ "run", "book.lua" }, { cwd = folder, env = environment() })
    local dump
    local until_time <const> = clock.now() + 60
    while not dump do
      assert(clock.now() < until_time and handle:running(), "pg_dump was not seen")
      for program, text in pairs(canary.children(handle.pid)) do
        if program:find("pg_dump", 1, true) then dump = text end
      end
      clock.sleep(0.01)
    end
    canary.absent(dump, "arguments or environment of pg_dump")
    assert(conn:query "COMMIT")
    assert.equal(0, assert(handle:wait()).code)

    assert(conn:query "SET log_statement = none")
    assert(conn:query(("CREATE ROLE limited_%d LOGIN PASSWORD '%s'"):format(count, (canary.password:gsub("'", "''")))))
    conn:close()
    params.user = "limited_" .. count
    go({ steps = "{ step.backup() }" }, nil, 1)
  end)

  it("of a scratch server neither, whether the proof succeeds or not", function()
    local scratch <close> = assert(ephemeral.start { tcp = true, memory = true, password = canary.password })
    local steps <const> = '{ step.backup { scratch = "SCRATCH" } }'
    go({ steps = steps }, { SCRATCH = server.url(scratch.tcp_params) }, 0)
    scratch.tcp_params.password = canary.password .. "x"
    go({ steps = steps }, { SCRATCH = server.url(scratch.tcp_params) }, 1)
    go({ steps = steps }, { SCRATCH = "postgresql://user:" .. canary.password .. "@127.0.0.1/x" }, 1)
  end)

  it("when the run is stopped", function()
    migration "SELECT pg_sleep(600);\n"
    book.write(folder, { steps = "{ step.deploy() }" })
    for _, signal in ipairs { "INT", "TERM", "KILL" } do
      local handle = dixis.start({ "run", "book.lua" }, { cwd = folder, env = environment() })
      local until_time <const> = clock.now() + 60
      local seen
      while not seen do
        assert(clock.now() < until_time and handle:running(), "the migration did not begin")
        clock.sleep(0.01)
        local conn = admin(params.dbname)
        seen = #assert(conn:query [[SELECT FROM pg_stat_activity
          WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()]]) > 0
        conn:close()
      end
      handle:kill(signal)
      local result = assert(handle:wait())
      canary.absent(result.stdout .. result.stderr, "what was printed")
      local conn = admin(params.dbname)
      assert(conn:query [[SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()]])
      conn:close()
    end
  end)
end)

-- A program that says the secret in every way it knows, and fails.
local chatter <const> = [[
printf '%s\n' "$TOKEN" >&2
printf '%s' "$TOKEN" | base64 >&2
printf '%s' "$TOKEN" | od -An -v -tx1 | tr -d ' \n' >&2
printf '\n%s\n' "$TOKEN"
exit 3
]]

describe("a variable that a program or code is given is not shown", function()
  before_each(function()
    assert(fs.write(folder .. "/tool", "#!/bin/sh\n" .. chatter, tonumber("755", 8)))
  end)

  it("when the program fails", function()
    go({ steps = [[{ step.command { "./tool", env = { "TOKEN" } } }]] }, nil, 1)
    go({ criteria = [[{ check.command { "./tool", env = { "TOKEN" } },
      check.command { name = "says", argv = { "./tool" }, env = { "TOKEN" }, code = 3 } }]] }, nil, 1)
    go({ steps = [[{ step.custom { name = "own", run = function(run)
      local result = run.exec { "./tool", env = { "TOKEN" }, check = false }
      run.log(result.stdout) run.log(result.stderr) run.progress(result.stderr)
      run.exec { "./tool", env = { "TOKEN" } } end } }]] }, nil, 1)
  end)

  it("to other programs: what they are given is what the runbook names", function()
    local capture <const> = "cat /proc/$$/cmdline /proc/$$/environ >>captured"
    go({ steps = ([[{ step.command { "sh", "-c", %q }, step.custom { name = "own", run = function(run)
      run.exec { "sh", "-c", %q } end } }]]):format(capture, capture),
      criteria = ([[{ check.command { name = "judged", argv = { "sh", "-c", %q } } }]]):format(capture),
      notices = ([[{ notice.command { name = "told", argv = { "sh", "-c", %q } } }]]):format(capture) }, nil, 0)
    assert.is_true(#assert(fs.read(folder .. "/captured")) > 100)
  end)

  it("by code that raises, logs or returns it", function()
    for _, code in ipairs {
      'error(run.env "TOKEN")', 'error { kind = "failed", message = run.env "TOKEN", hint = run.env "TOKEN" }',
      'run.log(run.env "TOKEN") error "x"', 'run.db:exec(("SELECT 1 / 0 AS %q"):format(run.env "TOKEN"))',
      'run.db:exec("SELECT $1::int", run.env "TOKEN")', 'run.db:query("SELECT " .. run.env "TOKEN")',
      'run.db:value("SELECT $1", run.env "TOKEN")', 'run.skip(run.env "TOKEN")',
      'run.env("TOKEN"):nothing()', 'local t = {} t[run.env "TOKEN"].x = 1', 'run.exec { run.env "TOKEN" }',
      'run.http("http://127.0.0.1:1/" .. run.env "TOKEN":gsub("[^%w]", ""))',
      'run.http { url = "http://127.0.0.1:1/", headers = { Authorization = run.env "TOKEN":gsub("[^ -~]", "") } }',
      'run.file:read(run.env "TOKEN")', 'return run.env "TOKEN"',
    } do
      local text = ([[step.custom { name = "own", run = function(run) %s end }]]):format(code)
      book.write(folder, { steps = "{" .. text .. "}", uses = [[{ env = { "TOKEN" }, net = { "127.0.0.1" } }]] })
      -- What code gives to a server as SQL is in that one's log: another server than the one whose log is searched.
      local result = dixis.run({ "run", "book.lua" },
        { cwd = folder, env = environment { SPEC_URL = server.url(server.params()) } })
      canary.absent(result.stdout .. result.stderr, code)
      assert.matches("exit %d", result.stdout)
    end
  end)
end)

describe("a secret of an address is not shown", function()
  it("when the request fails", function()
    local core <const> = canary.core
    for _, url in ipairs { ("http://user:%s@127.0.0.1:1/x?token=%s"):format(core, core),
      ("%s/echo?status=500&token=%s"):format(site.base, core), ("%s/torn?%s"):format(site.base, core),
      ("%s/garbage?%s"):format(site.base, core), ("http://%s@127.0.0.1:1/"):format(core) } do
      go({ options = [[{ url = { type = "url", help = "where" } }]], uses = [[{ net = { option "url" } }]],
        steps = [[{ step.http { url = option "url" } }]] }, nil, 1, { "run", "book.lua", "--set", "url=" .. url })
      go({ options = [[{ url = { type = "url", help = "where" } }]], uses = [[{ net = { option "url" } }]],
        criteria = [[{ check.http { url = option "url", within = "10ms", json = { a = 1 } } }]] }, nil, 1,
        { "run", "book.lua", "--set", "url=" .. url })
      local plan = dixis.run({ "plan", "book.lua", "--set", "url=" .. url }, { cwd = folder, env = environment() })
      canary.absent(plan.stdout .. plan.stderr, "the plan")
    end
  end)

  it("when notices fail, or are sent", function()
    assert(fs.write(folder .. "/tool", "#!/bin/sh\n" .. chatter, tonumber("755", 8)))
    local notices <const> = ([[{ notice.webhook { env = "HOOK" },
      notice.mail { env = "SMTP", from = "a@localhost", to = "b@localhost", ca = %q },
      notice.command { "./tool", env = { "TOKEN" } } }]]):format(office.ca)
    for _, case in ipairs {
      { "http://127.0.0.1:1/services/" .. canary.core, "smtp://user:" .. canary.encoded .. "@127.0.0.1:1" },
      { site:keep(500) .. "&token=" .. canary.core, office:url("user:" .. canary.encoded .. "@") },
      { "http://user:" .. canary.core .. "@127.0.0.1:x/", "smtp://user:" .. canary.core .. "@local host" },
      { canary.core, canary.core }, { "https://" .. site.base:match "//(.*)$" .. "/" .. canary.core, "http://" .. canary.core },
      { site:keep() .. "&token=" .. canary.core, office:url("user:p%40ss%20word@") },
    } do
      local _, events = go({ notices = notices }, { HOOK = case[1], SMTP = case[2] }, 0)
      assert.is_truthy(dixis.event(events, "notice.failed"))
    end
    for _, body in ipairs(site:kept()) do canary.absent(body, "a notice") end
    for _, mail in ipairs(office:mails()) do canary.absent(mail.text, "a mail") end
  end)
end)
