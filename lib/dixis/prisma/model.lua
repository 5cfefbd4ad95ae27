-- What the blocks of a Prisma schema mean, as far as a comparison with a database needs it.

local errors = require "dixis.errors"
local near = require "dixis.near"

local model_of = {}

---@class dixis.prisma.Attribute
---@field name string
---@field arguments { name?: string, value: table }[]
---@field line integer

---@class dixis.prisma.Field
---@field name string
---@field column string      what the database calls it
---@field type? string       nil for Unsupported("...")
---@field unsupported? string
---@field optional boolean
---@field list boolean
---@field relation boolean   the type is a model: there is no column
---@field enum boolean
---@field attributes dixis.prisma.Attribute[]
---@field line integer

---@class dixis.prisma.Model
---@field name string
---@field table string       what the database calls it
---@field schema? string     of @@schema
---@field ignored boolean    @@ignore
---@field fields dixis.prisma.Field[]
---@field attributes dixis.prisma.Attribute[]
---@field file string
---@field line integer

---@class dixis.prisma.Enum
---@field name string
---@field type string        what the database calls it
---@field schema? string
---@field values { name: string, value: string, line: integer }[]
---@field file string
---@field line integer

---@class dixis.prisma.Schema
---@field models dixis.prisma.Model[]
---@field views dixis.prisma.Model[]
---@field enums dixis.prisma.Enum[]
---@field datasource { name: string, provider: string, schemas: string[], file: string, line: integer }

local scalars <const> = {
  String = true, Boolean = true, Int = true, BigInt = true, Float = true, Decimal = true, DateTime = true,
  Json = true, Bytes = true,
}

local function attributes_of(source, list)
  local found <const> = {}
  for i, attribute in ipairs(list) do
    found[i] = { name = attribute.name, arguments = attribute.arguments or {}, line = source:line_of(attribute.at) }
  end
  return found
end

-- The text that an attribute such as @map or @@schema gives, by position or as `name:`.
local function text_of(attributes, wanted)
  for _, attribute in ipairs(attributes) do
    if attribute.name == wanted then
      for _, argument in ipairs(attribute.arguments) do
        local named <const> = not argument.name or argument.name == "name"
        if named and argument.value.kind == "text" then return argument.value.value end
      end
    end
  end
end

local function has(attributes, wanted)
  for _, attribute in ipairs(attributes) do
    if attribute.name == wanted then return true end
  end
  return false
end

local function check_name(source, entry, what)
  if entry.name:find "^%d" then source:fail(entry.at, ("the name of a %s cannot begin with a digit"):format(what)) end
  if entry.name:find("-", 1, true) then source:fail(entry.at, ("the name of a %s cannot contain '-'"):format(what)) end
end

local function check_new(source, names, entry, message)
  if names[entry.name] then source:fail(entry.at, message) end
  names[entry.name] = true
end

