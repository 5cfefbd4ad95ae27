-- The person at the terminal: the prompt, colours, the live line; and those who are not at one.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local process = require "host.process"
local server = require "spec.support.server"

local folder, url, params

before_each(function()
  folder = book.project()
  params = server.database()
  url = server.url(params)
end)
after_each(function() fs.remove(folder) end)

local helper <const> = fs.cwd() .. "/spec/support/pty.py"
local passed_on <const> = { "PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "DIXIS_LIB" }

--- Runs dixis on a terminal of its own, typing as told.
local function terminal(actions, arguments, extra)
  local env = { LANG = "C.UTF-8", TERM = "xterm", DATABASE_URL_STAGING = url, SPEC_URL = url }
  for _, name in ipairs(passed_on) do env[name] = process.getenv(name) end
  for name, value in pairs(extra or {}) do env[name] = value or nil end
  local argv = { "python3", helper, table.unpack(actions) }
  for _, word in ipairs { "--", process.executable(), table.unpack(arguments) } do argv[#argv + 1] = word end
  local result = assert(process.run(argv, { cwd = folder, env = env, timeout = 90 }))
  local shown, code, lines, echo = result.stdout:match "^(.*)\nexit=(%-?%d+) lines=(%a+) echo=(%a+)\n$"
  assert.is_string(shown, result.stdout .. result.stderr)
  assert.same({ "True", "True" }, { lines, echo }, "the terminal is not as it was")
  return { shown = shown:gsub("\r\n", "\n"), code = tonumber(code) }
end

local prompt <const> = "Type DIXIS-STAGING-OK to go on: "
local staging <const> = { "run", "staging", "--set", "git=false" }

local function answer(typed, ...)
  return terminal({ "expect:" .. prompt, "send:" .. typed, ... }, staging)
end

local function plain(text)
  return (text:gsub("\27%[%d*m", ""))
end

describe("the prompt", function()
  it("says what is confirmed, and the right phrase goes on", function()
    local ran = answer "DIXIS-STAGING-OK\\n"
    assert.equal(0, ran.code, ran.shown)
    local shown = plain(ran.shown):gsub("%s+", " ")
    local before = shown:sub(1, shown:find(prompt, 1, true))
    assert.matches("? confirm 1 pending migration with 1 statement for " .. params.dbname, before, 1, true)
    assert.matches("done: every criterion is green", shown, 1, true)
    assert.matches("by terminal", shown, 1, true)
  end)

  it("says what the runbook says of it", function()
    book.write(folder, { gates = [[{ gate.secret(), gate.reachable(),
      gate.confirm { phrase = "YES", about = "production is about to be changed" },
      gate.confirm { name = "again", phrase = dixis.target "database", about = "the name of the database" } }]],
      steps = "{ step.deploy() }" })
    local ran = terminal({ "expect:Type YES to go on: ", "send:YES\\n",
      ("expect:Type %s to go on: "):format(params.dbname), ("send:%s\\n"):format(params.dbname) }, { "run", "book.lua" })
    assert.equal(0, ran.code, ran.shown)
    local shown = plain(ran.shown)
    assert.matches("? confirm            production is about to be changed\n", shown, 1, true)
    assert.matches("? again              the name of the database\n", shown, 1, true)
    assert.equal(1, select(2, shown:gsub("pending migration with", "")), "not told once: " .. shown)
  end)

  it("names the plan, which must still be the same when the answer comes", function()
    local script = "prisma/migrations/20250101000000_init/migration.sql"
    local ran = answer("DIXIS-STAGING-OK\\n")
    local digest = plain(ran.shown):match "digest (%x+)"
    assert.matches("plan " .. digest, plain(ran.shown):gsub("%s+", " "), 1, true)
    params = server.database()
    url = server.url(params)
    local before = book.snapshot(url)
    for _, change in ipairs { "echo 'DROP TABLE note;' >> " .. script, "mkdir -p prisma/migrations/x && cp " .. script
      .. " prisma/migrations/x" } do
      local changed = terminal({ "expect:" .. prompt, "run:" .. change, "send:DIXIS-STAGING-OK\\n" }, staging)
      assert.equal(3, changed.code, changed.shown)
      assert.matches("what was planned is no longer so", plain(changed.shown):gsub("%s+", " "), 1, true)
      assert.equal(before, book.snapshot(url))
    end
  end)

  it("takes no other phrase", function()
    local before = book.snapshot(url)
    for _, typed in ipairs { "dixis-staging-ok\\n", " DIXIS-STAGING-OK\\n", "DIXIS-STAGING-OK \\n", "\\n", "y\\n",
      "D\\xd0\\x86XIS-STAGING-OK\\n" } do
      local ran = answer(typed, "wait:0.2", "send:\\n")
      assert.equal(3, ran.code, typed .. ran.shown)
      assert.matches("the phrase is not DIXIS-STAGING-OK", plain(ran.shown), 1, true)
      assert.equal(1, select(2, ran.shown:gsub("[Nn]othing was changed", "")), "not told once: " .. ran.shown)
    end
    assert.equal(before, book.snapshot(url))
  end)

  it("is refused with Ctrl-D, and left with Ctrl-C", function()
    local before = book.snapshot(url)
    local ran = answer "\\x04"
    assert.equal(3, ran.code, ran.shown)
    assert.matches("the question was not answered", ran.shown, 1, true)
    ran = answer "DIXIS-ST\\x03"
    assert.equal(130, ran.code, ran.shown)
    assert.matches("interrupted", ran.shown, 1, true)
    assert.matches("\n    SIGINT: stopping", plain(ran.shown), 1, true)
    assert.matches("Nothing was changed", ran.shown, 1, true)
    local events = dixis.journal(folder)
    assert.equal("interrupted", events[#events].outcome)
    assert.equal(before, book.snapshot(url))
  end)

  it("forgets what was typed before it", function()
    url = "postgresql://u:pw@127.0.0.1:1/x"
    book.write(folder, { gates = [[{
      gate.custom { name = "slow", open = function(run) run.clock.sleep(1) return true end },
      gate.custom { name = "sure", open = function(run) run.confirm("YES") return true end } }]] })
    local ran = terminal({ "expect:Gates", "send:YES\\n", "expect:Type YES to go on: ", "send:NO\\n" },
      { "run", "book.lua" })
    assert.equal(3, ran.code, ran.shown)
    assert.matches("the phrase is not YES", ran.shown, 1, true)
  end)

  it("is not shown when --confirm answers it", function()
    local ran = terminal({}, { "run", "staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK" })
    assert.equal(0, ran.code, ran.shown)
    assert.is_nil(ran.shown:find("to go on", 1, true))
  end)
end)

describe("colours", function()
  local given <const> = { "run", "staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK" }

  it("are for terminals that have them", function()
    assert.matches("\27[32m✓\27[0m secret", terminal({}, given).shown, 1, true)
  end)

  it("are left out where they are not wanted, or not known", function()
    for _, extra in ipairs { { NO_COLOR = "1" }, { TERM = "dumb" }, { TERM = false } } do
      local shown = terminal({}, given, extra).shown
      assert.is_nil(shown:find("\27[", 1, true))
      assert.matches("✓ secret", shown, 1, true)
    end
  end)

  it("and all control codes are left out in a pipe", function()
    for _, arguments in ipairs { given, { "show", "last" }, { "plan", "staging" }, { "history" } } do
      local result = book.dixis(folder, url, arguments, { TERM = "xterm" })
      assert.equal(0, result.code, result.shown)
      assert.is_nil(result.shown:find "[\27\r\8]")
    end
  end)

  it("are not needed: marks are letters where the locale has no others", function()
    local result = book.dixis(folder, url, given, { LANG = "C", LC_ALL = "C" })
    assert.matches("  ok secret", result.stdout, 1, true)
    assert.is_nil(result.stdout:find "[\128-\255]")
  end)
end)

describe("the live line", function()
  local function slow(text)
    return { steps = ("{ step.custom { name = 'slow', run = function(run) %s run.clock.sleep(1) return 'over' end } }")
      :format(text) }
  end

  it("shows what takes a while, and leaves nothing behind", function()
    book.write(folder, slow "run.progress 'half way' run.clock.sleep(0.5) run.log 'a line'")
    local ran = terminal({}, { "run", "book.lua" })
    assert.equal(0, ran.code, ran.shown)
    assert.matches("slow  0%.%d+ s  half way", ran.shown)
    -- What is left when each "\r\27[K" has done its work.
    local left = plain(ran.shown:gsub("[^\n]*\r\27%[K", ""))
    assert.is_nil(left:find("half way", 1, true))
    assert.matches("      · a line\n  ✓ slow               over  %d", left)
    assert.is_nil(left:find("\27", 1, true))
  end)

  it("says at which statement a migration is that takes its time, and what most of it was", function()
    migrations.write(folder, "99990101000000_slow",
      "CREATE TABLE slow (id int);\nSELECT pg_sleep(1.2);\nCREATE TABLE slower (id int);\n")
    local ran = terminal({}, { "run", "staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK" })
    assert.equal(0, ran.code, ran.shown)
    assert.matches("deploy  %d+%.%d+ s  1 of 2  99990101000000_slow, statement 2 of 3, line 2", ran.shown)
    assert.matches("99990101000000_slow  %d+%.%d+ s\n        most of it in line 2: %d+%.%d+ s, 1 row\n", plain(ran.shown))
  end)

  it("never is longer than the terminal is wide", function()
    book.write(folder, slow "run.progress(('wide '):rep(60))")
    local ran = terminal({}, { "run", "book.lua" })
    local widest = 0
    for line in ran.shown:gmatch "[^\r\n]+" do
      if line:find("slow  ", 1, true) then widest = math.max(widest, utf8.len((plain(line):gsub("\27%[K", "")))) end
    end
    assert.is_true(widest > 80 and widest < 98, tostring(widest))
  end)

  it("is left out in a pipe", function()
    book.write(folder, slow "run.progress 'half way'")
    local result = book.dixis(folder, url, { "run", "book.lua" })
    assert.equal(0, result.code)
    assert.is_nil(result.shown:find("half way", 1, true))
  end)
end)

describe("long text", function()
  it("is broken at words on a terminal, and left alone in a pipe", function()
    local words <const> = ("word "):rep(40)
    book.write(folder, { steps = ("{ step.custom { name = 'wordy', run = function() error(%q, 0) end } }")
      :format(words) })
    local shown = plain(terminal({}, { "run", "book.lua" }).shown)
    for line in shown:gmatch "[^\n]+" do assert.is_true(utf8.len(line) <= 100, line) end
    assert.matches("  ✗ wordy              word word", shown, 1, true)
    assert.matches("\n" .. (" "):rep(23) .. "word word", shown, 1, true)
    assert.matches(("word "):rep(39) .. "word", book.dixis(folder, url, { "run", "book.lua" }).stdout, 1, true)
  end)

  local function fits(arguments)
    local shown = plain(terminal({}, arguments).shown)
    for line in shown:gmatch "[^\n]+" do assert.is_true(utf8.len(line) <= 100, line) end
    return shown
  end

  it("is broken on stderr too", function()
    local arguments <const> = { "plan", "staging", "--set", ("word "):rep(40) .. "=1" }
    assert.matches("^dixis: %-%-set: .-\n       word word", fits(arguments))
    assert.matches(("word "):rep(40), book.dixis(folder, url, arguments).stderr, 1, true)
    assert.matches("\n  what to do: Usage: .-\n              ", fits { "run" })
  end)

  it("is broken in what lint says, but for SQL", function()
    local statement <const> = "ALTER TABLE nobody ADD COLUMN a text DEFAULT '" .. ("wide "):rep(30) .. "'"
    local file <const> = "prisma/migrations/20250101000000_init/migration.sql"
    assert(fs.write(("%s/%s"):format(folder, file), statement .. ";\n"))
    local given = book.dixis(folder, url, { "lint" }).stdout
    assert.is_true(#given:match "^[^\n]+" > 100, given)
    local shown = plain(terminal({}, { "lint" }).shown)
    for line in shown:gmatch "[^\n]+" do assert.is_true(utf8.len(line) <= 100 or line:find("wide wide", 1, true) ~= nil, line) end
    assert.matches(file .. ":1:1: error: ", shown, 1, true)
    assert.equal((given:gsub("%s+", "")), (shown:gsub("%s+", "")))
  end)
end)

describe("in CI", function()
  local given <const> = { "run", "staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK" }

  it("every line has its time", function()
    local result = book.dixis(folder, url, given, { CI = "true" })
    assert.equal(0, result.code)
    for line in result.stdout:gmatch "[^\n]+" do assert.matches("^%d%d:%d%d:%d%d  ", line) end
    assert.is_nil(result.stdout:find("::", 1, true))
  end)

  it("the phases are groups of GitHub Actions, all closed", function()
    local result = book.dixis(folder, url, given, { CI = "true", GITHUB_ACTIONS = "true" })
    assert.equal(0, result.code)
    local open, titles = 0, {}
    for line in result.stdout:gmatch "[^\n]+" do
      local title = line:match "^::group::(.*)$"
      if title then
        open = open + 1
        titles[#titles + 1] = title
      elseif line == "::endgroup::" then
        open = open - 1
      else
        assert.matches("^%d%d:%d%d:%d%d  ", line)
      end
      assert.is_true(open == 0 or open == 1)
    end
    assert.equal(0, open)
    assert.equal("Gates Steps Criteria", table.concat(titles, " "))
    assert.matches("::endgroup::\n\n%d%d:%d%d:%d%d  ✓ done", result.stdout)
  end)

  it("what went wrong is told outside of the folded groups, and no text becomes a command", function()
    book.write(folder, { steps = [[{ step.custom { name = "bad", run = function(run)
      run.log "x\n::warning::from a log"
      error("no\n::error::from an error", 0)
    end } }]] })
    local result = book.dixis(folder, url, { "run", "book.lua" }, { CI = "true", GITHUB_ACTIONS = "true" })
    assert.equal(1, result.code)
    assert.matches("✗ failed.-no\n", result.stdout:match ".*::endgroup::(.*)$")
    assert.is_nil(result.stdout:find "\n%s*::[we]%a+::f")
  end)
end)
