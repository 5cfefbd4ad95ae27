-- check.schema_valid: the step validate found the schema file and the target in agreement.

local words = require "dixis.words"

return {
  type = "schema_valid",
  leaves = "target",
  describe = function() return "schema is valid" end,
  act = function(run)
    local found = run.validated
    if not found then
      for _, step in ipairs(run.book.steps) do
        if step.type == "validate" then return false, "nothing was validated: the step did not run" end
      end
      return false, "nothing was validated", "put step.validate among the steps"
    end
    if found.skipped then run:skip(found.skipped) end
    if found.problem then return false, found.problem end
    if #found.red > 0 then return false, words.count(#found.red, "difference") end
    return true, #found.shown > 0 and ("schema is valid; %s that the client does not mind"):format(
      words.count(#found.shown, "difference")) or "schema is valid"
  end,
}
