-- Reports in files: drawn from the journal, readable by the programs that they are for.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local process = require "host.process"
local server = require "spec.support.server"

local folder, url

before_each(function()
  folder = book.project()
  url = server.url(server.database())
end)
after_each(function() fs.remove(folder) end)

local function python(code, ...)
  local result = assert(process.run({ "python3", "-c", code, ... },
    { env = { PATH = process.getenv "PATH", HOME = process.getenv "HOME" } }))
  assert.equal(0, result.code, result.stderr)
  return result.stdout
end

-- What a strict reader makes of it.
local function read_json(path)
  return json.decode(python([[
import json, sys
print(json.dumps(json.loads(open(sys.argv[1], "rb").read().decode())))]], path))
end

local function read_junit(path)
  return json.decode(python([[
import json, sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
print(json.dumps({"suite": suite.attrib, "cases": [
    {**case.attrib, "inner": [{"tag": inner.tag, **inner.attrib} for inner in case]} for case in suite]}))]], path))
end

local function staging(...)
  return book.dixis(folder, url, { "run", "staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK", ... })
end

local function all_reports(run)
  return run("--report", "out/r.json", "--report", "out/r.md", "--report", "out/R.XML")
end

local function by_name(items, name)
  for _, item in ipairs(items) do
    if item.name == name then return item end
  end
end

