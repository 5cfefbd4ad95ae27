-- What the rules about live databases see: the lint's context, what they remember of a migration, and what they ask.

local depend = require "dixis.lint.depend"
local locks = require "dixis.lint.hazard.locks"
local node = require "dixis.lint.node"
local rules = require "dixis.lint.rules"
local source = require "dixis.lint.source"
local sql = require "host.sql"
local subject = require "dixis.lint.hazard.subject"
local types = require "dixis.lint.types"

---@class dixis.lint.Hazards
---@field lint dixis.lint.Context
---@field model dixis.lint.Model    as it was before the statement
---@field script host.sql.Statement[]
---@field statement host.sql.Statement
---@field index integer             of the statement
---@field text string               of the file
---@field in_transaction boolean
---@field whole boolean             all of the migration is one transaction
---@field enclosing table<host.sql.Statement, true>  BEGIN and COMMIT around everything
---@field memory table              of this migration
---@field altering? { key: string, lock: dixis.lint.LockMode }  the table of the ALTER TABLE that is looked at
---@field made_roles table<string, true>
---@field sizes? table<string, { rows: number, bytes: number }>
---@field server_major? integer
---@field extensions? table
---@field roles? table
local Hazards = {}
Hazards.__index = Hazards

Hazards.body_of = source.body

---@param rule string
---@return boolean
function Hazards:wants(rule)
  return not rules.all[rule].off or self.enabled[rule] == true
end

---@param rule string
---@return "error"|"warning"|"note"
function Hazards:severity(rule) -- luacheck: ignore self
  return rules.all[rule].severity
end

--- True for what this migration made.
---@param object dixis.lint.Object
---@return boolean
function Hazards:fresh_object(object)
  return object.place ~= nil and object.place.migration == self.lint.migration
end

--- The type as format_type() says; nil when it is not known.
---@param type_name table
---@return string?
function Hazards:type_name(type_name)
  return types.text(types.read(self.model, type_name)) or nil
end

--- The domain that a type is.
---@param type_name table
---@return dixis.lint.Object?
function Hazards:domain(type_name)
  if #type_name.names == 2 and node.text(type_name.names[1]) == "pg_catalog" then return nil end
  local type <const> = types.read(self.model, type_name)
  return type.user and type.user.kind == "domain" and not type.array and type.user or nil
end

--- The name of a type, or of what lies below a domain.
---@param type dixis.lint.Type
---@return string|false
function Hazards:base_type(type)
  while type.user and type.user.kind == "domain" and type.user.base and not type.array do type = type.user.base end
  local text <const> = types.text(type)
  return text or (self.model.extensions.citext and type.name == "citext" and not type.array and "citext")
end

-- What statements do to a table, in the text of their trees.
local done <const> = {
  AlterTableStmt = { default = '"AT_ColumnDefault","name":"([^"]*)","def"', column = '"ColumnDef":{"colname":"([^"]*)",',
    constraint = '"conname":"([^"]*)",', nullable = '"AT_DropNotNull","name":"([^"]*)"',
    drop = '"AT_DropColumn","name":"([^"]*)"', reference = '"fk_attrs":(%b[])' },
  CreateStmt = { constraint = '"conname":"([^"]*)",' },
  CreatePolicyStmt = { policy = '"policy_name":"([^"]*)",' },
}

