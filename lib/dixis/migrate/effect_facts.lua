-- What a statement says about the catalog: facts that hold once it has run, and events that change what
-- earlier statements of the same script said (a table that is renamed or dropped later).
--
-- A fact is { kind, path, want, at, ... }; the path is schema, object and part.
--   again   the statement may run a second time without harm (IF NOT EXISTS and the like)
--   soft    it may have held before: it does not prove that the statement ran
--   vague   that the thing is there does not say that it is this version (OR REPLACE)
--   part    made together with its table
--   of, columns, refs  an index's table; columns and tables that it disappears with
--   after   how many events were before the end of its statement
-- An event is { what = "move"|"drop"|"label", kind, from, to }.

local json = require "dixis.json"

local facts = {}

-- Zero and negative numbers look the same in the parser's tree.
facts.not_positive = {}

local tables = nil -- dixis.migrate.effect_table, which needs this file

local Reader = {}
Reader.__index = Reader

---@param catalog dixis.Catalog
---@return table reader  { facts, events, at }
function facts.reader(catalog)
  return setmetatable({ catalog = catalog, facts = {}, events = {}, at = 0 }, Reader)
end

---@param kind string
---@param path string[]
---@param want any
---@param more? table
function Reader:fact(kind, path, want, more)
  local fact = more or {}
  fact.kind, fact.path, fact.want, fact.at = kind, path, want, self.at
  self.facts[#self.facts + 1] = fact
end

---@param event table
function Reader:event(event)
  self.events[#self.events + 1] = event
end

-- Nothing that could be seen later, and nothing that would be missed.
function Reader:hidden()
  self:fact("hidden", {}, true, { again = true })
end

function facts.text(node)
  return node and node.String and (node.String.sval or node.String.str)
end

--- Schema and name of a list of name parts; nil when it is not known what the schema is.
---@return string? schema
---@return string name
function Reader:name(parts, existing)
  local name = facts.text(parts[#parts])
  if #parts > 1 then return facts.text(parts[#parts - 1]), name end
  if self.schema ~= nil then return self.schema or nil, name end -- a SET search_path went before
  return existing and self.catalog:schema_of(name) or self.catalog:default_schema(), name
end

function Reader:relation(relation, existing)
  if relation.schemaname then return relation.schemaname, relation.relname end
  return self:name({ { String = { sval = relation.relname } } }, existing)
end

-- The columns that an expression mentions, so that it is known what goes with them.
function facts.columns_of(tree, into)
  into = into or {}
  if type(tree) ~= "table" then return into end
  if tree.ColumnRef then
    local fields = tree.ColumnRef.fields or {}
    local name = facts.text(fields[#fields])
    if name then into[name] = true end
  end
  for _, value in pairs(tree) do facts.columns_of(value, into) end
  return into
end

local function create_relation(reader, relation, more)
  if relation.relpersistence == "t" then return reader:hidden() end
  local schema, name = reader:relation(relation, false)
  if schema then reader:fact("relation", { schema, name }, true, more) end
end

local rules = {}

function rules.IndexStmt(reader, body)
  if not body.idxname or not body.relation then return end
  local schema, of = reader:relation(body.relation, true)
  if not schema then return end
  local columns = facts.columns_of { body.indexParams, body.whereClause }
  for _, list in ipairs { body.indexParams or {}, body.indexIncludingParams or {} } do
    for _, item in ipairs(list) do
      if item.IndexElem and item.IndexElem.name then columns[item.IndexElem.name] = true end
    end
  end
  reader:fact("relation", { schema, body.idxname }, true,
    { index = true, of = { schema, of }, columns = columns, again = body.if_not_exists })
end

function rules.ViewStmt(reader, body)
  create_relation(reader, body.view, { vague = body.replace, again = body.replace })
end

function rules.CreateTableAsStmt(reader, body)
  create_relation(reader, body.into.rel, { again = body.if_not_exists })
end

function rules.CreateSeqStmt(reader, body)
  create_relation(reader, body.sequence, { again = body.if_not_exists })
end

function rules.SelectStmt(reader, body, tree)
  if body.intoClause then return create_relation(reader, body.intoClause.rel, {}) end
  if tree:find('"set_config"', 1, true) then
    if tree:find('"search_path"', 1, true) then reader.schema = false end
    reader:hidden()
  end
end

function rules.VariableSetStmt(reader, body)
  if body.name == "search_path" then
    local first = body.args and body.args[1] and body.args[1].A_Const
    reader.schema = first and first.sval and first.sval.sval or false
  elseif body.kind == "VAR_RESET_ALL" then
    reader.schema = nil
  end
  reader:hidden()
end

local function create_type(parts)
  return function(reader, body)
    local schema, name = reader:name(body[parts], false)
    if not schema then return end
    reader:fact("type", { schema, name }, true, {})
    if not body.vals then return end
    local labels = {}
    for i, value in ipairs(body.vals) do labels[i] = facts.text(value) end
    reader:fact("labels", { schema, name }, labels, { part = true, extra = {} })
  end
end

rules.CreateEnumStmt = create_type "typeName"
rules.CreateDomainStmt = create_type "domainname"
function rules.CompositeTypeStmt(reader, body)
  local schema, name = reader:relation(body.typevar, false)
  if schema then reader:fact("type", { schema, name }, true, {}) end
end

function rules.AlterEnumStmt(reader, body)
  local schema, name = reader:name(body.typeName, false)
  if not schema then return end
  if body.oldVal then
    reader:fact("label", { schema, name, body.oldVal }, false, {})
    reader:event { what = "label", kind = "type", from = { schema, name } }
  end
  reader:fact("label", { schema, name, body.newVal }, true, { again = body.skipIfNewValExists })
  reader:event { what = "label", kind = "type", from = { schema, name }, label = body.newVal }
end

function rules.CreateSchemaStmt(reader, body)
  if not body.schemaname or body.schemaElts then return end
  reader:fact("schema", { body.schemaname }, true, { again = body.if_not_exists })
end

function rules.CreateExtensionStmt(reader, body)
  reader:fact("extension", { body.extname }, true, { again = body.if_not_exists })
end

local function body_of(options)
  for _, option in ipairs(options or {}) do
    local element = option.DefElem
    if element.defname == "as" and element.arg and element.arg.List and #element.arg.List.items == 1 then
      return facts.text(element.arg.List.items[1])
    end
  end
end

function rules.CreateFunctionStmt(reader, body)
  local schema, name = reader:name(body.funcname, false)
  if not schema then return end
  local arguments = 0
  for _, parameter in ipairs(body.parameters or {}) do
    local mode = parameter.FunctionParameter.mode
    if mode ~= "FUNC_PARAM_OUT" and mode ~= "FUNC_PARAM_TABLE" then arguments = arguments + 1 end
  end
  local text = body_of(body.options)
  reader:fact("function", { schema, name, tostring(arguments) }, true,
    { again = body.replace, body = text, vague = body.replace and not text })
end

local function create_part(kind, name, relation)
  return function(reader, body)
    local schema, table_name = reader:relation(body[relation], true)
    if not schema then return end
    reader:fact(kind, { schema, table_name, body[name] }, true, { vague = body.replace, again = body.replace })
  end
end

rules.CreateTrigStmt = create_part("trigger", "trigname", "relation")
rules.CreatePolicyStmt = create_part("policy", "policy_name", "table")

-- Kind of fact, and where the object's name is in the tree.
local dropped <const> = {
  OBJECT_TABLE = "relation", OBJECT_VIEW = "relation", OBJECT_MATVIEW = "relation", OBJECT_INDEX = "relation",
  OBJECT_SEQUENCE = "relation", OBJECT_FOREIGN_TABLE = "relation", OBJECT_TYPE = "type", OBJECT_DOMAIN = "type",
  OBJECT_FUNCTION = "function", OBJECT_PROCEDURE = "function", OBJECT_ROUTINE = "function",
  OBJECT_TRIGGER = "trigger", OBJECT_POLICY = "policy", OBJECT_SCHEMA = "schema", OBJECT_EXTENSION = "extension",
}

local function dropped_path(reader, kind, object)
  if kind == "schema" or kind == "extension" then return { facts.text(object) } end
  if object.ObjectWithArgs then
    local schema, name = reader:name(object.ObjectWithArgs.objname, false)
    local arguments = object.ObjectWithArgs.args_unspecified and "any" or tostring(#(object.ObjectWithArgs.objargs or {}))
    return schema and { schema, name, arguments }
  end
  local parts = object.TypeName and object.TypeName.names or object.List and object.List.items
  if not parts then return nil end
  if kind == "trigger" or kind == "policy" then
    local schema, table_name = reader:name(table.move(parts, 1, #parts - 1, 1, {}), true)
    return schema and { schema, table_name, facts.text(parts[#parts]) }
  end
  local schema, name = reader:name(parts, kind == "relation")
  return schema and { schema, name }
end

function rules.DropStmt(reader, body)
  local kind, cascade = dropped[body.removeType], body.behavior == "DROP_CASCADE"
  for _, object in ipairs(kind and body.objects or {}) do
    local path = dropped_path(reader, kind, object)
    if path then
      reader:fact(kind, path, false, { again = body.missing_ok, soft = body.missing_ok })
      reader:event { what = "drop", kind = kind, from = path, cascade = cascade }
    end
  end
end

-- Its rows cannot be seen, unless the table itself is gone at the end.
local function data(reader, body)
  local relation = body.relation or body.relations and body.relations[1] and body.relations[1].RangeVar
  if not relation then return end
  local schema, name = reader:relation(relation, true)
  if schema then reader:fact("data", { schema, name, "" }, true, {}) end
end
rules.InsertStmt, rules.UpdateStmt, rules.DeleteStmt, rules.CopyStmt, rules.TruncateStmt = data, data, data, data, data

for _, node in ipairs { "TransactionStmt", "LockStmt", "DiscardStmt", "CheckPointStmt", "VariableShowStmt",
  "ConstraintsSetStmt", "VacuumStmt", "ReindexStmt", "ClusterStmt", "ListenStmt", "NotifyStmt" } do
  rules[node] = Reader.hidden
end
for _, node in ipairs { "CommentStmt", "GrantStmt", "GrantRoleStmt", "AlterOwnerStmt", "RefreshMatViewStmt" } do
  rules[node] = function(reader) reader:fact("unknown", {}, true, { again = true }) end
end

--- Reads the next statement of a script: adds its facts and events to the reader.
---@param reader table
---@param statement host.sql.Statement
function facts.read(reader, statement)
  tables = tables or require "dixis.migrate.effect_table"
  reader.at = reader.at + 1
  local rule = rules[statement.node] or tables[statement.node]
  if not rule then return end
  local body, first = json.decode(statement.tree), #reader.facts + 1
  rule(reader, body[statement.node] or body, statement.tree)
  for i = first, #reader.facts do reader.facts[i].after = #reader.events end
end

return facts
