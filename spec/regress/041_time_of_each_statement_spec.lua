-- The answers of a migration's statements came together, so the record gave the time of all to whichever came first.

local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local server = require "spec.support.server"

describe("the record of a migration", function()
  local params, folder

  setup(function() params = server.database "times" end)
  after_each(function() assert(fs.remove(folder)) end)

  it("gives each statement its own time", function()
    folder = migrations.project {
      ["1_first"] = "CREATE TABLE first (id int);\nSELECT pg_sleep(0.4);\nCREATE TABLE second (id int);\n",
      ["2_second"] = "SELECT pg_sleep(0.4);\nCREATE TABLE third (id int);\nCREATE TABLE fourth (id int);\n",
    }
    local result, events = migrations.deploy(folder, params)
    assert.equal(0, result.code, result.stdout)
    local slowest = {}
    for _, event in ipairs(events) do
      local longest = 1
      for i, time in ipairs(event.times or {}) do
        if time.seconds > event.times[longest].seconds then longest = i end
      end
      if event.times then slowest[event.name] = longest end
    end
    assert.same({ ["1_first"] = 2, ["2_second"] = 1 }, slowest)
  end)
end)
