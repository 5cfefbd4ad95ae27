-- `dixis run` as its user meets it: what it is given, what it prints, how it ends.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local server = require "spec.support.server"

local folder

local function run(...)
  return dixis.run({ ... }, { cwd = folder })
end

setup(function() folder = book.project() end)
teardown(function() fs.remove(folder) end)

describe("a database", function()
  local url, params

  before_each(function()
    params = server.database()
    url = server.url(params)
  end)

  local function go(arguments, env) return book.dixis(folder, url, arguments, env) end

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
      for i, line in ipairs(dixis.lines(result.stdout)) do
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
