-- What the blocks of a Prisma schema mean: the names of things first, then the types of fields, then attributes,
-- relations, and the rules for the whole.

local errors = require "dixis.errors"
local near = require "dixis.near"
local natives = require "dixis.prisma.natives"

local model_of = {}

---@class dixis.prisma.Field
---@field name string
---@field column string        what the database calls it
---@field type? string         nil for Unsupported("...")
---@field unsupported? string
---@field optional boolean
---@field list boolean
---@field relation boolean     the type is a model: there is no column
---@field target? dixis.prisma.Model|dixis.prisma.Enum  of a relation or an enum
---@field enum boolean
---@field default? table       the value of @default, a node of the grammar
---@field native? { name: string, parameters: integer[] }
---@field ignored? boolean
---@field model dixis.prisma.Model
---@field line integer

---@class dixis.prisma.KeyField
---@field field dixis.prisma.Field
---@field sort? "Asc"|"Desc"
---@field ops? { name?: string, raw?: string }

---@class dixis.prisma.Key
---@field kind "id"|"unique"|"index"
---@field fields dixis.prisma.KeyField[]
---@field name? string         in the client
---@field map? string          in the database
---@field method? string       "Gin"
---@field where? string|true   predicate of a partial one; true when it is not known
---@field line integer

---@class dixis.prisma.Model
---@field name string
---@field table string         what the database calls it
---@field schema? string       of @@schema
---@field view boolean
---@field ignored boolean      @@ignore
---@field fields dixis.prisma.Field[]
---@field primary_key? dixis.prisma.Key
---@field indexes dixis.prisma.Key[]  uniques too
---@field file string
---@field line integer

---@class dixis.prisma.Enum
---@field name string
---@field type string          what the database calls it
---@field schema? string
---@field values { name: string, value: string, line: integer }[]
---@field file string
---@field line integer

---@class dixis.prisma.Schema
---@field models dixis.prisma.Model[]
---@field views dixis.prisma.Model[]
---@field all dixis.prisma.Model[]      models and views
---@field enums dixis.prisma.Enum[]
---@field relations dixis.prisma.Relation[]
---@field datasource dixis.prisma.Datasource
---@field preview table<string, boolean>

local reserved <const> = {}
for word in ([[PrismaClient break case catch class const continue debugger default delete do else enum export extends false
  finally for function if implements import in instanceof interface let new null package private protected public return
  super switch this throw true try typeof var void while with yield]]):gmatch "%a+" do reserved[word] = true end

local function check_name(source, entry, what)
  if entry.name:find "^%d" then source:fail(entry.at, ("the name of %s cannot begin with a digit"):format(what)) end
  if entry.name:find("-", 1, true) then source:fail(entry.at, ("the name of %s cannot contain '-'"):format(what)) end
end

local function check_attribute_names(source, list)
  for _, attribute in ipairs(list) do check_name(source, attribute, "an attribute") end
end

