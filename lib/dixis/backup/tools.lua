-- pg_dump and pg_restore: finding them, running them without showing the password, and what they complain about.

local errors = require "dixis.errors"
local fs = require "host.fs"
local process = require "host.process"

local tools = {}

---@class dixis.BackupTools
---@field dump string      path of pg_dump
---@field restore string   path of pg_restore, of the same release
---@field version string
---@field major integer

local function version_of(path)
  local result = process.run({ path, "--version" }, { timeout = 20, env = { PATH = process.getenv "PATH" } })
  local version = result and result.code == 0 and result.stdout:match "(%d+[%d.]*)"
  return version, version and math.tointeger(version:match "^%d+")
end

-- Debian's pg_wrapper in /usr/bin takes 40 ms more and picks a version by its own rules: look there last.
local function folders()
  local found = {}
  for _, entry in ipairs(fs.list "/usr/lib/postgresql" or {}) do
    found[#found + 1] = "/usr/lib/postgresql/" .. entry.name .. "/bin"
  end
  table.sort(found, function(a, b) return (tonumber(a:match "(%d+)/bin") or 0) > (tonumber(b:match "(%d+)/bin") or 0) end)
  local in_path = process.which "pg_dump"
  if in_path then found[#found + 1] = in_path:match "^(.*)/" end
  return found
end

--- Programs that can read a server of this major version; the nearest in age.
---@async
---@param major integer
---@param bin? string  the one folder to look into
---@return dixis.BackupTools?
function tools.find(major, bin)
  local best
  for _, folder in ipairs(bin and { bin } or folders()) do
    local dump, restore = folder .. "/pg_dump", folder .. "/pg_restore"
    if fs.stat(dump) and fs.stat(restore) then
      local version, found = version_of(dump)
      if found and found >= major and (not best or found < best.major) then
        best = { dump = dump, restore = restore, version = version, major = found }
      end
    end
  end
  return best
end

--- The same; refuses when there are none.
---@async
---@param major integer
---@param bin? string
---@return dixis.BackupTools
function tools.demand(major, bin)
  local found = tools.find(major, bin)
  if found then return found end
  errors.refuse(("no pg_dump and pg_restore of PostgreSQL %d or newer were found%s"):format(major,
    bin and " in " .. bin or ""), ("apt-get install postgresql-client-%d"):format(major))
end

-- host:port:database:user:password, with : and \ escaped; everything but the password is a wildcard.
local function passfile(password)
  return "*:*:*:*:" .. password:gsub("[\\:]", "\\%0") .. "\n"
end

local variables <const> = {
  sslmode = "PGSSLMODE", sslrootcert = "PGSSLROOTCERT", sslcert = "PGSSLCERT", sslkey = "PGSSLKEY", sslcrl = "PGSSLCRL",
  sslcrldir = "PGSSLCRLDIR", sslsni = "PGSSLSNI", channel_binding = "PGCHANNELBINDING", options = "PGOPTIONS",
  ssl_min_protocol_version = "PGSSLMINPROTOCOLVERSION", ssl_max_protocol_version = "PGSSLMAXPROTOCOLVERSION",
  connect_timeout = "PGCONNECT_TIMEOUT", requirepeer = "PGREQUIREPEER", gssencmode = "PGGSSENCMODE",
  krbsrvname = "PGKRBSRVNAME",
}

-- A name with '=' or '://' in it would be taken for a connection string: always give one.
local function connection_string(database)
  return "--dbname=dbname='" .. tostring(database):gsub("[\\']", "\\%0") .. "'"
end

-- Of the server's answer only the message itself: DETAIL and CONTEXT quote rows.
local function complaint(run, result)
  local found, object = {}, nil
  for line in result.stderr:gmatch "[^\n]+" do
    local text = line:match "^pg_%a+: error: (.*)$"
    if text and #found < 2 then found[#found + 1] = (text:gsub("%s+", " ")) end
    object = line:match "^pg_%a+: from TOC entry %d+; %d+ %d+ (.*)$" or object
  end
  if #found == 0 then found[1] = result.stderr:gsub("%s+$", ""):match "[^\n]*$" end
  local text = table.concat(found, "; ") .. (object and (" (%s)"):format(object) or "")
  return run.secrets:clean(text)
end

-- Calls fn for each whole line of stderr, however it comes.
local function lines_of(fn)
  local rest = ""
  return function(stream, chunk)
    if stream ~= "stderr" then return end
    local whole, tail = (rest .. chunk):match "^(.*\n)([^\n]*)$"
    rest = tail or rest .. chunk
    for line in (whole or ""):gmatch "([^\n]*)\n" do fn(line) end
  end
end

---@class dixis.ToolOptions
---@field params? table       the database to connect to
---@field path? string        the archive, as the last argument
---@field on_line? fun(line: string)  each line of stderr as it comes

--- Runs one of the programs to its end; raises with its complaint when it fails.
---@async
---@param run dixis.Run
---@param argv string[]
---@param options? dixis.ToolOptions
---@return host.process.Result result
function tools.run(run, argv, options)
  options = options or {}
  local params = options.params
  local env = { PATH = process.getenv "PATH", PGAPPNAME = "dixis backup " .. run.id, LC_ALL = "C" }
  local line = table.move(argv, 1, #argv, 1, {})
  if params then
    for name, variable in pairs(variables) do env[variable] = params[name] and tostring(params[name]) end
    for _, argument in ipairs { "--no-password", "--host=" .. params.host, "--port=" .. params.port,
      "--username=" .. params.user, connection_string(params.dbname) } do
      table.insert(line, 2, argument)
    end
  end
  line[#line + 1] = options.path
  local password = params and params.password
  local result = errors.check(process.run(line, {
    env = env, secret = password and passfile(password), secret_env = password and "PGPASSFILE",
    max_output = 1 << 28,
    on_output = options.on_line and lines_of(options.on_line) or nil,
  }))
  if result.code ~= 0 then
    errors.raise("failed", ("%s ended with %s: %s"):format(argv[1]:match "[^/]*$",
      result.code and ("code " .. result.code) or result.signal, complaint(run, result)))
  end
  return result
end

--- The SQL of what pg_dump or pg_restore wrote, without the lines for psql that newer ones put around it.
---@param text string
---@return string
function tools.script(text)
  return (("\n" .. text):gsub("\n\\u?n?restrict [^\n]*", ""))
end

return tools
