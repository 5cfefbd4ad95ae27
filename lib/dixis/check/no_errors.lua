-- check.no_errors: the record holds no error.

local words = require "dixis.words"

return {
  type = "no_errors",
  leaves = "target",
  describe = function() return "no error in the record" end,
  act = function(run)
    if run.error_events == 0 then return true, "no error in the record" end
    return false, words.count(run.error_events, "error") .. " in the record", "see the lines marked as failed above"
  end,
}