-- The entries of a block by their kind; block attributes may stand anywhere in it.
local function split(block, kind)
  local entries <const>, attributes <const> = {}, {}
  for _, entry in ipairs(block.entries) do
    local list <const> = entry.kind == kind and entries or attributes
    list[#list + 1] = entry
  end
  return entries, attributes
end

local function read_model(source, block)
  local line <const> = source:line_of(block.at)
  local entries <const>, block_attributes <const> = split(block, "field")
  local fields <const>, names <const> = {}, {}
  for i, entry in ipairs(entries) do
    check_name(source, entry, "field")
    check_new(source, names, entry, ("field '%s' is already defined on model '%s'"):format(entry.name, block.name))
    if entry.list and entry.optional then source:fail(entry.type_at, "a list cannot be optional") end
    local attributes <const> = attributes_of(source, entry.attributes)
    fields[i] = {
      name = entry.name, column = text_of(attributes, "map") or entry.name, type = entry.type,
      unsupported = entry.unsupported, optional = entry.optional or false, list = entry.list or false,
      relation = false, enum = false, attributes = attributes, line = source:line_of(entry.at),
      source = source, type_at = entry.type_at,
    }
  end
  local attributes <const> = attributes_of(source, block_attributes)
  return {
    name = block.name, table = text_of(attributes, "map") or block.name, schema = text_of(attributes, "schema"),
    ignored = has(attributes, "ignore"), fields = fields, attributes = attributes, file = source.file, line = line,
  }
end

local function read_enum(source, block)
  local line <const> = source:line_of(block.at)
  local entries <const>, block_attributes <const> = split(block, "value")
  local values <const>, names <const> = {}, {}
  if #entries == 0 then source:fail(block.at, ("enum '%s' has no values"):format(block.name)) end
  for i, entry in ipairs(entries) do
    check_new(source, names, entry, ("value '%s' is already defined on enum '%s'"):format(entry.name, block.name))
    values[i] = {
      name = entry.name, value = text_of(attributes_of(source, entry.attributes), "map") or entry.name,
      line = source:line_of(entry.at),
    }
  end
  local attributes <const> = attributes_of(source, block_attributes)
  return {
    name = block.name, type = text_of(attributes, "map") or block.name, schema = text_of(attributes, "schema"),
    values = values, file = source.file, line = line,
  }
end

-- The url is not kept: it may hold a password.
local function read_datasource(source, block)
  local found <const> = { name = block.name, schemas = {}, file = source.file, line = source:line_of(block.at) }
  for _, property in ipairs(block.entries) do
    if property.name == "provider" then
      if property.value.kind ~= "text" then source:fail(property.value.at, "the provider must be a text") end
      found.provider = property.value.value
      if found.provider ~= "postgresql" and found.provider ~= "postgres" then
        source:fail(property.value.at, ("the provider is '%s'; only postgresql is supported"):format(found.provider))
      end
    elseif property.name == "schemas" and property.value.kind == "list" then
      for i, item in ipairs(property.value.items) do found.schemas[i] = item.value end
    end
  end
  if not found.provider then source:fail(block.at, ("datasource '%s' names no provider"):format(block.name)) end
  return found
end

--- Adds what the blocks of one file define to `model`; raises what is wrong with it.
---@param source dixis.prisma.Source
---@param blocks table[]            of grammar.parse
---@param model dixis.prisma.Schema
---@param names table<string, true> defined so far
function model_of.add(source, blocks, model, names)
  for _, block in ipairs(blocks) do
    local kind <const> = block.kind
    check_name(source, block, kind)
    if kind == "model" or kind == "view" or kind == "enum" then
      if scalars[block.name] then source:fail(block.at, ("'%s' is the name of a built-in type"):format(block.name)) end
      check_new(source, names, block, ("'%s' is already defined"):format(block.name))
    end
    if kind == "model" or kind == "view" then
      local list <const> = kind == "model" and model.models or model.views
      list[#list + 1] = read_model(source, block)
    elseif kind == "enum" then
      model.enums[#model.enums + 1] = read_enum(source, block)
    elseif kind == "type" then
      source:fail(block.at, "composite types are not possible with PostgreSQL")
    elseif kind == "datasource" then
      if model.datasource then source:fail(block.at, "there is already a datasource") end
      model.datasource = read_datasource(source, block)
    end
  end
end

--- When all files are in: every type is known, and fields learn whether theirs is a model or an enum.
---@param model dixis.prisma.Schema
function model_of.resolve(model)
  local models <const>, enums <const>, tables <const> = {}, {}, {}
  for _, list in ipairs { model.models, model.views } do
    for _, found in ipairs(list) do models[found.name] = true end
  end
  for _, found in ipairs(model.enums) do enums[found.name] = true end
  for _, list in ipairs { model.models, model.views } do
    for _, found in ipairs(list) do
      local place <const> = (found.schema or "") .. "\0" .. found.table
      if tables[place] then
        error(errors.new("schema", ("model '%s' has the table '%s' of model '%s'"):format(found.name, found.table,
          tables[place]), { file = found.file, line = found.line, column = 1 }), 0)
      end
      tables[place] = found.name
      for _, field in ipairs(found.fields) do
        field.relation, field.enum = models[field.type] or false, enums[field.type] or false
        if field.type and not scalars[field.type] and not field.relation and not field.enum then
          local known <const> = near.keys(scalars)
          for name in pairs(models) do known[#known + 1] = name end
          for name in pairs(enums) do known[#known + 1] = name end
          local meant <const> = near.find(field.type, known)
          field.source:fail(field.type_at, ("'%s' is neither a built-in type nor a model or enum"):format(field.type),
            meant and ("did you mean '%s'?"):format(meant))
        end
        field.source, field.type_at = nil, nil
      end
    end
  end
end

return model_of
