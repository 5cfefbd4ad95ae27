-- Statements that name objects without changing the schema: comments, grants, rows, maintenance.

local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local node = require "dixis.lint.node"
local query = require "dixis.lint.query"
local rows = require "dixis.lint.rows"
local signature = require "dixis.lint.signature"

local handlers = {}

for _, kind in ipairs { "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt" } do
  handlers[kind] = function(context, body) query.read(context, { [kind] = body }) end
end

local words <const> = { OBJECT_TABLE = "table", OBJECT_VIEW = "view", OBJECT_MATVIEW = "materialized view",
  OBJECT_INDEX = "index", OBJECT_SEQUENCE = "sequence", OBJECT_FOREIGN_TABLE = "foreign table" }

local function relation_of(context, parts, kind)
  local schema <const>, name <const> = node.name(parts)
  return find.relation(context, { schemaname = schema, relname = name }, { kind = kind })
end

local function without_last(parts)
  return table.move(parts, 1, #parts - 1, 1, {})
end

local commented = {}
function commented.OBJECT_COLUMN(context, object)
  local parts <const> = object.List.items
  local relation <const> = relation_of(context, without_last(parts))
  if relation then find.column(context, relation, node.text(parts[#parts]), { system = true }) end
end
local function commented_part(what)
  return function(context, object)
    local parts <const> = object.List.items
    local relation <const> = relation_of(context, without_last(parts))
    if relation then find.part(context, relation, what, node.text(parts[#parts])) end
  end
end
commented.OBJECT_TABCONSTRAINT, commented.OBJECT_TRIGGER, commented.OBJECT_POLICY =
  commented_part "constraint", commented_part "trigger", commented_part "policy"
function commented.OBJECT_TYPE(context, object) expression.type(context, object.TypeName) end
commented.OBJECT_DOMAIN = commented.OBJECT_TYPE
function commented.OBJECT_SCHEMA(context, object) find.schema(context, node.text(object)) end
function commented.OBJECT_FUNCTION(context, object) signature.find(context, object.ObjectWithArgs) end
commented.OBJECT_PROCEDURE, commented.OBJECT_ROUTINE = commented.OBJECT_FUNCTION, commented.OBJECT_FUNCTION

function handlers.CommentStmt(context, body)
  if words[body.objtype] then
    relation_of(context, body.object.List.items, words[body.objtype])
    return
  end
  local handler <const> = commented[body.objtype]
  if handler then handler(context, body.object) end
end

local granted = {}
function granted.OBJECT_TABLE(context, object, body)
  local relation <const> = find.relation(context, object.RangeVar)
  for _, item in ipairs(body.privileges or {}) do
    for _, name in ipairs(node.texts(item.AccessPriv.cols)) do
      if relation then find.column(context, relation, name, { system = true }) end
    end
  end
end
function granted.OBJECT_SEQUENCE(context, object) find.relation(context, object.RangeVar, { kind = "sequence" }) end
function granted.OBJECT_SCHEMA(context, object) find.schema(context, node.text(object)) end
function granted.OBJECT_FUNCTION(context, object) signature.find(context, object.ObjectWithArgs) end
granted.OBJECT_PROCEDURE, granted.OBJECT_ROUTINE = granted.OBJECT_FUNCTION, granted.OBJECT_FUNCTION
function granted.OBJECT_TYPE(context, object) expression.type(context, { names = object.List.items }) end
granted.OBJECT_DOMAIN = granted.OBJECT_TYPE

function handlers.GrantStmt(context, body)
  if body.targtype == "ACL_TARGET_ALL_IN_SCHEMA" then
    for _, object in ipairs(body.objects or {}) do find.schema(context, node.text(object)) end
    return
  end
  local handler <const> = body.targtype == "ACL_TARGET_OBJECT" and granted[body.objtype]
  for _, object in ipairs(handler and body.objects or {}) do handler(context, object, body) end
end

function handlers.AlterOwnerStmt(context, body)
  if body.relation then find.relation(context, body.relation, { kind = words[body.objectType] }) end
  if body.objectType == "OBJECT_SCHEMA" then find.schema(context, node.text(body.object)) end
  if body.objectType == "OBJECT_TYPE" or body.objectType == "OBJECT_DOMAIN" then
    expression.type(context, { names = body.object.List.items })
  end
  if body.object and body.object.ObjectWithArgs and body.objectType ~= "OBJECT_AGGREGATE"
    and body.objectType ~= "OBJECT_OPERATOR" then
    signature.find(context, body.object.ObjectWithArgs)
  end
end

local function listed(context, body)
  for _, item in ipairs(body.relations or {}) do find.relation(context, item.RangeVar) end
end
handlers.LockStmt = listed

local no_rows <const> = { view = "only a table can be emptied", matview = "only a table can be emptied",
  sequence = "only a table can be emptied" }

function handlers.TruncateStmt(context, body)
  for _, item in ipairs(body.relations or {}) do
    find.refuse(context, find.relation(context, item.RangeVar), no_rows)
  end
  rows.deleted(context)
end

function handlers.VacuumStmt(context, body)
  for _, item in ipairs(body.rels or {}) do
    local relation <const> = item.VacuumRelation and item.VacuumRelation.relation
    if relation then find.relation(context, relation, { any = true }) end
  end
end

function handlers.RefreshMatViewStmt(context, body)
  find.is_kind(context, find.relation(context, body.relation, { kind = "materialized view" }), "materialized view")
end

function handlers.ReindexStmt(context, body)
  if not body.relation then return end
  find.relation(context, body.relation, { kind = body.kind == "REINDEX_OBJECT_INDEX" and "index" or "table" })
end

function handlers.ClusterStmt(context, body)
  if not body.relation then return end
  find.relation(context, body.relation)
  if body.indexname then
    find.relation(context, { schemaname = body.relation.schemaname, relname = body.indexname }, { kind = "index" })
  end
end

function handlers.CopyStmt(context, body)
  if body.query then
    query.read(context, body.query)
    return
  end
  local relation <const> = body.relation and find.relation(context, body.relation)
  if relation then rows.unseen(relation) end
  for _, name in ipairs(node.texts(body.attlist)) do
    if relation then find.column(context, relation, name) end
  end
end

function handlers.CreateStatsStmt(context, body)
  for _, item in ipairs(body.relations or {}) do
    local relation <const> = item.RangeVar and find.relation(context, item.RangeVar)
    for _, element in ipairs(body.exprs or {}) do
      local name <const> = element.StatsElem.name
      if relation and name then find.column(context, relation, name) end
    end
  end
end

function handlers.CreatePublicationStmt(context, body)
  for _, item in ipairs(body.pubobjects or {}) do
    local published <const> = item.PublicationObjSpec.pubtable
    if published then find.relation(context, published.relation) end
  end
end

return handlers
