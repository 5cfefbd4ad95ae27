-- The server is restarted as by `pg_ctl -m immediate restart`: it forgets what it had not written to its log.

local clock = require "host.clock"
local fs = require "host.fs"
local pg = require "host.pg"
local process = require "host.process"

local restart = {}

---@class torture.Cluster
---@field params table
---@field server host.process.Handle
local Cluster = {}
Cluster.__index = Cluster

local function program(name)
  local newest
  for _, entry in ipairs(fs.list "/usr/lib/postgresql" or {}) do
    local path = ("/usr/lib/postgresql/%s/bin/%s"):format(entry.name, name)
    local version = tonumber(entry.name)
    if version and fs.stat(path) and (not newest or version > newest.version) then
      newest = { version = version, path = path }
    end
  end
  return newest and newest.path or assert(process.which(name), name .. " is not installed")
end

function Cluster:start()
  self.server = assert(process.start({ program "postgres", "-D", self.folder .. "/data", "-k", self.folder,
    "-c", "listen_addresses=", "-c", "shared_buffers=32MB" },
    { user = self.user, cwd = self.folder, die_with_parent = "QUIT", stdout_path = self.folder .. "/log" }))
  local begun = clock.now()
  repeat
    local conn = pg.connect(self.params, 5)
    if conn then return conn:close() end
    clock.sleep(0.05)
  until clock.now() - begun > 60
  error("the server did not start: " .. (fs.read(self.folder .. "/log") or ""), 0)
end

--- SIGQUIT is what -m immediate sends.
---@async
function Cluster:restart()
  self.server:kill "QUIT"
  self.server:wait()
  self:start()
end

function Cluster:close()
  self.server:kill "QUIT"
  self.server:wait()
  fs.remove(self.folder)
end

--- A durable server of its own.
---@async
---@return torture.Cluster
function restart.cluster()
  local user = select(2, process.user()) == 0 and "postgres" or nil
  local self = setmetatable({ user = user, folder = assert(fs.mkdtemp "/tmp/dixis-server-") }, Cluster)
  if user then
    local account = process.user_info(user)
    assert(fs.chown(self.folder, account.uid, account.gid))
  end
  local made = assert(process.run({ program "initdb", "-D", self.folder .. "/data", "-A", "trust", "-U", "torture" },
    { user = user, cwd = self.folder }))
  assert(made.code == 0, made.stderr)
  self.params = { host = self.folder, port = 5432, dbname = "postgres", user = "torture" }
  self:start()
  return self
end

--- Restarts it so many seconds after the run began.
---@async
---@param lab torture.Lab  on that server
---@param cluster torture.Cluster
---@param seconds number
function restart.after(lab, cluster, seconds)
  lab:trial(("server restarted after %.4f s"):format(seconds), function(trial)
    local run = trial:start()
    clock.sleep(seconds)
    cluster:restart()
    return run:wait()
  end)
end

return restart
