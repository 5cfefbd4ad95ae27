-- The catalog that Prisma Migrate would create for a schema.

local catalog = require "dixis.prisma.catalog"
local names = require "dixis.prisma.constraint_names"
local natives = require "dixis.prisma.natives"
local operators = require "dixis.prisma.operators"
local relation_rules = require "dixis.prisma.relation_rules"
local relations = require "dixis.prisma.relations"
local sql = require "host.sql"

local expect = {}

local UNKNOWN <const> = catalog.UNKNOWN
local in_database <const> = names.in_database

local function key_of(model, default_schema)
  return catalog.key(model.schema or default_schema, in_database(model.table))
end

local function type_of(field, default_schema)
  if field.unsupported then return UNKNOWN end
  local element
  if field.enum then
    element = catalog.type_name(field.target.schema or default_schema, in_database(field.target.type))
  elseif field.native then
    element = natives.format(field.native.name, field.native.parameters)
  else
    element = natives.defaults[field.type]
  end
  return field.list and element .. "[]" or element
end

local digits <const> = {}
for place, digit in ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):gmatch "()(.)" do
  digits[digit] = place - 1
end

-- The bytes of a text in base 64, in SQL.
local function bytes(text)
  local out <const> = {}
  local bits, count = 0, 0
  for i = 1, #text do
    local digit <const> = digits[text:sub(i, i)]
    if not digit then break end
    bits, count = bits << 6 | digit, count + 6
    if count >= 8 then
      count = count - 8
      out[#out + 1] = ("%02x"):format(bits >> count & 0xFF)
    end
  end
  return "'\\x" .. table.concat(out) .. "'"
end

local function literal(field, value)
  if field.enum then return sql.quote_literal(field.target.values_in_database[value.value]) end
  if field.type == "Bytes" then return bytes(value.value) end
  if field.type == "Decimal" then return value.value end
  return value.kind == "text" and sql.quote_literal(value.value) or value.value
end

local function default_of(model, field, type)
  local value <const> = field.default
  if not value then return nil end
  if value.kind == "list" then
    local items <const> = {}
    for i, item in ipairs(value.items) do items[i] = literal(field, item) end
    return ("ARRAY[%s]::%s"):format(table.concat(items, ", "), type)
  elseif value.kind ~= "call" then
    return literal(field, value)
  elseif value.value == "now" then
    return "CURRENT_TIMESTAMP"
  elseif value.value == "autoincrement" then
    local sequence <const> = sql.quote_identifier(names.cut(model.table .. "_" .. field.column, 59) .. "_seq")
    return ("nextval(%s::regclass)"):format(sql.quote_literal(sequence))
  elseif value.value == "dbgenerated" then
    -- Without an argument any default will do.
    return value.arguments[1] and value.arguments[1].value.value or UNKNOWN
  end
end

local function new_table(schema, name, at)
  return { schema = schema, name = name, columns = {}, column_order = {}, indexes = {}, foreign_keys = {},
    file = at.file, line = at.line }
end

local function add_column(of, column)
  of.column_order[#of.column_order + 1] = column.name
  column.position = #of.column_order
  of.columns[column.name] = column
end

local function columns_of(fields)
  local found <const> = {}
  for i, field in ipairs(fields) do found[i] = in_database(field.column) end
  return found
end

local function add_key(of, model, key)
  local name <const> = names.key(model, key)
  local columns <const> = {}
  for i, part in ipairs(key.fields) do
    columns[i] = { name = in_database(part.field.column), order = part.sort == "Desc" and "DESC" or "ASC",
      ops = operators.sql(part, key.method) }
  end
  if key.kind == "id" then
    for i, column in ipairs(columns) do columns[i] = column.name end
    of.primary_key = { name = name, columns = columns, file = model.file, line = key.line }
  else
    of.indexes[name] = { name = name, columns = columns, unique = key.kind == "unique",
      method = key.method and key.method:lower() or "btree", where = key.where == true and UNKNOWN or key.where,
      file = model.file, line = key.line }
  end
end

local function add_model(found, model, default_schema)
  local of <const> = new_table(model.schema or default_schema, in_database(model.table), model)
  of.view = model.view or nil
  found.tables[key_of(model, default_schema)] = of
  for _, field in ipairs(model.fields) do
    if not field.relation then
      local type <const> = type_of(field, default_schema)
      local nullable = field.optional
      if field.list then nullable = UNKNOWN end -- Prisma does not say NOT NULL, and takes it when it is there
      add_column(of, { name = in_database(field.column), type = type, nullable = nullable, unsupported = field.unsupported,
        default = default_of(model, field, type), file = model.file, line = field.line,
        database_default = field.default and field.default.value == "dbgenerated" or nil })
    end
  end
  if model.view then return end
  if model.primary_key then add_key(of, model, model.primary_key) end
  for _, key in ipairs(model.indexes) do add_key(of, model, key) end
end

local function add_foreign_key(found, relation, default_schema)
  local attribute <const> = relation.field.relation_attribute
  local name <const> = names.foreign_key(relation)
  found.tables[key_of(relation.model, default_schema)].foreign_keys[name] = {
    name = name, columns = columns_of(attribute.fields), table = key_of(relation.other, default_schema),
    ref_columns = columns_of(attribute.references),
    on_delete = relations.action(attribute.on_delete or relation_rules.on_delete(relation)),
    on_update = relations.action(attribute.on_update or "Cascade"), file = relation.model.file, line = relation.field.line,
  }
end

local function add_join_table(found, relation, default_schema, with_foreign_keys)
  local called <const> = names.join_table(relation)
  local at <const> = { file = relation.model.file, line = relation.field.line }
  local schema <const> = relation.model.schema or default_schema
  local of <const> = new_table(schema, called.table, at)
  of.join_table = true
  found.tables[catalog.key(schema, called.table)] = of
  for column, model in pairs { A = relation.model, B = relation.other } do
    local id <const> = model.primary_key.fields[1].field
    of.columns[column] = { name = column, type = type_of(id, default_schema), nullable = false, file = at.file, line = at.line,
      position = column == "A" and 1 or 2 }
    local name <const> = column == "A" and called.a or called.b
    of.foreign_keys[name] = with_foreign_keys and { name = name, columns = { column }, table = key_of(model, default_schema),
      ref_columns = columns_of { id }, on_delete = "CASCADE", on_update = "CASCADE", file = at.file, line = at.line } or nil
  end
  of.column_order = { "A", "B" }
  of.primary_key = { name = called.primary_key, columns = { "A", "B" }, file = at.file, line = at.line }
  of.indexes[called.index] = { name = called.index, columns = { { name = "B", order = "ASC" } }, unique = false,
    method = "btree", file = at.file, line = at.line }
end

--- Ignored models are Prisma Migrate's business all the same; views are in it, without keys, for what they are called.
---@param schema dixis.prisma.Schema
---@param default_schema? string  for what has no @@schema; "public" when absent
---@return dixis.Catalog
function expect.catalog(schema, default_schema)
  default_schema = default_schema or "public"
  local found <const> = catalog.new()
  for _, enum in ipairs(schema.enums) do
    local labels <const>, by_name <const> = {}, {}
    for i, value in ipairs(enum.values) do labels[i], by_name[value.name] = value.value, value.value end
    enum.values_in_database = by_name
    local place <const>, name <const> = enum.schema or default_schema, in_database(enum.type)
    found.enums[catalog.key(place, name)] = { schema = place, name = name, labels = labels, file = enum.file,
      line = enum.line }
  end
  for _, model in ipairs(schema.all) do add_model(found, model, default_schema) end
  local with_foreign_keys <const> = schema.datasource.relation_mode == "foreignKeys"
  for _, relation in ipairs(schema.relations) do
    if not relation.model.view and not relation.other.view then
      if relation.kind == "many_to_many" then
        add_join_table(found, relation, default_schema, with_foreign_keys)
      elseif with_foreign_keys then
        add_foreign_key(found, relation, default_schema)
      end
    end
  end
  return found
end

return expect
