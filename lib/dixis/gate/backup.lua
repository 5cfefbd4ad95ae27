-- gate.backup: the target is backed up, and the backup proven by a restore, before anybody is asked. pg_dump only
-- reads: the target is left as it was.

local fields = require "dixis.backup.fields"
local lazy = require "dixis.lazy"

local make = lazy "dixis.backup.make"

return {
  type = "backup",
  fields = fields.all,
  uses = fields.uses,
  describe = function() return "the target is backed up, and the backup is proven by restoring it" end,
  act = function(run, args) return make.describe(make.run(run, args)) end,
}
