-- check.migrations_applied: every migration of the folder is recorded as applied.

local words = require "dixis.words"

return {
  type = "migrations_applied",
  leaves = "target",
  describe = function() return "all migrations are applied" end,
  act = function(run)
    local found = run:latest_history()
    local total = #run:project():migrations()
    if found.applied == total then return true, words.all(total, "migration") .. " applied" end
    return false, ("%d of %s applied"):format(found.applied, words.count(total, "migration")),
      "see the failed step; run again after mending it"
  end,
}
