-- step.diagnose: holds the schema file against the result, and makes one list of faults of all that was found.

local lazy = require "dixis.lazy"

local diagnose = lazy "dixis.clinic.diagnose"
local errors = require "dixis.errors"
local words = require "dixis.words"

local function compare_schema(run)
  local expected = run.linted.expected
  if not expected then return {} end
  local found = errors.check(require("dixis.prisma.observe").catalog(run:open_session().conn))
  return require("dixis.prisma.compare").catalogs(expected, found)
end

local function count(faults)
  local counts = { cause = 0, consequence = 0, gap = 0, disagreement = 0, warning = 0 }
  for _, fault in ipairs(faults) do
    local kind = fault.kind == "cause" and fault.severity ~= "error" and "warning" or fault.kind
    counts[kind] = counts[kind] + 1
  end
  return counts
end

local function summary(counts)
  if counts.cause == 0 and counts.gap == 0 then
    return counts.warning + counts.disagreement > 0 and ("no fault, %s"):format(
      words.count(counts.warning + counts.disagreement, "warning")) or "no fault"
  end
  local parts = { words.count(counts.cause, "cause") }
  for _, kind in ipairs { "consequence", "gap", "disagreement", "warning" } do
    if counts[kind] > 0 then parts[#parts + 1] = words.count(counts[kind], kind) end
  end
  return table.concat(parts, ", ")
end

local function emit(run, faults)
  local number = {}
  for i, fault in ipairs(faults) do
    number[fault] = i
    local event = {}
    for name, value in pairs(fault) do event[name] = value end
    event.id, event.cause = i, fault.cause and number[fault.cause]
    run.bus:emit("fault.found", event)
  end
end

return {
  type = "diagnose",
  describe = function() return "hold the Prisma schema against the result, and list every fault with its cause" end,
  act = function(run)
    if not run.linted or not run.examined then
      errors.raise("failed", "step.lint and step.examine come before step.diagnose")
    end
    local differences = compare_schema(run)
    local faults = diagnose.faults { linted = run.linted, examined = run.examined, differences = differences,
      problems = run.history.problems, migrations = run:project():migrations(),
      superuser = run.identity.superuser }
    emit(run, faults)
    local counts = count(faults)
    run.diagnosed = { faults = faults, counts = counts, differences = differences }
    return summary(counts), { counts = counts }
  end,
}
