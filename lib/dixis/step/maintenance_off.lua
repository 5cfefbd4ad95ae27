-- step.maintenance_off: takes the maintenance page down; also after a failure or an interruption, once the
-- run has tried to put it up. When it fails, the last lines of the run say so and what to do by hand.

local errors = require "dixis.errors"
local maintenance = require "dixis.maintenance"

local function puts_up(book)
  for _, step in ipairs(book.steps) do
    if step.type == "maintenance_on" then return true end
  end
end

return {
  type = "maintenance_off",
  always = true,
  fields = maintenance.fields,
  check = function(args) maintenance.check("step.maintenance_off", args) end,
  uses = maintenance.uses,
  describe = maintenance.describer "take the maintenance page down, whatever happens",
  act = function(run, args)
    if puts_up(run.book) and not run.maintenance then run:skip "it was not put up by this run" end
    run.left_behind = {
      "MAINTENANCE MAY STILL BE ON: taking it down did not succeed. By hand:",
      "  " .. (args.by_hand or maintenance.describe(args)),
    }
    local ok, summary = pcall(maintenance.act, run, args, true)
    if not ok then
      local err = errors.from(summary)
      err.hint = err.hint or "by hand: " .. (args.by_hand or maintenance.describe(args))
      error(err, 0)
    end
    run.left_behind, run.maintenance = nil, nil
    return summary
  end,
}
