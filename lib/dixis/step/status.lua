-- step.status: reads ledger and folder again, as `prisma migrate status` does, and says what it found.

local errors = require "dixis.errors"
local words = require "dixis.words"

return {
  type = "status",
  leaves = "target",
  describe = function() return "compare ledger and folder again" end,
  act = function(run)
    local found = run:read_history()
    run.status = found
    if #found.pending == 0 and #found.problems == 0 then
      return "Database schema is up to date!", { applied = found.applied, pending = 0 }
    end
    if #found.pending > 0 then
      errors.raise("failed", ("%s still pending, the first is %s"):format(
        words.count(#found.pending, "migration"), found.pending[1].name))
    end
    return ("up to date, with %s that %s let through"):format(words.count(#found.problems, "difference"),
      #found.problems == 1 and "was" or "were"),
      { applied = found.applied, pending = 0, differences = #found.problems }
  end,
}
