-- Small things about words in messages.

local words = {}

local function form(n, word, plural)
  return n == 1 and word or plural or word .. "s"
end

--- "1 migration", "2 migrations".
---@param n integer
---@param word string
---@param plural? string  where it is not the word with an s
---@return string
function words.count(n, word, plural)
  return ("%d %s"):format(n, form(n, word, plural))
end

--- "1 of 1 criterion", "1 of 7 criteria".
---@param n integer
---@param of integer
---@param word string
---@param plural? string
---@return string
function words.of(n, of, word, plural)
  return ("%d of %d %s"):format(n, of, form(of, word, plural))
end

--- The verb behind a number.
---@param n integer
---@return "is"|"are"
function words.are(n)
  return n == 1 and "is" or "are"
end

--- "all 3 rows", "1 row".
---@param n integer
---@param word string
---@return string
function words.all(n, word)
  return (n == 1 and "" or "all ") .. words.count(n, word)
end

return words
