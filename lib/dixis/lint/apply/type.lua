-- Types, schemas and extensions.

local builtin = require "dixis.lint.builtin"
local depend = require "dixis.lint.depend"
local expression = require "dixis.lint.expression"
local extension = require "dixis.lint.extension"
local find = require "dixis.lint.find"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"

local handlers = {}

-- A new type in its schema; nil when something stands in the way.
local function create_type(context, kind, schema, name, fields)
  local model <const> = context.model
  if schema then find.schema(context, schema) end
  schema, name = model:target(schema), names.clip(name)
  local space <const> = model.schemas[schema]
  local before = space and space.types[name]
  local row <const> = space and space.relations[name]
  if not before and row and row.kind ~= "index" and row.kind ~= "sequence" then before = row end
  if find.stands(context, before) then
    context:report("duplicate-type", { before = before, object = find.full(schema, name),
      message = ('the type "%s" is there already: %s was %s'):format(name,
        before.columns and ('the %s of that name'):format(before.kind) or "it", context:origin(before)),
      fix = "remove one of the two" })
    return nil
  end
  if before and context.soft and not before.cause then return nil end
  local made <const> = context:make(model:born(fields))
  made.kind, made.schema, made.name, made.transaction = kind, schema, name, context.transaction
  find.came_later(context, "type " .. find.full(schema, name), "created")
  model:add_type(made)
  return made
end

function handlers.CreateEnumStmt(context, body)
  local schema <const>, name <const> = node.name(body.typeName)
  local labels, order = {}, {}
  for i, label in ipairs(node.texts(body.vals)) do
    if labels[label] then
      context:report("duplicate-enum-value", { object = find.full(schema, name) .. "." .. label,
        message = ("the value '%s' is twice in the enum \"%s\""):format(label, name) })
    end
    labels[label], order[i] = { name = label, place = context.place }, label
  end
  create_type(context, "enum", schema, name, { labels = labels, order = order })
end

local function label_object(enum, label)
  return find.full(enum.schema, enum.name) .. "." .. label
end

local function index_of(list, wanted)
  for i, value in ipairs(list) do
    if value == wanted then return i end
  end
end

local function require_label(context, enum, label)
  local found <const> = enum.labels[label]
  if found or enum.open or not find.stands(context, enum) then return found end
  context:report("missing-enum-value", { object = label_object(enum, label),
    message = ("the enum \"%s\" has no value '%s' here"):format(enum.name, label) })
end

local function rename_label(context, enum, old, new)
  local found <const> = require_label(context, enum, old)
  if not found then return end
  if enum.labels[new] and not enum.labels[new].maybe and find.stands(context, enum) then
    context:report("duplicate-enum-value", { object = label_object(enum, new),
      message = ("the enum \"%s\" has the value '%s' already"):format(enum.name, new) })
    return
  end
  if context.soft then
    enum.open = true
    return
  end
  enum.labels[old], enum.labels[new], found.name = nil, found, new
  enum.order[index_of(enum.order, old)] = new
end

