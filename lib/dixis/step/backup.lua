-- step.backup: the backup of gate.backup, taken between other steps: when the application has been stopped, say.

local fields = require "dixis.backup.fields"
local lazy = require "dixis.lazy"

local make = lazy "dixis.backup.make"

return {
  type = "backup",
  fields = fields.all,
  uses = fields.uses,
  describe = function() return "back the target up, and prove the backup by restoring it" end,
  act = function(run, args)
    local made = make.run(run, args)
    return make.describe(made), made
  end,
}
