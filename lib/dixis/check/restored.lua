-- check.restored: whoever connects to the target's name meets the restored database.

local lazy = require "dixis.lazy"

local session = lazy "dixis.target.session"

return {
  type = "restored",
  describe = function() return "the target is the restored database, and lets people in" end,
  act = function(run)
    local names = run.results.rollback
    if not names or not names.oid then return false, "nothing was restored" end
    local opened, err = session.open(run:beside(names.database), { application_name = "dixis rollback " .. run.id })
    if not opened then return false, err.message end
    local oid = opened:value "SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = current_database()"
    opened:close()
    if oid ~= names.oid then return false, ("%s is another database"):format(names.database) end
    return true, names.database .. " is the restored database"
  end,
}
