-- DROP.

local drop = require "dixis.lint.drop"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local signature = require "dixis.lint.signature"

local handlers = {}

local relation_words <const> = { OBJECT_TABLE = "table", OBJECT_VIEW = "view", OBJECT_MATVIEW = "materialized view",
  OBJECT_INDEX = "index", OBJECT_SEQUENCE = "sequence", OBJECT_FOREIGN_TABLE = "foreign table" }
local kinds_of <const> = {
  OBJECT_TABLE = { table = true, partitioned = true }, OBJECT_VIEW = { view = true }, OBJECT_MATVIEW = { matview = true },
  OBJECT_INDEX = { index = true }, OBJECT_SEQUENCE = { sequence = true }, OBJECT_FOREIGN_TABLE = { table = true },
}

local targets = {}

-- Is the schema of something that may be missing itself missing? Then there is nothing to drop.
local function absent_schema(context, schema, missing_ok)
  return missing_ok and schema and not context.model.schemas[schema]
end

local function relation_target(context, object, body)
  local schema <const>, name <const> = node.name(object.List.items)
  if absent_schema(context, schema, body.missing_ok) then return nil end
  local word <const> = relation_words[body.removeType]
  local found <const> = find.relation(context, { schemaname = schema, relname = name },
    { kind = word, missing_ok = body.missing_ok, any = true })
  if not found or found.assumed then return found end
  if find.stands(context, found) and not kinds_of[body.removeType][found.kind] then
    context:report("wrong-object", { object = find.full(found.schema, found.name),
      message = ('"%s" is %s, not %s (made %s)'):format(name, names.with_article(found.kind), names.with_article(word),
        context:where(found)) })
    return nil
  end
  if found.kind == "index" and found.constraint and find.stands(context, found.constraint) then
    context:report("still-needed", { object = find.full(found.schema, found.name),
      message = ('the index "%s" cannot be dropped: the constraint "%s" of "%s" needs it'):format(name,
        found.constraint.name, found.table.name),
      fix = ('ALTER TABLE "%s" DROP CONSTRAINT "%s"'):format(found.table.name, found.constraint.name),
      fix_sql = ('ALTER TABLE "%s" DROP CONSTRAINT "%s";'):format(found.table.name, found.constraint.name),
      fix_file = context.file, fix_edit = "instead" })
    return nil
  end
  return found
end
for kind in pairs(relation_words) do targets[kind] = relation_target end

local function type_target(context, object, body)
  local type_name <const> = object.TypeName
  local schema <const>, name <const> = node.name(type_name.names)
  if absent_schema(context, schema, body.missing_ok) then return nil end
  if body.missing_ok then return (context.model:type(schema, name)) end
  return expression.type(context, type_name).user
end
targets.OBJECT_TYPE, targets.OBJECT_DOMAIN = type_target, type_target

local function part_target(what)
  return function(context, object, body)
    local schema <const>, table_name <const>, name <const> = node.part(object.List.items)
    if absent_schema(context, schema, body.missing_ok) then return nil end
    local relation <const> = find.relation(context, { schemaname = schema, relname = table_name },
      { missing_ok = body.missing_ok })
    return relation and find.part(context, relation, what, name, body.missing_ok)
  end
end
targets.OBJECT_TRIGGER, targets.OBJECT_POLICY = part_target "trigger", part_target "policy"

function targets.OBJECT_SCHEMA(context, object, body)
  local name <const> = names.clip(node.text(object))
  if not body.missing_ok then find.schema(context, name) end
  return context.model.schemas[name]
end

function targets.OBJECT_EXTENSION(context, object, body)
  local name <const> = node.text(object)
  local found <const> = context.model.extensions[name]
  if not found and not body.missing_ok and context.model.epochs.schema == 0 and name ~= "plpgsql" then
    context:report("missing-extension", { object = name,
      message = ('the extension "%s" was not created here'):format(name) })
  end
  return found
end

local function function_target(context, object, body)
  return signature.find(context, object.ObjectWithArgs, body.missing_ok)
end
targets.OBJECT_FUNCTION, targets.OBJECT_PROCEDURE, targets.OBJECT_ROUTINE = function_target, function_target,
  function_target

function handlers.DropStmt(context, body)
  local target <const> = targets[body.removeType]
  if not target then return end
  local found, labels = {}, {}
  for _, object in ipairs(body.objects or {}) do
    local one <const> = target(context, object, body)
    if one then
      found[#found + 1] = one
      labels[#labels + 1] = ('"%s"'):format(one.name)
    end
  end
  if #found == 0 then return end
  drop.objects(context, found, body.behavior == "DROP_CASCADE", table.concat(labels, ", "))
end

-- All that a role owns: everything may be gone.
function handlers.DropOwnedStmt(context)
  context:doubt "DROP OWNED drops what a role owns; what that is cannot be seen here"
end

return handlers
