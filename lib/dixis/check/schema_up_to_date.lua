-- check.schema_up_to_date: what `prisma migrate status` would say.

local words = require "dixis.words"

return {
  type = "schema_up_to_date",
  leaves = "target",
  describe = function() return "Database schema is up to date!" end,
  act = function(run)
    local found = run:latest_history()
    for _, problem in ipairs(found.problems) do
      if problem.kind == "failed" then return false, problem.name .. " " .. problem.message, problem.hint end
    end
    if #found.pending == 0 then return true, "Database schema is up to date!" end
    return false, ("%d of %s not applied"):format(#found.pending,
      words.count(found.applied + #found.pending, "migration")), "see the failed step; run again after mending it"
  end,
}
