-- gate.custom: a condition written in the runbook. Return true to open, or false and a reason.

local errors = require "dixis.errors"

return {
  type = "custom",
  foreign = true,
  fields = {
    name = { type = "string", required = true, help = "its name in the record" },
    open = { type = "function", required = true, help = "function(run) -> boolean, note or reason" },
  },
  describe = function(args) return args.name end,
  act = function(run, args)
    local open, note = args.open(run)
    if not open then errors.refuse(note and tostring(note) or "the condition does not hold") end
    return note and tostring(note)
  end,
}
