-- What must hold for relations.

local names = require "dixis.prisma.constraint_names"
local relations = require "dixis.prisma.relations"

local rules = {}

local function place(field) return ("'%s.%s'"):format(field.model.name, field.name) end

local function fail(field, message, hint)
  field.model.source:fail(field.at, message, hint)
end

local function is_given(list) return list ~= nil and #list > 0 end

--- Several fields to one model must have names to tell them apart; the two sides of a relation of a model with itself
--- share one.
---@param schema dixis.prisma.Schema
function rules.check_ambiguity(schema)
  for _, model in ipairs(schema.all) do
    local alike <const> = {}
    for _, field in ipairs(model.fields) do
      if field.relation then
        local name <const> = field.relation_attribute.name
        local key <const> = field.target.name .. "\0" .. (name and name .. "\0" or "")
        local fields <const> = alike[key] or {}
        alike[key], fields[#fields + 1], field.alike = fields, field, fields
      end
    end
    for _, field in ipairs(model.fields) do
      local fields <const> = field.alike
      if fields and #fields > (field.target == model and field.relation_attribute.name and 2 or 1) then
        fail(field, ("%s and '%s' are the same relation to '%s'"):format(place(field), fields[2].name, field.target.name),
          'give each pair of fields its own name: @relation("name", ...)')
      end
      field.alike = nil
    end
  end
end

local prisma_actions <const> = { Cascade = true, Restrict = true, SetNull = true }

local function check_field(field, mode)
  local attribute <const> = field.relation_attribute
  if field.target.ignored and not field.ignored and not field.model.ignored then
    fail(field, ("%s needs @ignore: the model '%s' is ignored"):format(place(field), field.target.name))
  end
  for _, action in ipairs { attribute.on_delete or false, attribute.on_update or false } do
    if action and mode == "prisma" and not prisma_actions[action] then
      fail(field, ("with relationMode = \"prisma\" there is no action %s"):format(action))
    end
  end
  if attribute.map and #attribute.map > 63 then
    fail(field, ("the name '%s' has more than PostgreSQL's 63 bytes"):format(attribute.map))
  end
end

local function is_unique_in(model, references)
  local wanted <const> = {}
  for i, field in ipairs(references) do wanted[i] = field.name end
  table.sort(wanted)
  for _, key in ipairs(model.keys) do
    if key.kind ~= "index" then
      local found <const> = {}
      for i, part in ipairs(key.fields) do found[i] = part.field.name end
      table.sort(found)
      if table.concat(found, "\0") == table.concat(wanted, "\0") then return true end
    end
  end
  return false
end

local function check_foreign_key(relation, mode)
  local field <const> = relation.field
  if not field then return end
  local attribute <const> = field.relation_attribute
  local given <const>, references <const> = attribute.fields, attribute.references
  if is_given(references) and not is_unique_in(relation.other, references) then
    fail(field, ("%s: what it references in '%s' is not unique"):format(place(field), relation.other.name),
      "mark it with @unique, or add @@unique([...]) there")
  end
  if given and references and #given ~= #references then
    fail(field, ("%s: 'fields' and 'references' must name as many fields"):format(place(field)))
  end
  for i, one in ipairs(given or {}) do
    if not field.optional and one.optional then
      fail(field, ("%s must be optional: '%s' is"):format(place(field), one.name))
    end
    if mode == "prisma" and not one.optional and (attribute.on_delete == "SetNull" or attribute.on_update == "SetNull") then
      fail(field, ("%s: SetNull is not possible, '%s' is required"):format(place(field), one.name))
    end
    local other <const> = references and references[i]
    if other and (one.type ~= other.type or one.unsupported ~= other.unsupported) then
      fail(field, ("%s: '%s' and '%s.%s' have different types"):format(place(field), one.name, relation.other.name, other.name))
    end
  end
end

-- In relationMode "prisma" the client must not go round in circles: each cycle needs a relation that changes nothing.
local function changes(relation)
  local attribute <const> = relation.field.relation_attribute
  local on_delete <const> = attribute.on_delete or rules.on_delete(relation)
  local on_update <const> = attribute.on_update or "Cascade"
  local function does(action) return action ~= "NoAction" and action ~= "Restrict" end
  return does(on_delete) or does(on_update)
end

local function check_cycles(relation, leading)
  local visited <const>, next_ones <const> = {}, { relation }
  while #next_ones > 0 do
    local one <const> = table.remove(next_ones)
    visited[one] = true
    if changes(one) then
      if one.model == one.other or one.other == relation.model then
        fail(relation.field, ("%s is part of a cycle that changes rows; one of its relations must have "
          .. "onDelete and onUpdate NoAction or Restrict"):format(place(relation.field)))
      end
      for _, following in ipairs(leading[one.other] or {}) do
        if not visited[following] then next_ones[#next_ones + 1] = following end
      end
    end
  end
end

--- What happens to a row when that which it refers to is deleted, where the schema does not say.
---@param relation dixis.prisma.Relation
---@return "Restrict"|"SetNull"
function rules.on_delete(relation)
  for _, field in ipairs(relation.field.relation_attribute.fields or {}) do
    if not field.optional then return "Restrict" end
  end
  return relation.field.optional and "SetNull" or "Restrict"
end

local function check_sides(relation)
  local field <const>, back <const> = relation.field, relation.back
  local only <const> = not back and field or not field and back
  if only then
    fail(only, ("%s has no opposite field in '%s'"):format(place(only), only.target.name),
      ("add a field of type %s there"):format(only.model.name))
  end
end

local function check_actions(relation)
  local back <const> = relation.back.relation_attribute
  if back.on_delete or back.on_update then
    fail(relation.back, ("%s: 'onDelete' and 'onUpdate' belong to the other side, %s"):format(place(relation.back),
      place(relation.field)))
  end
end

local function check_one_to_many(relation)
  local field <const>, back <const> = relation.field, relation.back
  local attribute <const>, other <const> = field.relation_attribute, back.relation_attribute
  for _, name in ipairs { "fields", "references" } do
    if not is_given(attribute[name]) then
      fail(field, ("%s needs '%s' in @relation"):format(place(field), name))
    end
  end
  if is_given(other.fields) or is_given(other.references) then
    fail(back, ("%s: 'fields' and 'references' belong to the other side, %s"):format(place(back), place(field)))
  end
  check_actions(relation)
end

local function check_one_to_one(relation)
  local field <const>, back <const> = relation.field, relation.back
  local attribute <const>, other <const> = field.relation_attribute, back.relation_attribute
  for _, name in ipairs { "fields", "references" } do
    local here <const>, there <const> = is_given(attribute[name]), is_given(other[name])
    if not here and not there then
      fail(field, ("%s or %s needs '%s' in @relation"):format(place(field), place(back), name))
    end
    if here and there then fail(field, ("%s and %s both have '%s'"):format(place(field), place(back), name)) end
  end
  check_actions(relation)
  if attribute.fields then
    local found = false
    for _, key in ipairs(relation.model.keys) do
      found = found or key.kind ~= "index" and relations.same_fields(key, attribute.fields)
    end
    if not found then
      fail(field, ("%s: the fields of a one-to-one relation must be unique"):format(place(field)),
        "mark the field with @unique, or add @@unique([...])")
    end
  end
  if is_given(attribute.fields) and is_given(other.references) or is_given(attribute.references) and is_given(other.fields) then
    fail(field, ("%s and %s: 'fields' and 'references' belong together"):format(place(field), place(back)))
  end
  if not back.optional then
    fail(back, ("%s must be optional: no database can demand it"):format(place(back)),
      ("write %s?"):format(relation.model.name))
  end
  if not field.optional and (other.fields or other.references) then
    fail(back, ("%s: 'fields' and 'references' belong to the required side, %s"):format(place(back), place(field)))
  end
end

local function check_many_to_many(relation)
  for _, field in ipairs { relation.field, relation.back } do
    local attribute <const> = field.relation_attribute
    if attribute.fields then
      fail(field, ("%s: a many-to-many relation has no 'fields'"):format(place(field)),
        "write a model for the table in between, or make one side a single field")
    end
    local key <const> = field.target.primary_key
    if not key or #key.fields ~= 1 then
      fail(field, ("%s: '%s' needs a single @id for a many-to-many relation"):format(place(field), field.target.name),
        "write a model for the table in between")
    end
    if attribute.on_delete or attribute.on_update then
      fail(field, ("%s: an implicit many-to-many relation has no actions"):format(place(field)))
    end
    if attribute.references then fail(field, ("%s: a many-to-many relation has no 'references'"):format(place(field))) end
  end
end

-- A foreign key's name must differ from those of its table's keys and other foreign keys.
local function check_name(relation, taken)
  local name <const> = names.foreign_key(relation)
  local model <const> = relation.model
  if not taken[model] then
    taken[model] = {}
    for _, key in ipairs(model.keys) do taken[model][names.key(model, key)] = true end
  end
  if taken[model][name] then
    fail(relation.field, ("%s: the name '%s' of its foreign key is taken"):format(place(relation.field), name),
      'name it: @relation(..., map: "name")')
  end
  taken[model][name] = true
end

--- All other rules.
---@param schema dixis.prisma.Schema
function rules.check(schema)
  local mode <const> = schema.datasource.relation_mode
  local leading <const>, taken <const> = {}, {}
  for _, model in ipairs(schema.all) do
    for _, field in ipairs(model.fields) do
      if field.relation then check_field(field, mode) end
    end
  end
  for _, relation in ipairs(schema.relations) do
    if relation.kind ~= "many_to_many" and relation.field and relation.back then
      leading[relation.model] = leading[relation.model] or {}
      table.insert(leading[relation.model], relation)
    end
  end
  for _, relation in ipairs(schema.relations) do
    if relation.kind == "many_to_many" then
      check_many_to_many(relation)
    else
      if mode == "prisma" and relation.field and relation.back then check_cycles(relation, leading) end
      check_foreign_key(relation, mode)
      check_sides(relation)
      check_name(relation, taken)
      if relation.kind == "one_to_one" then check_one_to_one(relation) else check_one_to_many(relation) end
    end
  end
end

return rules
