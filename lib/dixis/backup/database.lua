-- What a database is besides its contents, which pg_dump leaves behind: owner, encoding, collation, rights,
-- settings (dixis.environment is one), connection limit, comment. Read from one, and given to another.

local host_sql = require "host.sql"

local database = {}

local identifier <const>, literal <const> = host_sql.quote_identifier, host_sql.quote_literal

---@class dixis.DatabaseProperties
---@field oid integer
---@field owner string
---@field encoding string
---@field collate string
---@field ctype string
---@field provider string   "c", "i" (ICU) or "b" (built in)
---@field locale? string    of ICU or the built-in provider
---@field rules? string     of ICU
---@field tablespace string
---@field limit integer
---@field allows boolean    connections
---@field template boolean
---@field comment? string
---@field rights? { grantee: string, privilege: string, grantable: boolean }[]  nil: the default ones
---@field settings { role?: string, name: string, value: string }[]

-- The columns of pg_database differ between versions: as JSON each may be asked for.
local query <const> = [[
SELECT d.oid::int8 AS oid, pg_catalog.pg_get_userbyid(d.datdba) AS owner,
       pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
       coalesce(j->>'datlocprovider', 'c') AS provider, coalesce(j->>'datlocale', j->>'daticulocale') AS locale,
       j->>'daticurules' AS rules, t.spcname AS tablespace, d.datconnlimit AS limit, d.datallowconn AS allows,
       d.datistemplate AS template, d.datacl IS NOT NULL AS restricted,
       pg_catalog.shobj_description(d.oid, 'pg_database') AS comment
  FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace,
       LATERAL pg_catalog.to_jsonb(d) j
 WHERE d.datname = $1]]

-- Whoever granted it: the copy's owner grants all of it.
local rights_query <const> = [[
SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END AS grantee,
       a.privilege_type AS privilege, bool_or(a.is_grantable) AS grantable
  FROM pg_catalog.pg_database d, LATERAL pg_catalog.aclexplode(d.datacl) a WHERE d.datname = $1
 GROUP BY a.grantee, a.privilege_type ORDER BY 1 NULLS FIRST, 2]]

local settings_query <const> = [[
SELECT CASE WHEN s.setrole = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(s.setrole) END AS role,
       split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
  FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase,
       LATERAL unnest(s.setconfig) c
 WHERE d.datname = $1 ORDER BY 1 NULLS FIRST, 2]]

--- Nil when there is no such database.
---@async
---@param session dixis.Session  on any database of the server
---@param name string
---@return dixis.DatabaseProperties?
function database.read(session, name)
  local row = session:row(query, name)
  if not row then return nil end
  local found = { settings = {} }
  for _, column in ipairs { "oid", "owner", "encoding", "collate", "ctype", "provider", "locale", "rules", "tablespace",
    "limit", "allows", "template", "comment" } do
    found[column] = row[column]
  end
  if row.restricted then
    found.rights = {}
    for i, right in ipairs(session:query(rights_query, name)) do
      found.rights[i] = { grantee = right.grantee, privilege = right.privilege, grantable = right.grantable }
    end
  end
  for i, setting in ipairs(session:query(settings_query, name)) do
    found.settings[i] = { role = setting.role, name = setting.name, value = setting.value }
  end
  return found
end

local providers <const> = { c = "libc", i = "icu", b = "builtin" }

