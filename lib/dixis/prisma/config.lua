-- What datasources and generators say.

local attributes = require "dixis.prisma.attributes"

local config = {}

---@class dixis.prisma.Datasource
---@field name string
---@field provider string
---@field schemas string[]
---@field relation_mode "foreignKeys"|"prisma"
---@field file string
---@field line integer

-- Every preview feature that Prisma knows or has known; those that are features by now are still accepted.
local previews <const> = {}
for name in ([[aggregateApi atomicNumberOperations clientExtensions cockroachDb connectOrCreate createMany dataProxy deno
  distinct driverAdapters extendedIndexes extendedWhereUnique fieldReference filteredRelationCount filterJson fullTextIndex
  fullTextSearch groupBy improvedQueryRaw interactiveTransactions jsonProtocol metrics microsoftSqlServer middlewares mongoDb
  multiSchema namedConstraints nApi nativeDistinct nativeTypes omitApi orderByAggregateGroup orderByNulls orderByRelation
  partialIndexes postgresqlExtensions prismaSchemaFolder queryCompiler referentialActions referentialIntegrity relationJoins
  schemaEngineDriverAdapters selectRelationCount shardKeys strictUndefinedChecks tracing transactionApi typedSql
  uncheckedScalarInputs views]]):gmatch "%w+" do previews[name:lower()] = name end

local function properties_of(source, block)
  local found <const> = {}
  for _, property in ipairs(block.entries) do
    if found[property.name] then
      source:fail(property.at, ("'%s' is already defined in %s '%s'"):format(property.name, block.kind, block.name))
    end
    found[property.name] = property
  end
  return found
end

-- A text, or env("NAME").
local function check_text_or_env(source, value)
  if value.kind == "call" and value.value == "env" then
    local first <const> = value.arguments[1]
    if #value.arguments ~= 1 or not first.value or first.value.kind ~= "text" or value.arguments.trailing then
      source:fail(value.at, 'env() takes one text: env("NAME")')
    end
    return
  end
  attributes.value(source, value, "text")
end

local function read_texts(source, property)
  local found <const> = {}
  for i, item in ipairs(attributes.items(property.value)) do found[i] = attributes.value(source, item, "text") end
  return found
end

local function read_schemas(source, property)
  if not property then return {} end
  local found <const>, seen <const> = read_texts(source, property), {}
  if #found == 0 then source:fail(property.value.at, "the list of schemas is empty") end
  for _, name in ipairs(found) do
    if seen[name] then source:fail(property.value.at, ("the schema '%s' is listed twice"):format(name)) end
    seen[name] = true
  end
  return found
end

local function check_extension_argument(source, argument, seen)
  local name <const> = argument.name
  if not name then source:fail(argument.at, "the arguments of an extension have names") end
  if seen[name] then source:fail(argument.at, ("'%s' is given twice"):format(name)) end
  seen[name] = true
  if name ~= "map" and name ~= "schema" and name ~= "version" then
    source:fail(argument.at, ("an extension has no argument '%s'"):format(name))
  end
  attributes.value(source, argument.value, "text")
end

local function check_extensions(source, property, with_preview)
  if not property then return end
  if not with_preview then
    source:fail(property.at, "'extensions' needs the preview feature 'postgresqlExtensions'")
  end
  for _, item in ipairs(attributes.items(property.value)) do
    if item.kind ~= "name" and item.kind ~= "call" then source:fail(item.at, "the name of an extension expected") end
    if item.value:find "^%d" or item.value:find("-", 1, true) then
      source:fail(item.at, ("the extension's name '%s' cannot be written so"):format(item.value),
        'name it with letters, and say its own name: name(map: "its-name")')
    end
    local seen <const> = {}
    for _, argument in ipairs(item.arguments or {}) do
      if argument.value then check_extension_argument(source, argument, seen) end -- as in Prisma
    end
  end
end

local function relation_mode(source, found)
  local property <const> = found.relationMode or found.referentialIntegrity
  if not property then return "foreignKeys" end
  if found.relationMode and found.referentialIntegrity then
    source:fail(found.referentialIntegrity.at, "'referentialIntegrity' is the old name of 'relationMode'; only one can be there")
  end
  local mode <const> = attributes.value(source, property.value, "text")
  if mode ~= "prisma" and mode ~= "foreignKeys" then
    source:fail(property.value.at, ("the relation mode is 'foreignKeys' or 'prisma', not '%s'"):format(mode))
  end
  return mode
end

local datasource_properties <const> = { provider = true, url = true, directUrl = true, shadowDatabaseUrl = true,
  relationMode = true, referentialIntegrity = true, schemas = true, extensions = true }

local function is_same_url(a, b)
  local function form(value)
    return value.kind == "call" and "env " .. value.arguments[1].value.value or "text " .. value.value
  end
  return form(a.value) == form(b.value)
end

local function check_urls(source, found)
  local shadow <const> = found.shadowDatabaseUrl
  for _, name in ipairs { "url", "directUrl", "shadowDatabaseUrl" } do
    if found[name] then check_text_or_env(source, found[name].value) end
  end
  if not shadow or shadow.value.kind == "text" and shadow.value.value == "" then return end
  for _, name in ipairs { "directUrl", "url" } do
    if found[name] and is_same_url(shadow, found[name]) then
      source:fail(found[name].at, ("shadowDatabaseUrl is the same as %s"):format(name))
    end
  end
end

--- The url is not kept: it may hold a password. Prisma 6 demands one, Prisma 7 has it elsewhere: it may be missing.
---@param source dixis.prisma.Source
---@param block table
---@param preview table<string, boolean>
---@return dixis.prisma.Datasource
function config.datasource(source, block, preview)
  local found <const> = properties_of(source, block)
  local provider <const> = found.provider
  if not provider then source:fail(block.at, ("datasource '%s' names no provider"):format(block.name)) end
  if provider.value.kind ~= "text" then source:fail(provider.value.at, "the provider must be a text") end
  local name <const> = provider.value.value
  if name ~= "postgresql" and name ~= "postgres" then
    source:fail(provider.value.at, ("the provider is '%s'; only postgresql is supported"):format(name))
  end
  check_urls(source, found)
  for _, property in ipairs(block.entries) do
    if property.name == "previewFeatures" then
      source:fail(property.at, "preview features belong into a generator")
    elseif not datasource_properties[property.name] then
      source:fail(property.at, ("a datasource has no property '%s'"):format(property.name))
    end
  end
  local mode <const> = relation_mode(source, found)
  check_extensions(source, found.extensions, preview.postgresqlExtensions)
  return { name = block.name, provider = name, schemas = read_schemas(source, found.schemas), relation_mode = mode,
    file = source.file, line = source:line_of(block.at) }
end

--- Adds the preview features of a generator to those that are known.
---@param source dixis.prisma.Source
---@param block table
---@param preview table<string, boolean>
function config.generator(source, block, preview)
  local found <const> = properties_of(source, block)
  if not found.provider then source:fail(block.at, ("generator '%s' names no provider"):format(block.name)) end
  check_text_or_env(source, found.provider.value)
  if found.output then check_text_or_env(source, found.output.value) end
  if found.engineType then attributes.value(source, found.engineType.value, "text") end
  for _, item in ipairs(found.binaryTargets and attributes.items(found.binaryTargets.value) or {}) do
    check_text_or_env(source, item)
  end
  if not found.previewFeatures then return end
  for _, name in ipairs(read_texts(source, found.previewFeatures)) do
    local known <const> = previews[name:lower()]
    if not known then source:fail(found.previewFeatures.at, ("the preview feature '%s' is not known"):format(name)) end
    preview[known] = true
  end
end

return config
