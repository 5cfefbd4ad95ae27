-- A million answers that are not the phrase, through the gate that compares them.

local phrases = require "spec.support.phrases"

local confirm <const> = {}
local phrase <const> = "DIXIS-PROD-OK"

--- Tries so many random answers; returns how many were accepted, which is to be none.
---@param count integer
---@return integer accepted
function confirm.fuzz(count)
  local seed = os.time()
  math.randomseed(seed)
  local accepted = 0
  for i = 1, count do
    local answer = phrases.random(phrase)
    if phrases.ask(phrase, answer) then
      accepted = accepted + 1
      print(("seed %d, answer %d: %q was accepted"):format(seed, i, answer))
    end
  end
  assert(phrases.ask(phrase, phrase), "the phrase itself was not accepted")
  print(("confirm: %d answers, %d accepted"):format(count, accepted))
  return accepted
end

return confirm
