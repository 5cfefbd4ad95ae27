-- The model as a catalog, to be compared with a schema file's. What is not certain is catalog.UNKNOWN.

local catalog = require "dixis.prisma.catalog"
local types = require "dixis.lint.types"

local catalog_of = {}

local UNKNOWN <const> = catalog.UNKNOWN

local shown <const> = { table = true, partitioned = true, view = true, matview = true }

local function names_of(columns)
  local list <const> = {}
  for i, column in ipairs(columns or {}) do
    if not column then return UNKNOWN end
    list[i] = column.name
  end
  return columns and list or UNKNOWN
end

local function column_entry(model, column, position)
  -- What was written in vain is taken as it was meant.
  if column.assumed or not model:certain(column) then return UNKNOWN end
  local default = column.default
  if default == false then default = UNKNOWN end
  return { name = column.name, type = types.text(column.type) or UNKNOWN, nullable = column.nullable, default = default,
    position = position, identity = column.identity, generated = column.generated, file = column.place and column.place.file,
    line = column.place and column.place.line }
end

local function index_entry(index)
  local columns = {}
  if not index.keys then
    columns = UNKNOWN
  else
    for i, key in ipairs(index.keys) do
      local how <const> = index.columns and index.columns[i] or {}
      columns[i] = { name = key and key.name or nil, expression = not key or nil, order = how.order or "ASC", ops = how.ops }
    end
  end
  return { name = index.name, columns = columns, unique = index.unique or false, method = index.method or "btree",
    where = index.where and UNKNOWN or nil, constraint = index.constraint ~= nil or nil }
end

local function keys(model, relation, entry)
  for name, constraint in pairs(relation.constraints) do
    if constraint.type == "f" then
      local target <const> = constraint.target
      entry.foreign_keys[name] = { name = name, columns = names_of(constraint.keys),
        table = target and catalog.key(target.schema, target.name) or UNKNOWN, ref_columns = names_of(constraint.referenced),
        on_delete = constraint.on_delete, on_update = constraint.on_update }
    end
  end
  local primary <const> = relation.primary
  if primary then entry.primary_key = { name = primary.name, columns = names_of(primary.keys) } end
  for index in pairs(relation.indexes) do
    if index.constraint ~= primary or not primary then entry.indexes[index.name] = index_entry(index) end
  end
  -- Something may have been added or dropped that is not seen here.
  if relation.partly or relation.epoch < model.epochs.constraint then
    entry.foreign_keys, entry.indexes, entry.primary_key = UNKNOWN, UNKNOWN, UNKNOWN
  elseif relation.epoch < model.epochs.relation then
    entry.indexes = UNKNOWN
  end
end

local function table_entry(model, relation)
  if relation.open or not model:certain(relation) then return UNKNOWN end
  local entry <const> = { schema = relation.schema, name = relation.name, columns = {}, column_order = {}, indexes = {},
    foreign_keys = {}, view = relation.kind:find "view$" ~= nil or nil, file = relation.place and relation.place.file,
    line = relation.place and relation.place.line }
  for i, column in ipairs(relation.order) do
    entry.column_order[i] = column.name
    entry.columns[column.name] = column_entry(model, column, i)
  end
  keys(model, relation, entry)
  return entry
end

local function enum_entry(model, enum)
  local labels = {}
  for i, label in ipairs(enum.order) do labels[i] = label end
  for _, label in pairs(enum.labels) do
    if label.maybe then labels = UNKNOWN end
  end
  if enum.open or not model:certain(enum) then labels = UNKNOWN end
  return { schema = enum.schema, name = enum.name, labels = labels, file = enum.place and enum.place.file,
    line = enum.place and enum.place.line }
end

--- What the model says that the database looks like.
---@param model dixis.lint.Model
---@return dixis.Catalog
function catalog_of.read(model)
  local made <const> = catalog.new()
  made.unknown = model.epochs.relation > 0 or model.epochs.column > 0 or model.epochs.type > 0 or nil
  for schema, space in pairs(model.schemas) do
    if schema ~= "pg_temp" then
      for name, relation in pairs(space.relations) do
        if shown[relation.kind] and not relation.parent and name ~= "_prisma_migrations" then
          made.tables[catalog.key(schema, name)] = table_entry(model, relation)
        end
      end
      for name, type in pairs(space.types) do
        local key <const> = catalog.key(schema, name)
        if type.kind == "enum" then
          made.enums[key] = enum_entry(model, type)
        elseif type.assumed or not model:certain(type) then
          made.enums[key] = UNKNOWN
        end
      end
    end
  end
  return made
end

return catalog_of
