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
---@field at? integer      number of the statement; nil: the script as a whole

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

-- Plain searches: a pattern would look at each letter of a long tree.
local RELNAME <const> = '"relname":"'

local function tables_in(tree, limit)
  local tables, seen = {}, {}
  local at, first = tree:find(RELNAME, 1, true)
  while at do
    local last = first
    repeat last = tree:find('"', last + 1, true) until not last or tree:byte(last - 1) ~= 92 -- a backslash
    if not last then break end
    local schema = tree:sub(math.max(1, at - 140), at - 1):match '"schemaname":"([^"]+)",$'
    local full = (schema and quote(schema) .. "." or "") .. quote(tree:sub(first + 1, last - 1))
    if not seen[full] then
      seen[full] = true
      tables[#tables + 1] = full
      if #tables == limit then break end
    end
    at, first = tree:find(RELNAME, last, true)
  end
  return tables
end

--- Looks at a statement of the parser.
---@param statement host.sql.Statement
---@return dixis.Work? work  nil: it does not grow with anything
function work.of(statement)
  local tree = statement.tree:sub(1, LOOKED_AT)
  local found = growth(statement.node, tree)
  return found ~= "none" and { tables = tables_in(tree), growth = found } or nil
end

local function all_made(item, made)
  for _, name in ipairs(item.tables) do
    if not made[name] then return false end
  end
  return #item.tables > 0
end

--- The statements of a script that grow with the tables that are there; a script that the parser does not know is
--- code of its own. Ten thousand migrations that make what they work on leave nothing.
---@param script dixis.Script
---@param made table<string, true>  tables that the scripts before have made; this one's are added
---@return dixis.Work[]? items
function work.of_script(script, made)
  if script.mode == "whole" then return { { tables = {}, growth = "unknown" } } end
  local list
  for i, statement in ipairs(script.statements) do
    if statement.node == "CreateStmt" then
      made[tables_in(statement.tree:sub(1, LOOKED_AT), 1)[1] or ""] = true
    else
      local item = work.of(statement)
      if item and (item.growth == "unknown" or not all_made(item, made)) then
        item.at = i
        list = list or {}
        list[#list + 1] = item
      end
    end
  end
  return list
end

return work
