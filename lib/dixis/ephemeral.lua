-- A private PostgreSQL server that is gone when its owner is: a keeper process (command/keeper.lua) starts it,
-- holds our pipe, and removes everything when the pipe ends, however we ended.

local digest = require "host.digest"
local errors = require "dixis.errors"
local json = require "dixis.json"
local process = require "host.process"
local task = require "host.task"

local ephemeral = {}

local start_seconds <const> = 120
local stop_seconds <const> = 15

---@class dixis.ephemeral.Options
---@field durable? boolean                  wait for the disk, as a real server does (for measurements)
---@field folder? string                   an absolute, short path: where the data goes, /tmp when absent
---@field memory? boolean                   data in memory (/dev/shm) when there is plenty: for small databases
---@field settings? table<string, string|number|boolean>   server settings on top of ours
---@field tcp? boolean                      listen on 127.0.0.1 too, on a free port, with a password
---@field password? string                  of the superuser, for TCP; made up when absent
---@field bin? string                       folder of the server's programs; searched when absent

---@class dixis.ephemeral.Server
---@field params table      for pg.connect: host (a folder), port, dbname, user
---@field tcp_params? table  the same by TCP, with the password
---@field url string        by the socket
---@field version string
---@field port integer      also of TCP
---@field folder string     private; holds socket, data and log
---@field keeper host.process.Handle
local Server = {}
Server.__index = Server

--- Ends the server and waits until its folder is removed. May be called again.
---@async
---@return true? ok
---@return dixis.Error? err
function Server:stop()
  if self.stopped then return true end
  self.stopped = true
  self.keeper:close_stdin()
  local waiter <const> = task.spawn(function() return self.keeper:wait() end)
  waiter:deadline(stop_seconds)
  local ok, result = waiter:join()
  -- The server dies with its keeper; the next start removes the folder.
  if not ok then self.keeper:kill("KILL") end
  self.keeper:close()
  if ok and result.code == 0 then return true end
  local why <const> = ok and result.stderr:gsub("%s+$", "") or ("it did not end within %d s"):format(stop_seconds)
  return nil, errors.new("os", "ending the throw-away server: " .. why)
end

--- False when the server has died.
---@return boolean
function Server:running()
  return not self.stopped and self.keeper:running()
end

--- Ends the server without waiting for it; so does losing the last reference.
function Server:close()
  self.stopped = true
  self.keeper:close()
end

Server.__close = Server.close

--- The keeper gets only what it needs; as root it runs as an ordinary user, whom our home is no business of.
local function keeper_environment(as_root)
  local env = {}
  for _, name in ipairs { "PATH", "DIXIS_LIB", "TZ", "ASAN_OPTIONS" } do env[name] = process.getenv(name) end
  if not as_root then
    for _, name in ipairs { "HOME", "XDG_CACHE_HOME" } do env[name] = process.getenv(name) end
  end
  return env
end

--- postgres refuses to run as root.
local function unprivileged_user()
  for _, name in ipairs { "postgres", "nobody" } do
    if process.user_info(name) then return name end
  end
end

---@async
---@return table? answer
---@return dixis.Error? err
local function read_answer(keeper)
  local line, err = keeper:read_line(start_seconds)
  if line then
    local answer = json.decode(line)
    if type(answer) ~= "table" then return nil, errors.new("os", "the server's keeper said: " .. line) end
    if answer.error then return nil, errors.new(answer.error.kind, answer.error.message, answer.error) end
    return answer
  end
  if err then return nil, errors.new("os", ("the server did not start within %d s"):format(start_seconds)) end
  local result = keeper:wait()
  return nil, errors.new("os", "the server's keeper ended: " .. (result and result.stderr or ""))
end

--- Starts a server; about a tenth of a second, and a second the first time (initdb).
---@async
---@param options? dixis.ephemeral.Options
---@return dixis.ephemeral.Server? server
---@return dixis.Error? err  kinds: "not_found" (no server programs), "os"
function ephemeral.start(options)
  options = options or {}
  local password = options.tcp and (options.password or digest.random_hex(16)) or nil
  local as_root <const> = select(2, process.user()) == 0
  local user
  if as_root then
    user = unprivileged_user()
    if not user then return nil, errors.new("not_found", "there is no ordinary user to run PostgreSQL as") end
  end
  local order <const> = json.encode { durable = options.durable, memory = options.memory,
    folder = options.folder, bin = options.bin,
    settings = options.settings, tcp = options.tcp, password = password }
  local keeper, err = process.start({ process.executable(), "keep-postgres" }, {
    env = keeper_environment(as_root), cwd = "/", user = user, keep_stdin = true, leave_running = true,
    secret = order, secret_env = "DIXIS_KEEPER",
  })
  if not keeper then return nil, err end
  local server <const> = setmetatable({ keeper = keeper }, Server)
  local answer
  -- Also when this task is cancelled meanwhile.
  local _ <close> = setmetatable({}, { __close = function()
    if not answer then server:close() end
  end })
  answer, err = read_answer(keeper)
  if not answer then return nil, err end
  server.version, server.folder, server.port = answer.version, answer.socket, math.tointeger(answer.port)
  server.params = { host = answer.socket, port = server.port, dbname = "postgres", user = answer.user }
  server.url = ("postgresql:///postgres?host=%s&port=%d&user=%s"):format(answer.socket, server.port, answer.user)
  if options.tcp then
    server.tcp_params = { host = "127.0.0.1", port = server.port, dbname = "postgres", user = answer.user,
      password = password }
  end
  return server
end

return ephemeral
