-- The attributes of fields and enums.

local attributes = require "dixis.prisma.attributes"
local defaults = require "dixis.prisma.defaults"

local fields = {}

local function read_name(source, attribute, argument)
  return attributes.value(source, attribute:default(argument or "name"), "text")
end

-- @map is known to other fields only from where it stands, as in Prisma.
local function check_column(model, field, mapped)
  local taken <const> = mapped[field.column]
  local other <const> = model.by_name[field.column]
  local clash <const> = other and other ~= field and not other.relation and (not other.mapped or other.column == field.column)
  if taken or clash then
    model.source:fail(field.at, ("column '%s' is already that of field '%s'"):format(field.column, (taken or other).name))
  end
  mapped[field.column] = field
end

local function read_key(attribute, field, kind, preview)
  local key <const> = { kind = kind, map = attribute:text "map", fields = { { field = field, sort = nil } }, at = attribute.at,
    on_field = true, line = field.line }
  key.length = attribute:optional "length"
  key.fields[1].sort = attribute:sort()
  key.clustered = attribute:optional "clustered"
  if kind == "unique" then key.where = attribute:where(preview) end
  attribute:close()
  return key
end

-- Prisma's native types. Their names are judged with the rules, when the datasource's name is known to be right.
local function read_native(field, list)
  local node <const> = list:native()
  if not node then return end
  local scope <const>, name <const> = node.name:match "^([^.]*)%.(.*)$"
  local texts <const> = {}
  for i, argument in ipairs(node.arguments or {}) do texts[i] = argument.value and attributes.shown(argument.value) or "" end
  field.native = { scope = scope, name = name, texts = texts, at = node.at }
end

local function read_scalar(model, field, mapped, preview)
  local source <const> = model.source
  local list <const> = attributes.of(source, field.attributes)
  local map <const> = list:single "map"
  if map then
    field.column, field.mapped = read_name(source, map), true
    map:close()
    check_column(model, field, mapped)
  end
  local ignore <const> = list:single "ignore"
  if ignore then
    if field.unsupported then ignore:fail "a field of an Unsupported type is ignored already" end
    field.ignored = true
    ignore:close()
  end
  local relation <const> = list:single "relation"
  if relation then relation:fail "only a field whose type is a model has a relation" end
  local id <const> = list:single "id"
  if id then
    if model.primary_key then model.source:fail(model.at, "only one field can have the attribute @id") end
    model.primary_key = read_key(id, field, "id", preview)
  end
  local updated <const> = list:single "updatedAt"
  if updated then
    if field.type ~= "DateTime" then updated:fail "@updatedAt is for fields of type DateTime" end
    if field.list then updated:fail "@updatedAt is not for lists" end
    updated:close()
  end
  local default <const> = list:single "default"
  if default then
    field.default = defaults.read(default, field)
    default:close()
  end
  if field.type and not field.enum then read_native(field, list) end
  local unique <const> = list:single "unique"
  if unique then model.indexes[#model.indexes + 1] = read_key(unique, field, "unique", preview) end
  local shard <const> = list:single "shardKey"
  if shard then shard:fail "PostgreSQL has no shard keys" end
  list:close()
end

local not_on_relations <const> = {
  { "id", "a relation cannot be the id; its scalar fields can" },
  { "default", "a relation has no default" },
  { "map", "a relation has no column; map its scalar fields" },
  { "unique", "a relation cannot be unique; its scalar fields can" },
  { "shardKey", "PostgreSQL has no shard keys" },
}

local function read_relation(model, field)
  local list <const> = attributes.of(model.source, field.attributes)
  require("dixis.prisma.relations").read(model, field, list:single "relation")
  local ignore <const> = list:single "ignore"
  if ignore then
    field.ignored = true
    ignore:close()
  end
  for _, refused in ipairs(not_on_relations) do
    local found <const> = list:single(refused[1])
    if found then found:fail(refused[2]) end
  end
  list:close()
end

local function read_enum(enum)
  local source <const> = enum.source
  for _, value in ipairs(enum.values) do
    local list <const> = attributes.of(source, value.attributes)
    local map <const> = list:single "map"
    if map then
      value.value = read_name(source, map)
      map:close()
    end
    list:close()
  end
  local list <const> = attributes.of(source, enum.attributes)
  local map <const> = list:single "map"
  if map then
    enum.type = read_name(source, map)
    map:close()
  end
  local schema <const> = list:single "schema"
  if schema then
    enum.schema, enum.schema_at = read_name(source, schema, "map"), schema.at
    schema:close()
  end
  list:close()
end

---@param schema dixis.prisma.Schema
function fields.resolve(schema)
  for _, model in ipairs(schema.all) do
    for _, field in ipairs(model.fields) do
      if field.relation then read_relation(model, field) end
    end
  end
  for _, model in ipairs(schema.all) do
    local mapped <const> = {}
    for _, field in ipairs(model.fields) do
      if not field.relation then read_scalar(model, field, mapped, schema.preview) end
    end
  end
  for _, enum in ipairs(schema.enums) do read_enum(enum) end
end

return fields
