-- Which migration made a thing, for whoever found that it is not what it should be.

local lint = require "dixis.lint"

local origin = {}

local function find(made, object)
  local whole <const> = made.tables[object] or made.enums[object]
  if whole then return whole end
  -- The name of a table, and that of a column, may have dots in them.
  for place in object:gmatch "()%." do
    local of <const> = made.tables[object:sub(1, place - 1)]
    local column <const> = of and of.columns and of.columns[object:sub(place + 1)]
    if column then return column end
  end
end

--- A function for compare.catalogs. The history is read at its first use.
---@param migrations string  the folder
---@param schema string      where the target's migrations make what they give no schema
---@return fun(object: string): string?
function origin.of(migrations, schema)
  local made
  return function(object)
    made = made or lint.check({ migrations = migrations, path = { schema } }).model:catalog()
    local found <const> = find(made, object)
    return found and found.file and ("%s:%d"):format(found.file, found.line) or nil
  end
end

return origin
