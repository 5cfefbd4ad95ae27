-- step.stamp: marks the database with its environment on the first confirmed run, so that no other
-- environment's runbook will touch it.

local change = require "dixis.change"
local sql = require "host.sql"

return {
  type = "stamp",
  leaves = "plan",
  describe = function() return "stamp the target with its environment" end,
  act = function(run)
    local wanted = run.book.target.environment
    run:open_session()
    if run.identity.environment == wanted then run:skip("already stamped " .. wanted) end
    change.begin(run)
    run.bus:intend("stamp.started", { environment = wanted })
    local statement = ("ALTER DATABASE %s SET dixis.environment = %s"):format(
      sql.quote_identifier(run.identity.database), sql.quote_literal(wanted))
    local done, err = run:open_session().conn:query(statement)
    if not done then
      if err.sqlstate == "42501" then
        run:skip(("the role may not; a superuser does, once: %s"):format(statement))
      end
      run.changed = err.kind == "connection_lost" or run.changed
      error(err, 0)
    end
    run.changed = true
    run.identity.environment = wanted
    return "stamped " .. wanted
  end,
}
