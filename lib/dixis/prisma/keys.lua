-- The attributes of models: ids, uniques, indexes, names.

local attributes = require "dixis.prisma.attributes"
local operators = require "dixis.prisma.operators"

local keys = {}

-- What stands in the parentheses behind a field: sort and ops. As in Prisma, what else stands there is not looked at.
local function read_options(source, item, key_field)
  local named <const> = {}
  for _, argument in ipairs(item.arguments) do
    if argument.name and not named[argument.name] then named[argument.name] = argument.value end
  end
  if named.sort then
    local sort <const> = attributes.value(source, named.sort, "name")
    if sort ~= "Asc" and sort ~= "Desc" then source:fail(named.sort.at, ("'sort' is Asc or Desc, not %s"):format(sort)) end
    key_field.sort = sort
  end
  if named.length then key_field.length = attributes.value(source, named.length, "number") end
  if named.ops then
    local ops <const> = named.ops
    if ops.kind == "name" then
      if not operators.known(ops.value) then source:fail(ops.at, ("the operator class %s is not known"):format(ops.value)) end
      key_field.ops = { name = ops.value }
    elseif ops.kind == "call" and ops.value == "raw" then
      local first <const> = ops.arguments[1]
      if #ops.arguments ~= 1 or first.value.kind ~= "text" then source:fail(ops.at, 'raw() takes one text') end
      key_field.ops = { raw = first.value.value }
    else
      source:fail(ops.at, 'an operator class is a name or raw("...")')
    end
  end
end

local function read_fields(model, attribute)
  local source <const> = model.source
  local found <const>, seen <const> = {}, {}
  for i, item in ipairs(attributes.items(attribute:default "fields")) do
    if item.kind ~= "name" and item.kind ~= "call" then
      source:fail(item.at, ("the name of a field expected, but this is %s"):format(attributes.shown(item)))
    end
    local field <const> = model.by_name[item.value]
    if not field then source:fail(item.at, ("there is no field '%s' in '%s'"):format(item.value, model.name)) end
    if field.relation then
      source:fail(item.at, ("'%s' is a relation; name its scalar fields"):format(item.value))
    end
    if seen[field] then source:fail(item.at, ("the field '%s' is named twice"):format(item.value)) end
    seen[field], found[i] = true, { field = field }
    if item.kind == "call" then read_options(source, item, found[i]) end
  end
  return found
end

local function client_name(attribute)
  local name <const> = attribute:text "name"
  if name and not name:find "^[%w_]*$" then attribute:fail "the argument 'name' has letters, digits and '_' only" end
  return name
end

local function read_key(model, attribute, kind)
  return { kind = kind, fields = read_fields(model, attribute), at = attribute.at, line = model.source:line_of(attribute.at) }
end

local function read_id(model, attribute)
  local key <const> = read_key(model, attribute, "id")
  for _, part in ipairs(key.fields) do
    if (part.field.optional or part.field.list) and not model.ignored then
      attribute:fail(("the field '%s' of the id must be required"):format(part.field.name))
    end
  end
  if model.primary_key then model.source:fail(model.at, "there is an @id already") end
  key.map = attribute:text "map"
  key.name = client_name(attribute)
  key.clustered = attribute:optional "clustered"
  attribute:close()
  model.primary_key = key
end

local methods <const> = { BTree = true, Hash = true, Gist = true, Gin = true, SpGist = true, Brin = true }

local function read_index(model, attribute, preview)
  local key <const> = read_key(model, attribute, "index")
  local name <const> = attribute:text "name"
  key.map = attribute:text "map"
  if name and key.map then attribute:fail "'name' is the old name of 'map'; only one can be there" end
  key.map = key.map or name
  local method <const> = attribute:optional "type"
  if method then
    key.method = attributes.value(model.source, method, "name")
    if not methods[key.method] then attribute:fail(("there are no indexes of type %s"):format(key.method)) end
  end
  key.clustered = attribute:optional "clustered"
  key.where = attribute:where(preview)
  attribute:close()
  model.indexes[#model.indexes + 1] = key
end

local function read_unique(model, attribute, preview)
  local key <const> = read_key(model, attribute, "unique")
  key.name = client_name(attribute)
  key.map = attribute:text "map"
  key.clustered = attribute:optional "clustered"
  key.where = attribute:where(preview)
  attribute:close()
  model.indexes[#model.indexes + 1] = key
end

local function read_model(model, preview)
  local source <const> = model.source
  local list <const> = attributes.of(source, model.attributes)
  local ignore <const> = list:single "ignore"
  if ignore then
    model.ignored = true
    for _, field in ipairs(model.fields) do
      if field.ignored and not field.relation then
        source:fail(field.at, "a field of an ignored model needs no @ignore")
      end
    end
    ignore:close()
  end
  local id <const> = list:single "id"
  if id then read_id(model, id) end
  local map <const> = list:single "map"
  if map then
    model.table = attributes.value(source, map:default "name", "text")
    model.map_at = map.at
    map:close()
  end
  local schema <const> = list:single "schema"
  if schema then
    model.schema, model.schema_at = attributes.value(source, schema:default "map", "text"), schema.at
    schema:close()
  end
  for attribute in list:each "index" do read_index(model, attribute, preview) end
  for attribute in list:each "unique" do read_unique(model, attribute, preview) end
  for attribute in list:each "fulltext" do attribute:fail "PostgreSQL has no @@fulltext" end
  local shard <const> = list:single "shardKey"
  if shard then shard:fail "PostgreSQL has no shard keys" end
  local key <const> = model.primary_key
  if key and key.on_field and not model.ignored then
    local field <const> = key.fields[1].field
    if field.optional or field.list then source:fail(field.at, "a field with @id must be required") end
  end
  list:close()
end

---@param schema dixis.prisma.Schema
function keys.resolve(schema)
  for _, model in ipairs(schema.all) do read_model(model, schema.preview) end
end

return keys
