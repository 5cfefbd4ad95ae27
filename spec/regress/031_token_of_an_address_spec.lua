-- An address given by --set can hold a token in its query or a password before its '@'. Both stood in the
-- journal's first event and in the plan.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"

describe("an address among the options", function()
  local folder
  local given <const> = "health_url=http://watcher:canary-pw@localhost:9/live?token=canary-tk"

  before_each(function() folder = book.project { ["20250101000000_a"] = "SELECT 1;" } end)
  after_each(function() fs.remove(folder) end)

  it("keeps its secrets out of the plan", function()
    local result = dixis.run({ "plan", "staging", "--set", given }, { cwd = folder })
    assert.equal(0, result.code, result.stderr)
    assert.is_nil((result.stdout .. result.stderr):find("canary", 1, true))
    assert.matches("http://***@localhost:9/live?***", result.stdout, 1, true)
  end)

  it("keeps its secrets out of the record", function()
    local result = dixis.run({ "run", "staging", "--set", given }, { cwd = folder })
    assert.equal(3, result.code)
    local _, path = dixis.journal(folder)
    local text = assert(fs.read(path))
    assert.is_nil((text .. result.stdout .. result.stderr):find("canary", 1, true))
    assert.matches("localhost:9/live", text, 1, true)
  end)
end)
