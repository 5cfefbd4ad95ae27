-- Which relations there are: two fields that belong together, or a field that misses the other one.

local attributes = require "dixis.prisma.attributes"

local relations = {}

---@class dixis.prisma.Relation
---@field kind "many_to_many"|"one_to_one"|"one_to_many"
---@field name? string       as it is written
---@field field? dixis.prisma.Field  which holds the foreign key; the first one of a many-to-many relation
---@field back? dixis.prisma.Field   the other side
---@field model dixis.prisma.Model   of `field`
---@field other dixis.prisma.Model   of `back`

---@class dixis.prisma.RelationAttribute
---@field name? string
---@field fields? dixis.prisma.Field[]
---@field references? dixis.prisma.Field[]
---@field on_delete? string
---@field on_update? string
---@field map? string

local function read_fields(source, value, model, what)
  local found <const>, seen <const> = {}, {}
  for i, item in ipairs(attributes.items(value)) do
    local name <const> = attributes.value(source, item, "name")
    local field <const> = model.by_name[name]
    if not field then source:fail(item.at, ("'%s': there is no field '%s' in '%s'"):format(what, name, model.name)) end
    if field.relation then source:fail(item.at, ("'%s': '%s' is a relation, not a scalar field"):format(what, name)) end
    if seen[field] then source:fail(item.at, ("'%s': the field '%s' is named twice"):format(what, name)) end
    seen[field], found[i] = true, field
  end
  return found
end

local actions <const> = { Cascade = "CASCADE", Restrict = "RESTRICT", NoAction = "NO ACTION", SetNull = "SET NULL",
  SetDefault = "SET DEFAULT" }

local function read_action(attribute, source, name)
  local value <const> = attribute:optional(name)
  if not value then return nil end
  local action <const> = attributes.value(source, value, "name")
  if not actions[action] then source:fail(value.at, ("there is no referential action %s"):format(action)) end
  return action
end

--- Reads @relation; a relation field without one has an empty one.
---@param model dixis.prisma.Model
---@param field dixis.prisma.Field
---@param attribute? dixis.prisma.Attribute
function relations.read(model, field, attribute)
  local found <const> = {}
  field.relation_attribute = found
  if not attribute then return end
  local source <const> = model.source
  local given <const>, references <const> = attribute:optional "fields", attribute:optional "references"
  if given then found.fields = read_fields(source, given, model, "fields") end
  if references then found.references = read_fields(source, references, field.target, "references") end
  if attribute.named.name and attribute.unnamed then
    -- Prisma reads neither.
    attribute.left[attribute.named.name], attribute.left[attribute.unnamed] = nil, nil
  else
    local name <const> = attribute:default("name", true)
    found.name = name and attributes.value(source, name, "text")
    if found.name == "" then attribute:fail "the name of a relation cannot be empty" end
  end
  found.on_delete, found.on_update = read_action(attribute, source, "onDelete"), read_action(attribute, source, "onUpdate")
  found.map = attribute:text "map"
  attribute:close()
end

--- An action in SQL.
---@param action string
---@return string
function relations.action(action)
  return actions[action]
end

-- The field on the other side: the first one there that points back under the same name.
local function opposite(field)
  for _, other in ipairs(field.target.fields) do
    if other.relation and other.target == field.model and other ~= field
      and other.relation_attribute.name == field.relation_attribute.name then
      return other
    end
  end
end

local function is_before(a, b)
  if a.model.name ~= b.model.name then return a.model.name < b.model.name end
  return a.name < b.name
end

-- The relation that a field is the leading side of; nothing when its opposite is.
local function relation_of(field)
  local other <const> = opposite(field)
  local name <const> = field.relation_attribute.name
  local function new(kind, forward, back)
    return { kind = kind, name = name, field = forward, back = back, model = forward and forward.model or back.target,
      other = back and back.model or forward.target }
  end
  if field.list then
    if not other then return new("one_to_many", nil, field) end
    if not other.list or not is_before(field, other) then return nil end
    return new("many_to_many", field, other)
  elseif not other then
    local given <const> = field.relation_attribute.fields
    for _, key in ipairs(given and field.model.indexes or {}) do
      if key.kind == "unique" and relations.same_fields(key, given) then return new("one_to_one", field) end
    end
    return new("one_to_many", field)
  elseif other.list then
    return new("one_to_many", field, other)
  elseif not field.optional then
    if not other.optional and not is_before(field, other) then return nil end
    return new("one_to_one", field, other)
  elseif not other.optional then
    return nil
  end
  if field.relation_attribute.fields then return new("one_to_one", field, other) end
  if other.relation_attribute.fields or not is_before(field, other) then return nil end
  return new("one_to_one", field, other)
end

--- Whether a key is on exactly these fields, in this order.
---@param key dixis.prisma.Key
---@param fields dixis.prisma.Field[]
---@return boolean
function relations.same_fields(key, fields)
  if #key.fields ~= #fields then return false end
  for i, part in ipairs(key.fields) do
    if part.field ~= fields[i] then return false end
  end
  return true
end

---@param schema dixis.prisma.Schema
function relations.infer(schema)
  schema.relations = {}
  for _, model in ipairs(schema.all) do
    for _, field in ipairs(model.fields) do
      schema.relations[#schema.relations + 1] = field.relation and relation_of(field) or nil
    end
  end
end

return relations
