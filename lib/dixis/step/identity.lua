-- step.identity: puts on record where we are.

local lazy = require "dixis.lazy"

local identity = lazy "dixis.target.identity"

return {
  type = "identity",
  leaves = "target",
  describe = function() return "record host, database, role and TLS of the target" end,
  act = function(run)
    run:open_session()
    local sslmode = run.target.params.sslmode or "prefer"
    return ("%s, sslmode %s"):format(identity.describe(run.identity), sslmode), { sslmode = sslmode }
  end,
}
