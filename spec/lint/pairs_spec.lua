-- Every fault of spec/lint/fixtures is found and its innocent twin is not, and the server agrees about both.

local history = require "spec.support.history"
local rules = require "dixis.lint.rules"

local function found(result, rule)
  for _, finding in ipairs(result.findings) do
    if finding.rule == rule then return finding end
  end
end

local function check(rule, pair)
  local bad <const>, missed, alarms = history.hold(pair.bad)
  local finding <const> = found(bad, rule)
  assert.is_not_nil(finding, rule .. " is not found in the bad one")
  assert.same({}, missed, "in the bad one, the server refused what lint did not")
  assert.same({}, alarms, "in the bad one, lint refused what the server did not")
  local good <const>, missed_in_good, alarms_in_good, failures = history.hold(pair.good)
  assert.same({}, failures, "the twin is not innocent")
  assert.same({}, missed_in_good)
  assert.same({}, alarms_in_good)
  local other <const> = found(good, rule)
  assert.is_nil(other, other and other.message)
  assert.equal(rules.all[rule].severity, finding.severity)
end

for _, group in ipairs { "missing", "duplicate", "unfit" } do
  describe("lint, faults and their twins: " .. group, function()
    for i, pair in ipairs(require("spec.lint.fixtures." .. group)) do
      it(("%d %s"):format(i, pair[1]), function() check(pair[1], pair) end)
    end
  end)
end