-- The columns of a foreign key as one text.
local function joined(list)
  local names <const> = {}
  for name in list:gmatch '"sval":"([^"]*)"' do names[#names + 1] = name end
  return table.concat(names, "\0")
end

-- The last statement of the script that does something, by what, table and name.
local function last_of(script)
  local last <const> = {}
  for i, statement in ipairs(script) do
    local tree <const>, patterns <const> = statement.tree, done[statement.node]
    local of <const> = patterns and tree:match '"relname":"([^"]*)"'
    for kind, pattern in pairs(of and patterns or {}) do
      for name in tree:gmatch(pattern) do
        last[("%s %s.%s"):format(kind, of, kind == "reference" and joined(name) or name)] = i
      end
    end
    if statement.node == "DropStmt" and tree:find('"OBJECT_TABLE"', 1, true) then
      for _, object in ipairs((source.body(statement) or {}).objects or {}) do
        last["drop " .. select(2, node.name(object.List.items)) .. "."] = i
      end
    end
  end
  return last
end

--- True when this statement or a later one of the migration does that to a table.
---@param kind "default"|"column"|"constraint"|"policy"|"nullable"|"reference"|"drop"  gives it a default, or a column, ...;
--- "drop": drops a column, or with "" the table itself
---@param on dixis.lint.Subject
---@param name string  for "reference": of the columns, with "\0" between them
---@return boolean
function Hazards:later(kind, on, name)
  self.memory.last = self.memory.last or last_of(self.script)
  return (self.memory.last[("%s %s.%s"):format(kind, on.name, name)] or 0) >= self.index
end

--- True when the column is gone at the end of the migration, or its table is.
---@param on dixis.lint.Subject
---@param name string
---@return boolean
function Hazards:goes(on, name)
  return self:later("drop", on, "") or self:later("drop", on, name) and not self:later("column", on, name)
end

--- Where a name stands in the statement, for what the tree has no location of.
---@param name string
---@return integer?  offset in the file
function Hazards:find(name)
  local statement <const> = self.statement
  local text <const> = self.text:sub(statement.first, statement.last)
  local at = text:find('"' .. name:gsub('"', '""') .. '"', 1, true) or text:find("'" .. name .. "'", 1, true)
    or text:lower():find("%f[%w_]" .. name:gsub("%p", "%%%0") .. "%f[^%w_]")
  return at and statement.first + at - 2
end

---@param position integer
---@return host.sql.Statement?
function Hazards:statement_at(position)
  for _, statement in ipairs(self.script) do
    if position >= statement.first and position <= statement.last then return statement end
  end
end

--- The condition of a CHECK as it is written.
---@param definition table
---@return string?
function Hazards:text_of_check(definition)
  local inside <const> = self.text:match("[Cc][Hh][Ee][Cc][Kk]%s*(%b())", definition.location + 1)
  return inside and inside:sub(2, -2)
end

---@param on dixis.lint.Subject
---@param name string
---@return string[]
function Hazards:index_columns(on, name)
  local found <const> = self.model:relation(on.schema, name)
  local columns <const> = {}
  for _, key in ipairs(found and found.keys or {}) do columns[#columns + 1] = key and key.name or nil end
  return columns
end

--- True when the column alone is the table's primary key or unique.
---@param on dixis.lint.Subject
---@param name string
---@return boolean
function Hazards:is_key(on, name) -- luacheck: ignore self
  for index in pairs(on.relation.indexes) do
    if index.unique and index.keys and #index.keys == 1 and index.keys[1] and index.keys[1].name == name then return true end
  end
  return false
end

--- A query that finds what would not be unique.
---@param on dixis.lint.Subject
---@param body table  IndexStmt
---@return string?
function Hazards:duplicates_query(on, body) -- luacheck: ignore self
  local columns <const> = {}
  for i, parameter in ipairs(body.indexParams) do
    if not parameter.IndexElem.name then return nil end
    columns[i] = sql.quote_identifier(parameter.IndexElem.name)
  end
  local list <const> = table.concat(columns, ", ")
  return ("SELECT %s, count(*) FROM %s GROUP BY %s HAVING count(*) > 1;"):format(list, on.sql, list)
end

local function by_name(list)
  table.sort(list, function(a, b) return a.key < b.key end)
  return list
end

--- The tables that were there before with a column of a type.
---@param type? dixis.lint.Object
---@return dixis.lint.Subject[]
function Hazards:tables_with(type)
  local found <const>, seen <const> = {}, {}
  for object in pairs(type and type.dependents or {}) do
    local relation <const> = object.kind == "column" and object.table
    if relation and not seen[relation] then
      seen[relation] = true
      found[#found + 1] = subject.of_relation(self, relation)
    end
  end
  return by_name(found)
end

--- The tables that were there before whose foreign keys refer to one.
---@param on dixis.lint.Subject
---@return dixis.lint.Subject[]
function Hazards:referencing(on)
  local found <const>, seen <const> = {}, { [on.relation or false] = true }
  for object in pairs(on.relation and on.relation.dependents or {}) do
    local other <const> = object.kind == "constraint" and object.type == "f" and object.table
    if other and not seen[other] then
      seen[other] = true
      found[#found + 1] = subject.of_relation(self, other)
    end
  end
  return by_name(found)
end

--- The tables that were there before that one's foreign keys refer to.
---@param on dixis.lint.Subject
---@return dixis.lint.Subject[]
function Hazards:referenced(on)
  local found <const>, seen <const> = {}, { [on.relation or false] = true }
  for _, constraint in pairs(on.relation and on.relation.constraints or {}) do
    local other <const> = constraint.type == "f" and constraint.target
    if other and not seen[other] then
      seen[other] = true
      found[#found + 1] = subject.of_relation(self, other)
    end
  end
  return by_name(found)
end

local MANY_NAMES <const> = 10

--- What CASCADE drops beside what goes anyway, in words.
---@param objects dixis.lint.Object[]
---@return string[]
function Hazards:cascade(objects) -- luacheck: ignore self
  local anyway <const> = {}
  for _, object in ipairs((depend.closure(objects, false))) do anyway[object] = true end
  local found <const> = {}
  for _, object in ipairs((depend.closure(objects, true))) do
    local own <const> = object.kind == "default" or object.kind == "column" and object.table.kind ~= "table"
    if not anyway[object] and not own then
      local named <const> = object.table and object.table.name ~= "" -- that of an index that is there in thought
      local of <const> = named and " of " .. sql.quote_identifier(object.table.name) or ""
      found[#found + 1] = ("%s %s%s"):format(object.kind, sql.quote_identifier(object.name), of)
    end
  end
  table.sort(found)
  if #found > MANY_NAMES then
    found[MANY_NAMES] = ("and %d more"):format(#found - MANY_NAMES + 1)
    for i = #found, MANY_NAMES + 1, -1 do found[i] = nil end
  end
  return found
end

--- Remembers a lock that the migration holds from here to its end.
---@param on dixis.lint.Subject
---@param mode dixis.lint.LockMode
---@param long? string
function Hazards:locked(on, mode, long)
  local memory <const> = self.memory
  local entry <const> = memory.lock_of[on.key]
  if entry then
    entry.lock = locks.stronger(entry.lock, mode)
    if long and not entry.long then entry.long, entry.long_line = long, self.statement.line end
    return
  end
  memory.lock_of[on.key] = { on = on, lock = mode, long = long, long_line = self.statement.line,
    statement = self.statement, index = self.index }
  table.insert(memory.locked, memory.lock_of[on.key])
end

--- What the migration keeps locked when it comes to a statement, as a sentence; nil: nothing that blocks writes.
---@param index integer  of the statement
---@return string?
function Hazards:held_before(index)
  for _, entry in ipairs(self.whole and self.memory.locked or {}) do
    if entry.index < index and locks.blocks_writes(entry.lock) then
      return (" Meanwhile %s stays locked (%s, line %d), which %s."):format(entry.on.sql, entry.lock, entry.statement.line,
        locks.blocks(entry.lock))
    end
  end
end

--- Adds a finding; about this statement unless another is given.
---@param rule string
---@param finding table
---@param at? integer  offset in the file
---@param statement? host.sql.Statement
---@param index? integer  of that
function Hazards:report(rule, finding, at, statement, index)
  if not self:wants(rule) then return end
  local lint <const> = self.lint
  local now <const>, now_index <const> = lint.statement, lint.index
  lint.statement, lint.index = statement or now, index or now_index
  finding.at = at
  lint:report(rule, finding)
  lint.statement, lint.index = now, now_index
end

return Hazards