function handlers.AlterEnumStmt(context, body)
  local enum <const> = expression.type(context, { names = body.typeName }).user
  if not enum then return end
  if enum.kind ~= "enum" then
    if not enum.assumed and find.stands(context, enum) then
      context:report("wrong-object", { object = find.full(enum.schema, enum.name),
        message = ('"%s" is no enum: it is a %s, made %s'):format(enum.name, enum.kind, context:where(enum)) })
    end
    return
  end
  if body.oldVal then return rename_label(context, enum, body.oldVal, body.newVal) end
  if body.newValNeighbor then require_label(context, enum, body.newValNeighbor) end
  local before <const> = enum.labels[body.newVal]
  if before then
    if body.skipIfNewValExists or before.maybe or before.cause or not find.stands(context, enum) then return end
    context:report("duplicate-enum-value", { object = label_object(enum, body.newVal),
      message = ("the enum \"%s\" has the value '%s' already: it was added %s"):format(enum.name, body.newVal,
        context:where(before)),
      fix = "write ADD VALUE IF NOT EXISTS, or remove this statement" })
    return
  end
  local label <const> = context:make { kind = "label", name = body.newVal, transaction = context.transaction, epoch = 0 }
  enum.labels[body.newVal] = label
  local at <const> = body.newValNeighbor and index_of(enum.order, body.newValNeighbor)
  table.insert(enum.order, at and (body.newValIsAfter and at + 1 or at) or #enum.order + 1, body.newVal)
end

local function is_constrained(body)
  for _, item in ipairs(body.constraints or {}) do
    local kind <const> = item.Constraint.contype
    if kind == "CONSTR_CHECK" or kind == "CONSTR_NOTNULL" then return true end
  end
  return false
end

function handlers.CreateDomainStmt(context, body)
  local type <const> = expression.type(context, body.typeName)
  for _, item in ipairs(body.constraints or {}) do expression.read(context, item.Constraint.raw_expr) end
  local schema <const>, name <const> = node.name(body.domainname)
  local made <const> = create_type(context, "domain", schema, name, { base = type, constrained = is_constrained(body) })
  if made and type.user then depend.on(made, type.user) end
end

function handlers.CompositeTypeStmt(context, body)
  local attributes <const> = {}
  local made <const> = create_type(context, "composite", body.typevar.schemaname, body.typevar.relname,
    { attributes = attributes })
  for _, item in ipairs(body.coldeflist or {}) do attributes[item.ColumnDef.colname] = true end
  for _, item in ipairs(body.coldeflist or {}) do
    local type <const> = expression.type(context, item.ColumnDef.typeName)
    if made and type.user then depend.on(made, type.user) end
  end
end

function handlers.CreateRangeStmt(context, body)
  local schema <const>, name <const> = node.name(body.typeName)
  local made <const> = create_type(context, "range", schema, name, {})
  local said <const> = node.option(body.params, "multirange_type_name")
  local own_schema, own_name = schema, name:find "range" and name:gsub("range", "multirange", 1) or name .. "_multirange"
  if said then own_schema, own_name = node.name(said.TypeName.names) end
  local multirange <const> = create_type(context, "range", own_schema, own_name, {})
  if made then made.multirange = multirange end
end

-- An aggregate does to the schema what its function does.
local function is_plain_aggregate(body)
  local step <const> = node.option(body.definition, "sfunc") or node.option(body.definition, "sfunc1")
  local _, name = node.name(type(step) == "table" and step.TypeName and step.TypeName.names or {})
  return name ~= nil and builtin.has(name)
end

function handlers.DefineStmt(context, body)
  if body.kind == "OBJECT_TYPE" then
    local schema <const>, name <const> = node.name(body.defnames)
    local before <const> = context.model:type(schema, name)
    if before and before.kind == "type" then return end -- a shell type is filled
    create_type(context, "type", schema, name, {})
  elseif body.kind == "OBJECT_OPERATOR" then
    context.model.casts = true
  elseif body.kind == "OBJECT_AGGREGATE" then
    local schema <const>, name <const> = node.name(body.defnames)
    local made <const> = { kind = "function", schema = context.model:target(schema), name = name, arguments = "?aggregate",
      unsure = true, maybe = true, plain = is_plain_aggregate(body) }
    local list <const> = context.model:space(made.schema).functions
    list[name] = list[name] or {}
    list[name][made.arguments] = context:make(context.model:born(made))
    find.function_made(context, made.schema, name)
  end
end

function handlers.CreateCastStmt(context)
  context.model.casts = true
end

function handlers.AlterDomainStmt(context, body)
  local domain <const> = expression.type(context, { names = body.typeName }).user
  if domain and (body.subtype == "C" or body.subtype == "O") then domain.constrained = true end
end

function handlers.CreateSchemaStmt(context, body, statement)
  local model <const> = context.model
  if not body.schemaname and not body.authrole.rolename then
    return context:doubt "the schema gets the name of the role that runs this"
  end
  local name <const> = names.clip(body.schemaname or body.authrole.rolename)
  local before <const> = model.schemas[name]
  if find.stands(context, before) and not before.assumed then
    if not body.if_not_exists then
      context:report("duplicate-schema", { object = name,
        message = name == "public" and 'the schema "public" is there in every new database'
          or ('the schema "%s" is there already: it was made %s'):format(name, context:where(before)),
        fix = "write CREATE SCHEMA IF NOT EXISTS",
        fix_sql = ('CREATE SCHEMA IF NOT EXISTS "%s";'):format(name), fix_file = context.file, fix_edit = "instead" })
    end
    return
  end
  if before then
    before.cause, before.assumed, before.open = nil, nil, nil
    context:make(before)
  else
    context:make(model:add_schema(name))
  end
  local path <const> = model.path
  model.path = { name, table.unpack(path) }
  -- PostgreSQL makes them in this order, whatever the script's is.
  for _, wanted in ipairs { "CreateSeqStmt", "CreateStmt", "ViewStmt", "IndexStmt", "CreateTrigStmt", "GrantStmt" } do
    for _, element in ipairs(body.schemaElts or {}) do
      if element[wanted] then handlers.nested(context, wanted, element[wanted], statement) end
    end
  end
  model.path = path
end

function handlers.CreateExtensionStmt(context, body)
  local model <const> = context.model
  local schema <const> = node.option(body.options, "schema")
  local name <const> = body.extname
  if model.extensions[name] and find.stands(context, model.extensions[name]) or name == "plpgsql" then
    if not body.if_not_exists and model.epochs.schema == 0 then
      context:report("duplicate-extension", { object = name,
        message = ('the extension "%s" is there already'):format(name), fix = "write CREATE EXTENSION IF NOT EXISTS",
        fix_sql = ('CREATE EXTENSION IF NOT EXISTS "%s";'):format(name), fix_file = context.file, fix_edit = "instead" })
    end
    return
  end
  if type(schema) == "table" then find.schema(context, node.text(schema)) end
  model:add_extension(name, context.place)
  find.brought_later(context, name, body.if_not_exists == true)
  for _, space in pairs(model.schemas) do
    for label, found in pairs(space.types) do
      if found.assumed and extension.may_bring(name, "type", label) then space.types[label] = nil end
    end
  end
end

return handlers
