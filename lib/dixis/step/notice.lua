-- step.notice: tells people now, on every channel of the runbook's `notices`.

local errors = require "dixis.errors"
local herald = require("dixis.lazy") "dixis.herald"
local shared = require "dixis.notice.fields"
local text = require "dixis.notice.text"
local words = require "dixis.words"

return {
  type = "notice",
  positional = "moment",
  fields = {
    moment = { type = "string", default = "before", help = "which of the texts: before, started, running, ..." },
    window = { type = "string", help = "when it is planned, in words" },
    expected = { type = "string", help = "how long it is expected to take, in words" },
    about = { type = "string", help = "one more line" },
    must = { type = "any", help = "true: fail unless all were sent, and one at least" },
  },
  check = function(args) shared.must_be_one_of("moment", args.moment, text.moments) end,
  describe = function(args) return ("tell people: %s"):format(args.moment) end,
  act = function(run, args)
    local sent, failed, silent = herald.tell(run, args.moment,
      { window = args.window, expected = args.expected, about = args.about })
    if args.must and (failed > 0 or sent == 0) then
      errors.raise("failed", failed > 0 and words.of(failed, sent + failed, "notice") .. " could not be sent"
        or "there is nobody to tell: " .. (#silent > 0 and table.concat(silent, "; ") or "the runbook has no notices"),
        { hint = "see the failures above, and `notices` of the runbook" })
    end
    if sent + failed == 0 then run:skip("nobody is told: " .. (#silent > 0 and table.concat(silent, "; ") or "no notices")) end
    return words.of(sent, sent + failed, "notice") .. " sent", { sent = sent, failed = failed }
  end,
}
