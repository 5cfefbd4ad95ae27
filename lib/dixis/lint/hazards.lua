-- The rules about live databases, by the kind of statement that they look at.

local hazards = {}

-- Modules below dixis.lint.hazard; each is { [node] = function(statement, body, context) }.
local modules <const> = {}

local by_node

local function load()
  by_node = {}
  for _, name in ipairs(modules) do
    for kind, rule in pairs(require("dixis.lint.hazard." .. name)) do
      by_node[kind] = by_node[kind] or {}
      table.insert(by_node[kind], rule)
    end
  end
end

--- The rules for a kind of statement, each called before the statement changes the model.
---@param kind string
---@return (fun(statement: host.sql.Statement, body: table, context: dixis.lint.Context))[]?
function hazards.of(kind)
  if not by_node then load() end
  return by_node[kind]
end

return hazards
