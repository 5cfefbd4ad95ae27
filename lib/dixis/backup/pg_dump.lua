-- pg_dump: finding it, running it without showing the password, and what it left behind.

local digest = require "host.digest"
local errors = require "dixis.errors"
local fs = require "host.fs"
local process = require "host.process"

local pg_dump = {}

---@class dixis.PgDump
---@field path string
---@field version string
---@field major integer

local function version_of(path)
  local result = process.run({ path, "--version" }, { timeout = 20, env = { PATH = process.getenv "PATH" } })
  local version = result and result.code == 0 and result.stdout:match "(%d+[%d.]*)"
  return version, version and math.tointeger(version:match "^%d+")
end

local function candidates()
  local paths = {}
  -- Debian's pg_wrapper in /usr/bin takes 40 ms more and picks a version by its own rules: look here first.
  for _, entry in ipairs(fs.list "/usr/lib/postgresql" or {}) do
    paths[#paths + 1] = "/usr/lib/postgresql/" .. entry.name .. "/bin/pg_dump"
  end
  table.sort(paths, function(a, b) return (tonumber(a:match "(%d+)/bin") or 0) > (tonumber(b:match "(%d+)/bin") or 0) end)
  local in_path = process.which "pg_dump"
  if in_path then paths[#paths + 1] = in_path end
  return paths
end

--- A pg_dump that can read a server of this major version; the nearest in age.
---@async
---@param major integer
---@return dixis.PgDump?
function pg_dump.find(major)
  local best
  for _, path in ipairs(candidates()) do
    if fs.stat(path) then
      local version, found = version_of(path)
      if found and found >= major and (not best or found < best.major) then
        best = { path = path, version = version, major = found }
      end
    end
  end
  return best
end

---@param run dixis.Run
---@param folder? string
---@return string
function pg_dump.folder(run, folder)
  return folder or (run.settings.journal_dir:gsub("/[^/]*/?$", "") .. "/backups")
end

--- Makes the folder when it is not there; refuses when it cannot be written.
---@param folder string
function pg_dump.check_folder(folder)
  local ok, err = fs.mkdir(folder, tonumber("700", 8))
  if not ok then errors.refuse(("the backup folder %s cannot be made: %s"):format(folder, err.message)) end
  local probe = folder .. "/.probe-" .. digest.random_hex(4)
  ok, err = fs.create(probe, "")
  fs.remove(probe)
  if not ok then errors.refuse(("the backup folder %s cannot be written: %s"):format(folder, err.message)) end
end

-- host:port:database:user:password, with : and \ escaped; everything but the password is a wildcard.
local function passfile(password)
  return "*:*:*:*:" .. password:gsub("[\\:]", "\\%0") .. "\n"
end

local environment_of <const> = { sslmode = "PGSSLMODE", sslrootcert = "PGSSLROOTCERT", sslcert = "PGSSLCERT",
  sslkey = "PGSSLKEY", channel_binding = "PGCHANNELBINDING" }

--- Dumps the target; raises when that fails. The file is private (0600 in a 0700 folder).
---@async
---@param run dixis.Run
---@param folder string
---@return { path: string, size: integer, sha256: string, tool: string }
function pg_dump.run(run, folder)
  run:open_session()
  local tool = run.pg_dump or pg_dump.find(run.identity.major)
  if not tool then
    errors.raise("failed", ("no pg_dump of PostgreSQL %d or newer was found"):format(run.identity.major),
      { hint = ("apt-get install postgresql-client-%d"):format(run.identity.major) })
  end
  pg_dump.check_folder(folder)
  local params = run.target.params
  local path = ("%s/%s-%s.dump"):format(folder, run.identity.database:gsub("[^%w_.-]", "_"), run.id)
  -- Half a dump must not be taken for a backup, however this ends.
  local partial <close> = setmetatable({ path = path .. ".partial" }, { __close = function(self) fs.remove(self.path) end })
  errors.check(fs.create(partial.path, "", tonumber("600", 8)))
  local env = { PATH = process.getenv "PATH", PGAPPNAME = "dixis backup " .. run.id }
  for name, variable in pairs(environment_of) do env[variable] = params[name] end
  run.bus:intend("backup.started", { path = path, tool = tool.path, version = tool.version })
  local result = errors.check(process.run({
    tool.path, "--format=custom", "--no-password", "--file=" .. partial.path,
    "--host=" .. params.host, "--port=" .. params.port, "--username=" .. params.user, "--dbname=" .. params.dbname,
  }, {
    env = env, secret = params.password and passfile(params.password), secret_env = params.password and "PGPASSFILE",
  }))
  if result.code ~= 0 then
    errors.raise("failed", ("pg_dump ended with %s: %s"):format(result.code and ("code " .. result.code) or result.signal,
      run.secrets:clean(result.stderr:sub(-600):gsub("%s+$", ""))))
  end
  errors.check(fs.rename(partial.path, path))
  local made = { path = fs.realpath(path) or path, size = errors.check(fs.stat(path)).size,
    sha256 = errors.check(digest.sha256_file(path)), tool = "pg_dump " .. tool.version }
  run.bus:emit("backup.finished", made)
  return made
end

return pg_dump
