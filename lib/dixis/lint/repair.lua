-- The smallest repairs: for a table that no migration makes, the CREATE TABLE that the schema file means, as it must
-- have been before the statements that need it; for what else the schema file has, the statement that makes it.

local definition = require "dixis.lint.definition"

local repair = {}

local quoted <const> = definition.quoted

-- What later migrations add to the table themselves: it must not be there before.
local function later(relation)
  local found <const> = { columns = {}, keys = {}, list = {} }
  for _, column in ipairs(relation and relation.order or {}) do
    if not column.assumed and not column.was then
      found.columns[column.name] = true
      found.list[#found.list + 1] = column
    end
  end
  for name in pairs(relation and relation.constraints or {}) do found.keys[name] = true end
  for index in pairs(relation and relation.indexes or {}) do found.keys[index.name] = true end
  return found
end

local function has_any(columns, set)
  for _, column in ipairs(columns) do
    if set[type(column) == "table" and column.name or column] then return true end
  end
  return false
end

-- A column under the name that it had before later migrations renamed it.
local function old_names(relation)
  local old <const> = {}
  for _, column in ipairs(relation and relation.order or {}) do
    if column.was then old[column.name] = column.was end
  end
  return old
end

local function sorted(map)
  local keys <const> = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The CREATE TABLE with its indexes; nil when the schema file does not say enough.
local function create_text(entry, default_schema, added, old)
  local name <const> = definition.table_name(entry, default_schema)
  local lines, left_out = {}, {}
  for _, column_name in ipairs(entry.column_order) do
    if added.columns[column_name] then
      left_out[#left_out + 1] = column_name
    else
      local text <const> = definition.column(entry.columns[column_name], old[column_name] or column_name, default_schema)
      if not text then return nil end
      lines[#lines + 1] = "    " .. text
    end
  end
  local key <const> = entry.primary_key
  if key and not added.keys[key.name] and not has_any(key.columns, added.columns) and not next(old) then
    lines[#lines + 1] = ("\n    CONSTRAINT %s PRIMARY KEY (%s)"):format(quoted { key.name }, quoted(key.columns))
  elseif key and not added.keys[key.name] and not has_any(key.columns, added.columns) then
    local columns <const> = {}
    for i, column in ipairs(key.columns) do columns[i] = old[column] or column end
    lines[#lines + 1] = ("\n    CONSTRAINT %s PRIMARY KEY (%s)"):format(quoted { key.name }, quoted(columns))
  end
  local texts <const> = { ("-- CreateTable\nCREATE TABLE %s (\n%s\n);"):format(name, table.concat(lines, ",\n")) }
  for _, index_name in ipairs(sorted(entry.indexes)) do
    local index <const> = entry.indexes[index_name]
    if not added.keys[index_name] and not has_any(index.columns, added.columns) and not has_any(index.columns, old) then
      texts[#texts + 1] = "-- CreateIndex\n" .. definition.index(index, name)
    end
  end
  return table.concat(texts, "\n\n"), left_out
end

local Repairs = {}
Repairs.__index = Repairs

-- Is it there when the first migration has run?
function Repairs:early(place)
  return place ~= nil and place.migration == self.first.name
end

-- Where the table can be made: at the end of the first migration, if all that it needs is there by then.
function Repairs:place(finding, entry)
  if finding.migration == self.first.name then return nil end
  for _, column in pairs(entry.columns) do
    local schema <const>, name <const> = (type(column.type) == "string" and column.type or ""):match '^"?([^".]+)"?%."?([^"%[]+)'
    local space <const> = schema and self.model.schemas[schema]
    local enum <const> = space and space.types[name]
    if schema and not (enum and self:early(enum.place)) then return nil end
  end
  for _, key in pairs(entry.foreign_keys) do
    local relation <const> = self:relation(key.table)
    if relation and not relation.assumed and not self:early(relation.place) then return nil end
  end
  return self.first.file
end

function Repairs:relation(key)
  local schema <const>, name <const> = key:match "^([^.]+)%.(.*)$"
  local space <const> = schema and self.model.schemas[schema]
  return space and space.relations[name]
end

-- Foreign keys between this table and those that are there by now.
function Repairs:foreign_keys(key, entry)
  local texts <const> = {}
  local function add(from_key, from)
    local added <const> = later(self:relation(from_key))
    for _, name in ipairs(sorted(from.foreign_keys)) do
      local foreign <const> = from.foreign_keys[name]
      local target <const> = self.expected.tables[foreign.table]
      local relation <const> = self:relation(foreign.table)
      local there <const> = self.made[foreign.table] or relation and not relation.assumed
      if target and there and not self.written[name] and not added.keys[name] and not has_any(foreign.columns, added.columns) then
        self.written[name] = true
        texts[#texts + 1] = "-- AddForeignKey\n" .. definition.foreign_key(foreign,
          definition.table_name(from, self.default_schema), definition.table_name(target, self.default_schema))
      end
    end
  end
  add(key, entry)
  for _, other in ipairs(sorted(self.made)) do
    if other ~= key then add(other, self.expected.tables[other]) end
  end
  return texts
end

function Repairs:table(finding, key)
  local entry <const> = self.expected.tables[key]
  if not entry or entry.view then return end
  local relation <const> = self:relation(key)
  local added <const> = later(relation)
  local text <const>, left_out = create_text(entry, self.default_schema, added, old_names(relation))
  if not text then return end
  self.made[key] = true
  local texts <const> = { text, table.unpack(self:foreign_keys(key, entry)) }
  finding.fix_sql = table.concat(texts, "\n\n")
  local file <const> = self:place(finding, entry)
  finding.fix_file, finding.fix_edit = file or finding.file, file and "end" or "before"
  finding.fix = file and ("no migration makes the model's table: add it to %s"):format(self.first.name)
    or "no migration makes the model's table: make it before this statement"
  if #left_out > 0 then
    finding.fix = finding.fix .. (', without "%s", which later migrations add'):format(table.concat(left_out, '", "'))
  end
  return left_out, relation
end

-- The table, and the name of what it lacks.
function Repairs:part(finding)
  local name <const> = finding.name
  return name and self.expected.tables[finding.object:sub(1, -#name - 2)], name
end

local function advise(finding, text, more)
  finding.fix_sql, finding.fix = text, text and "add a migration that makes it" .. (more or "")
end

-- What the schema file has and no migration makes: by rule, what would make it.
local added <const> = {}

added["missing-model"] = function(self, finding)
  local entry <const> = self.expected.tables[finding.object]
  local text <const> = entry and create_text(entry, self.default_schema, later(nil), {})
  if not text then return end
  self.made[finding.object] = true
  advise(finding, table.concat({ text, table.unpack(self:foreign_keys(finding.object, entry)) }, "\n\n"),
    (": npx prisma migrate dev --name add_%s"):format((entry.name:gsub("[^%w_]+", "_"))))
end

added["missing-enum"] = function(self, finding)
  local entry <const> = self.expected.enums[finding.object]
  if entry then advise(finding, definition.enum(entry, self.default_schema)) end
end

added["missing-label"] = function(self, finding)
  local entry <const> = self.expected.enums[finding.object]
  if not entry or not finding.name then return end
  advise(finding, ("ALTER TYPE %s ADD VALUE %s;"):format(definition.table_name(entry, self.default_schema),
    definition.literal(finding.name)))
end

added["missing-field"] = function(self, finding)
  local entry <const>, name = self:part(finding)
  local column <const> = entry and entry.columns[name]
  local text <const> = column and definition.column(column, name, self.default_schema)
  if not text then return end
  advise(finding, ("ALTER TABLE %s ADD COLUMN %s;"):format(definition.table_name(entry, self.default_schema), text),
    column.nullable == false and not column.default and "; where the table has rows, they need a value first" or nil)
end

added["missing-model-index"] = function(self, finding)
  local entry <const>, name = self:part(finding)
  local index <const> = entry and entry.indexes[name]
  if index then advise(finding, definition.index(index, definition.table_name(entry, self.default_schema))) end
end
added["missing-model-unique"] = added["missing-model-index"]

added["missing-relation"] = function(self, finding)
  local entry <const>, name = self:part(finding)
  local key <const> = entry and entry.foreign_keys[name]
  local target <const> = key and self.expected.tables[key.table]
  if not target then return end
  advise(finding, definition.foreign_key(key, definition.table_name(entry, self.default_schema),
    definition.table_name(target, self.default_schema)))
end

--- Adds repairs to the findings about tables that nobody makes, and notes what a table made from the schema file would
--- clash with.
---@param context dixis.lint.Context
---@param expected dixis.Catalog
---@param migrations dixis.Migration[]
function repair.missing(context, expected, migrations)
  local self <const> = setmetatable({ model = context.model, expected = expected, first = migrations[1], made = {}, written = {},
    default_schema = context.model.default_path[1] }, Repairs)
  local count <const> = #context.findings
  for i = 1, count do
    local finding <const> = context.findings[i]
    if finding.rule == "missing-table" and not finding.cause and not finding.created and finding.object then
      local left_out <const>, relation = self:table(finding, finding.object)
      for _, name in ipairs(left_out or {}) do
        local column <const> = relation.columns[name]
        context.migration, context.file, context.index = column.place.migration, column.place.file, column.place.statement_index
        context.statement = nil
        context:report("column-made-later", { line = column.place.line, column = 1, cause = i,
          object = finding.object .. "." .. name,
          message = ('this adds "%s" to "%s": whoever makes the table must leave it out, though the schema file has it'):format(
            name, relation.name) })
        context.findings[#context.findings].statement_index = column.place.statement_index
      end
    end
  end
  if not migrations[1] then return end
  for _, finding in ipairs(context.findings) do
    local add <const> = added[finding.rule]
    if add then add(self, finding) end
  end
end

return repair