describe("the reports of a green run", function()
  it("are in the format of their ending, in a folder that is made for them", function()
    local result = all_reports(staging)
    assert.equal(0, result.code, result.shown)
    for _, name in ipairs { "r.json", "r.md", "R.XML" } do
      assert.matches("report   out/" .. name, result.stdout, 1, true)
    end

    local read = read_json(folder .. "/out/r.json")
    assert.same({ "succeeded", 0, "staging", true }, { read.outcome, read.exit, read.runbook.name, read.changed })
    assert.equal("20250101000000_init", read.migrations[1].name)
    assert.equal("finished", by_name(read.items, "deploy").result)
    assert.equal("skipped", by_name(read.items, "healthy").result)
    assert.matches("^%x+$", read.plan.digest)

    local junit = read_junit(folder .. "/out/R.XML")
    assert.equal("staging", junit.suite.name)
    assert.equal(#read.items, #junit.cases)
    assert.same({ tostring(#read.items), "0", "0" }, { junit.suite.tests, junit.suite.failures, junit.suite.errors })
    assert.equal("skipped", by_name(junit.cases, "healthy").inner[1].tag)
    assert.same({}, by_name(junit.cases, "deploy").inner)

    local text = fs.read(folder .. "/out/r.md")
    assert.matches("^# Prisma migrations on staging [%d.]+: succeeded\n", text)
    assert.matches("| 20250101000000_init | 1 |", text, 1, true)
  end)

  it("can be made later, and are the same", function()
    all_reports(staging)
    local before = {}
    for _, name in ipairs { "r.json", "r.md", "R.XML" } do before[name] = fs.read(folder .. "/out/" .. name) end
    local result = all_reports(function(...)
      return dixis.run({ "show", "last", ... }, { cwd = folder })
    end)
    assert.same({ 0, "", "" }, { result.code, result.stdout, result.stderr })
    for name, text in pairs(before) do assert.equal(text, fs.read(folder .. "/out/" .. name)) end
  end)

  it("replace what was there", function()
    assert(fs.write(folder .. "/r.md", "old"))
    assert.equal(0, staging("--report", "r.md").code)
    assert.matches("succeeded", fs.read(folder .. "/r.md"), 1, true)
  end)
end)

describe("the reports of a run that went wrong", function()
  local function reported(code, name, result, words)
    local read = read_json(folder .. "/out/r.json")
    assert.equal(code, read.exit)
    local item = by_name(read.items, name)
    assert.equal(result, item.result)
    local junit = read_junit(folder .. "/out/R.XML")
    assert.equal("1", junit.suite.failures)
    local inner = by_name(junit.cases, name).inner[1]
    assert.same({ "failure", result }, { inner.tag, inner.type })
    assert.matches(words, inner.message, 1, true)
    assert.matches("❌ | " .. name, fs.read(folder .. "/out/r.md"), 1, true)
    assert.matches(words, fs.read(folder .. "/out/r.md"), 1, true)
    return read
  end

  it("name the gate that refused", function()
    url = nil
    assert.equal(3, all_reports(staging).code)
    local read = reported(3, "secret", "refused", "DATABASE_URL_STAGING is not set")
    assert.same({ "refused", false }, { read.outcome, read.changed })
  end)

  it("name the plan that was refused", function()
    assert(fs.remove(folder .. "/prisma"))
    assert.equal(3, all_reports(staging).code)
    reported(3, "plan", "refused", "there is no prisma/migrations")
  end)

  it("name the step that failed", function()
    assert(fs.write(folder .. "/prisma/migrations/20250101000000_init/migration.sql",
      "CREATE TABLE a (x int);\nALTER TABLE nowhere ADD y int;\n"))
    assert.equal(1, all_reports(staging).code)
    local read = read_json(folder .. "/out/r.json")
    assert.equal("failed", by_name(read.items, "deploy").result)
    local err = by_name(read.items, "deploy").error
    assert.same({ 2, "42P01" }, { err.line, err.sqlstate })
    local text = fs.read(folder .. "/out/r.md")
    assert.matches("migration.sql:2: statement 2 of 2", text, 1, true)
    assert.matches("## The way back", text, 1, true)
    assert.equal("5", read_junit(folder .. "/out/R.XML").suite.failures) -- deploy, status, and three criteria
  end)

  it("name the red criterion", function()
    book.write(folder, { criteria = "{ check.custom { name = 'fact', holds = function() return false, 'not so' end } }" })
    assert.equal(1, all_reports(function(...) return book.dixis(folder, url, { "run", "book.lua", ... }) end).code)
    reported(1, "fact", "red", "not so")
  end)
end)

describe("a report file", function()
  it("of a format that is not known is a usage error, before anything happens", function()
    for _, case in ipairs { { "r.html", "known are .json, .md and .xml" }, { "r.jsn", "did you mean .json" },
      { "report", "the ending says the format" }, { "r.", "the ending" }, { ".xml/r", "the ending" } } do
      local result = staging("--report", "good.json", "--report", case[1])
      assert.same({ 2, "" }, { result.code, result.stdout })
      assert.matches(case[2], result.stderr, 1, true)
    end
    assert.is_nil(fs.stat(folder .. "/.dixis"))
    assert.is_nil(fs.stat(folder .. "/good.json"))
    assert.equal(2, dixis.run({ "show", "last", "--report", "r.html" }, { cwd = folder }).code)
  end)

  it("that cannot be written is told, and the run is as good as before", function()
    assert(fs.mkdir(folder .. "/dir.md"))
    local result = staging("--report", "/proc/none/r.json", "--report", "dir.md", "--report", "good.xml")
    assert.equal(0, result.code, result.shown)
    assert.matches("the report /proc/none/r.json could not be written", result.stderr, 1, true)
    assert.matches("the report dir.md could not be written", result.stderr, 1, true)
    assert.is_nil(result.stdout:find("report   /proc/none", 1, true), "it is listed as if it were there")
    assert.equal("staging", read_junit(folder .. "/good.xml").suite.name)
    assert.equal(1, dixis.run({ "show", "last", "--report", "/proc/none/r.json" }, { cwd = folder }).code)
  end)
end)

describe("strange text", function()
  local strange <const> = [==["<b>&amp;]]> | `x` \xff\xfe \0 \27[31m \r\n# head\u{FFFF}\u{1F680}"]==]

  it("breaks neither the journal nor the reports nor the terminal", function()
    book.write(folder, {
      steps = ("{ step.custom { name = '<a> \"&| `b`', run = function(run) run.log(%s) return %s end } }")
        :format(strange, strange),
      criteria = ("{ check.custom { name = 'fact', holds = function() return false, %s end } }"):format(strange),
    })
    local result = all_reports(function(...) return book.dixis(folder, url, { "run", "book.lua", ... }) end)
    assert.equal(1, result.code, result.shown)
    local _, path = dixis.journal(folder)
    local n = tonumber(python([[
import json, sys
lines = open(sys.argv[1], "rb").read().decode().splitlines()
print(len([json.loads(line) for line in lines]))]], path))
    assert.is_true(n > 5)
    assert.equal('<a> "&| `b`', by_name(read_json(folder .. "/out/r.json").items, '<a> "&| `b`').name)
    local junit = read_junit(folder .. "/out/R.XML")
    assert.equal('<a> "&| `b`', junit.cases[#junit.cases - 1].name)
    assert.matches("<b>&amp;", junit.cases[#junit.cases].inner[1].message, 1, true)
    assert.is_nil(fs.read(folder .. "/out/r.md"):find("\n# head", 1, true))
    for _, text in ipairs { result.stdout, fs.read(folder .. "/out/r.md") } do
      assert.is_nil(text:find "[%z\1-\8\11-\31\127]")
      assert.is_truthy(utf8.len(text))
    end
    assert.equal(0, dixis.run({ "verify", "last" }, { cwd = folder }).code)
  end)
end)
