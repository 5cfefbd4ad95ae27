-- What a statement works on: the tables that it names, and whether its time grows with them.

local json = require "dixis.json"

local work = {}

---@alias dixis.Growth
---| "none"     the catalog, or rows that the script itself holds
---| "read"     with the tables: they are read, and perhaps written anew
---| "write"    with the tables: their rows are changed
---| "unknown"  code of its own

---@class dixis.Work
---@field tables string[]  as they are written
---@field growth dixis.Growth

local grows <const> = {
  IndexStmt = "read", CreateTableAsStmt = "read", RefreshMatViewStmt = "read", ClusterStmt = "read", VacuumStmt = "read",
  ReindexStmt = "read", UpdateStmt = "write", DeleteStmt = "write", MergeStmt = "write",
  DoStmt = "unknown", CallStmt = "unknown", ExecuteStmt = "unknown", CopyStmt = "unknown", ExplainStmt = "unknown",
}

-- What ALTER TABLE does to the catalog alone, whatever the table's size.
local quick <const> = {
  AT_DropColumn = true, AT_ColumnDefault = true, AT_DropNotNull = true, AT_DropConstraint = true, AT_ChangeOwner = true,
  AT_EnableRowSecurity = true, AT_DisableRowSecurity = true, AT_ForceRowSecurity = true, AT_SetStatistics = true,
  AT_SetOptions = true, AT_ResetOptions = true, AT_SetRelOptions = true, AT_ResetRelOptions = true, AT_SetStorage = true,
  AT_ReplicaIdentity = true, AT_EnableTrig = true, AT_DisableTrig = true, AT_ClusterOn = true, AT_DropCluster = true,
  AT_AlterConstraint = true, AT_DropIdentity = true, AT_DropExpression = true,
}

local function has(tree, text) return tree:find(text, 1, true) ~= nil end

-- A column is added without a look at the rows, unless each of them needs a value of its own or is to be checked.
local function adds_quickly(tree)
  return not (has(tree, '"FuncCall"') or has(tree, '"SQLValueFunction"') or has(tree, "CONSTR_GENERATED")
    or has(tree, "CONSTR_IDENTITY") or has(tree, "CONSTR_CHECK") or has(tree, "CONSTR_UNIQUE")
    or has(tree, "CONSTR_PRIMARY") or has(tree, "CONSTR_FOREIGN") or tree:find '"sval":"%l*serial%d?"')
end

local function alters(tree)
  for kind in tree:gmatch '"subtype":"(AT_%w+)"' do
    if kind == "AT_AddColumn" then
      if not adds_quickly(tree) then return "read" end
    elseif kind == "AT_AddConstraint" then
      if not has(tree, '"skip_validation":true') then return "read" end
    elseif not quick[kind] then
      return "read"
    end
  end
  return "none"
end

local function growth(node, tree)
  if node == "AlterTableStmt" then return alters(tree) end
  if node == "InsertStmt" then return has(tree, '"fromClause"') and "write" or "none" end
  if node == "SelectStmt" then return (has(tree, '"FuncCall"') or has(tree, '"fromClause"')) and "unknown" or "none" end
  return grows[node] or "none"
end

local function unescaped(text)
  return text:find("\\", 1, true) and json.decode('"' .. text .. '"') or text
end

local function quote(name) return '"' .. unescaped(name):gsub('"', '""') .. '"' end

-- An INSERT of a million rows names its table at the beginning.
local LOOKED_AT <const> = 1 << 20

local nothing <const> = { tables = {}, growth = "none" }

--- Looks at a statement of the parser.
---@param statement host.sql.Statement
---@return dixis.Work
function work.of(statement)
  local tree = statement.tree:sub(1, LOOKED_AT)
  local found = { tables = {}, growth = growth(statement.node, tree) }
  if found.growth == "none" then return nothing end
  local seen = {}
  for before, name in tree:gmatch '()"relname":"(.-[^\\])"' do
    local schema = tree:sub(math.max(1, before - 140), before - 1):match '"schemaname":"([^"]+)",$'
    local full = (schema and quote(schema) .. "." or "") .. quote(name)
    if not seen[full] then
      seen[full] = true
      found.tables[#found.tables + 1] = full
    end
  end
  return found
end

--- Of all statements of a script; a script that the parser does not know is code of its own.
---@param script dixis.Script
---@return dixis.Work[]
function work.of_script(script)
  if script.mode == "whole" then return { { tables = {}, growth = "unknown" } } end
  local list = {}
  for i, statement in ipairs(script.statements) do list[i] = work.of(statement) end
  return list
end

return work
