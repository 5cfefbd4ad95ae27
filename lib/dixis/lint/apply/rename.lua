-- ALTER ... RENAME and ALTER ... SET SCHEMA.

local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local inherit = require "dixis.lint.inherit"
local model_of = require "dixis.lint.model"
local names = require "dixis.lint.names"
local partition = require "dixis.lint.partition"
local signature = require "dixis.lint.signature"

local handlers = {}

local words <const> = { OBJECT_TABLE = "table", OBJECT_VIEW = "view", OBJECT_MATVIEW = "materialized view",
  OBJECT_INDEX = "index", OBJECT_SEQUENCE = "sequence", OBJECT_FOREIGN_TABLE = "foreign table" }

local function move(context, object, schema, name)
  if schema ~= object.schema or object.name ~= name then
    local model <const> = context.model
    local space <const> = model.schemas[schema]
    local before <const> = space and object.columns and space.relations[name] or space and not object.columns and
      object.kind ~= "index" and space.types[name]
    if object.cause then
      -- It is not there, so this fails anyway; who needs the new name fails for the same reason.
      local container <const> = context.model:space(schema)[object.columns and "relations" or "types"]
      container[name] = container[name] or object
      return
    end
    if object.kind == "index" and space and not before then
      local other <const> = space.relations[name]
      if find.stands(context, other) then
        object.lingers = context:report("duplicate-index", { before = other, object = find.full(schema, name),
          message = ('the name "%s" is taken: %s was %s'):format(name, names.with_article(other.kind), context:origin(other)) })
        return
      end
    elseif find.stands(context, before) then
      local rule <const> = object.columns and "duplicate-table" or "duplicate-type"
      object.lingers = context:report(rule, { before = before, object = find.full(schema, name),
        message = ('the name "%s" is taken: %s was %s'):format(name, names.with_article(before.kind), context:origin(before)) })
      return
    end
    if context.soft then
      -- Either name may be right.
      object.maybe = true
      model:doubt(object.columns and "relation" or "type")
      return
    end
    if model:is_system(schema) then
      context:doubt "objects of the system are not followed"
      model:space(object.schema)[object.columns and "relations" or "types"][object.name] = nil
      return
    end
    find.came_later(context, (object.columns and "" or "type ") .. find.full(schema, name), "given that name")
    model:move(object, schema, name, context.place)
  end
end

-- An index that belongs to a constraint shares its name.
local function rename_relation(context, body)
  local found <const> = find.relation(context, body.relation,
    { kind = words[body.renameType], missing_ok = body.missing_ok, any = true })
  if not found or found.assumed and not found.cause then return end
  -- ALTER INDEX may rename a table.
  if body.renameType ~= "OBJECT_INDEX" and not find.is_kind(context, found, words[body.renameType]) then return end
  local name <const> = names.clip(body.newname)
  local constraint <const> = found.kind == "index" and found.constraint
  move(context, found, found.schema, name)
  if constraint and context.soft then
    constraint.maybe = true
    constraint.table.constraints[name] = constraint.table.constraints[name]
      or setmetatable({ name = name, maybe = true }, { __index = constraint })
  elseif constraint and not context.failed then
    constraint.table.constraints[constraint.name] = nil
    constraint.name, constraint.renamed = name, context.place
    constraint.table.constraints[name] = constraint
  end
end

-- A column, constraint, trigger or policy gets a new name in its table.
local function rename_part(context, list, found, name, rule, relation, what)
  local before <const> = list[name]
  if found.cause then
    list[name] = before or found
    return false
  end
  if find.stands(context, before) and before ~= found then
    found.lingers = context:report(rule, { before = before, object = find.full(relation.schema, relation.name) .. "." .. name,
      message = ('the %s "%s" of "%s" is there already: it was %s'):format(what, name, relation.name,
        context:origin(before)) })
    return false
  end
  if context.soft then
    found.maybe = true
    list[name] = list[name] or setmetatable({ name = name, maybe = true }, { __index = found })
    return false
  end
  local model <const> = context.model
  relation.gone = relation.gone or {}
  relation.gone[model_of.scope(found) .. " " .. found.name] = { place = context.place, epoch = model.stamp, to = name }
  find.came_later(context, find.key(what, relation, name), "given that name")
  if before and what == "column" then
    for i, other in ipairs(relation.order) do
      if other == before then table.remove(relation.order, i) break end
    end
  end
  list[found.name], found.name, found.renamed = nil, name, context.place
  list[name] = found
  return true
end

local parts = {}

function parts.OBJECT_COLUMN(context, body, relation)
  local found <const> = find.column(context, relation, body.subname, { missing_ok = body.missing_ok })
  local name <const> = names.clip(body.newname)
  if not found then
    -- It may have been there: then it has the new name now.
    if relation.columns and not relation.columns[name] then
      context.model:add_column(relation, { name = name, type = { text = false, name = "?" }, nullable = true, maybe = true,
        place = context.place, was = names.clip(body.subname) })
    end
    return
  end
  local old <const> = found.name
  if partition.inherited(context, relation, "column", old, "get another name") then return end
  if rename_part(context, relation.columns, found, name, "duplicate-column", relation, "column") then
    partition.renamed(relation, old, name)
    inherit.below(relation, function(child)
      local own <const> = child.columns[old]
      if own then child.columns[old], own.name, child.columns[name] = nil, name, own end
    end)
  end
end

function parts.OBJECT_TABCONSTRAINT(context, body, relation)
  local found <const> = find.part(context, relation, "constraint", body.subname, body.missing_ok)
  if not found then return end
  local name <const> = names.clip(body.newname)
  local model <const>, old <const> = context.model, found.name
  if rename_part(context, relation.constraints, found, name, "duplicate-constraint", relation, "constraint") then
    model:count_constraint(relation.schema, old, -1)
    model:count_constraint(relation.schema, name, 1)
    if found.index then move(context, found.index, found.index.schema, name) end
  end
