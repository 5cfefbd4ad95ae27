-- A table that was there before the migration: what a hazard is about. Its size, where it is known, decides how much
-- a lock on it matters.

local sql = require "host.sql"

local subject = {}

local FEW <const>, MANY <const> = 10000, 1000000

---@class dixis.lint.Subject
---@field schema string
---@field name string
---@field key string     schema.name, as in the sizes
---@field sql string     as a statement would name it
---@field relation? dixis.lint.Relation   nil: the model does not know it
---@field rows? number   nil: not known
---@field bytes? number
local Subject = {}
Subject.__index = Subject

local quote <const> = sql.quote_identifier

---@param schema string
---@param name string
---@return string
function subject.sql_name(schema, name)
  if schema == "public" then return quote(name) end
  return quote(schema) .. "." .. quote(name)
end

---@param context dixis.lint.Hazards
---@param schema string
---@param name string
---@param relation? dixis.lint.Relation
---@return dixis.lint.Subject
local function make(context, schema, name, relation)
  local key <const> = schema .. "." .. name
  local size <const> = context.sizes and context.sizes[key]
  return setmetatable({ schema = schema, name = name, key = key, sql = subject.sql_name(schema, name),
    relation = relation, rows = size and size.rows, bytes = size and size.bytes }, Subject)
end

--- The table that a statement names; nil when this migration made it, so that nobody uses it yet, or when nothing of
--- that name is there, or an index: that is another rule's finding.
---@param context dixis.lint.Hazards
---@param schema? string
---@param name? string
---@return dixis.lint.Subject?
function subject.named(context, schema, name)
  if not name then return nil end
  local relation <const>, why <const> = context.model:relation(schema, name)
  if relation then
    if context:fresh_object(relation) or relation.schema == "pg_temp" or relation.kind == "index" then return nil end
    return make(context, relation.schema, relation.name, relation)
  end
  if why ~= "unknown" or name == "_prisma_migrations" then return nil end
  return make(context, schema or context.model:target(schema), name)
end

--- The same for a RangeVar of the parser.
---@param context dixis.lint.Hazards
---@param range? table
---@return dixis.lint.Subject?
function subject.of(context, range)
  return range and subject.named(context, range.schemaname, range.relname)
end

--- The table of a relation of the model, when it was there before the migration.
---@param context dixis.lint.Hazards
---@param relation? dixis.lint.Relation
---@return dixis.lint.Subject?
function subject.of_relation(context, relation)
  if not relation or relation.name == "" or context:fresh_object(relation) then return nil end
  return make(context, relation.schema, relation.name, relation)
end

--- A column that was there before the migration.
---@param context dixis.lint.Hazards
---@param name string
---@return dixis.lint.Column? column  nil: made by this migration, or not known
function Subject:column(context, name)
  local found <const> = self.relation and self.relation.columns[name]
  return found and not context:fresh_object(found) and found or nil
end

--- True when this migration added the column.
---@param context dixis.lint.Hazards
---@param name string
---@return boolean
function Subject:has_new_column(context, name)
  local found <const> = self.relation and self.relation.columns[name]
  return found ~= nil and context:fresh_object(found)
end

---@param severity dixis.lint.Severity  of a lock on a table of unknown size
---@return dixis.lint.Severity
function Subject:weigh(severity)
  if severity == "warning" and self.rows and self.rows < FEW then return "note" end
  return severity
end

local function grouped(number)
  local text = ("%.0f"):format(number)
  local count
  repeat text, count = text:gsub("^(%d+)(%d%d%d)", "%1,%2") until count == 0
  return text
end

local function sized(bytes)
  local unit, units <const> = 1, { "B", "kB", "MB", "GB", "TB" }
  while bytes >= 1024 and unit < #units do bytes, unit = bytes / 1024, unit + 1 end
  return (bytes < 10 and unit > 1 and "%.1f %s" or "%.0f %s"):format(bytes, units[unit])
end

-- "1,234 rows, 5.6 MB"
local function extent(self)
  local text = grouped(self.rows) .. (self.rows == 1 and " row" or " rows")
  return self.bytes and text .. ", " .. sized(self.bytes) or text
end

--- How much it holds, as a sentence; "" when that is not known.
---@return string
function Subject:holds()
  return self.rows and (" %s has %s."):format(self.sql, extent(self)) or ""
end

--- What that means for something that takes time in proportion to it.
---@return string
function Subject:burden()
  if not self.rows then return "" end
  if self.rows < FEW then return (" %s is small (%s): this will be short."):format(self.sql, extent(self)) end
  if self.rows <= MANY then return self:holds() end
  return (" %s is large (%s): expect this to take minutes or more, and users to notice."):format(self.sql, extent(self))
end

subject.quote = quote
subject.MANY = MANY

return subject
