-- Which database this really is: more than its URL says.

local identity = {}

---@class dixis.Identity
---@field database string
---@field host string
---@field port string
---@field user string
---@field server_version string
---@field major integer
---@field system_identifier? string  nil when the role may not read it
---@field timeline? string  of the server's history: another one after a failover; nil when it does not tell
---@field database_oid? integer  nil: there is no such database (a runbook with target.maintenance may meet that)
---@field replica boolean
---@field superuser boolean
---@field environment? string   the stamp, see `read_stamp`
---@field tls boolean
---@field pooled boolean        a transaction-mode pooler sits between

-- The stamp is a setting of the database (ALTER DATABASE ... SET dixis.environment): it needs no object
-- in the schema, cannot be overridden by a session, and is not carried along by pg_dump.
local query <const> = [[
SELECT n.name AS database, current_user AS user_name,
       current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
       pg_catalog.pg_is_in_recovery() AS replica, pg_catalog.pg_backend_pid() AS pid,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser,
       d.oid::int8 AS oid,
       (SELECT substr(s, length('dixis.environment=') + 1)
          FROM pg_catalog.pg_db_role_setting r, unnest(r.setconfig) s
         WHERE r.setdatabase = d.oid AND r.setrole = 0 AND s LIKE 'dixis.environment=%') AS stamp
  FROM (SELECT coalesce($1, current_database()) AS name) n LEFT JOIN pg_catalog.pg_database d ON d.datname = n.name]]

-- Managed servers may keep either to themselves.
local cluster_queries <const> = {
  [[SELECT system_identifier::text, CASE WHEN NOT pg_catalog.pg_is_in_recovery()
      THEN substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END FROM pg_catalog.pg_control_system()]],
  "SELECT system_identifier::text, NULL FROM pg_catalog.pg_control_system()",
}

local function read_cluster(session)
  for _, text in ipairs(cluster_queries) do
    local result, err = session.conn:query(text)
    if result then return result[1][1], result[1][2] end
    if err.kind == "connection_lost" then error(err, 0) end
  end
end

---@async
---@param session dixis.Session
---@param name? string  of the target, when the session is on another database of the server
---@return dixis.Identity
function identity.read(session, name)
  local row = session:row(query, name)
  local info = session.conn:info()
  local system, timeline = read_cluster(session)
  return {
    database = row.database, user = row.user_name, host = info.host, port = info.port,
    server_version = row.version:match "^%S+", major = row.number // 10000,
    system_identifier = system, timeline = timeline,
    database_oid = row.oid, replica = row.replica, superuser = row.superuser or false,
    environment = row.stamp, tls = info.tls, tls_version = info.tls_version,
    pooled = row.pid ~= session.pid,
  }
end

--- The parts that must stay the same between plan and apply.
---@param found dixis.Identity
---@return table
function identity.fingerprint(found)
  return {
    database = found.database, system_identifier = found.system_identifier or "unknown",
    timeline = found.timeline or "unknown", database_oid = found.database_oid or "none", major = found.major,
    replica = found.replica,
  }
end

local names <const> = { system_identifier = "system identifier", timeline = "timeline", database_oid = "database's OID",
  database = "database", major = "major version", replica = "role as a replica" }

--- What of the fingerprint is another one, in words; nil when it is the same target.
---@param before dixis.Identity
---@param now dixis.Identity
---@return string?
function identity.difference(before, now)
  local was, is = identity.fingerprint(before), identity.fingerprint(now)
  for _, name in ipairs { "system_identifier", "timeline", "database", "database_oid", "major", "replica" } do
    if was[name] ~= is[name] then
      return ("its %s was %s and is %s"):format(names[name], tostring(was[name]), tostring(is[name]))
    end
  end
end

--- "db.example.org:5432", or "socket /run/postgresql".
---@param found dixis.Identity
---@return string
function identity.place(found)
  return found.host:match "^/" and ("socket " .. found.host) or ("%s:%s"):format(found.host, found.port)
end

--- One line for people.
---@param found dixis.Identity
---@return string
function identity.describe(found)
  local place = identity.place(found)
  return ("%s on %s, PostgreSQL %s %s, role %s%s, %s, %s"):format(found.database, place, found.server_version,
    found.replica and "replica" or "primary", found.user, found.superuser and " (superuser)" or "",
    found.tls and "TLS" or "no TLS",
    not found.database_oid and "not there" or found.environment and ("stamped " .. found.environment) or "not stamped")
end

return identity