end

function parts.OBJECT_TRIGGER(context, body, relation)
  local found <const> = find.part(context, relation, "trigger", body.subname, body.missing_ok)
  if found then
    rename_part(context, relation.triggers, found, names.clip(body.newname), "duplicate-trigger", relation, "trigger")
  end
end

function parts.OBJECT_POLICY(context, body, relation)
  local found <const> = find.part(context, relation, "policy", body.subname, body.missing_ok)
  if found then
    rename_part(context, relation.policies, found, names.clip(body.newname), "duplicate-policy", relation, "policy")
  end
end

local function rename_schema(context, body)
  local model <const> = context.model
  find.schema(context, body.subname)
  local found <const> = model.schemas[body.subname]
  if not found then return end
  local name <const> = names.clip(body.newname)
  if context.soft then return model:doubt() end
  local before <const> = model.schemas[name]
  if find.stands(context, before) and not before.assumed then
    context:report("duplicate-schema", { object = name, message = ('the schema "%s" is there already'):format(name) })
    return
  end
  model.schemas[body.subname], model.schemas[name], found.name = nil, found, name
  for _, container in ipairs { "relations", "types" } do
    for _, object in pairs(found[container]) do object.schema = name end
  end
  for _, list in pairs(found.functions) do
    for _, object in pairs(list) do object.schema = name end
  end
end

-- A function that may have another name or schema from here on, or not.
local function unsure(context, found)
  if not context.soft then return false end
  found.maybe = true
  context.model:doubt "function"
  return true
end

-- Is there a function with the same arguments where this one is to go? Then it stays.
local function function_taken(context, found, schema, name)
  local others <const> = context.model:space(schema).functions[name]
  local before <const> = others and others[found.arguments]
  if not before or before == found or before.unsure or found.unsure or not find.stands(context, found)
    or not find.stands(context, before) then return false end
  context:report("duplicate-function", { before = before, object = find.full(schema, name),
    message = ('the function "%s"(%s) is there already: it was %s'):format(name, found.arguments, context:origin(before)) })
  return true
end

local function rename_function(context, body)
  local found <const> = signature.find(context, body.object.ObjectWithArgs)
  if not found or unsure(context, found)
    or function_taken(context, found, found.schema, names.clip(body.newname)) then return end
  local list <const> = context.model:space(found.schema).functions
  list[found.name][found.arguments] = nil
  if not next(list[found.name]) then list[found.name] = nil end
  context.model:note_dropped(found, context.place)
  found.name = names.clip(body.newname)
  list[found.name] = list[found.name] or {}
  list[found.name][found.arguments] = found
end

local function rename_type(context, body)
  local found <const> = expression.type(context, { names = body.object.List.items }).user
  if found and not found.columns then move(context, found, found.schema, names.clip(body.newname)) end
end

function handlers.RenameStmt(context, body)
  local part <const> = parts[body.renameType]
  if words[body.renameType] then
    rename_relation(context, body)
  elseif part then
    local relation <const> = find.relation(context, body.relation,
      { missing_ok = body.missing_ok, kind = words[body.relationType], any = true })
    if relation and relation.kind ~= "index" then part(context, body, relation) end
  elseif body.renameType == "OBJECT_SCHEMA" then
    rename_schema(context, body)
  elseif body.renameType == "OBJECT_TYPE" or body.renameType == "OBJECT_DOMAIN" then
    rename_type(context, body)
  elseif body.renameType == "OBJECT_FUNCTION" or body.renameType == "OBJECT_PROCEDURE" or
    body.renameType == "OBJECT_ROUTINE" then
    rename_function(context, body)
  end
end

-- What moves with its table.
local function along(context, object, schema)
  if object.schema == schema or context.failed then return end
  if context.soft then
    object.maybe = true
  else
    context.model:move(object, schema, object.name, context.place)
  end
end

function handlers.AlterObjectSchemaStmt(context, body)
  local model <const> = context.model
  local schema <const> = names.clip(body.newschema)
  find.schema(context, schema)
  if body.relation then
    local found <const> = find.relation(context, body.relation,
      { kind = words[body.objectType], missing_ok = body.missing_ok, any = true })
    if not found or not find.is_kind(context, found, words[body.objectType]) then return end
    move(context, found, schema, found.name)
    for index in pairs(found.indexes or {}) do along(context, index, schema) end
    for _, made in ipairs(found.order or {}) do
      for sequence in pairs(made.owned or {}) do along(context, sequence, schema) end
    end
  elseif body.objectType == "OBJECT_TYPE" or body.objectType == "OBJECT_DOMAIN" then
    local found <const> = expression.type(context, { names = body.object.List.items }).user
    if found and not found.columns then move(context, found, schema, found.name) end
  elseif body.objectType == "OBJECT_FUNCTION" or body.objectType == "OBJECT_PROCEDURE" or
    body.objectType == "OBJECT_ROUTINE" then
    local found <const> = signature.find(context, body.object.ObjectWithArgs)
    if not found or unsure(context, found) or function_taken(context, found, schema, found.name) then return end
    local list <const> = model:space(found.schema).functions[found.name]
    list[found.arguments] = nil
    if not next(list) then model:space(found.schema).functions[found.name] = nil end
    model:note_dropped(found, context.place, find.full(schema, found.name))
    found.schema = schema
    local there <const> = model:space(schema).functions
    there[found.name] = there[found.name] or {}
    there[found.name][found.arguments] = found
  end
end

return handlers
