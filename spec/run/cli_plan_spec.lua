-- `dixis plan` as its user meets it: what it reads, what it shows, and that it changes nothing.
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
end)
