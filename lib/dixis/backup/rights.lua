-- Whether the role may do what a rollback does, before anything is done.

local lazy = require "dixis.lazy"

local database = lazy "dixis.backup.database"
local errors = require "dixis.errors"
local host_sql = require "host.sql"
local json = require "dixis.json"
local words = require "dixis.words"

local rights = {}

local quoted <const> = host_sql.quote_identifier

local role_query <const> = [[
SELECT rolsuper AS super, rolcreatedb AS creates, rolcreaterole AS roles, rolname AS name
  FROM pg_catalog.pg_roles WHERE rolname = current_user]]

local function unquoted(name)
  local inner = name:match '^"(.*)"$'
  return inner and (inner:gsub('""', '"')) or name
end

-- What the lines of a schema name after a pattern.
local function named_in(schema, pattern)
  local seen, names = {}, {}
  for line in pairs(schema) do
    local name = line:match(pattern)
    name = name and unquoted(name)
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

local function check_owners(session, role, schema, owner)
  local owners = named_in(schema, "^ALTER .* OWNER TO (.+);$")
  owners[#owners + 1] = owner
  for _, name in ipairs(owners) do
    local found = session:row([[SELECT pg_catalog.pg_has_role(current_user, oid, 'MEMBER') AS member
      FROM pg_catalog.pg_roles WHERE rolname = $1]], name)
    if not found then
      errors.refuse(("the role %s does not exist, and owns objects of the backup"):format(name),
        ("CREATE ROLE %s"):format(quoted(name)))
    elseif not found.member then
      errors.refuse(("the role %s may not give objects to their owner %s"):format(role.name, name),
        ("GRANT %s TO %s, or use a superuser in the URL"):format(quoted(name), quoted(role.name)))
    end
  end
end

local function check_extensions(session, schema)
  for _, name in ipairs(named_in(schema, "^CREATE EXTENSION IF NOT EXISTS (.-) WITH ")) do
    if not session:value("SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = $1)", name) then
      errors.refuse(("the extension %s of the backup is not available on the server"):format(name), "install it there")
    end
  end
end

-- Sessions that hold a database up when it is renamed, and that the role may not end.
local sessions_query <const> = [[
SELECT count(*)::int AS sessions, min(a.usename) AS role
  FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
 WHERE a.datname = $1 AND a.pid <> pg_catalog.pg_backend_pid()
   AND (r.rolsuper OR NOT (pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')
                           OR pg_catalog.pg_has_role(current_user, 'pg_signal_backend', 'MEMBER')))]]

local tablespace_query <const> = [[
SELECT coalesce(bool_or(pg_catalog.has_tablespace_privilege(oid, 'CREATE')), false)
  FROM pg_catalog.pg_tablespace WHERE spcname = $1]]

-- What only a superuser sets, or who was granted it (from 15 on): what the server reads of no user, and what it does not
-- know, as dixis.environment.
local settable_query <const> = [[
SELECT s.name, coalesce((SELECT g.context = 'user' FROM pg_catalog.pg_settings g WHERE lower(g.name) = lower(s.name)), false)
       OR %s AS settable
  FROM pg_catalog.json_array_elements_text($1::json) AS s(name)]]

--- Takes out of the properties the settings that the role may not give. The way back must not depend on them: it is told
--- which they are, and by which statement they come back.
---@async
---@param session dixis.Session   beside the target
---@param name string             the target's
---@param properties dixis.DatabaseProperties
---@param major integer
---@return string[] statements
function rights.withhold(session, name, properties, major)
  if #properties.settings == 0 or session:row(role_query).super then return {} end
  local names, settable, kept, statements = {}, {}, {}, {}
  for i, setting in ipairs(properties.settings) do names[i] = setting.name end
  local query = settable_query:format(major >= 15 and "pg_catalog.has_parameter_privilege(s.name, 'SET')" or "false")
  for _, row in ipairs(session:query(query, json.encode(names))) do settable[row.name] = row.settable end
  for _, setting in ipairs(properties.settings) do
    if settable[setting.name] then
      kept[#kept + 1] = setting
    else
      statements[#statements + 1] = database.setting_statement(name, setting)
    end
  end
  properties.settings = kept
  return statements
end

--- Refuses what the role could not do later.
---@async
---@param session dixis.Session   beside the target
---@param target string
---@param properties dixis.DatabaseProperties
---@param schema table<string, integer>  lines of the backup's schema
---@return string note
function rights.check(session, target, properties, schema)
  local role = session:row(role_query)
  check_extensions(session, schema)
  if not role.super then
    if not role.creates then
      errors.refuse(("the role %s may not create or rename databases"):format(role.name),
        ("ALTER ROLE %s CREATEDB, or use a superuser in the URL"):format(quoted(role.name)))
    end
    local blocked = session:row(sessions_query, target)
    if blocked.sessions > 0 then
      errors.refuse(("the role %s may not end %s of %s, of the role %s"):format(role.name,
        words.count(blocked.sessions, "session"), target, blocked.role),
        ("GRANT pg_signal_backend TO %s (a superuser's session only a superuser ends)"):format(quoted(role.name)))
    end
    local tablespace = properties.tablespace
    if tablespace ~= "pg_default" and not session:value(tablespace_query, tablespace) then
      errors.refuse(("the role %s may not create anything in the tablespace %s"):format(role.name, tablespace),
        ("GRANT CREATE ON TABLESPACE %s TO %s"):format(quoted(tablespace), quoted(role.name)))
    end
    for _, setting in ipairs(properties.settings) do
      if setting.role and setting.role ~= role.name and not role.roles then
        errors.refuse(("the role %s may not set what is set for %s in %s"):format(role.name, setting.role, target),
          ("ALTER ROLE %s CREATEROLE, or use a superuser in the URL"):format(quoted(role.name)))
      end
    end
  end
  check_owners(session, role, schema, properties.owner)
  return role.super and role.name .. " is a superuser" or role.name .. " may do all that is needed"
end

return rights