-- The entries of a block by their kind; block attributes may stand anywhere in it.
local function split(source, block, kind)
  local entries <const>, attributes <const> = {}, {}
  for _, entry in ipairs(block.entries) do
    local list <const> = entry.kind == kind and entries or attributes
    list[#list + 1] = entry
  end
  check_attribute_names(source, attributes)
  return entries, attributes
end

local function read_model(source, block)
  local entries <const>, block_attributes <const> = split(source, block, "field")
  local model <const> = { name = block.name, table = block.name, view = block.kind == "view", ignored = false, fields = {},
    by_name = {}, indexes = {}, attributes = block_attributes, source = source, at = block.at, file = source.file,
    line = source:line_of(block.at) }
  for i, entry in ipairs(entries) do
    check_name(source, entry, "a field")
    check_attribute_names(source, entry.attributes)
    if model.by_name[entry.name] then
      source:fail(entry.at, ("field '%s' is already defined on %s '%s'"):format(entry.name, block.kind, block.name))
    end
    local field <const> = {
      name = entry.name, column = entry.name, type = entry.type, unsupported = entry.unsupported,
      optional = entry.optional or false, list = entry.list or false, relation = false, enum = false,
      attributes = entry.attributes, line = source:line_of(entry.at), at = entry.at, type_at = entry.type_at, model = model,
    }
    model.fields[i], model.by_name[entry.name] = field, field
  end
  return model
end

local function read_enum(source, block)
  local entries <const>, block_attributes <const> = split(source, block, "value")
  local enum <const> = { name = block.name, type = block.name, values = {}, by_name = {}, attributes = block_attributes,
    source = source, at = block.at, file = source.file, line = source:line_of(block.at) }
  for i, entry in ipairs(entries) do
    check_name(source, entry, "a value")
    check_attribute_names(source, entry.attributes)
    if enum.by_name[entry.name] then
      source:fail(entry.at, ("value '%s' is already defined on enum '%s'"):format(entry.name, block.name))
    end
    local value <const> = { name = entry.name, value = entry.name, attributes = entry.attributes,
      line = source:line_of(entry.at) }
    enum.values[i], enum.by_name[entry.name] = value, value
  end
  return enum
end

--- Adds the blocks of a file to a schema: everything has its name now, nothing more.
---@param source dixis.prisma.Source
---@param blocks table[]
---@param schema dixis.prisma.Schema  so far
---@param names table  so far
function model_of.add(source, blocks, schema, names)
  for _, block in ipairs(blocks) do
    local kind <const> = block.kind
    local space <const> = (kind == "datasource" or kind == "generator") and kind .. " " or ""
    if natives.defaults[block.name] then source:fail(block.at, ("'%s' is the name of a built-in type"):format(block.name)) end
    if space == "" then
      check_name(source, block, kind)
      if kind ~= "type" and reserved[block.name] then source:fail(block.at, ("'%s' is a reserved name"):format(block.name)) end
    end
    if kind == "model" or kind == "view" then
      local list <const> = kind == "model" and schema.models or schema.views
      list[#list + 1] = read_model(source, block)
    elseif kind == "enum" then
      schema.enums[#schema.enums + 1] = read_enum(source, block)
    elseif kind == "type" then
      source:fail(block.at, "composite types are not possible with PostgreSQL")
    else
      schema.config[#schema.config + 1] = { source = source, block = block }
    end
    if names[space .. block.name] then source:fail(block.at, ("'%s' is already defined"):format(block.name)) end
    names[space .. block.name] = true
  end
end

local function read_config(schema)
  local config <const> = require "dixis.prisma.config"
  for _, entry in ipairs(schema.config) do
    if entry.block.kind == "generator" then config.generator(entry.source, entry.block, schema.preview) end
  end
  for _, entry in ipairs(schema.config) do
    if entry.block.kind == "datasource" then
      if schema.datasource then entry.source:fail(entry.block.at, "there is already a datasource") end
      schema.datasource = config.datasource(entry.source, entry.block, schema.preview)
    end
  end
end

local function resolve_types(schema)
  local models <const>, enums <const> = {}, {}
  for _, model in ipairs(schema.all) do models[model.name] = model end
  for _, enum in ipairs(schema.enums) do
    enums[enum.name] = enum
    if #enum.values == 0 then enum.source:fail(enum.at, ("enum '%s' has no values"):format(enum.name)) end
  end
  for _, model in ipairs(schema.all) do
    for _, field in ipairs(model.fields) do
      local name <const> = field.type
      field.relation, field.enum = models[name] ~= nil, enums[name] ~= nil
      field.target = models[name] or enums[name]
      if name and not natives.defaults[name] and not field.target then
        local known <const> = near.keys(natives.defaults)
        for other in pairs(models) do known[#known + 1] = other end
        for other in pairs(enums) do known[#known + 1] = other end
        local meant <const> = near.find(name, known)
        model.source:fail(field.type_at, ("'%s' is neither a built-in type nor a model or enum"):format(name),
          meant and ("did you mean '%s'?"):format(meant))
      end
    end
  end
end

-- What only the reading needed.
local function forget(schema)
  schema.config = nil
  for _, model in ipairs(schema.all) do
    for _, name in ipairs { "source", "at", "attributes", "by_name", "keys", "map_at", "schema_at" } do model[name] = nil end
    for _, field in ipairs(model.fields) do field.at, field.type_at, field.attributes = nil, nil, nil end
  end
  for _, enum in ipairs(schema.enums) do
    enum.source, enum.at, enum.attributes, enum.by_name, enum.schema_at = nil, nil, nil, nil, nil
    for _, value in ipairs(enum.values) do value.attributes = nil end
  end
end

--- When all files are in: what everything means, and whether it may.
---@param schema dixis.prisma.Schema
---@param file string  for what has no better place
function model_of.resolve(schema, file)
  read_config(schema)
  if not schema.datasource then
    error(errors.new("schema", "there is no datasource", { file = file, line = 1, column = 1,
      hint = 'datasource db { provider = "postgresql" }' }), 0)
  end
  schema.all = table.move(schema.views, 1, #schema.views, #schema.models + 1, table.move(schema.models, 1, #schema.models, 1, {}))
  resolve_types(schema)
  require("dixis.prisma.fields").resolve(schema)
  require("dixis.prisma.keys").resolve(schema)
  require("dixis.prisma.relations").infer(schema)
  local relation_rules <const> = require "dixis.prisma.relation_rules"
  relation_rules.check_ambiguity(schema)
  require("dixis.prisma.rules").check(schema)
  relation_rules.check(schema)
  forget(schema)
end

return model_of
