-- What each kind of statement does to the model, and what it needs: one table of handlers.

local source = require "dixis.lint.source"

local apply = {}

---@type table<string, fun(context: dixis.lint.Context, body: table, statement: host.sql.Statement)>
local handlers <const> = {}

-- Handlers find each other here: a function's body, an element of CREATE SCHEMA.
for _, part in ipairs { "relation", "index", "alter", "drop", "rename", "type", "code", "misc", "session" } do
  local own <const> = require("dixis.lint.apply." .. part)
  for name, handler in pairs(own) do handlers[name] = handler end
  setmetatable(own, { __index = handlers })
end

function handlers.nested(context, kind, body, statement)
  local handler <const> = handlers[kind]
  if handler then handler(context, body, statement) end
end

--- Does this kind of statement mean something to the model?
---@param statement host.sql.Statement
---@return boolean
function apply.knows(statement)
  return handlers[statement.node] ~= nil
end

--- Brings the model to what it is after the statement.
---@param context dixis.lint.Context
---@param statement host.sql.Statement
function apply.statement(context, statement)
  local handler <const> = handlers[statement.node]
  if handler then handler(context, source.body(statement), statement) end
end

return apply
