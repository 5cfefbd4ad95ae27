-- What a statement does to a database that is in use, beside what it does to the schema: locks, rewrites, lost data,
-- code that fails. Each statement goes only to the functions for its node; nothing is looked at twice.

local Hazards = require "dixis.lint.hazard.context"
local server = require "dixis.lint.hazard.server"
local source = require "dixis.lint.source"
local style = require "dixis.lint.hazard.style"
local transaction = require "dixis.lint.hazard.transaction"

local hazard = {}

---@type table<string, fun(statement: host.sql.Statement, body: table, context: dixis.lint.Hazards)[]>
local by_node <const> = {}
for _, handlers in ipairs {
  require "dixis.lint.hazard.alter_table", require "dixis.lint.hazard.index", require "dixis.lint.hazard.object",
  require "dixis.lint.hazard.create", require "dixis.lint.hazard.data", require "dixis.lint.hazard.enum",
  require "dixis.lint.hazard.domain",
  require("dixis.lint.hazard.access").handlers, transaction.handlers, style.handlers, server.handlers, server.settings,
} do
  for name, handler in pairs(handlers) do
    by_node[name] = by_node[name] or {}
    table.insert(by_node[name], handler)
  end
end

local opens <const> = { TRANS_STMT_BEGIN = true, TRANS_STMT_START = true }

-- BEGIN at the beginning and COMMIT at the end say what dixis does anyway.
local function enclosing(self, script)
  local first <const>, last <const> = script[1], script[#script]
  if #script < 2 or first.node ~= "TransactionStmt" or last.node ~= "TransactionStmt" then return {} end
  local body <const> = self.body_of(last)
  if opens[self.body_of(first).kind] and body.kind == "TRANS_STMT_COMMIT" and not body.chain then
    return { [first] = true, [last] = true }
  end
  return {}
end

--- A migration begins.
function Hazards:open()
  local lint <const> = self.lint
  self.script, self.text, self.whole = lint.script, lint.text, lint.implicit
  self.memory = { locked = {}, lock_of = {}, changes = {}, not_valid = {} }
  self.enclosing = enclosing(self, self.script)
  style.long_names(self)
end

--- Looks at the lint's statement, before that changes the model.
function Hazards:look()
  local lint <const> = self.lint
  local statement <const> = lint.statement
  local handlers <const> = by_node[statement.node]
  if not handlers and not self.server_major then return end
  self.statement, self.index, self.in_transaction = statement, lint.index, lint.in_transaction
  local body <const> = source.body(statement)
  if self.server_major then server.version(statement, body, self) end
  for _, handler in ipairs(handlers or {}) do handler(statement, body, self) end
end

--- The migration's last statement is done.
function Hazards:close()
  transaction.finish(self)
end

---@param lint dixis.lint.Context
---@param options dixis.lint.Options
---@return dixis.lint.Hazards
function hazard.new(lint, options)
  return setmetatable({ lint = lint, model = lint.model, sizes = lint.sizes, server_major = lint.server_major,
    roles = options.roles, extensions = options.extensions, enabled = options.enable or {}, made_roles = {}, script = {} },
    Hazards)
end

return hazard
