-- gate.confirm: a person (or the CI job that they started) types the exact phrase. Byte for byte: no
-- trimming, no case folding, no lookalikes. One attempt.

local digest = require "host.digest"
local errors = require "dixis.errors"
local forecast = require "dixis.lazy" "dixis.forecast"
local identity = require "dixis.target.identity"
local plan = require "dixis.plan"
local tty = require "host.tty"
local words = require "dixis.words"

-- What the person is about to agree to; the plan is told once, however many questions there are.
local function asked(run, args)
  local event = { name = run.current_item, about = args.about }
  if run.plan and run.plan.deploys and run.identity and run.confirmed == 1 then
    local record = plan.record(run.plan)
    event.pending, event.statements = record.pending, record.statements
    event.digest = record.digest
    event.database, event.place = run.identity.database, identity.place(run.identity)
    event.forecast = run.forecast and forecast.lines(run.forecast)[1]
    event.window = run.window and run.window.text
  end
  if run.recovery and run.confirmed == 1 then event.recovery = run.recovery end
  return event
end

local function from_terminal(run, phrase, args)
  run.bus:hint("confirm.asked", asked(run, args))
  local line, err = tty.ask(("    Type %s to go on: "):format(phrase))
  if line then return line end
  if err.kind == "no_terminal" then
    errors.refuse("nobody is there to confirm: no terminal, and no --confirm",
      ("give --confirm '%s', or run it in a terminal"):format(phrase))
  elseif err.kind == "end_of_input" then
    errors.refuse("the question was not answered", "run again and type " .. phrase)
  end
  errors.refuse("the question could not be asked: " .. err.message)
end

return {
  type = "confirm",
  positional = "phrase",
  fields = {
    phrase = { type = "string", required = true, help = "what must be typed" },
    about = { type = "string", help = "one line that says what is confirmed" },
  },
  needs_plan = true,
  human = true,
  describe = function(args) return ("the phrase %s"):format(tostring(args.phrase)) end,
  act = function(run, args)
    local given = run.settings.confirm
    run.confirmed = (run.confirmed or 0) + 1
    local answer, by = given[run.confirmed], "--confirm"
    if answer == nil then
      if #given > 0 then
        errors.refuse(("this runbook asks for %d confirmations, --confirm was given %s"):format(run.confirmed,
          words.count(#given, "time")),
          ("give another --confirm '%s'"):format(args.phrase))
      end
      answer, by = from_terminal(run, args.phrase, args), "terminal"
    end
    if not digest.equal(answer, args.phrase) then
      errors.refuse(("the phrase is not %s"):format(args.phrase),
        "run again; it is compared byte for byte: no spaces around it, same case")
    end
    run.phrases[#run.phrases + 1] = { gate = run.current_item, phrase = args.phrase, by = by }
    return ("%s, by %s"):format(args.phrase, by)
  end,
}
