-- The command line as its user meets it: verbs, options, exit codes.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local digest = require "host.digest"
local embed = require "host.embed"
local fs = require "host.fs"
local json = require "dixis.json"
local server = require "spec.support.server"

local verbs <const> = { "run", "plan", "lint", "history", "show", "verify", "init", "spec" }

local folder

local function run(...)
  return dixis.run({ ... }, { cwd = folder })
end

local function lines(text)
  local out = {}
  for line in text:gmatch "[^\n]+" do out[#out + 1] = line end
  return out
end

setup(function() folder = book.project() end)
teardown(function() fs.remove(folder) end)

describe("dixis", function()
  it("without a verb says how it is used, and is a usage error", function()
    local result = run()
    assert.equal(2, result.code)
    assert.equal("", result.stdout)
    for _, verb in ipairs(verbs) do assert.matches("\n  " .. verb .. " +%l", result.stderr) end
  end)

  it("helps when asked, on stdout", function()
    for _, word in ipairs { "help", "--help", "-h" } do
      local result = run(word)
      assert.same({ 0, "" }, { result.code, result.stderr })
      assert.matches("^Usage: dixis VERB", result.stdout)
    end
  end)

  it("tells its version", function()
    local result = run "--version"
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.matches("^dixis %d+%.%d+%.%d+\n$", result.stdout)
  end)

  it("helps with each verb, and does nothing else", function()
    for _, verb in ipairs(verbs) do
      for _, flag in ipairs { "--help", "-h" } do
        local result = run(verb, flag)
        assert.same({ 0, "" }, { result.code, result.stderr }, verb .. " " .. flag)
        assert.matches("Usage: ", result.stdout)
        assert.matches(verb, result.stdout, 1, true)
      end
    end
    assert.is_nil(fs.stat(folder .. "/.dixis"))
  end)

  it("suggests the verb or option that was meant", function()
    for _, case in ipairs {
      { { "rnu", "staging" }, "unknown verb 'rnu' (did you mean 'run'?)" },
      { { "plans" }, "unknown verb 'plans' (did you mean 'plan'?)" },
      { { "lnit" }, "unknown verb 'lnit' (did you mean 'lint'?)" },
      { { "deploy" }, "unknown verb 'deploy' (known: history, init, lint, plan, run, show, spec, verify)" },
      { { "run", "staging", "--confrim", "x" }, "unknown option '--confrim' (did you mean '--confirm'?)" },
      { { "run", "staging", "--dry-run" }, "unknown option '--dry-run'" },
      { { "plan", "staging", "--ephemral" }, "unknown option '--ephemral' (did you mean '--ephemeral'?)" },
      { { "run" }, "missing argument 'runbook'" },
      { { "plan" }, "missing argument 'runbook'" },
      { { "show" }, "missing argument 'run'" },
      { { "verify" }, "missing argument 'run'" },
      { { "run", "staging", "prod" }, "too many arguments" },
      { { "history", "last" }, "too many arguments" },
      { { "run", "staging", "--output", "xml" }, "must be one of 'text', 'jsonl'" },
      { { "plan", "staging", "--output", "jsonl" }, "must be one of 'text', 'json'" },
      { { "lint", "--outptu", "json" }, "unknown option '--outptu' (did you mean '--output'?)" },
      { { "lint", "a", "b" }, "too many arguments" },
      { { "run", "staging", "--set" }, "option '--set' requires an argument" },
      { { "history", "-n", "x" }, "malformed argument 'x'" },
      { { "history", "-n", "1.5" }, "malformed argument '1.5'" },
      { { "spec", "--bogus" }, "unknown/bad flag: --bogus" },
    } do
      local result = run(table.unpack(case[1]))
      local what = table.concat(case[1], " ")
      assert.same({ 2, "" }, { result.code, result.stdout }, what)
      assert.matches(case[2], result.stderr, 1, true)
      assert.matches("^dixis: ", result.stderr)
    end
    assert.is_nil(fs.stat(folder .. "/.dixis"))
  end)

  it("refuses values of --set before anything is made", function()
    for _, case in ipairs {
      { "wait", "--set wait: must be NAME=VALUE" },
      { "=5", "--set =5: must be NAME=VALUE" },
      { "wiat=5s", "has no option 'wiat' (did you mean 'wait'?)" },
      { "nothing_like_it=1", "has no option 'nothing_like_it' (known: after, allow, app_log," },
      { "wait=soon", "must be a duration" },
      { "wait=", "must be a duration" },
      { "wait=-5s", "must be a duration" },
      { "git=maybe", "must be true or false" },
      { "health_url=localhost:3000", "must be an http:// or https:// address" },
      { "migrations=", "must not be empty" },
    } do
      for _, verb in ipairs { "run", "plan" } do
        local result = run(verb, "staging", "--set", case[1])
        assert.same({ 2, "" }, { result.code, result.stdout }, case[1])
        assert.matches(case[2], result.stderr, 1, true)
      end
    end
    assert.is_nil(fs.stat(folder .. "/.dixis"))
  end)
end)

describe("a database", function()
  local url, params

  before_each(function()
    params = server.database()
    url = server.url(params)
  end)

  local function go(arguments, env) return book.dixis(folder, url, arguments, env) end

  describe("under dixis plan", function()
    it("is read and not changed", function()
      local before = book.snapshot(url)
      local result = go { "plan", "staging", "--set", "git=false" }
      assert.same({ 0, "" }, { result.code, result.stderr })
      for _, text in ipairs { "target    " .. params.dbname, "PostgreSQL %d+", "Gates", "Steps", "Criteria",
        "May touch", "20250101000000_init +1 statement", "\ndigest    %x+\n" } do
        assert.matches(text, result.stdout)
      end
      assert.equal(before, book.snapshot(url))
      assert.is_nil(fs.stat(folder .. "/.dixis"))
    end)

    it("gives the same digest each time, and another one for another plan", function()
      local function planned(...)
        local result = go { "plan", "staging", "--output", "json", ... }
        assert.equal(0, result.code, result.stderr)
        return json.decode(result.stdout).digest
      end
      local first = planned()
      assert.matches("^%x+$", first)
      assert.equal(first, planned())
      assert.are_not.equal(first, planned("--set", "lock_timeout=1s"))
    end)

    it("needs no variable: the folder alone is planned", function()
      local result = dixis.run({ "plan", "staging" }, { cwd = folder })
      assert.same({ 0, "" }, { result.code, result.stderr })
      assert.matches("target    not read: DATABASE_URL_STAGING is not set", result.stdout, 1, true)
      assert.matches("20250101000000_init", result.stdout, 1, true)
      assert.matches("digest    none", result.stdout, 1, true)
    end)

    it("can be a throw-away one", function()
      local result = run("plan", "staging", "--ephemeral")
      assert.same({ 0, "" }, { result.code, result.stderr })
      assert.matches("ephemeral_staging", result.stdout, 1, true)
      assert.matches("digest    %x+", result.stdout)
    end)

    it("that cannot be planned gives the exit code of a run", function()
      assert.equal(5, book.dixis(folder, "postgresql://u:pw@127.0.0.1:1/x", { "plan", "staging" }).code)
      assert.equal(3, book.dixis(folder, "mysql://u@h/x", { "plan", "staging" }).code)
      params.dbname = "nothing_of_that_name"
      local result = book.dixis(folder, server.url(params), { "plan", "staging" })
      assert.equal(3, result.code)
      assert.matches("nothing_of_that_name", result.stderr, 1, true)
    end)
  end)

  describe("under dixis run", function()
    local flags <const> = { "--set", "git=false", "--confirm", "DIXIS-STAGING-OK" }
    local function args(...)
      local given = { "run", "staging", table.unpack(flags) }
      return table.move({ ... }, 1, select("#", ...), #given + 1, given)
    end

    before_each(function() fs.remove(folder .. "/.dixis") end)

    it("is taken through a built-in runbook by name", function()
      local result = go(args())
      assert.equal(0, result.code, result.shown)
      assert.equal("", result.stderr)
      assert.matches("done: every criterion is green", result.stdout, 1, true)
      local journal, receipt = result.stdout:match "journal  (%S+)\n  receipt  (%S+)\n"
      assert.is_table(fs.stat(folder .. "/" .. journal))
      assert.equal(0x180, fs.stat(folder .. "/" .. receipt).mode & 0x1ff)
      assert.equal(0x180, fs.stat(folder .. "/" .. journal).mode & 0x1ff)
      assert.matches("20250101000000_init", book.snapshot(url), 1, true)
    end)

    it("is taken through a runbook by its path, which may extend another", function()
      assert(fs.write(folder .. "/mine.lua", [[
        local step, check = dixis.step, dixis.check
        return dixis.extend("staging", {
          name = "mine", set = { git = false, lock_timeout = "3s" }, remove = { "generate", "confirm" },
          replace = { validate = step.sql { statement = "INSERT INTO note VALUES (1, 'x')" } },
          insert = {
            { before = "deploy", step.sql { name = "early", statement = "CREATE TABLE early (x int)" } },
            { after = "deploy", step.sql { name = "late", statement = "ALTER TABLE note ADD y int" } },
            { after = "no_errors", check.sql { name = "one_note", query = "SELECT count(*) FROM note", equals = 1 } },
          },
        })]]))
      local result = go { "run", "./mine.lua" }
      assert.equal(1, result.code, result.shown) -- schema_valid has nothing to go by
      assert.matches("schema_valid +nothing was validated", result.stdout)
      local names = {}
      for _, event in ipairs(dixis.journal(folder)) do
        if event.type:match "^step%." and event.type ~= "step.started" then names[#names + 1] = event.name end
      end
      assert.equal("identity stamp backup early deploy late status validate", table.concat(names, " "))
      assert.matches("%S one_note +1\n", result.stdout)
    end)

    it("prints the journal's own lines with --output jsonl", function()
      local result = go(args("--output", "jsonl"))
      assert.same({ 0, "" }, { result.code, result.stderr })
      local _, path = dixis.journal(folder)
      assert.equal(fs.read(path), result.stdout)
      for i, line in ipairs(lines(result.stdout)) do
        local event = json.decode(line)
        assert.is_table(event, line)
        assert.equal(i, event.seq)
      end
      assert.matches('"type":"run.finished"[^\n]*\n$', result.stdout)
    end)

    it("is recorded where --journal says", function()
      local result = go(args("--journal", "records/of/it"))
      assert.equal(0, result.code, result.shown)
      assert.is_nil(fs.stat(folder .. "/.dixis"))
      assert.equal(2, #fs.list(folder .. "/records/of/it"))
      assert.equal(0, run("verify", "last", "--journal", "records/of/it").code)
      fs.remove(folder .. "/records")
    end)

    it("is refused when nobody confirms", function()
      local before = book.snapshot(url)
      local result = go { "run", "staging", "--set", "git=false" }
      assert.equal(3, result.code, result.shown)
      assert.matches("no terminal, and no --confirm", result.stdout, 1, true)
      assert.equal(before, book.snapshot(url))
    end)

    it("needs no more confirmations than it asks for, and no fewer", function()
      assert(fs.write(folder .. "/two.lua", [[
        return dixis.extend("staging", { name = "two", set = { git = false },
          insert = { { after = "confirm",
            dixis.gate.confirm { name = "again", phrase = dixis.target "database" } } } })]]))
      local before = book.snapshot(url)
      local result = go { "run", "two.lua", "--confirm", "DIXIS-STAGING-OK" }
      assert.equal(3, result.code, result.shown)
      assert.matches("asks for 2 confirmations, --confirm was given 1 time", result.stdout, 1, true)
      assert.equal(3, go({ "run", "two.lua", "--confirm", params.dbname, "--confirm", "DIXIS-STAGING-OK" }).code)
      assert.equal(before, book.snapshot(url))
      local both = go { "run", "two.lua", "--confirm", "DIXIS-STAGING-OK", "--confirm", params.dbname }
      assert.equal(0, both.code, both.shown)
    end)

    describe("with --plan", function()
      local function planned(...)
        return go({ "plan", "staging", "--set", "git=false", ... }).stdout:match "digest    (%x+)"
      end
      local function refused(result, words)
        assert.equal(3, result.code, result.shown)
        assert.matches(words or "not the pinned", result.stdout, 1, true)
        assert.is_nil(book.snapshot(url):find("_prisma_migrations", 1, true))
      end

      it("goes through when the plan is the same", function()
        local pinned = planned()
        assert.equal(0, go(args("--plan", pinned:sub(1, 16):upper())).code)
      end)

      it("takes the whole digest too", function()
        assert.equal(0, go(args("--plan", planned())).code)
      end)

      it("is refused when an option is another", function()
        refused(go(args("--plan", planned(), "--set", "lock_timeout=1s")))
      end)

      it("is refused when a migration was changed", function()
        local file = folder .. "/prisma/migrations/20250101000000_init/migration.sql"
        local text = fs.read(file)
        local pinned = planned()
        assert(fs.write(file, text .. "-- changed\n"))
        refused(go(args("--plan", pinned)))
        assert(fs.write(file, text))
      end)

      it("is refused when the ledger is another", function()
        local pinned = planned()
        assert.equal(0, go(args()).code)
        local result = go(args("--plan", pinned))
        assert.equal(3, result.code, result.shown)
        assert.matches("not the pinned", result.stdout, 1, true)
      end)

      it("is refused for another database", function()
        local pinned = planned()
        url = server.url(server.database())
        refused(go(args("--plan", pinned)))
      end)

      it("is refused when the digest is too short to name it, or none at all", function()
        refused(go(args("--plan", planned():sub(1, 8))), "too short")
        refused(go(args("--plan", "")), "too short")
        refused(go(args("--plan", "zzzzzzzzzzzzzzzz")))
      end)
    end)
  end)
end)

describe("a record", function()
  local url, journal, text

  setup(function()
    url = server.url(server.database())
    fs.remove(folder .. "/.dixis")
    local result = book.dixis(folder, url, { "run", "staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK" })
    assert.equal(0, result.code, result.shown)
    journal = select(2, dixis.journal(folder))
    text = fs.read(journal)
  end)
  after_each(function() assert(fs.write(journal, text)) end)

  it("is listed", function()
    local result = run "history"
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.matches("^%d+%-%d+%-%d+%-%x+ +staging +succeeded +1 applied +[%d.]+ s +spec_%S+\n", result.stdout)
    local row = json.decode(run("history", "--output", "jsonl").stdout)
    assert.same({ "staging", "succeeded", 0, 1 }, { row.runbook, row.outcome, row.exit, row.applied })
  end)

  it("is listed newest first, as many as wanted", function()
    assert.equal(3, book.dixis(folder, nil, { "run", "staging" }).code)
    local all = lines(run("history").stdout)
    assert.equal(2, #all)
    assert.matches("refused", all[1])
    assert.same({ all[1] }, lines(run("history", "-n", "1").stdout))
    assert.equal(2, run("show", "2").code) -- fits both
    fs.remove(folder .. "/.dixis/runs/" .. all[1]:match "^%S+" .. ".jsonl")
  end)

  it("that does not exist is a usage error", function()
    for _, verb in ipairs { "show", "verify" } do
      assert.equal(2, run(verb, "nope").code)
      assert.equal(2, run(verb, "nope.jsonl").code)
      local result = run(verb, "last", "--journal", "nowhere")
      assert.equal(2, result.code)
      assert.matches("there are no runs in nowhere", result.stderr, 1, true)
    end
    assert.same({ 0, "no runs in nowhere\n" }, { run("history", "--journal", "nowhere").code,
      run("history", "--journal", "nowhere").stderr })
  end)

  it("is drawn again as it was shown, by name, a part of it, last, or path", function()
    local id = journal:match "([^/]+)%.jsonl$"
    local shown = run("show", "last")
    assert.same({ 0, "" }, { shown.code, shown.stderr })
    assert.matches("run " .. id, shown.stdout, 1, true)
    assert.matches("done: every criterion is green", shown.stdout, 1, true)
    for _, name in ipairs { id, id:sub(1, 15), id:sub(-4) } do assert.equal(shown.stdout, run("show", name).stdout) end
    assert.equal(0, run("show", journal).code)
    assert.equal(text, run("show", "last", "--output", "jsonl").stdout)
  end)

  it("is proved to be intact", function()
    local result = run("verify", "last")
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.matches("^intact: %d+ lines, last hash %x+, receipt fits\n$", result.stdout)
  end)

  it("with an edited line is broken at the next", function()
    assert(fs.write(journal, (text:gsub('"exit":0', '"exit":1', 1))))
    assert.equal(1, run("verify", "last").code) -- the last line: only the receipt knows
    local edited, n = text:gsub('"database":"spec', '"database":"prod', 1)
    assert.equal(1, n)
    local line = select(2, edited:sub(1, edited:find('"database":"prod', 1, true)):gsub("\n", "")) + 1
    assert(fs.write(journal, edited))
    local result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches(("broken: line %d of "):format(line + 1), result.stdout, 1, true)
  end)

  it("without one of its lines is broken there", function()
    local n = 0
    assert(fs.write(journal, (text:gsub("[^\n]*\n", function()
      n = n + 1
      return n == 5 and "" or nil
    end))))
    local result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches("broken: line 5 of ", result.stdout, 1, true)
  end)

  it("with a torn end is told by its receipt, and without one is intact up to there", function()
    assert(fs.write(journal, text:sub(1, -20)))
    local result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches("was written for a journal of %d+ lines", result.stdout)
    assert(fs.write(folder .. "/torn.jsonl", text:sub(1, -20)))
    result = run("verify", "./torn.jsonl")
    assert.equal(0, result.code)
    assert.matches("no receipt", result.stdout, 1, true)
    assert.matches("the last line was being written", result.stdout, 1, true)
    local shown = run("show", "./torn.jsonl")
    assert.equal(0, shown.code)
    assert.matches("This run has no end in its journal", shown.stderr, 1, true)
  end)

  it("with a changed receipt is broken", function()
    local path = journal:gsub("%.jsonl$", ".receipt.json")
    local receipt = fs.read(path)
    assert(fs.write(path, (receipt:gsub('"applied":1', '"applied":2'))))
    local result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches("broken: .* its digest does not fit", result.stdout)
    -- Also when the forger knows how the digest is made.
    local forged = json.decode(receipt)
    forged.digest, forged.journal.lines = nil, forged.journal.lines - 1
    forged.digest = digest.sha256(json.canonical(forged))
    assert(fs.write(path, json.encode(forged) .. "\n"))
    result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches("was written for a journal of", result.stdout, 1, true)
    assert(fs.write(path, receipt))
    assert.equal(0, run("verify", "last").code)
  end)

  it("that is no journal at all is broken at its first line", function()
    assert(fs.write(folder .. "/none.jsonl", "hello\n"))
    local result = run("verify", "./none.jsonl")
    assert.equal(1, result.code)
    assert.matches("broken: line 1 of", result.stdout, 1, true)
    assert(fs.write(folder .. "/none.jsonl", ""))
    assert.equal(1, run("verify", "./none.jsonl").code)
  end)
end)

describe("dixis init", function()
  local home

  before_each(function() home = assert(fs.mkdtemp "/tmp/dixis-init-") end)
  after_each(function() fs.remove(home) end)

  it("copies the runbooks, which then run, and keeps what is there", function()
    local result = dixis.run({ "init" }, { cwd = home })
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.equal(embed.text "runbooks/staging.lua", fs.read(home .. "/runbooks/staging.lua"))
    assert.equal(embed.text "runbooks/prod.lua", fs.read(home .. "/runbooks/prod.lua"))
    assert.equal("*\n", fs.read(home .. "/.dixis/.gitignore"))
    assert(fs.write(home .. "/runbooks/staging.lua", "return 1"))
    result = dixis.run({ "init", home }, { cwd = folder })
    assert.equal(0, result.code)
    assert.matches("kept     " .. home .. "/runbooks/staging.lua", result.stdout, 1, true)
    assert.equal("return 1", fs.read(home .. "/runbooks/staging.lua"))
    -- The copy comes before the built-in one, by its path and by its name.
    for _, ref in ipairs { "runbooks/staging.lua", "staging" } do
      result = dixis.run({ "plan", ref }, { cwd = home })
      assert.equal(2, result.code)
      assert.matches("runbooks/staging.lua: must return dixis.runbook", result.stderr, 1, true)
    end
  end)

  it("does not make the repository itself", function()
    local result = dixis.run({ "init", "nowhere" }, { cwd = home })
    assert.equal(2, result.code)
    assert.matches("the folder nowhere does not exist", result.stderr, 1, true)
    assert.is_nil(fs.stat(home .. "/nowhere"))
  end)

  it("says when a file is in the way", function()
    assert(fs.write(home .. "/runbooks", "a file"))
    local result = dixis.run({ "init" }, { cwd = home })
    assert.equal(1, result.code)
    assert.matches("runbooks", result.stderr, 1, true)
    assert.equal("a file", fs.read(home .. "/runbooks"))
  end)
end)

describe("dixis spec", function()
  it("tells by its exit code whether the specs passed", function()
    assert(fs.write(folder .. "/good_spec.lua", [[
      it("has primitives", function()
        require("host.clock").sleep(0.01)
        assert.equal("staging", require("dixis.loader").load("staging").name)
      end)]]))
    assert(fs.write(folder .. "/bad_spec.lua", [[it("fails", function() assert.equal(1, 2) end)]]))
    local result = run("spec", "good_spec.lua")
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.matches("1 success", result.stdout, 1, true)
    result = run("spec", "bad_spec.lua")
    assert.equal(1, result.code)
    assert.matches("1 failure", result.stdout, 1, true)
    assert.equal(1, run("spec", "no_such_spec.lua").code)
  end)
end)
