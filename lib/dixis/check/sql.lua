-- check.sql: a query's single value is as it should be (true, when nothing is said of it).

local words = require "dixis.words"

local expectations <const> = { "equals", "differs", "at_least", "at_most", "matches", "rows" }

-- numeric and the like come as text.
local function number(value)
  return type(value) == "string" and tonumber(value) or value
end

local function same(value, wanted)
  if type(wanted) == "number" then value = number(value) end
  return value == wanted
end

local function compare(value, wanted, holds)
  local found, limit = number(value), number(wanted)
  return type(found) == "number" and type(limit) == "number" and holds(found, limit)
end

-- name -> what is said when it does not hold, and whether it does.
local judges <const> = {
  equals = { "not %s", same },
  differs = { "which it must not be (%s)", function(value, wanted) return not same(value, wanted) end },
  at_least = { "not at least %s", function(value, wanted)
    return compare(value, wanted, function(a, b) return a >= b end)
  end },
  at_most = { "not at most %s", function(value, wanted)
    return compare(value, wanted, function(a, b) return a <= b end)
  end },
  matches = { "which does not match %s", function(value, wanted)
    return value ~= nil and tostring(value):find(wanted) ~= nil
  end },
}

return {
  type = "sql",
  fields = {
    name = { type = "string", required = true },
    query = { type = "string", required = true, help = "gives one value" },
    equals = { type = "any", help = "the expected value; true when nothing else is expected" },
    differs = { type = "any", help = "a value that it must not be" },
    at_least = { type = "any", help = "the smallest number that is right" },
    at_most = { type = "any", help = "the largest number that is right" },
    matches = { type = "string", help = "a Lua pattern that its text holds" },
    rows = { type = "integer", help = "how many rows the query gives" },
  },
  describe = function(args) return args.name end,
  act = function(run, args)
    local result = run:open_session():query(args.query)
    local found = words.count(#result, "row")
    if args.rows and #result ~= args.rows then return false, ("%s, not %d"):format(found, args.rows) end
    local value = result[1] and result[1][1]
    local expected
    for _, name in ipairs(expectations) do expected = expected or args[name] ~= nil end
    if not expected then
      if value == true then return true, "true" end
      return false, ("is %s, not true"):format(tostring(value))
    end
    for _, name in ipairs(expectations) do
      local judge, wanted = judges[name], args[name]
      if judge and wanted ~= nil and not judge[2](value, wanted) then
        return false, ("is %s, "):format(tostring(value)) .. judge[1]:format(tostring(wanted))
      end
    end
    return true, args.rows and found or tostring(value)
  end,
}
