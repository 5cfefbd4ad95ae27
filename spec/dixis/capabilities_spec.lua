-- What code in a runbook may do, and that the record tells of it.
local address = require "dixis.address"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"

local head <const> = [[
local step = dixis.step
return dixis.runbook {
  name = "probe", version = "1", title = "a probe",
  target = { env = "DATABASE_URL_PROBE", environment = "probe" },
  uses = { exec = { "false", "sh" }, net = { "declared.test", "https://exact.test:8443/x" } },
  gates = {}, criteria = {},
  steps = { step.custom { name = "probe", run = function(run)
]]

describe("code in a runbook", function()
  local folder

  setup(function() folder = dixis.project { git = false } end)
  teardown(function() fs.remove(folder) end)

  -- Runs one step with this code on an empty database.
  local function perform(code)
    assert(fs.write(folder .. "/probe.lua", head .. code .. "\nend } } }\n"))
    local result = dixis.run({ "run", "probe.lua", "--ephemeral" }, { cwd = folder })
    local events = dixis.journal(folder)
    return result.code, events, dixis.event(events, "step.finished") or dixis.event(events, "step.failed")
  end

  local function statements(events)
    local found = {}
    for _, event in ipairs(events) do
      if event.type == "sql.started" then found[#found + 1] = event.statement:match "^%S+ %S+" end
    end
    return found
  end

  it("fails when a program fails, unless it looks at the code itself", function()
    local code, _, step = perform 'run.exec { "false" }'
    assert.equal(1, code)
    assert.equal("probe.lua:8: false ended with code 1", step.error.message)
    code, _, step = perform 'return run.exec { "sh", "-c", "exit 7", check = false }.code'
    assert.equal(0, code)
    assert.equal(7, math.tointeger(tonumber(step.summary)))
  end)

  it("cannot change the target unseen", function()
    local code, events = perform [[
      run.db:query "CREATE TABLE a (n int)"
      local row = run.db:row("INSERT INTO a VALUES (1) RETURNING n")
      local deep = run.db:value "WITH x AS (INSERT INTO a VALUES (2) RETURNING n) SELECT n FROM x"
      for _ in run.db:rows "DELETE FROM a RETURNING n" do end
      return row.n + deep + #run.db:query "SELECT 'insert into', n FROM a" ]]
    assert.equal(0, code)
    assert.same({ "CREATE TABLE", "INSERT INTO", "WITH x", "DELETE FROM" }, statements(events))
    assert.is_true(dixis.event(events, "run.finished").changed)
  end)

  it("leaves the target unchanged when it only reads", function()
    local code, events, step = perform [[
      return run.db:value "SELECT 40 + 2" .. " " .. #run.db:query "SHOW server_version" ]]
    assert.equal(0, code)
    assert.equal("42 1", step.summary)
    assert.same({}, statements(events))
    assert.is_false(dixis.event(events, "run.finished").changed)
  end)

  it("never ends in a code that promises an untouched target when it was changed", function()
    local code, _, step = perform [[
      run.db:exec "CREATE TABLE b ()"
      error { kind = "refused", message = "not today", hint = "tomorrow" }]]
    assert.equal(1, code)
    assert.same({ "not today", "tomorrow" }, { step.error.message, step.error.hint })
    assert.equal(1, (perform 'run.db:exec "CREATE TABLE c ()"\nrun.db:exec "SELECT 1; SELECT 2"'))
  end)

  it("reaches only declared hosts", function()
    local code, events, step = perform [[
      local kinds = {}
      for i, url in ipairs {
        "http://other.test/", "http://declared.test@127.0.0.1:9/", "http://declared.test:1@127.0.0.1:9/x",
        "http://exact.test/", "https://exact.test:8444/", "http://127.0.0.1:9/?declared.test",
      } do
        local _, err = pcall(run.http, url)
        kinds[i] = err.kind
      end
      local _, err = pcall(run.http, { url = "http://declared.test/", follow = 1 })
      return table.concat(kinds, " ") .. "; " .. err ]]
    assert.equal(0, code)
    assert.matches("^forbidden forbidden forbidden forbidden forbidden forbidden; ", step.summary)
    assert.matches("does not follow redirects", step.summary, 1, true)
    assert.is_nil(dixis.event(events, "http.started"))
  end)
end)

describe("the host of an address", function()
  it("is what follows the last '@'", function()
    assert.equal("a.test", address.host "https://a.test/x@b.test")
    assert.equal("a.test:81", address.host "http://user:secret@a.test:81?x")
    assert.equal("[::1]:81", address.host "http://[::1]:81")
    assert.equal("b.test", address.host "http://a.test@x@b.test#c")
    assert.is_nil(address.host "ftp://a.test")
    assert.is_nil(address.host "http://")
    assert.is_nil(address.host "http://a.test\\@b.test/")
    assert.is_nil(address.host(nil))
  end)
end)
