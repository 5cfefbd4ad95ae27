-- Small things about words in messages.

local words = {}

--- "1 migration", "2 migrations".
---@param n integer
---@param word string
---@return string
function words.count(n, word)
  return ("%d %s%s"):format(n, word, n == 1 and "" or "s")
end

return words
