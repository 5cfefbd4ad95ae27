-- check.sound: what step.diagnose found, asked from one side.

local errors = require "dixis.errors"
local words = require "dixis.words"

local function first(faults, wanted)
  local count, line = 0, nil
  for _, fault in ipairs(faults) do
    if wanted(fault) then
      count = count + 1
      line = line or fault.message
    end
  end
  return count, line
end

local aspects <const> = {}

function aspects.applies(run)
  local examined, counts = run.examined, run.diagnosed.counts
  if #examined.failures == 0 then return true, words.all(examined.migrations, "migration") .. " applied" end
  if counts.gap > 0 then
    return false, ("%s failed, %d for what this server lacks"):format(words.count(#examined.failures, "statement"), counts.gap),
      "see the faults below: nothing is proved before this server has what they need"
  end
  return false, ("%s failed"):format(words.count(#examined.failures, "statement")),
    "mend the causes below; what follows from them goes with them"
end

-- A second run must find nothing to do.
function aspects.again(run)
  local found = run:read_history()
  if #found.pending > 0 then return false, ("a second run would begin with %s"):format(found.pending[1].name) end
  local problem = found.problems[1]
  if problem then return false, problem.name .. " " .. problem.message, problem.hint end
  return true, "a second run finds nothing to do"
end

function aspects.schema(run)
  local problem = run.linted.schema_problem
  if problem then
    return false, ("%s:%s:%s: %s"):format(problem.file or "?", problem.line or 1, problem.column or 1, problem.message),
      problem.hint
  end
  if not run:project().schema then run:skip "there is no schema.prisma beside the migrations" end
  local bad, line = first(run.diagnosed.differences, function(difference) return difference.severity ~= "note" end)
  if bad == 0 then return true, "every model is there as the schema file says" end
  return false, ("%s from the schema file; the first: %s"):format(words.count(bad, "difference"), line)
end

-- All that has no criterion of its own: the folder, the history, what lint alone can see.
function aspects.faults(run)
  local count, line = first(run.diagnosed.faults, function(fault)
    return fault.severity == "error" and (fault.kind == "cause" or fault.kind == "gap")
  end)
  if count == 0 then return true, "no fault" end
  return false, ("%s; the first: %s"):format(words.count(count, "cause"), line)
end

return {
  type = "sound",
  positional = "aspect",
  fields = { aspect = { type = "string", required = true, help = '"applies", "again", "schema" or "faults"' } },
  describe = function(args)
    return ({ applies = "everything applies from nothing", again = "a second run finds nothing to do",
      schema = "the result is what the Prisma schema says", faults = "no fault was found" })[args.aspect] or tostring(args.aspect)
  end,
  act = function(run, args)
    local judge = aspects[args.aspect]
    if not judge then
      errors.raise("failed", ("check.sound knows no aspect '%s'%s"):format(args.aspect,
        require("dixis.near").suggest(args.aspect, require("dixis.near").keys(aspects))))
    end
    if not run.diagnosed then return false, "nothing was diagnosed: see the failed step" end
    return judge(run)
  end,
}
