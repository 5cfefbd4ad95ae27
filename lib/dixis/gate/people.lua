-- gate.people: the runbook says who decides and whom to call, and nothing of it is left to fill in.

local errors = require "dixis.errors"
local people = require "dixis.people"
local words = require "dixis.words"

local SHOWN <const> = 8

return {
  type = "people",
  describe = function() return "who decides and whom to call is filled in" end,
  act = function(run)
    local named = run.book.people
    if not named then
      errors.refuse("the runbook names nobody who decides and nobody to call",
        "add people = { decision_maker = { ... }, contacts = { ... } } to it")
    end
    if run.settings.ephemeral then return "a throw-away server: nobody needs to be called" end
    local places = people.blanks(run.book)
    if #places > 0 then
      local shown = table.concat(places, ", ", 1, math.min(#places, SHOWN))
      errors.refuse(("people are still to be named: %s in %s%s"):format(people.BLANK, shown, #places > SHOWN and ", ..." or ""),
        run.book.built_in and "this is the built-in runbook: `dixis init` copies it into the repository, to be filled in there"
          or "write their names and numbers there",
        { file = places[1]:match "^(.*):%d+$", line = math.tointeger(tonumber(places[1]:match ":(%d+)$")) })
    end
    return ("%s decides; %s"):format(named.decision_maker.name, words.count(#named.contacts, "contact"))
  end,
}
