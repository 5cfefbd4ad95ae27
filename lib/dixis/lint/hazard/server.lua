-- What the target is not made for: a version, an extension, a role that it lacks; settings of the whole server.

local features <const> = require "dixis.lint.hazard.features"
local say = require "dixis.lint.hazard.say"

local server = {}

--- Says which features of a statement the target's version does not have.
---@param statement host.sql.Statement
---@param body table
---@param context dixis.lint.Hazards
function server.version(statement, body, context)
  for _, feature in ipairs(features.of[statement.node] or {}) do
    if feature.since > context.server_major and feature.has(statement.tree, body) then
      say.report(context, "newer-server", { message = ("%s needs PostgreSQL %d; the target has %d."):format(feature.name,
        feature.since, context.server_major), fix = feature.instead or "upgrade the server first" })
    end
  end
  for _, call in ipairs(features.functions) do
    if call.since > context.server_major and statement.tree:find(call.piece, 1, true)
      and not (call.extension and context.model.extensions[call.extension]) then
      say.report(context, "newer-server", { message = ("%s() needs PostgreSQL %d%s; the target has %d."):format(call.name,
        call.since, call.extension and " or the extension " .. call.extension or "", context.server_major),
        fix = call.extension and ("CREATE EXTENSION IF NOT EXISTS %s;"):format(call.extension) or "upgrade the server first" })
    end
  end
end

-- A list of names, or a set of them.
local function knows(list, name)
  if list[name] then return true end
  for _, entry in ipairs(list) do
    if entry == name then return true end
  end
  return false
end

local function create_extension(_, body, context)
  if not context.extensions or knows(context.extensions, body.extname) then return end
  say.report(context, "unavailable-extension", { object = body.extname,
    message = ("the target has no extension \"%s\": CREATE EXTENSION fails."):format(body.extname),
    fix = "install its package on the server, or allow it where the server is managed by others; SELECT name FROM "
      .. "pg_available_extensions shows what there is" })
end

-- ---- Roles -------------------------------------------------------------------------------------

local function role(context, spec)
  if not context.roles or not spec or spec.roletype ~= "ROLESPEC_CSTRING" then return end
  local name <const> = spec.rolename
  if knows(context.roles, name) or context.made_roles[name] or name:find "^pg_" then return end
  say.report(context, "missing-role", { object = name, at = spec.location,
    message = ("the role \"%s\" is not on the target: the statement fails."):format(name),
    fix = "make it there before (roles belong to the whole server, and are best made outside of migrations)" })
end

local function role_specs(context, list)
  for _, entry in ipairs(list or {}) do role(context, entry.RoleSpec) end
end

local function set_role(_, body, context)
  if body.name ~= "role" and body.name ~= "session_authorization" then return end
  local value <const> = body.args and body.args[1].A_Const
  if value and value.sval then
    role(context, { roletype = "ROLESPEC_CSTRING", rolename = value.sval.sval, location = value.location })
  end
end

server.handlers = {
  CreateExtensionStmt = create_extension,
  CreateRoleStmt = function(_, body, context) context.made_roles[body.role] = true end,
  GrantStmt = function(_, body, context) role_specs(context, body.grantees) end,
  GrantRoleStmt = function(_, body, context) role_specs(context, body.grantee_roles) end,
  AlterOwnerStmt = function(_, body, context) role(context, body.newowner) end,
  AlterTableStmt = function(_, body, context)
    for _, entry in ipairs(body.cmds) do role(context, entry.AlterTableCmd.newowner) end
  end,
  CreateSchemaStmt = function(_, body, context) role(context, body.authrole) end,
  CreatePolicyStmt = function(_, body, context) role_specs(context, body.roles) end,
  AlterPolicyStmt = function(_, body, context) role_specs(context, body.roles) end,
  AlterRoleStmt = function(_, body, context) role(context, body.role) end,
  AlterDefaultPrivilegesStmt = function(_, body, context)
    role_specs(context, body.action and body.action.grantees)
    for _, entry in ipairs(body.options or {}) do
      local list <const> = entry.DefElem.defname == "roles" and entry.DefElem.arg.List
      if list then role_specs(context, list.items) end
    end
  end,
  VariableSetStmt = set_role,
}

-- ---- Settings of the server --------------------------------------------------------------------

local function setting(what)
  return function(_, _, context)
    say.report(context, "server-setting", { message = what .. " changes more than this database's schema: it holds for "
      .. "sessions of all applications, and an ephemeral server or a copy of the database does not show it.",
      fix = "keep settings of servers, databases and roles with what sets the server up" })
  end
end

server.settings = { AlterSystemStmt = setting "ALTER SYSTEM", AlterDatabaseSetStmt = setting "ALTER DATABASE ... SET",
  AlterDatabaseStmt = setting "ALTER DATABASE", AlterRoleSetStmt = setting "ALTER ROLE ... SET" }

return server
