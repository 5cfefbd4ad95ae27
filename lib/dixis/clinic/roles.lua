-- Roles that scripts speak of and a throw-away server does not have.

local host_sql = require "host.sql"

local roles = {}

-- Where a role can be named at all; a parse of every script only for these would cost as much as the rest.
local hints <const> = { "grant", "revoke", "owner", "authorization", "policy", "privileges", "role" }

local function may_name_roles(text)
  local lower = text:lower()
  for _, hint in ipairs(hints) do
    if lower:find(hint, 1, true) then return true end
  end
  return false
end

--- Adds the roles that a script names, less those that it makes itself.
---@param text string
---@param into table<string, true>
---@param made table<string, true>  roles that scripts create
function roles.read(text, into, made)
  if not may_name_roles(text) then return end
  for _, statement in ipairs(host_sql.parse(text) or {}) do
    local created = statement.node == "CreateRoleStmt" and statement.tree:match '"role":"(.-[^\\])"'
    if created then made[created] = true end
    for name in statement.tree:gmatch '"rolename":"(.-[^\\])"' do into[name] = true end
  end
  -- In code that only the server reads.
  for _, kind in ipairs { "[Rr][Oo][Ll][Ee]", "[Uu][Ss][Ee][Rr]" } do
    for name in text:gmatch("[Cc][Rr][Ee][Aa][Tt][Ee]%s+" .. kind .. "%s+\"?([%w_]+)") do made[name] = true end
  end
end

--- Creates those that are missing, without rights and without a login.
---@async
---@param session dixis.Session
---@param named table<string, true>
---@param made table<string, true>
---@return string[] created
function roles.ensure(session, named, made)
  local created = {}
  if not next(named) then return created end
  local there = {}
  for _, row in ipairs(session:query "SELECT rolname FROM pg_catalog.pg_roles") do there[row[1]] = true end
  for name in pairs(named) do
    if not there[name] and not made[name] and name:sub(1, 3) ~= "pg_" then created[#created + 1] = name end
  end
  table.sort(created)
  for _, name in ipairs(created) do session:query("CREATE ROLE " .. host_sql.quote_identifier(name)) end
  return created
end

return roles
