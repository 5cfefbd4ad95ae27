-- Drops, renames and moves: what running code calls by a name that is not there any more.

local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local quote <const> = subject.quote

-- What is dropped and made again in one migration is there all the time, as others see it.
local makers <const> = {
  CreateStmt = function(body) return "relation", body.relation.relname end,
  ViewStmt = function(body) return "relation", body.view.relname end,
  CreateTableAsStmt = function(body) return "relation", body.into.rel.relname end,
  CreateSeqStmt = function(body) return "relation", body.sequence.relname end,
  CreateFunctionStmt = function(body) return "function", select(2, node.name(body.funcname)) end,
  CreateEnumStmt = function(body) return "type", select(2, node.name(body.typeName)) end,
  CreateDomainStmt = function(body) return "type", select(2, node.name(body.domainname)) end,
  CompositeTypeStmt = function(body) return "type", body.typevar.relname end,
  CreateTrigStmt = function(body) return "part", body.trigname end,
  CreatePolicyStmt = function(body) return "part", body.policy_name end,
  RenameStmt = function(body)
    return (body.renameType == "OBJECT_TYPE" or body.renameType == "OBJECT_DOMAIN") and "type" or "relation", body.newname
  end,
}

local function made_here(context)
  local made = context.memory.made
  if made then return made end
  made = {}
  for _, statement in ipairs(context.script) do
    local maker <const> = makers[statement.node]
    if maker then
      local kind <const>, name <const> = maker(context.body_of(statement))
      if name then made[kind .. " " .. name] = true end
    end
  end
  context.memory.made = made
  return made
end

---@class dixis.lint.DropKind
---@field word string
---@field kind string    as makers say
---@field rule? string

local kinds <const> = {
  OBJECT_TABLE = { "TABLE", "relation", "drop-table" }, OBJECT_FOREIGN_TABLE = { "FOREIGN TABLE", "relation", "drop-table" },
  OBJECT_VIEW = { "VIEW", "relation" }, OBJECT_MATVIEW = { "MATERIALIZED VIEW", "relation" },
  OBJECT_SEQUENCE = { "SEQUENCE", "relation" }, OBJECT_TYPE = { "TYPE", "type" }, OBJECT_DOMAIN = { "DOMAIN", "type" },
  OBJECT_FUNCTION = { "FUNCTION", "function" }, OBJECT_PROCEDURE = { "PROCEDURE", "function" },
  OBJECT_ROUTINE = { "ROUTINE", "function" }, OBJECT_AGGREGATE = { "AGGREGATE", "function" },
  OBJECT_EXTENSION = { "EXTENSION", "extension" }, OBJECT_SCHEMA = { "SCHEMA", "schema", "drop-schema" },
  OBJECT_TRIGGER = { "TRIGGER", "part" }, OBJECT_RULE = { "RULE", "part" },
}

local gone_text <const> = {
  relation = "running code that names it fails", type = "running code that casts to it, or sends values of it, fails",
  ["function"] = "running code, triggers and defaults that call it fail", extension = "its functions and types go with it",
  part = "what it did on each write is not done any more, silently",
}

local function path_of(removed, object)
  if removed == "OBJECT_EXTENSION" or removed == "OBJECT_SCHEMA" then return nil, node.text(object) end
  if object.List then
    local items <const> = object.List.items
    if removed == "OBJECT_TRIGGER" or removed == "OBJECT_RULE" then
      local schema <const>, relation <const>, part <const> = node.part(items)
      return schema, part, relation
    end
    return node.name(items)
  end
  if object.ObjectWithArgs then return node.name(object.ObjectWithArgs.objname) end
  if object.TypeName then return node.name(object.TypeName.names) end
end

local lookups <const> = {
  relation = function(model, schema, name) return model:relation(schema, name) end,
  type = function(model, schema, name) return model:type(schema, name) end,
  schema = function(model, _, name) return model.schemas[name] end,
  extension = function(model, _, name) return model.extensions[name] end,
  ["function"] = function(model, schema, name)
    local _, found = next(model:functions(schema, name) or {})
    return found
  end,
}

