-- What a runbook's own code can do, what it cannot, and what is told when it fails.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"

local folder, params, url, conn

before_each(function()
  folder = book.project()
  params = server.database()
  url = server.url(params)
  conn = assert(pg.connect(params))
  assert(conn:script "CREATE TABLE fact (n int UNIQUE, word text); INSERT INTO fact VALUES (1, 'one'), (2, NULL)")
end)
after_each(function()
  conn:close()
  fs.remove(folder)
end)

local function go(fields, arguments, env)
  local name = book.write(folder, fields)
  return book.dixis(folder, url, { "run", name, table.unpack(arguments or {}) }, env)
end

--- Runs one step.custom with this body; uses and options as the runbook declares them.
local function step(body, more, arguments, env)
  local fields = { steps = "{ step.custom { name = 'mine', run = function(run)\n" .. body .. "\nend } }" }
  for name, value in pairs(more or {}) do fields[name] = value end
  return go(fields, arguments, env)
end

local function says(result, code, ...)
  assert.equal(code, result.code, result.shown)
  for _, text in ipairs { ... } do assert.matches(text, result.shown, 1, true) end
  return result
end

local function facts()
  return assert(conn:query "SELECT count(*) FROM fact")[1][1]
end

local function event(kind)
  return dixis.event(dixis.journal(folder), kind)
end

