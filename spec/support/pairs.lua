-- A list of pairs, one line each: what a rule finds, and its nearest twin that it must not find.

---@class spec.Pair
---@field rule string
---@field bad string
---@field good string

--- A function that adds a pair, and the list.
---@return fun(rule: string, bad: string, good: string, more?: table) pair
---@return spec.Pair[] list
return function()
  local list <const> = {}
  return function(rule, bad, good, more)
    local made <const> = more or {}
    made.rule, made.bad, made.good = rule, bad, good
    list[#list + 1] = made
  end, list
end
