-- Conditions about the catalog, as scripts ask before they change something: IF NOT EXISTS (SELECT ... FROM pg_constraint
-- WHERE conname = '...'). Answered from the model: true, false, or nil for not known.

local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local json = require "dixis.json"
local node = require "dixis.lint.node"
local sql = require "host.sql"

local condition = {}

-- Is any of these objects there? They match if `all` conditions were understood.
local function answer(context, objects, scope, understood)
  local model <const> = context.model
  local possible = model.epochs[scope] > 0
  for _, object in ipairs(objects) do
    if find.stands(context, object) and understood then return true end
    possible = true
  end
  if possible then return nil end
  return false
end

local function each_relation(model, schema, visit)
  for name, space in pairs(model.schemas) do
    if not schema or name == schema then
      for _, relation in pairs(space.relations) do visit(relation) end
    end
  end
end

local function relations(context, wanted, understood, kinds)
  local objects <const> = {}
  each_relation(context.model, wanted.schema, function(relation)
    if relation.name == wanted.name and (not kinds or kinds[relation.kind]) then objects[#objects + 1] = relation end
  end)
  if #objects == 0 and context.model:may_bring("relation", wanted.name) then return nil end
  return answer(context, objects, "relation", understood)
end

local function parts_of(list, scope)
  return function(context, wanted, understood)
    local objects, open = {}, false
    each_relation(context.model, wanted.schema, function(relation)
      if relation[list] and (not wanted.table or relation.name == wanted.table) then
        if relation[list][wanted.name] then objects[#objects + 1] = relation[list][wanted.name] end
        -- PostgreSQL made the names itself, or they are not all known.
        open = open or relation.open or relation.partly
      end
    end)
    if open and #objects == 0 then return nil end
    return answer(context, objects, scope, understood)
  end
end

local function in_schemas(container, scope)
  return function(context, wanted, understood)
    local objects <const> = {}
    for name, space in pairs(context.model.schemas) do
      local found <const> = (not wanted.schema or name == wanted.schema) and space[container][wanted.name]
      if found and not found.kind then
        for _, one in pairs(found) do objects[#objects + 1] = one end
      elseif found then
        objects[#objects + 1] = found
      end
    end
    if #objects == 0 and context.model:may_bring(scope, wanted.name) then return nil end
    return answer(context, objects, scope, understood)
  end
end

local function schemas(context, wanted, understood)
  local found <const> = context.model.schemas[wanted.name]
  return answer(context, { found }, "schema", understood)
end

local tables <const> = { table = true, partitioned = true, view = true }

-- How a catalog is asked: which of its columns are the name, the schema, the table.
local catalogs <const> = {
  pg_constraint = { name = "conname", of = "conrelid", look = parts_of("constraints", "constraint") },
  pg_type = { name = "typname", look = function(context, wanted, understood)
    local one <const> = in_schemas("types", "type")(context, wanted, understood)
    if one ~= false then return one end
    return relations(context, wanted, understood)
  end },
  pg_class = { name = "relname", look = relations },
  pg_tables = { name = "tablename", schema = "schemaname", look = relations },
  pg_views = { name = "viewname", schema = "schemaname", look = relations },
  pg_indexes = { name = "indexname", schema = "schemaname", look = relations },
  pg_namespace = { name = "nspname", look = schemas },
  pg_trigger = { name = "tgname", of = "tgrelid", look = parts_of("triggers", "part") },
  pg_policies = { name = "policyname", schema = "schemaname", table = "tablename", look = parts_of("policies", "part") },
  pg_policy = { name = "polname", of = "polrelid", look = parts_of("policies", "part") },
  pg_proc = { name = "proname", look = in_schemas("functions", "function") },
  ["information_schema.columns"] = { name = "column_name", schema = "table_schema", table = "table_name",
    look = parts_of("columns", "column") },
  ["information_schema.tables"] = { name = "table_name", schema = "table_schema", look = function(context, wanted, understood)
    return relations(context, wanted, understood, tables)
  end },
  ["information_schema.table_constraints"] = { name = "constraint_name", schema = "table_schema", table = "table_name",
    look = parts_of("constraints", "constraint") },
  ["information_schema.schemata"] = { name = "schema_name", look = schemas },
}

local function column_name(tree)
  local fields <const> = tree and tree.ColumnRef and tree.ColumnRef.fields
  return fields and node.text(fields[#fields])
end

-- 'name', or 'name'::regclass as a RangeVar.
local function value_of(tree)
  local cast <const> = tree and tree.TypeCast
  if not cast then return node.constant_text(tree) end
  local _, type = node.name(cast.typeName.names)
  local text <const> = node.constant_text(cast.arg)
  if type == "regclass" then return nil, text and expression.regclass(text) end
  return text
end

-- Takes the equalities of a WHERE into `wanted`; false when there is more in it than that.
local function read_where(context, tree, catalog, wanted)
  if not tree then return true end
  local kind <const>, inner <const> = next(tree)
  if kind == "BoolExpr" and inner.boolop == "AND_EXPR" then
    local all = true
    for _, part in ipairs(inner.args) do all = read_where(context, part, catalog, wanted) and all end
    return all
  end
  if kind ~= "A_Expr" or inner.kind ~= "AEXPR_OP" or node.text(inner.name[1]) ~= "=" then return false end
  local name <const> = column_name(inner.lexpr)
  local text <const>, range <const> = value_of(inner.rexpr)
  if range and name == catalog.of then
    local relation <const> = find.relation(context, range)
    wanted.table, wanted.schema = relation.name, relation.schema
    return true
  elseif text and name == catalog.name then
    wanted.name = text
    return true
  elseif text and name and name == catalog.schema then
    wanted.schema = text
    return true
  elseif text and name and name == catalog.table then
    wanted.table = text
    return true
  end
  return false
end

local function exists(context, select)
  local from <const> = select.fromClause
  local range <const> = from and #from == 1 and from[1].RangeVar
  if not range then return nil end
  local own <const> = range.schemaname == "information_schema" and "information_schema." .. range.relname or range.relname
  local catalog <const> = catalogs[own]
  if not catalog then return nil end
  local wanted <const> = {}
  local understood <const> = read_where(context, select.whereClause, catalog, wanted)
  if not wanted.name then return nil end
  return catalog.look(context, wanted, understood)
end

local evaluate

local function all_of(context, list, neutral)
  local result = neutral
  for _, part in ipairs(list) do
    local one <const> = evaluate(context, part)
    if one == not neutral then return one end
    if one == nil then result = nil end
  end
  return result
end

function evaluate(context, tree)
  local kind <const>, inner <const> = next(tree or {})
  if kind == "BoolExpr" then
    if inner.boolop == "NOT_EXPR" then
      local one <const> = evaluate(context, inner.args[1])
      if one == nil then return nil end
      return not one
    end
    return all_of(context, inner.args, inner.boolop == "AND_EXPR")
  elseif kind == "SubLink" and inner.subLinkType == "EXISTS_SUBLINK" then
    return exists(context, inner.subselect.SelectStmt)
  elseif kind == "NullTest" then
    local call <const> = inner.arg.FuncCall
    local _, name = node.name(call and call.funcname or { { String = { sval = "" } } })
    local text <const> = name == "to_regclass" and node.constant_text(call.args[1])
    local range <const> = text and expression.regclass(text)
    if not range then return nil end
    local found <const>, why = context.model:relation(range.schemaname, range.relname)
    local there
    if found then there = find.stands(context, found) or nil elseif why ~= "unknown" then there = false end
    if there == nil then return nil end
    return (inner.nulltesttype == "IS_NOT_NULL") == there
  elseif kind == "A_Const" and inner.boolval then
    return inner.boolval.boolval or false
  end
end

--- Does a condition hold? nil: not known.
---@param context dixis.lint.Context
---@param text string  an SQL expression
---@return boolean?
function condition.holds(context, text)
  local statements <const> = sql.parse("SELECT " .. text)
  local select <const> = statements and #statements == 1 and json.decode(statements[1].tree)
  local target <const> = select and select.targetList and select.targetList[1]
  if not target then return nil end
  return evaluate(context, target.ResTarget.val)
end

return condition
