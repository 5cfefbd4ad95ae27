-- Who decides and whom to call: nothing goes on while that is left to fill in.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local server = require "spec.support.server"

local folder, url

before_each(function()
  folder = book.project()
  url = server.url(server.database())
end)
after_each(function() fs.remove(folder) end)

local named <const> = [[{ decision_maker = { name = "Decider", role = "CTO", phone = "555 0100" },
  contacts = { { role = "on-call engineer", name = "Caller", chat = "#night" } } }]]
local gates <const> = "{ gate.people(), gate.secret(), gate.reachable() }"

local function run(people, more)
  local fields = { gates = gates, people = people }
  for name, value in pairs(more or {}) do fields[name] = value end
  book.write(folder, fields)
  return book.dixis(folder, url, { "run", "book.lua" })
end

describe("gate.people", function()
  it("opens when all are named", function()
    local result = run(named)
    assert.equal(0, result.code, result.shown)
    assert.matches("Decider decides; 1 contact", result.shown, 1, true)
  end)

  it("refuses while something is left to fill in, and says where", function()
    local result = run((named:gsub("555 0100", "[FILL IN]")))
    assert.equal(3, result.code)
    local line = 0
    for text in io.lines(folder .. "/book.lua") do
      line = line + 1
      if text:find("[FILL IN]", 1, true) then break end
    end
    assert.matches(("people are still to be named: [FILL IN] in book.lua:%d"):format(line), result.shown, 1, true)
    assert.equal(line, dixis.event(dixis.journal(folder), "gate.refused").error.line)
    assert.equal(3, run((named:gsub('"555 0100"', '"[FILL" .. " IN]"'))).code)
  end)

  it("refuses a runbook that names nobody", function()
    local result = run(nil)
    assert.equal(3, result.code)
    assert.matches("names nobody", result.shown, 1, true)
  end)

  it("holds the built-in production runbook up until it is filled in", function()
    assert.equal(0, book.dixis(folder, nil, { "init" }).code)
    local result = book.dixis(folder, nil, { "run", "runbooks/prod.lua" }, { DATABASE_URL_PROD = url })
    assert.equal(3, result.code)
    local place, line = result.shown:match "%[FILL IN%] in (runbooks/prod%.lua):(%d+)"
    assert.equal("runbooks/prod.lua", place)
    local path = folder .. "/runbooks/prod.lua"
    local count, at = 0, nil
    for text in io.lines(path) do
      count = count + 1
      if not at and text:find("[FILL IN]", 1, true) and not text:find "^%s*%-%-" then at = count end
    end
    assert.equal(at, tonumber(line))
    assert(fs.write(path, (fs.read(path):gsub("%[FILL IN%]", "somebody"))))
    result = book.dixis(folder, nil, { "run", "runbooks/prod.lua", "--set", "git=false", "--set", "wait=1s" },
      { DATABASE_URL_PROD = "postgresql://nobody@127.0.0.1:1/x" })
    assert.equal(5, result.code, result.shown)
    assert.matches("somebody decides; 3 contacts", result.shown, 1, true)
    assert.equal(0, book.dixis(folder, nil, { "plan", "runbooks/prod.lua" }).code)
  end)
end)

describe("people", function()
  it("are printed when a run that has changed something ends red, and kept", function()
    local result = run(named, { steps = "{ step.deploy() }",
      criteria = [[{ check.sql { name = "red", query = "SELECT false" } }]] })
    assert.equal(1, result.code)
    assert.matches("Whom to call\n  decision maker (CTO): Decider, 555 0100\n  on-call engineer: Caller, #night",
      result.shown, 1, true)
    assert.equal(2, #dixis.event(dixis.journal(folder), "run.finished").people)
    assert.not_matches("Whom to call", run(named).shown, 1, true)
  end)

  it("are shown by plan", function()
    book.write(folder, { gates = gates, people = named })
    assert.matches("decision maker (CTO): Decider, 555 0100", book.dixis(folder, url, { "plan", "book.lua" }).shown, 1, true)
  end)

  it("are checked when the runbook is loaded", function()
    for people, message in pairs {
      ["{ contacts = {} }"] = "field 'decision_maker' is missing",
      [ (named:gsub("contacts = .*", "contacts = {} }")) ] = "people.contacts is empty",
      [ (named:gsub("phone", "phonne")) ] = "unknown field 'phonne' (did you mean 'phone'?)",
      [ (named:gsub(', chat = "#night"', "")) ] = "people.contacts[1]: there is no way to reach Caller",
      [ (named:gsub("{ role", '"x", { role')) ] = "people.contacts[1] must be a table",
    } do
      local result = run(people)
      assert.equal(2, result.code, message .. result.shown)
      assert.matches(message, result.shown, 1, true)
    end
  end)

  it("can be named by a runbook that extends another", function()
    book.write(folder, { gates = gates, people = (named:gsub("Decider", "[FILL IN]")) })
    assert(fs.write(folder .. "/child.lua", ([[return dixis.extend("book.lua", { name = "child", people = %s })]]):format(named)))
    assert.equal(0, book.dixis(folder, url, { "run", "child.lua" }).code)
  end)
end)
