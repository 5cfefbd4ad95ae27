-- step.sql: one statement on the target.

local host_sql = require "host.sql"
local statement = require "dixis.statement"

return {
  type = "sql",
  positional = "statement",
  fields = {
    statement = { type = "string", required = true, help = "one SQL statement" },
    params = { type = "list", default = {}, help = "$1, $2, ..." },
  },
  describe = function(args) return tostring(host_sql.normalise(args.statement) or "a statement") end,
  act = function(run, args)
    local result = statement.run(run, args.statement, table.unpack(args.params))
    return result.tag, { affected = result.affected }
  end,
}
