-- What must hold for models, fields and enums once everything is read.

local defaults = require "dixis.prisma.defaults"
local names = require "dixis.prisma.constraint_names"
local natives = require "dixis.prisma.natives"
local operators = require "dixis.prisma.operators"

local rules = {}

local function article(model) return model.view and "view" or "model" end

-- An id or unique without optional and unsupported fields.
local function is_strict(key)
  for _, part in ipairs(key.fields) do
    if part.field.optional or part.field.unsupported then return false end
  end
  return true
end

local function check_criterion(model)
  if model.ignored or model.view then return end
  if model.primary_key and is_strict(model.primary_key) then return end
  for _, key in ipairs(model.indexes) do
    if key.kind == "unique" and is_strict(key) then return end
  end
  model.source:fail(model.at, ("model '%s' has neither an id nor a unique of required fields"):format(model.name),
    "mark a field with @id or @unique, or add @@id([...]) or @@unique([...])")
end

local function attribute_word(key) return (key.on_field and "@" or "@@") .. key.kind end

local function client_name(key)
  local parts <const> = {}
  for i, part in ipairs(key.fields) do parts[i] = part.field.name end
  return table.concat(parts, "_")
end

-- A compound id or unique is a name in the client beside the fields.
local function check_client_names(model, keys)
  local seen <const> = {}
  for _, key in ipairs(keys) do
    if key.kind ~= "index" and #key.fields > 1 then
      local field <const> = model.by_name[client_name(key)]
      if field and not field.relation then
        model.source:fail(key.at, ("the field '%s' has the name that the client gives to %s"):format(field.name,
          attribute_word(key)), ('name it: %s([...], name: "other")'):format(attribute_word(key)))
      end
    end
    if key.name then
      if seen[key.name] then
        model.source:fail(key.at, ("the name '%s' is given twice in %s '%s'"):format(key.name, article(model), model.name))
      end
      seen[key.name] = true
      if model.by_name[key.name] then
        model.source:fail(model.at, ("the name '%s' of %s is that of a field"):format(key.name, attribute_word(key)))
      end
    end
  end
end

local function check_key(model, key)
  local source <const> = model.source
  if #key.fields == 0 then source:fail(key.at, ("%s names no fields"):format(attribute_word(key))) end
  if key.map and #key.map > 63 then
    source:fail(key.at, ("the name '%s' has more than PostgreSQL's 63 bytes"):format(key.map))
  end
  if key.clustered then source:fail(key.at, "PostgreSQL has no argument 'clustered'") end
  for _, part in ipairs(key.fields) do
    if part.length or key.length then source:fail(key.at, "PostgreSQL has no argument 'length'") end
    if key.kind == "id" and part.sort then source:fail(key.at, "PostgreSQL's primary keys have no argument 'sort'") end
    if key.method == "Hash" and part.sort then source:fail(key.at, "an index of type Hash has no argument 'sort'") end
    if key.kind == "unique" and part.ops then source:fail(key.at, "only @@index has operator classes") end
  end
  if model.view and key.kind == "id" then source:fail(key.at, "a view has no primary key") end
  if model.view and key.kind == "index" then source:fail(key.at, "a view has no indexes") end
  if key.kind ~= "id" then operators.check(model, key) end
end

local function check_native(model, field, datasource)
  local native <const> = field.native
  if not native then return end
  local source <const> = model.source
  if native.scope ~= datasource.name then
    source:fail(native.at, ("native types of this datasource begin with @%s"):format(datasource.name),
      ("did you mean '@%s.%s'?"):format(datasource.name, native.name))
  end
  local known <const> = natives.types[native.name]
  if not known then source:fail(native.at, ("PostgreSQL has no native type %s"):format(native.name)) end
  if #native.texts > known.parameters then
    source:fail(native.at, ("%s takes %s"):format(native.name, known.parameters == 0 and "no parameters"
      or ("up to %d"):format(known.parameters)))
  end
  if known.scalar ~= field.type then
    source:fail(native.at, ("%s is for fields of type %s, not %s"):format(native.name, known.scalar, field.type))
  end
  local numbers <const> = natives.parameters(known, native.texts)
  if not numbers then
    source:fail(native.at, ("%s takes %s"):format(native.name,
      known.parameters == 2 and "two numbers: its precision and scale" or "one number"))
  end
  local problem <const> = natives.problem(native.name, numbers)
  if problem then source:fail(native.at, ("%s: %s"):format(native.name, problem)) end
  field.native = { name = native.name, parameters = numbers }