describe("run.db", function()
  it("reads in every way", function()
    says(step [[
      local rows = run.db:query("SELECT n, word FROM fact ORDER BY n")
      assert(#rows == 2 and rows[1].n == 1 and rows[1][2] == "one" and rows[2].word == nil)
      assert(run.db:row("SELECT * FROM fact WHERE n = $1", 1).word == "one")
      assert(run.db:row("SELECT * FROM fact WHERE n = 99") == nil)
      assert(run.db:value("SELECT sum(n) FROM fact") == 3 or error(type(run.db:value("SELECT sum(n) FROM fact"))))
      local n = 0
      for row in run.db:rows("SELECT n FROM fact WHERE n > $1", 1) do n = n + row.n end
      assert(n == 2)
      return "read " .. #rows
    ]], 0, "read 2")
    assert.equal(false, event("run.finished").changed)
    assert.is_nil(event "sql.started")
  end)

  it("changes, and the record has the statement without its data", function()
    says(step [[
      assert(run.db:exec("INSERT INTO fact VALUES ($1, 'secret text'), (4, $2)", 3, "private") == 2)
      return run.db:value("UPDATE fact SET word = 'x' WHERE n = 3 RETURNING n")
    ]], 0, "mine")
    assert.equal(4, facts())
    assert.equal(true, event("run.finished").changed)
    local _, path = dixis.journal(folder)
    local text = fs.read(path)
    assert.matches("INSERT INTO fact VALUES", text, 1, true)
    assert.is_nil(text:find("secret text", 1, true))
    assert.is_nil(text:find("private", 1, true))
  end)

  it("commits what a transaction's function did", function()
    says(step [[return run.db:transaction(function()
      run.db:exec "INSERT INTO fact VALUES (3)"
      run.db:exec "INSERT INTO fact VALUES (4)"
      return "kept"
    end)]], 0, "kept")
    assert.equal(4, facts())
  end)

  it("rolls a transaction back when its function raises", function()
    says(step [[run.db:transaction(function()
      run.db:exec "INSERT INTO fact VALUES (3)"
      error "no"
    end)]], 1, "book.lua:", ": no")
    assert.equal(2, facts())
  end)

  it("rolls it back when a statement in it failed, also when that was swallowed", function()
    says(step [[run.db:transaction(function()
      run.db:exec "INSERT INTO fact VALUES (3)"
      pcall(run.db.exec, run.db, "INSERT INTO fact VALUES (1)")
    end)]], 1, "nothing was kept")
    assert.equal(2, facts())
    says(step [[
      run.db:transaction(function() return run.db:transaction(function() end) end)
    ]], 1, "run.db:transaction inside a transaction")
  end)

  it("does not report as done what a forgotten transaction will lose", function()
    says(step [[run.db:exec "BEGIN"; run.db:exec "INSERT INTO fact VALUES (3)"; return "done"]], 1,
      "left a transaction open", "rolled back")
    assert.equal(2, facts())
    says(go { steps = '{ step.sql "BEGIN" }' }, 1, "left a transaction open")
  end)

  it("tells a failing statement's error without data, and its place in the runbook", function()
    local result = says(step [[
      run.db:exec("INSERT INTO fact VALUES (1, 'hidden data')")
    ]], 1, "duplicate key value violates unique constraint")
    assert.is_nil(result.shown:find("hidden data", 1, true))
    assert.equal("23505", event("step.failed").error.sqlstate)
    assert.matches("book.lua:%d+", event("step.failed").error.message)
  end)

  it("counts as a change what only looks like a query", function()
    says(go { steps = "{ step.sql 'WITH gone AS (DELETE FROM fact RETURNING n) SELECT count(*) FROM gone' }" }, 0)
    assert.equal(true, event("run.finished").changed)
    assert.equal(0, facts())
  end)

  it("does not count what the server has refused", function()
    says(step 'run.db:exec "INSERT INTO fact VALUES (1)"', 1, "Nothing was changed")
    says(go { steps = "{ step.sql 'INSERT INTO fact VALUES (1)' }" }, 1, "Nothing was changed")
  end)

  it("does not go on elsewhere when the connection is lost inside a transaction", function()
    says(step [[run.db:transaction(function()
      run.db:exec "INSERT INTO fact VALUES (3)"
      pcall(run.db.query, run.db, "SELECT pg_terminate_backend(pg_backend_pid())")
      pcall(run.db.exec, run.db, "INSERT INTO fact VALUES (4)")
    end)]], 1, "the connection was lost inside a transaction; nothing of it was kept")
    assert.equal(2, facts())
  end)

  it("takes one statement at a time", function()
    says(step [[run.db:exec "SELECT 1; DELETE FROM fact"]], 1)
    assert.equal(2, facts())
  end)
end)

describe("a gate", function()
  it("opens with a note, or refuses with a reason", function()
    says(go { gates = '{ gate.custom { name = "reads", open = function(run) return run.db:exec "SELECT 1" end } }' }, 0)
    says(go { gates = [[{ gate.custom { name = "two", open = function(run)
      return run.db:value("SELECT count(*) FROM fact") == 2, "two facts"
    end } }]] }, 0, "two facts")
    says(go { gates = [[{ gate.custom { name = "three", open = function(run)
      return run.db:value("SELECT count(*) FROM fact") == 3, "there are not three facts"
    end } }]] }, 3, "there are not three facts", "Nothing was changed")
    says(go { gates = '{ gate.custom { name = "no", open = function() end } }' }, 3, "the condition does not hold")
    says(go { gates =
      '{ gate.custom { name = "oops", open = function()\nlocal x = nil; x() end } }' }, 3,
      "book.lua:7: attempt to call a nil value")
  end)

  it("cannot change the target", function()
    for _, statement in ipairs { "DELETE FROM fact", "WITH x AS (DELETE FROM fact RETURNING 1) SELECT * FROM x" } do
      for _, method in ipairs { "exec", "query", "value" } do
        says(go { gates = ("{ gate.custom { name = 'bad', open = function(run) run.db:%s %q return true end } }")
          :format(method, statement) }, 3, "a gate must not change the target", "Nothing was changed")
      end
    end
    assert.equal(2, facts())
  end)

  it("can ask for a phrase", function()
    local fields = { gates = [[{ gate.custom { name = "sure", open = function(run)
      run.confirm("count " .. run.db:value("SELECT count(*) FROM fact"), "the number of facts")
      return true
    end } }]] }
    says(go(fields), 3, "nobody is there to confirm")
    says(go(fields, { "--confirm", "count 3" }), 3, "the phrase is not count 2")
    says(go(fields, { "--confirm", "count 2" }), 0)
  end)
end)

describe("a criterion", function()
  it("is green or red with a note, and all are judged", function()
    local result = says(go { criteria = [[{
      check.custom { name = "red", holds = function() return false, "not so" end },
      check.custom { name = "raises", holds = function() error "oops" end },
      check.custom { name = "skipped", holds = function(run) run.skip "of no use" end },
      check.custom { name = "green", holds = function(run) return run.db:value "SELECT true", "so it is" end },
      check.sql { name = "sql_green", query = "SELECT count(*) FROM fact", equals = 2 },
      check.sql { name = "sql_true", query = "SELECT 1 = 1" },
      check.sql { name = "sql_red", query = "SELECT count(*) FROM fact", equals = 3 },
      check.sql { name = "sql_null", query = "SELECT NULL" },
      check.sql { name = "sql_bad", query = "SELECT nonsense" },
    }]] }, 1, "5 of 9 criteria are red: red, raises, sql_red, sql_null, sql_bad", "is 2, not 3")
    for name, mark in pairs { red = "✗", raises = "✗", skipped = "–", green = "✓", sql_green = "✓", sql_true = "✓",
      sql_red = "✗", sql_null = "✗", sql_bad = "✗" } do
      assert.matches(mark .. " " .. name .. " ", result.stdout, 1, true)
    end
    assert.matches("book%.lua:%d+: oops", result.stdout)
  end)
end)

describe("a step", function()
  it("is told with file and line when it fails", function()
    local result = says(step "local x = nil\nreturn x.y", 1, "attempt to index a nil value (local 'x')")
    assert.is_nil(result.shown:find("traceback", 1, true))
    assert.equal(1, select(2, result.shown:gsub("attempt to index", "")), "it is told twice")
    local line = tonumber(result.shown:match "book%.lua:(%d+): attempt")
    local text = fs.read(folder .. "/book.lua")
    assert.equal("return x.y", text:match((("[^\n]*\n"):rep(line - 1) .. "([^\n]*)")))
    says(step "error { 'a table' }", 1, "its code raised a table as an error")
    says(step "run.lgo 'x'", 1, "run has no 'lgo' (did you mean 'log'?)")
    says(step "error(nil)", 1, "its code raised nil as an error")
    says(step "error('in plain words', 0)", 1, "mine               in plain words")
  end)

  it("can be skipped with a reason, and can log", function()
    says(step [[run.log("half\nway"); run.log(12); run.progress "x"; run.skip "not needed"]], 0, "half", "12",
      "skipped: not needed")
    assert.equal("mine", event("log").item)
  end)

  it("is run only when its option says so", function()
    local fields = { options = '{ flag = { type = "boolean", default = false, help = "x" } }',
      steps = '{ step.sql { statement = "INSERT INTO fact VALUES (7)", when = option "flag" } }' }
    says(go(fields), 0, 'skipped: option "flag" is false')
    assert.equal(2, facts())
    says(go(fields, { "--set", "flag=true" }), 0, "INSERT 0 1")
    assert.equal(3, facts())
  end)

  it("that is always run is run after a failure, the others are not", function()
    local result = says(go { steps = [[{
      step.custom { name = "first", run = function() error "broken" end },
      step.sql { name = "second", statement = "INSERT INTO fact VALUES (8)" },
      step.sql { name = "last", statement = "INSERT INTO fact VALUES (9)", always = true },
    }]] }, 1, "broken", "second             skipped: an earlier step did not finish")
    assert.matches("✓ last", result.stdout, 1, true)
    assert.equal(9, assert(conn:query "SELECT max(n) FROM fact")[1][1])
  end)

  it("that spins is ended by its deadline, whatever it catches", function()
    says(go { steps = [[{ step.custom { name = "spin", deadline = "300ms", run = function()
      while true do pcall(function() while true do end end) end
    end } }]] }, 1, "spin", "Nothing was changed")
    assert.equal("deadline", event("step.failed").error.kind)
  end)

  it("that waits in SQL is ended on the server too", function()
    local begun = clock.now()
    says(go { steps = [[{ step.custom { name = "wait", deadline = "300ms", run = function(run)
      pcall(function() run.db:query "SELECT pg_sleep(50)" end)
      run.db:exec "INSERT INTO fact VALUES (3)"
    end } }]] }, 1)
    assert.is_true(clock.now() - begun < 25)
    assert.equal("deadline", event("step.failed").error.kind)
    assert.equal(0, assert(conn:query [[SELECT count(*) FROM pg_stat_activity
      WHERE query LIKE '%pg_sleep(50)%' AND pid <> pg_backend_pid()]])[1][1])
    assert.equal(2, facts())
  end)

  it("knows the run, its options, what came before, and the target", function()
    says(step([[
      assert(run.options.word == "given" and run.id:match "^%d+%-")
      assert(run.target.database == ("%s"):format(run.db:value "SELECT current_database()"))
      assert(not pcall(function() run.options.word = "x" end))
      assert(not pcall(function() run.target.database = "x" end))
      assert(not pcall(function() run.id = "x" end))
      local elapsed = run.timer()
      run.clock.sleep(0.02)
      assert(elapsed() >= 0.02 and run.clock.now() and run.clock.wall() > 1.7e9 and run.clock.iso():match "Z$")
      return "all there"
    ]], { options = '{ word = { type = "string", help = "x" } }' }, { "--set", "word=given" }), 0, "all there")
  end)

  it("is not given more than it was promised", function()
    says(step [[
      for _, thing in pairs { run.db, run.file, run.options, run.target, run } do
        assert(getmetatable(thing) == false, "its metatable can be reached")
        for key in next, thing do assert(key ~= "run", "the whole run can be reached") end
      end
      assert(rawget(run.db, "run") == nil and run.db.run == nil and run.file.run == nil)
      return "closed"
    ]], 0, "closed")
  end)
end)

describe("run.exec", function()
  local uses <const> = { uses = '{ exec = { "sh", "no-such-program" }, env = { "TOKEN" } }' }

  it("runs a declared program and gives its result", function()
    says(step([[
      local result = run.exec { "sh", "-c", "echo out; echo err >&2" }
      assert(result.stdout == "out\n" and result.stderr == "err\n" and result.code == 0)
      assert(run.exec({ "sh", "-c", "exit 3", check = false }).code == 3)
      assert(run.exec({ "sh", "-c", "cat", input = "given" }).stdout == "given")
      assert(run.exec({ "sh", "-c", "echo $DATABASE_URL_STAGING$SPEC_URL" }).stdout == "\n")
      return "ran"
    ]], uses), 0, "ran")
    assert.equal("sh", event("command.started").argv[1])
  end)

  it("fails with the program", function()
    says(step([[run.exec { "sh", "-c", "exit 3" }]], uses), 1, "sh ended with code 3")
    says(step([[run.exec { "sh", "-c", "kill -9 $$" }]], uses), 1, "sh ended with SIGKILL")
    says(step([[run.exec { "no-such-program" }]], uses), 1, "no-such-program")
    says(step([[run.exec { "sh", "-c", "sleep 50", timeout = 0.2 }]], uses), 1)
  end)

  it("refuses an undeclared program or variable, with a hint", function()
    says(step [[run.exec { "touch", "made" }]], 1, "does not declare that it uses exec 'touch'",
      "add it to uses.exec, where a reviewer looks")
    says(step([[run.exec { "sh", env = { "HOME" } }]], uses), 1, "does not declare that it uses env 'HOME'")
    assert.is_nil(fs.stat(folder .. "/made"))
  end)

  it("hides a variable's value wherever it turns up", function()
    local result = says(step([[
      local result = run.exec { "sh", "-c", "echo $TOKEN", env = { "TOKEN" } }
      run.log("it is " .. result.stdout)
      error("failed with " .. result.stdout)
    ]], uses, {}, { TOKEN = "hush-hush-77" }), 1, "it is ***", "failed with ***")
    local _, path = dixis.journal(folder)
    for _, text in ipairs { result.shown, fs.read(path) } do assert.is_nil(text:find("hush-hush", 1, true)) end
  end)
end)

describe("step.command", function()
  it("fails with the program, and does not print its secrets", function()
    local result = says(go({ uses = '{ exec = { "sh" }, env = { "TOKEN" } }', steps = [[{
      step.command { "sh", "-c", "echo fine", name = "good" },
      step.command { name = "bad", argv = { "sh", "-c", "echo no $TOKEN >&2; exit 7" }, env = { "TOKEN" } },
    }]] }, {}, { TOKEN = "hush-hush-77" }), 1, "fine", "sh ended with code 7: no ***")
    local _, path = dixis.journal(folder)
    for _, text in ipairs { result.shown, fs.read(path) } do assert.is_nil(text:find("hush-hush", 1, true)) end
  end)

  it("must be declared", function()
    says(go { steps = '{ step.command { "sh", "-c", "true" } }' }, 2,
      "uses exec sh, which the runbook does not declare")
  end)
end)

describe("run.env", function()
  it("gives what is declared, and keeps it out of the record", function()
    says(step([[
      run.log("token " .. run.env "TOKEN")
      return tostring(run.env "ABSENT")
    ]], { uses = '{ env = { "TOKEN", "ABSENT" } }' }, {}, { TOKEN = "hush-hush-77", ABSENT = "" }), 0,
      "token ***", "nil")
    says(step 'run.env "HOME"', 1, "does not declare that it uses env 'HOME'")
    says(step 'run.env "SPEC_URL"', 1, "does not declare that it uses env 'SPEC_URL'")
  end)
end)

describe("run.file", function()
  local uses <const> = { uses = '{ read = { "in" }, write = { "out" } }' }

  before_each(function()
    for _, name in ipairs { "in", "out", "inside" } do assert(fs.mkdir(folder .. "/" .. name)) end
    assert(fs.write(folder .. "/in/a.txt", "text"))
    assert(fs.write(folder .. "/inside/b.txt", "other"))
    assert(process.run({ "ln", "-s", "../inside/b.txt", "in/link" }, { cwd = folder }).code == 0)
    assert(process.run({ "ln", "-s", "../inside/b.txt", "out/link" }, { cwd = folder }).code == 0)
    assert(process.run({ "ln", "-s", "../inside", "out/dir" }, { cwd = folder }).code == 0)
    assert(process.run({ "ln", "-s", "../inside/new", "out/dangling" }, { cwd = folder }).code == 0)
  end)

  it("reads and writes in the declared places", function()
    says(step([[
      assert(run.file:read "in/a.txt" == "text" and run.file:read "./in/../in/a.txt" == "text")
      assert(run.file:exists "in/a.txt" and not run.file:exists "in/none")
      run.file:write("out/new.txt", "made")
      return "done"
    ]], uses), 0, "done")
    assert.equal("made", fs.read(folder .. "/out/new.txt"))
  end)

  it("refuses all others, also by .. and by links", function()
    for _, code in ipairs {
      'run.file:read "inside/b.txt"', 'run.file:read "in/../inside/b.txt"', 'run.file:read "in/link"',
      'run.file:read "/etc/passwd"', 'run.file:read "out/new.txt"', 'run.file:exists "inside/b.txt"',
      'run.file:read "in/none/../../inside/b.txt"', 'run.file:read "book.lua"', 'run.file:read ""',
      'run.file:write("in/a.txt", "x")', 'run.file:write("out/../made", "x")', 'run.file:write("out/link", "x")',
      'run.file:write("out/dir/made", "x")', 'run.file:write("outside", "x")', 'run.file:write("out", "x")',
      'run.file:write("out/none/../../made", "x")', 'run.file:write("out/..", "x")',
    } do
      local result = step(code, uses)
      assert.equal(1, result.code, code .. result.shown)
    end
    assert.equal("other", fs.read(folder .. "/inside/b.txt"))
    assert.equal("text", fs.read(folder .. "/in/a.txt"))
    for _, name in ipairs { "made", "outside", "inside/made" } do assert.is_nil(fs.stat(folder .. "/" .. name)) end
    says(step('run.file:read "inside/b.txt"', uses), 1, "does not declare that it uses read 'inside/b.txt'",
      "add it to uses.read")
  end)

  it("does not write through a link that leads outside", function()
    step('run.file:write("out/dangling", "x")', uses)
    assert.is_nil(fs.stat(folder .. "/inside/new"))
  end)
end)

describe("an address", function()
  local helper, base

  setup(function()
    local port_file = assert(fs.mkdtemp "/tmp/dixis-http-") .. "/port"
    helper = assert(process.start({ "python3", "spec/support/http_server.py", port_file }, { keep_stdin = true,
      env = { PATH = process.getenv "PATH", HOME = process.getenv "HOME" } }))
    local until_when = clock.now() + 20
    repeat clock.sleep(0.02) until fs.stat(port_file) or clock.now() > until_when
    base = "http://127.0.0.1:" .. assert(fs.read(port_file))
    fs.remove(port_file:match "^(.*)/")
  end)
  teardown(function()
    helper:close_stdin()
    helper:close()
  end)

  local function uses() return { uses = ('{ net = { %q } }'):format(base) } end

  it("is asked by run.http when it is declared", function()
    says(step(([[
      local answer = run.http "%s/echo"
      assert(answer.status == 200)
      assert(run.http({ url = "%s/echo?status=503", method = "POST", body = "x" }).status == 503)
      return "answered"
    ]]):format(base, base), uses()), 0, "answered")
    says(step 'run.http "http://127.0.0.1:1/x"', 1, "does not declare that it uses net '127.0.0.1:1'")
    says(step('run.http "http://127.0.0.1:1/x"', uses()), 1, "does not declare")
    says(step('run.http "file:///etc/passwd"', uses()), 1, "is not an http:// or https:// address")
    says(step(('run.http "http://user@%s@example.org/"'):format(base:sub(8)), uses()), 1)
  end)

  it("is judged by check.http", function()
    local function judged(fields, code, ...)
      says(go { uses = uses().uses, criteria = ("{ check.http { name = 'up', url = %q, %s } }"):format(
        base .. fields[1], fields[2]) }, code, ...)
    end
    judged({ "/echo", "" }, 0, "answered 200")
    judged({ "/echo?status=204", "status = 204" }, 0, "answered 204")
    judged({ "/echo?status=500", "within = '300ms'" }, 1, "answered 500 instead of 200", "1 of 1 criterion is red: up")
    judged({ "/slow?s=5", "within = '1s'" }, 1, "1 of 1 criterion is red: up")
    says(go { uses = '{ net = { "http://127.0.0.1:1" } }',
      criteria = '{ check.http { name = "up", url = "http://127.0.0.1:1", within = "200ms" } }' }, 1,
      "1 of 1 criterion is red")
  end)

  it("is told by step.http", function()
    local function told(fields, code, ...)
      says(go { uses = ("{ net = { %q } }"):format(base .. fields[1]),
        steps = ("{ step.http { url = %q, %s } }"):format(base .. fields[1], fields[2]) }, code, ...)
    end
    told({ "/echo", "" }, 0, "answered 200")
    told({ "/echo?status=202", "status = 202, method = 'PUT', body = 'x'" }, 0, "answered 202")
    told({ "/echo?status=500", "" }, 1, "the answer was 500")
    told({ "/echo?status=201", "status = 200" }, 1, "the answer was 201")
    told({ "/slow?s=5", "timeout = '200ms'" }, 1)
    says(go { steps = ("{ step.http { url = %q } }"):format(base .. "/echo") }, 2,
      "which the runbook does not declare")
  end)
end)

describe("the way back", function()
  local way_back <const> = [[{ "database ${target.database} as ${target.user}", "run ${run.id}",
    "backup ${backup.path}", "and ${nonsense.here}" }]]

  it("is printed with real names when a changed target went red", function()
    local result = says(go { way_back = way_back, steps = [[{
      step.sql "INSERT INTO fact VALUES (5)", step.custom { name = "bad", run = function() error "no" end } }]] }, 1,
      "The way back", ("database %s as postgres"):format(params.dbname), "backup (unknown backup.path)",
      "and (unknown nonsense.here)")
    assert.matches("run " .. dixis.journal(folder)[1].run, result.stdout:match "The way back.*", 1, true)
  end)

  it("is not printed when nothing was changed, nor when all is green", function()
    for _, code in ipairs { "{ step.custom { name = 'bad', run = function() error 'no' end } }",
      "{ step.sql 'INSERT INTO fact VALUES (5)' }" } do
      assert.is_nil(go({ way_back = way_back, steps = code }).stdout:find("The way back", 1, true))
    end
  end)

  it("is not printed for a target that is thrown away, nor that anything stays in it", function()
    local people <const> = '{ decision_maker = { name = "somebody", phone = "0" }, contacts = { { name = "b", phone = "1" } } }'
    local result = says(go({ way_back = way_back, people = people,
      steps = "{ step.deploy(), step.custom { name = 'bad', run = function() error 'no' end } }" }, { "--ephemeral" }), 1,
      "1 migration applied, in a database that was made for this run and is not kept.")
    for _, text in ipairs { "The way back", "somebody", "recorded in the target" } do
      assert.is_nil(result.stdout:find(text, 1, true), result.stdout)
    end
  end)
end)
