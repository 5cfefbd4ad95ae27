-- step.maintenance_on: puts the maintenance page up.

local maintenance = require "dixis.maintenance"

return {
  type = "maintenance_on",
  fields = maintenance.fields,
  check = function(args) maintenance.check("step.maintenance_on", args) end,
  uses = maintenance.uses,
  describe = maintenance.describer "put the maintenance page up",
  act = function(run, args)
    run.maintenance = "on"
    return maintenance.act(run, args)
  end,
}
