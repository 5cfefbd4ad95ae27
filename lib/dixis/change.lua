-- The moment before the target is changed.

local lazy = require "dixis.lazy"

local audit = lazy "dixis.audit"
local binding = lazy "dixis.binding"

local change = {}

--- Comes before the first change of a run: what was confirmed must still be so, and the run goes on record in the
--- target. Does nothing after it.
---@async
---@param run dixis.Run
function change.begin(run)
  if run.began or not run.plan then return end
  binding.check(run)
  run.began = true
  audit.begin(run)
end

return change
