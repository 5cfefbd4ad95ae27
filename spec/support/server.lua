-- PostgreSQL for specs: one server per spec process, started at first use, gone with the process.

local ephemeral = require "dixis.ephemeral"
local pg = require "host.pg"

local server = {}

local shared, shared_tcp
local count = 0

local function copy(params, dbname)
  local made = {}
  for name, value in pairs(params) do made[name] = value end
  made.dbname = dbname or made.dbname
  return made
end

local function start(options)
  local started, err = ephemeral.start(options)
  return started or error(err.message .. (err.hint and "\n" .. err.hint or ""), 0)
end

--- The shared server itself.
---@async
---@return dixis.ephemeral.Server
function server.shared()
  shared = shared or start { memory = true }
  return shared
end

--- pg.connect parameters of the superuser and the database "postgres", by socket.
---@async
---@return table
function server.params()
  return copy(server.shared().params)
end

--- A fresh, empty database; the name is made unique.
---@async
---@param name? string  what it begins with
---@return table params
function server.database(name)
  count = count + 1
  local dbname = ("%s_%d"):format(name or "spec", count)
  local connection = assert(pg.connect(server.params()))
  assert(connection:query(('CREATE DATABASE "%s"'):format(dbname)))
  connection:close()
  return copy(server.params(), dbname)
end

local function escape(text)
  return (tostring(text):gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The same as a URL, as a runbook's variable would hold it.
---@param params table
---@return string
function server.url(params)
  local user = escape(params.user) .. (params.password and ":" .. escape(params.password) or "")
  if params.host:sub(1, 1) ~= "/" then
    return ("postgresql://%s@%s:%d/%s"):format(user, params.host, params.port, escape(params.dbname))
  end
  return ("postgresql://%s@localhost:%d/%s?host=%s")
    :format(user, params.port, escape(params.dbname), escape(params.host))
end

--- A second shared server: by TCP on 127.0.0.1, with a SCRAM password (in params.password).
---@async
---@return table params
function server.tcp()
  shared_tcp = shared_tcp or start { memory = true, tcp = true, password = "p@ss word/'1" }
  return copy(shared_tcp.tcp_params)
end

return server