local function report_table(context, schema, name, found, cascades)
  local on <const> = found and subject.of_relation(context, found) or subject.named(context, schema, name)
  if not on then return end
  say.report(context, "drop-table", { object = on.key, at = context:find(name),
    message = ("DROP TABLE %s loses its rows, and running code that names it fails.%s"):format(on.sql, on:holds()),
    fix = "take it out of the code and the schema file first and deploy that; rename it in one migration and drop it in a "
      .. "later one, with a backup at hand" })
  context:locked(on, "ACCESS EXCLUSIVE")
  -- Foreign keys are dropped from both ends.
  for _, other in ipairs(context:referenced(on)) do context:locked(other, "ACCESS EXCLUSIVE") end
  for _, other in ipairs(cascades and context:referencing(on) or {}) do context:locked(other, "ACCESS EXCLUSIVE") end
end

local function drop(_, body, context)
  local kind <const> = kinds[body.removeType]
  if not kind then return end
  local cascading, dropped = nil, {}
  for _, object in ipairs(body.objects) do
    local schema <const>, name <const>, relation <const> = path_of(body.removeType, object)
    if not name then return end
    local lookup <const> = lookups[kind[2]]
    local found <const> = lookup and lookup(context.model, schema, name)
    local fresh = found and context:fresh_object(found)
    if relation and not subject.named(context, schema, relation) then fresh = true end
    if not fresh and not (lookup and not found and body.missing_ok) then
      cascading = cascading or name
      dropped[#dropped + 1] = found
      if kind[3] == "drop-table" then
        report_table(context, schema, name, found, body.behavior == "DROP_CASCADE")
      elseif kind[3] == "drop-schema" then
        say.report(context, "drop-schema", { object = name, at = context:find(name),
          message = ("DROP SCHEMA %s: running code that names anything in it fails%s."):format(quote(name),
            body.behavior == "DROP_CASCADE" and ", and every table in it is lost with its rows" or ""),
          fix = "drop the objects in it one by one in migrations of their own, and the empty schema at last" })
      elseif not made_here(context)[kind[2] .. " " .. name] then
        say.report(context, "drop-object", { object = (schema and schema .. "." or "") .. name, at = context:find(name),
          message = ("DROP %s %s: %s."):format(kind[1], quote(name), gone_text[kind[2]]),
          fix = "deploy code that does without it first, and drop it in a later migration" })
      end
      local matview <const> = found and found.kind == "matview" and subject.of_relation(context, found)
      if matview then context:locked(matview, "ACCESS EXCLUSIVE") end
    end
  end
  if cascading and body.behavior == "DROP_CASCADE" then
    local goes <const> = context:cascade(dropped)
    say.report(context, "drop-cascade", { object = cascading, at = context:find(cascading),
      message = ("CASCADE drops whatever depends on %s too%s."):format(quote(cascading),
        #goes > 0 and ": " .. table.concat(goes, ", ") or ""),
      fix = "leave CASCADE out, see what PostgreSQL names, and drop that by name" })
  end
end

local function drop_database(_, body, context)
  say.report(context, "drop-database", { object = body.dbname,
    message = ("DROP DATABASE %s loses all of it, and cannot be undone."):format(quote(body.dbname)),
    fix = "this does not belong into a migration" })
end

local function rename_column(context, body)
  local on <const> = subject.of(context, body.relation)
  local name <const> = body.subname
  if not on or (on.relation and not on:column(context, name)) then return end
  say.report(context, "rename-column", { object = on.key .. "." .. name, at = context:find(name),
    message = ("%s.%s has another name from now on: running code that names it fails."):format(on.sql, quote(name)),
    fix = ("keep the name in the database and rename in the schema file: `@map(\"%s\")`; or add %s, write to both, fill "
      .. "the old rows in batches, move the code, drop the old one"):format(name, quote(body.newname)) })
  context:locked(on, "ACCESS EXCLUSIVE")
end

local function rename_table(context, body)
  local on <const> = subject.of(context, body.relation)
  if not on then return end
  context:locked(on, "ACCESS EXCLUSIVE")
  if made_here(context)["relation " .. on.name] then return end
  say.report(context, "rename-table", { object = on.key, at = body.relation.location,
    message = ("%s has another name from now on: running code that names it fails."):format(on.sql),
    fix = ("keep the name in the database and rename in the schema file: `@@map(\"%s\")`; or leave a view with the old "
      .. "name until all code is moved"):format(on.name),
    sql = { ("ALTER TABLE %s RENAME TO %s;"):format(on.sql, quote(body.newname)),
      ("CREATE VIEW %s AS SELECT * FROM %s;  -- in the same migration; it takes writes too"):format(on.sql,
        subject.sql_name(on.schema, body.newname)) } })
end

local renamed <const> = {
  OBJECT_VIEW = { "view", "relation" }, OBJECT_MATVIEW = { "materialized view", "relation" },
  OBJECT_SEQUENCE = { "sequence", "relation" }, OBJECT_TYPE = { "type", "type" }, OBJECT_DOMAIN = { "domain", "type" },
  OBJECT_FUNCTION = { "function", "function" }, OBJECT_PROCEDURE = { "procedure", "function" },
  OBJECT_SCHEMA = { "schema", "schema" }, OBJECT_ROLE = { "role", "role" }, OBJECT_DATABASE = { "database", "database" },
}

local function rename(_, body, context)
  if body.renameType == "OBJECT_COLUMN" and body.relationType == "OBJECT_TABLE" then return rename_column(context, body) end
  if body.renameType == "OBJECT_TABLE" then return rename_table(context, body) end
  local kind <const> = renamed[body.renameType]
  if not kind then return end
  local schema, name
  if body.relation then
    schema, name = body.relation.schemaname, body.relation.relname
  elseif body.object then
    schema, name = path_of(body.renameType, body.object)
  else
    name = body.subname
  end
  local lookup <const> = lookups[kind[2]]
  local found <const> = lookup and name and lookup(context.model, schema, name)
  if not name or (found and context:fresh_object(found)) or made_here(context)[kind[2] .. " " .. name] then return end
  say.report(context, "rename-object", { object = (schema and schema .. "." or "") .. name, at = context:find(name),
    message = ("%s %s has another name from now on: running code that names it fails."):format(kind[1], quote(name)),
    fix = "make one of the new name beside it, move the code, and drop the old one in a later migration" })
end

local moved <const> = { OBJECT_TABLE = "relation", OBJECT_VIEW = "relation", OBJECT_MATVIEW = "relation",
  OBJECT_SEQUENCE = "relation", OBJECT_TYPE = "type", OBJECT_DOMAIN = "type", OBJECT_FUNCTION = "function",
  OBJECT_EXTENSION = "extension" }

local function set_schema(_, body, context)
  local kind <const> = moved[body.objectType]
  if not kind then return end
  local schema, name
  if body.relation then
    schema, name = body.relation.schemaname, body.relation.relname
  else
    schema, name = path_of(body.objectType, body.object)
  end
  local found <const> = name and lookups[kind](context.model, schema, name)
  if not name or not found or context:fresh_object(found) then return end
  say.report(context, "moves-schema", { object = (schema or "public") .. "." .. name, at = context:find(name),
    message = ("%s is in the schema %s from now on: running code finds it only when search_path or its own name for it "
      .. "says so."):format(quote(name), quote(body.newschema)),
    fix = "deploy code that names the schema first; or leave a view where it was" })
  local on <const> = kind == "relation" and subject.of_relation(context, found)
  if on then context:locked(on, "ACCESS EXCLUSIVE") end
end

return { DropStmt = drop, DropdbStmt = drop_database, RenameStmt = rename, AlterObjectSchemaStmt = set_schema }
