-- What a statement is judged in: the model, where we are, and the findings so far.

local depend = require "dixis.lint.depend"
local names = require "dixis.lint.names"
local rules = require "dixis.lint.rules"

---@class dixis.lint.Context
---@field model dixis.lint.Model    as it was before the statement
---@field findings dixis.lint.Finding[]
---@field migration string          name of its folder
---@field file string
---@field text string               of the file
---@field script host.sql.Statement[]  all statements of the file
---@field statement host.sql.Statement
---@field index integer             of the statement in its file
---@field server_major? integer
---@field sizes table<string, { rows: integer, bytes: integer }>
---@field in_transaction boolean    the statement shares a transaction with others of the file
---@field fresh fun(schema?: string, name: string): boolean  the table was made in this migration
local Context = {}
Context.__index = Context

local context = {}

---@param model dixis.lint.Model
---@param options table  of lint.check
---@return dixis.lint.Context
function context.new(model, options)
  local self <const> = setmetatable({ model = model, findings = {}, options = options, sizes = options.sizes or {},
    server_major = options.server_major, unknown = false }, Context)
  self.fresh = function(schema, name)
    local relation <const> = model:relation(schema, name)
    return relation ~= nil and relation.place ~= nil and relation.place.migration == self.migration
  end
  return self
end

---@param migration string
---@param file string
---@param text string
function Context:open(migration, file, text)
  self.migration, self.file, self.text, self.index = migration, file, text, 0
  self.transaction = {}
  -- Many objects are made by one statement: they share its place.
  self.place = nil
end

---@param statement host.sql.Statement
function Context:begin(statement)
  self.statement, self.failed, self.made, self.soft, self.possible = statement, nil, {}, nil, nil
  self.doubted, self.model.undo = {}, nil
  self.place = { migration = self.migration, file = self.file, line = statement.line, statement_index = self.index }
end

--- What was made by a statement that would fail is there only in thought.
function Context:finish()
  if self.possible and not self.failed then
    self.unknown = true
    self:report("cannot-know", { message = "this may fail, it depends on a condition: " .. self.possible })
  end
  if not self.failed then return end
  local cause <const> = self.findings[self.failed].cause or self.failed
  depend.restore(self.model, self.failed)
  for _, object in ipairs(self.made) do
    object.cause = object.cause or cause
    if object.kind == "constraint" then self.model:count_constraint(object.table.schema, object.name, -1) end
  end
end

local EXCERPT <const> = 100

local function excerpt(text)
  local short = text:gsub("%s+", " ")
  if #short <= EXCERPT then return short end
  return names.cut(short, EXCERPT - 3) .. "..."
end

-- A tree's locations are offsets in the file, counted in bytes.
local function line_and_column(text, statement, at)
  local line, start = statement.line, nil
  local newline = text:find("\n", statement.first, true)
  while newline and newline <= at do
    line, start = line + 1, newline + 1
    newline = text:find("\n", start, true)
  end
  if start then return line, utf8.len(text, start, at + 1, true) or at - start + 2 end
  return line, statement.column + (utf8.len(text, statement.first, at + 1, true) or at - statement.first + 2) - 1
end

-- The trees of a body have offsets in that.
local with_body <const> = { DoStmt = true, CreateFunctionStmt = true }

--- Adds a finding about the statement.
---@param rule string
---@param finding table  message, object, fix, fix_sql, fix_file, cause; severity, line and column where they are others;
--- before: the object that is in the way; at: an offset in the file, from the tree
---@return integer? index  nil: what this does is not certain, so nothing is said
function Context:report(rule, finding)
  local severity <const> = finding.severity or assert(rules.all[rule], rule).severity
  if severity == "error" and self.caught and self.caught(rule) then return nil end
  if severity == "error" and self.soft then
    self.possible = self.possible or finding.message
    return nil
  end
  -- The statement would have dropped it itself: why it does not is said already.
  if finding.before and finding.before.refused == self.place then return nil end
  local lingers <const> = finding.before and finding.before.lingers
  if lingers then finding.cause = self.findings[lingers].cause or lingers end
  finding.before = nil
  local statement <const>, at <const> = self.statement, finding.at and math.tointeger(finding.at)
  finding.at = nil
  if at and statement and at >= statement.first - 1 and at < statement.last and not with_body[statement.node] then
    finding.line, finding.column = line_and_column(self.text, statement, at)
  end
  finding.rule, finding.severity = rule, severity
  finding.migration, finding.file = self.migration, self.file
  finding.line, finding.column = finding.line or statement and statement.line or 1, finding.column
    or statement and statement.column or 1
  finding.statement_index = self.index > 0 and self.index or nil
  finding.statement = statement and excerpt(self.text:sub(statement.first, statement.last)) or nil
  local index <const> = #self.findings + 1
  self.findings[index] = finding
  if severity == "error" and not self.failed then self.failed = index end
  return index
end

--- The statement needs what only an earlier fault left unmade: a consequence, once for each statement and reason.
---@param rule string
---@param object dixis.lint.Object
---@param finding table
function Context:follow(rule, object, finding)
  local cause <const> = self.findings[object.cause]
  if cause.migration == self.migration and cause.statement_index == self.index then return end -- said of this one
  if self.followed ~= self.place then self.followed, self.reasons = self.place, {} end
  if self.reasons[object.cause] then return end
  self.reasons[object.cause] = true
  finding.cause = object.cause
  self:report(rule, finding)
end

--- Notes what the statement makes.
---@generic T: dixis.lint.Object
---@param object T
---@return T
function Context:make(object)
  object.place = self.place
  if self.soft then object.maybe = true end
  self.made[#self.made + 1] = object
  return object
end

--- What follows is not known from the script alone. A statement says each reason once.
---@param message string
---@param scope? string  what is in doubt; all when absent
---@param finding? table  line, column, severity, where they are others than the statement's and the rule's
function Context:doubt(message, scope, finding)
  self.model:doubt(scope)
  self.unknown = true
  if self.doubted[message] then return end
  self.doubted[message] = true
  finding = finding or {}
  finding.message = message
  self:report("cannot-know", finding)
end

--- At the end of a migration: the next one begins with a session that has the usual settings, or not.
function Context:close()
  local model <const> = self.model
  if self.path_left then model.path_unsure = true end
  model.path, self.path_left, self.skip_bodies, self.explicit = model.default_path, nil, nil, nil
  for _, relation in pairs(model.schemas.pg_temp and model.schemas.pg_temp.relations or {}) do relation.maybe = true end
end

--- At the end of all: what was missing and is made by no migration.
function Context:conclude()
  for _, index in pairs(self.model.missing) do
    local finding <const> = self.findings[index]
    if not finding.created then finding.message = finding.message .. "; no migration makes it" end
  end
  for _, list in pairs(self.model.awaited) do
    for _, index in ipairs(list) do
      self.findings[index].message = self.findings[index].message .. ", which no migration creates"
    end
  end
end

--- How something came by its name, for messages: "it was made in line 3".
---@param object dixis.lint.Object
---@return string
function Context:origin(object)
  if object.renamed then return "renamed to that " .. self:where { place = object.renamed } end
  return "made " .. self:where(object)
end

--- Where something was made, for messages.
---@param object { place?: dixis.lint.Place }?
---@return string
function Context:where(object)
  local place <const> = object and object.place
  if not place then return "before" end
  if place.migration == self.migration then return ("in line %d"):format(place.line) end
  return ("by %s (line %d)"):format(place.migration, place.line)
end

return context
