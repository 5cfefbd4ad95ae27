-- Runbooks as text: what loads, what does not, and what the message says.
local fs = require "host.fs"
local loader = require "dixis.loader"

local folder

local function write(name, text)
  local path = folder .. "/" .. name
  assert(fs.write(path, text))
  return path
end

local function failure(text)
  local ok, err = pcall(loader.load, write("book.lua", text))
  assert.is_false(ok, "it loaded")
  assert.equal("runbook", err.kind, tostring(err))
  return err
end

local function book(changes)
  local fields = {
    name = '"x"', version = '"1"', title = '"t"', target = '{ env = "U", environment = "e" }', gates = "{}",
    steps = "{ dixis.step.status() }", criteria = "{}",
  }
  for key, value in pairs(changes or {}) do fields[key] = value or nil end
  local lines = {}
  for key, value in pairs(fields) do lines[#lines + 1] = key .. " = " .. value end
  return "return dixis.runbook { " .. table.concat(lines, ", ") .. " }"
end

describe("a runbook file", function()
  setup(function() folder = assert(fs.mkdtemp "/tmp/dixis-loader-") end)
  teardown(function() fs.remove(folder) end)

  it("loads when it declares all that is needed", function()
    local loaded = loader.load(write("ok.lua", book()))
    assert.equal("x", loaded.name)
    assert.equal("status", loaded.steps[1].name)
    assert.matches("^%x+$", loaded.digest)
  end)

  it("is found by the name of a built-in one, or its path", function()
    assert.equal("staging", loader.load("staging").name)
    assert.equal("prod", loader.load("runbooks/prod.lua").name)
  end)

  it("that does not exist is an error that suggests the near one", function()
    local ok, err = pcall(loader.load, "stagign")
    assert.is_false(ok)
    assert.equal("runbook", err.kind)
    assert.matches("no such runbook: stagign", err.message)
    assert.matches("did you mean 'staging'", err.hint)
  end)

  it("with a syntax error is told with file and line", function()
    local err = failure "return dixis.runbook {\n  name = \n}"
    assert.matches("book%.lua:3: unexpected symbol", err.message)
    assert.equal(3, err.line)
  end)

  it("is told with file and line also when its path is long, or strange", function()
    for _, name in ipairs { ("long"):rep(20), "a:7: b", "%d+" } do
      assert(fs.mkdir(folder .. "/" .. name))
      for text, words in pairs { ["x = = 1"] = "unexpected symbol", ["error 'no'"] = "no" } do
        local path = write(name .. "/book.lua", "\n" .. text)
        local ok, err = pcall(loader.load, path)
        assert.is_false(ok)
        assert.same({ "runbook", path, 2 }, { err.kind, err.file, err.line }, err.message)
        assert.matches(path .. ":2: " .. words, err.message, 1, true)
      end
    end
  end)

  it("that returns something else is told so", function()
    assert.matches("must return dixis.runbook", failure("return 1").message)
    assert.matches("must return dixis.runbook", failure("").message)
  end)

  it("with an unknown key gets the near one", function()
    assert.matches("unknown field 'gate' %(did you mean 'gates'%?%)", failure(book { gate = "{}" }).message)
    assert.matches("unknown step 'statsu' %(did you mean 'status'", failure(book { steps = "{ dixis.step.statsu() }" }).message)
    assert.matches("unknown field 'lock_timeot' %(did you mean 'lock_timeout'",
      failure(book { steps = "{ dixis.step.deploy { lock_timeot = 1 } }" }).message)
  end)

  it("that lacks a key is told which", function()
    assert.matches("field 'version' is missing", failure(book { version = false }).message)
    assert.matches("has no steps", failure(book { steps = "{}" }).message)
  end)

  it("with a wrong type is told the right one", function()
    assert.matches("field 'gates' must be a list", failure(book { gates = "1" }).message)
    assert.matches("must be a duration", failure(book { gates = '{ dixis.gate.lock { wait = "soon" } }' }).message)
    assert.matches("gates%[1%] %('status'%) is a step", failure(book { gates = "{ dixis.step.status() }" }).message)
    assert.matches("gates%[1%] is a string", failure(book { gates = '{ "secret" }' }).message)
  end)

  it("that uses what it does not declare is refused", function()
    local err = failure(book { gates = "{ dixis.gate.git() }" })
    assert.matches("uses exec git, which the runbook does not declare", err.message)
    assert.matches("uses%.exec", err.hint)
    assert.is_table(loader.load(write("uses.lua", book { gates = "{ dixis.gate.git() }", uses = '{ exec = { "git" } }' })))
  end)

  it("cannot have two items of one name", function()
    assert.matches("two items are called 'status'",
      failure(book { steps = "{ dixis.step.status(), dixis.step.status() }" }).message)
  end)

  it("cannot refer to an option that it does not have", function()
    assert.matches("refers to option 'wait'",
      failure(book { gates = '{ dixis.gate.reachable { wait = dixis.option "wait" } }' }).message)
  end)

  it("reaches no effect while it loads", function()
    for name, code in pairs {
      os = "os.execute('true')", io = "io.open('/etc/passwd')", require = "require('host.fs')", load = "load('return 1')",
      print = "print(1)", debug = "debug.getinfo(1)", coroutine = "coroutine.create(print)", global = "x = 1",
      unknown = "return undefined_name", dump = "return string.dump(function() end)",
      meta = "getmetatable('').__index.format = nil", vocabulary = "dixis.gate.secret = nil",
    } do
      assert.is_truthy(failure(code .. "\nreturn 1").message, name)
    end
  end)

  it("is text: compiled Lua is refused", function()
    assert.matches("is compiled Lua", failure(string.dump(function() end)).message)
  end)
end)

describe("a runbook that extends another", function()
  setup(function() folder = assert(fs.mkdtemp "/tmp/dixis-loader-") end)
  teardown(function() fs.remove(folder) end)

  local function names(list)
    local out = {}
    for i, item in ipairs(list) do out[i] = item.name end
    return table.concat(out, " ")
  end

  it("changes options, replaces, removes and inserts", function()
    local path = write("eu.lua", [[
      local step, check = dixis.step, dixis.check
      return dixis.extend("prod", {
        name = "prod-eu",
        target = { env = "DATABASE_URL_PROD_EU" },
        uses = { env = { "DATABASE_URL_PROD_EU" }, exec = { "./maintenance.sh" } },
        set = { wait = "20m" },
        replace = { maintenance_on = step.command { "./maintenance.sh", "on" } },
        remove = { "generate" },
        insert = {
          { before = "deploy", step.sql { name = "warm", statement = "SELECT 1" } },
          { after = "healthy", check.sql { name = "orders_exist", query = "SELECT true" } },
        },
      })]])
    local loaded = loader.load(path)
    assert.equal("prod-eu", loaded.name)
    assert.equal(1200, loaded.options.wait.default)
    assert.equal("identity maintenance_on backup_again stamp warm deploy status validate maintenance_off", names(loaded.steps))
    assert.equal("command", loaded.steps[2].type)
    assert.matches("healthy orders_exist latency log$", names(loaded.criteria))
    assert.equal("production", loaded.target.environment)
    assert.equal(300, loader.load("prod").options.wait.default)
  end)

  it("inserts several items in their order", function()
    local loaded = loader.load(write("s.lua", [[
      local s = dixis.step
      return dixis.extend("staging", { name = "s", insert = {
        { before = "deploy", s.sql { name = "a", statement = "SELECT 1" }, s.sql { name = "b", statement = "SELECT 1" } },
        { after = "deploy", s.sql { name = "c", statement = "SELECT 1" }, s.sql { name = "d", statement = "SELECT 1" } },
      } })]]))
    assert.matches("a b deploy c d status", names(loaded.steps))
  end)

  it("to a place that does not exist gets the list of the known ones", function()
    local err = failure [[return dixis.extend("staging", { name = "s", insert = { { before = "deplo", dixis.step.status() } } })]]
    assert.matches("nothing called 'deplo' to insert beside %(did you mean 'deploy'%?%)", err.message)
    err = failure [[return dixis.extend("staging", { name = "s", remove = { "zzzzzzzz" } })]]
    assert.matches("known: backup, clinic_green, confirm, deploy", err.message)
    err = failure [[return dixis.extend("staging", { name = "s", set = { wiat = 1 } })]]
    assert.matches("no option 'wiat' to set %(did you mean 'wait'", err.message)
  end)

  it("is found beside the file that extends it", function()
    write("parent.lua", [[return dixis.extend("staging", { name = "parent" })]])
    assert.equal("child", loader.load(write("child.lua", [[return dixis.extend("parent.lua", { name = "child" })]])).name)
  end)

  it("in a circle is refused", function()
    write("one.lua", [[return dixis.extend("two.lua", { name = "one" })]])
    local ok, err = pcall(loader.load, write("two.lua", [[return dixis.extend("one.lua", { name = "two" })]]))
    assert.is_false(ok)
    assert.matches("circle", err.message)
  end)
end)