end

-- A type that Prisma has a name for must be called by it.
local function check_unsupported(model, field, datasource)
  local text <const> = field.unsupported
  if not text then return end
  local prefix <const>, rest <const> = text:match "^([^(]+)(.*)$"
  local name <const> = prefix and prefix:match "^%s*(.-)%s*$"
  local known <const> = natives.types[name]
  if not known then return end
  local texts <const> = {}
  local inner <const> = rest:match "^%((.-)%)"
  if inner then
    for part in (inner .. ","):gmatch "(.-)," do texts[#texts + 1] = part:match "^%s*(.-)%s*$" end
  end
  if natives.parameters(known, texts) then
    model.source:fail(field.at, ('Prisma supports the type "%s"'):format(text),
      ("write %s @%s.%s"):format(known.scalar, datasource.name, name))
  end
end

local function check_schema(of, what, datasource)
  if of.schema then
    for _, name in ipairs(datasource.schemas) do
      if name == of.schema then return end
    end
    of.source:fail(of.schema_at, ("the schema '%s' of %s '%s' is not among those of the datasource"):format(of.schema, what,
      of.name))
  elseif #datasource.schemas > 0 then
    of.source:fail(of.at, ("%s '%s' has no @@schema, but the datasource lists schemas"):format(what, of.name))
  end
end

-- Names must differ in the database: tables, enums, and in each schema primary keys and indexes.
local function check_database_names(schema)
  local taken <const> = {}
  local function take(kind, of, name, at, what)
    local place <const> = kind .. "\0" .. (of.schema or "") .. "\0" .. name
    local other <const> = taken[place]
    if other then
      -- Of two tables, the one that was given its name is to blame.
      local blamed <const> = kind == "table" and not of.map_at and other.map_at and other or of
      blamed.source:fail(kind == "table" and blamed.map_at or at, ("%s is already that of '%s'"):format(what,
        (blamed == of and other or of).name))
    end
    taken[place] = of
  end
  for _, model in ipairs(schema.all) do
    take("table", model, model.table, model.map_at or model.at, ("the table '%s'"):format(model.table))
  end
  for _, model in ipairs(schema.all) do
    for _, key in ipairs(model.keys) do
      local name <const> = names.key(model, key)
      take("key", model, name, key.at, ("the name '%s' of %s"):format(name, attribute_word(key)))
    end
  end
  for _, enum in ipairs(schema.enums) do
    take("enum", enum, enum.type, enum.at, ("the type '%s'"):format(enum.type))
  end
end

local function check_model(model, datasource, preview)
  if model.view and not preview.views then
    model.source:fail(model.at, "views need the preview feature 'views'")
  end
  check_criterion(model)
  for _, key in ipairs(model.keys) do check_key(model, key) end
  check_client_names(model, model.keys)
  check_schema(model, article(model), datasource)
  for _, field in ipairs(model.fields) do
    check_native(model, field, datasource)
    defaults.check(model, field)
    check_unsupported(model, field, datasource)
  end
end

---@param schema dixis.prisma.Schema
function rules.check(schema)
  for _, model in ipairs(schema.all) do
    model.keys = table.move(model.indexes, 1, #model.indexes, 2, { model.primary_key })
    if not model.primary_key then model.keys = model.indexes end
  end
  check_database_names(schema)
  for _, model in ipairs(schema.all) do check_model(model, schema.datasource, schema.preview) end
  for _, enum in ipairs(schema.enums) do check_schema(enum, "enum", schema.datasource) end
end

return rules
