-- A sample of script/torture, which disturbs a run in every way and at every moment.

local backend = require "spec.torture.backend"
local crowd = require "spec.torture.crowd"
local cut = require "spec.torture.cut"
local kill = require "spec.torture.kill"
local lab = require "spec.torture.lab"
local server = require "spec.support.server"

describe("a deploy that is disturbed, and another after it, lose nothing:", function()
  local made

  local function judge()
    local ok, summary = made:verdict()
    made.losses = {}
    assert(ok, summary)
  end

  setup(function() made = lab.new(server.params(), 20) end)
  teardown(function() made:close() end)

  it("dixis is killed", function()
    for i = 1, 12 do kill.at_record(made, i * made.lines // 13) end
    judge()
  end)

  it("its backends are terminated", function()
    backend.terminate(made, "main", made.seconds * (0.3 + 0.5 * math.random()))
    backend.terminate(made, "lock", made.seconds * (0.3 + 0.5 * math.random()))
    judge()
  end)

  it("its connection is cut", function()
    for _, rule in ipairs { "startup:2", "message:111", "answer:333", "before_commit:3", "after_commit:13", "with_commit:9" } do
      cut.at(made, rule)
    end
    judge()
  end)

  it("others do the same", function()
    crowd.at_once(made, 4, "60s")
    judge()
  end)
end)