--- The statement that makes an empty database like it.
---@param like dixis.DatabaseProperties
---@param name string
---@param major integer
---@param here? { owner: boolean, tablespace: boolean, plain: boolean }  what of it this server has not;
---  plain: nor the collation
---@return string
function database.create_statement(like, name, major, here)
  here = here or { owner = true, tablespace = true }
  local parts = { ("CREATE DATABASE %s TEMPLATE template0 ENCODING %s"):format(identifier(name), literal(like.encoding)) }
  local function add(text, ...) parts[#parts + 1] = text:format(...) end
  if here.owner then add("OWNER %s", identifier(like.owner)) end
  -- The default one needs no right when it is not named.
  if here.tablespace and like.tablespace ~= "pg_default" then add("TABLESPACE %s", identifier(like.tablespace)) end
  if here.plain then
    add "LC_COLLATE 'C' LC_CTYPE 'C'"
  else
    add("LC_COLLATE %s LC_CTYPE %s", literal(like.collate), literal(like.ctype))
    if major >= 15 then add("LOCALE_PROVIDER %s", providers[like.provider]) end
    if like.locale then
      add("%s %s", like.provider == "b" and "BUILTIN_LOCALE" or "ICU_LOCALE", literal(like.locale))
    end
    if like.rules then add("ICU_RULES %s", literal(like.rules)) end
  end
  return table.concat(parts, " ")
end

-- Settings whose value is a list of names, each quoted by itself; as pg_dumpall knows them.
local lists <const> = {
  local_preload_libraries = true, search_path = true, session_preload_libraries = true, shared_preload_libraries = true,
  temp_tablespaces = true, unix_socket_directories = true,
}

-- The names of a list as the server keeps it: bare, or in double quotes.
local function list_values(value)
  local out, at = {}, 1
  while at <= #value do
    local name, after = value:match('^%s*"([^"]*)"%s*,?()', at)
    while name and value:sub(after, after) == '"' do -- "" is a quote inside
      local more, next_after = value:match('^"([^"]*)"%s*,?()', after)
      name, after = name .. '"' .. more, next_after
    end
    if not name then name, after = value:match("^%s*([^,]*),?()", at) end
    out[#out + 1] = literal((name:gsub("%s+$", "")))
    at = after
  end
  return #out > 0 and table.concat(out, ", ") or "''"
end

--- The statement that gives a database, or a role in it, one of its settings.
---@param name string
---@param setting { role?: string, name: string, value: string }
---@return string
function database.setting_statement(name, setting)
  local value = lists[setting.name:lower()] and list_values(setting.value) or literal(setting.value)
  local of = setting.role and ("ROLE %s IN DATABASE %s"):format(identifier(setting.role), identifier(name))
    or "DATABASE " .. identifier(name)
  local parts = {}
  for part in setting.name:gmatch "[^.]+" do parts[#parts + 1] = identifier(part) end
  return ("ALTER %s SET %s TO %s"):format(of, table.concat(parts, "."), value)
end

local function right_statement(name, right)
  return ("GRANT %s ON DATABASE %s TO %s%s"):format(right.privilege, identifier(name),
    right.grantee and identifier(right.grantee) or "PUBLIC", right.grantable and " WITH GRANT OPTION" or "")
end

--- The statements that give a database all of it that CREATE DATABASE does not.
---@param like dixis.DatabaseProperties
---@param name string
---@return string[]
function database.dress_statements(like, name)
  local quoted, out = identifier(name), {}
  for _, setting in ipairs(like.settings) do out[#out + 1] = database.setting_statement(name, setting) end
  if like.comment then out[#out + 1] = ("COMMENT ON DATABASE %s IS %s"):format(quoted, literal(like.comment)) end
  if like.rights then
    out[#out + 1] = ("REVOKE ALL ON DATABASE %s FROM PUBLIC, %s"):format(quoted, identifier(like.owner))
    for _, right in ipairs(like.rights) do out[#out + 1] = right_statement(name, right) end
  end
  if like.template then out[#out + 1] = ("ALTER DATABASE %s IS_TEMPLATE true"):format(quoted) end
  if like.limit ~= -1 then out[#out + 1] = ("ALTER DATABASE %s CONNECTION LIMIT %d"):format(quoted, like.limit) end
  return out
end

--- What two databases are not the same in, besides oid and whether they let anybody in.
---@param one dixis.DatabaseProperties
---@param other dixis.DatabaseProperties
---@return string[]
function database.differences(one, other)
  local json = require "dixis.json"
  local out = {}
  for _, field in ipairs { "owner", "encoding", "collate", "ctype", "provider", "locale", "rules", "tablespace", "limit",
    "template", "comment", "rights", "settings" } do
    if json.canonical { one[field] } ~= json.canonical { other[field] } then out[#out + 1] = field end
  end
  return out
end

return database
