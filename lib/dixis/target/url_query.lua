-- The parameters of a target's URL: which go to libpq, which are Prisma's, and what they mean there.

local near = require "dixis.near"
local url_text = require "dixis.target.url_text"

local decode <const>, fail <const>, set <const> = url_text.decode, url_text.fail, url_text.set

local url_query = {}

-- What PostgreSQL's client knows too, and would follow to another place than the one that the URL shows.
local elsewhere <const> = set "hostaddr port dbname service servicefile passfile"

local libpq <const> = set [[
  sslmode sslrootcert sslcert sslkey sslpassword sslcrl sslcrldir sslsni sslcompression ssl_min_protocol_version
  ssl_max_protocol_version channel_binding connect_timeout application_name fallback_application_name options
  target_session_attrs keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout
  requirepeer gssencmode krbsrvname host]]

local prisma <const> = set [[
  schema pgbouncer connection_limit pool_timeout socket_timeout statement_cache_size max_connection_lifetime
  max_idle_connection_lifetime single_use_connections sslaccept sslidentity client_encoding]]

local before_host <const> = set "user username password"

local system_certificates <const> = "/etc/ssl/certs/ca-certificates.crt"

-- A parameter whose value is one of a few words.
local words <const> = {
  sslmode = set "disable allow prefer require verify-ca verify-full",
  sslaccept = set "strict accept_invalid_certs",
  pgbouncer = set "true false",
}

local function check_values(query)
  for name, allowed in pairs(words) do
    if query[name] and not allowed[query[name]] then
      return fail(("the parameter '%s' has a value that is not possible"):format(name),
        "possible: " .. table.concat(near.keys(allowed), ", "))
    end
  end
  if query.connect_timeout and not query.connect_timeout:find "^%d+$" then
    return fail "the parameter 'connect_timeout' is not a number of seconds"
  end
  if query.schema == "" then return fail "the parameter 'schema' is empty" end
  if query.host == "" then return fail "the parameter 'host' is empty" end
  if query.host and query.host:find(",", 1, true) then
    return fail("it names several hosts", "name the primary alone")
  end
  return true
end

--- The parameters by name, decoded and checked.
---@param query string  what follows the '?'
---@return table<string, string>? parameters
---@return dixis.Error? err
function url_query.parse(query)
  local found <const> = {}
  for pair in query:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=(.*)$"
    name = name or pair
    if before_host[name] then
      return fail(("the parameter '%s' does not belong into the query"):format(name))
    end
    if not libpq[name] and not prisma[name] then
      if not name:find "^[%a_]+$" or #name > 32 then
        return fail("a parameter in the query has a name that none has", "parameters look like ?name=value&name=value")
      end
      if elsewhere[name] then
        return fail(("the parameter '%s' is not known here: it may lead to another place than the URL shows"):format(name),
          "say host, port and database before the '?', and leave it out")
      end
      local known <const> = near.keys(libpq)
      table.move(near.keys(prisma), 1, #near.keys(prisma), #known + 1, known)
      local meant = near.find(name, known)
      return fail(("the parameter '%s' is not known"):format(name),
        meant and ("did you mean '%s'?"):format(meant) or "remove it: it means nothing here")
    end
    if not value then return fail(("the parameter '%s' has no value"):format(name)) end
    if found[name] then return fail(("the parameter '%s' is there twice"):format(name)) end
    local decoded, err = decode((value:gsub("%+", " ")), ("parameter '%s'"):format(name))
    if not decoded then return nil, err end
    found[name] = decoded
  end
  local possible, problem = check_values(found)
  if not possible then return nil, problem end
  return found
end

-- In Prisma's URLs sslcert is the certificate of the authority; libpq's own, with a key, stays.
local function map_tls(query, params)
  if query.sslcert and not query.sslkey then
    params.sslcert = nil
    if query.sslaccept ~= "accept_invalid_certs" then params.sslrootcert = query.sslrootcert or query.sslcert end
  end
  if query.sslaccept == "strict" then
    params.sslmode = "verify-full"
    params.sslrootcert = params.sslrootcert or system_certificates
  end
end

--- Adds what libpq understands to `params`; returns the names of Prisma's parameters that mean nothing
--- here.
---@param query table<string, string>
---@param params table<string, string|integer>
---@return string[] ignored
function url_query.apply(query, params)
  local ignored <const> = {}
  for name, value in pairs(query) do
    if libpq[name] and (name ~= "sslpassword" or query.sslkey) then
      params[name] = value
    elseif name ~= "schema" and name ~= "pgbouncer" and name ~= "sslaccept" then
      ignored[#ignored + 1] = name
    end
  end
  map_tls(query, params)
  table.sort(ignored)
  return ignored
end

return url_query
