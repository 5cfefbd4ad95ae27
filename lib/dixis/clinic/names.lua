-- Which names a statement would have made, and which ones a server's error says are not there: enough to tell what
-- follows from what where lint has not said it.

local json = require "dixis.json"

local names = {}

local function text(node)
  return node and node.String and (node.String.sval or node.String.str)
end

local function last(list)
  return list and text(list[#list])
end

local function relation(node)
  return node and node.relname
end

local of_node <const> = {
  CreateStmt = function(body) return { relation(body.relation) } end,
  ViewStmt = function(body) return { relation(body.view) } end,
  CreateTableAsStmt = function(body) return { relation(body.into and body.into.rel) } end,
  CreateSeqStmt = function(body) return { relation(body.sequence) } end,
  CreateForeignTableStmt = function(body) return { relation(body.base and body.base.relation) } end,
  IndexStmt = function(body) return { body.idxname } end,
  CreateEnumStmt = function(body) return { last(body.typeName) } end,
  CreateRangeStmt = function(body) return { last(body.typeName) } end,
  CreateDomainStmt = function(body) return { last(body.domainname) } end,
  CompositeTypeStmt = function(body) return { relation(body.typevar) } end,
  DefineStmt = function(body) return { last(body.defnames) } end,
  CreateFunctionStmt = function(body) return { last(body.funcname) } end,
  CreateSchemaStmt = function(body) return { body.schemaname } end,
  CreateRoleStmt = function(body) return { body.role } end,
  CreateExtensionStmt = function(body) return { body.extname } end,
  CreateTrigStmt = function(body) return { body.trigname } end,
  RenameStmt = function(body) return { body.newname } end,
  AlterEnumStmt = function(body) return { body.newVal } end,
  AlterTableStmt = function(body)
    local made = {}
    for _, entry in ipairs(body.cmds or {}) do
      local def = entry.AlterTableCmd and entry.AlterTableCmd.def
      if def and def.ColumnDef then made[#made + 1] = def.ColumnDef.colname end
      if def and def.Constraint then made[#made + 1] = def.Constraint.conname end
    end
    return made
  end,
}

--- What a statement makes, without schemas.
---@param node string
---@param tree string  JSON
---@return string[]
function names.made(node, tree)
  local of = of_node[node]
  local body = of and json.decode(tree)
  if type(body) ~= "table" then return {} end
  return of(body[node] or body)
end

-- SQLSTATEs of what is not there: table, column, other object, function, schema.
local undefined <const> = { ["42P01"] = true, ["42703"] = true, ["42704"] = true, ["42883"] = true, ["3F000"] = true }

--- What an error says is not there, outermost last: { "total", "Order" } for a column of a table.
---@param sqlstate? string
---@param message string
---@return string[]?
function names.missing(sqlstate, message)
  if not undefined[sqlstate] then return nil end
  local found = {}
  for quoted in message:gmatch '"([^"]+)"' do found[#found + 1] = quoted:match "[^.]+$" end
  local called = message:match "([%w_]+)%(.-%)"
  if called and sqlstate == "42883" then found[#found + 1] = called end
  if #found == 0 then
    local dotted = message:match "([%w_]+%.[%w_]+)"
    for part in (dotted or ""):gmatch "[^.]+" do table.insert(found, 1, part) end
  end
  return found
end

return names
