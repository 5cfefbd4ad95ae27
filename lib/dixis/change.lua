-- The moment before the target is changed.

local lazy = require "dixis.lazy"

local binding = lazy "dixis.binding"

local change = {}

--- Comes before the first change of a run: what was confirmed must still be so. Does nothing after it.
---@async
---@param run dixis.Run
function change.begin(run)
  if run.began or not run.plan then return end
  binding.check(run)
  run.began = true
end

return change
