-- `dixis keep-postgres`, for dixis itself (see ephemeral.lua): runs a private PostgreSQL as long as stdin is open.
-- Its order is JSON in the file that DIXIS_KEEPER names; its answer is one line of JSON on stdout.

local clock = require "host.clock"
local errors = require "dixis.errors"
local fs = require "host.fs"
local json = require "dixis.json"
local process = require "host.process"
local task = require "host.task"
local template = require "dixis.ephemeral.template"
local tty = require "host.tty"

-- Short, because a socket's path may have 107 bytes.
local disk <const>, memory <const> = "/tmp", "/dev/shm"
local wanted_memory <const> = 1 << 30
local needed_bytes <const> = 128 << 20
local ready_seconds <const> = 60
local port_attempts <const> = 20

--- When the process started, so that a process id that is used again is no proof of life.
local function start_time(pid)
  local stat <const> = fs.read(("/proc/%s/stat"):format(pid), 4096)
  local fields <const> = stat and stat:match("^.*%) (.*)$")
  if not fields then return nil end
  local values = {}
  for field in fields:gmatch("%S+") do values[#values + 1] = field end
  return values[1] ~= "Z" and values[20] or nil
end

--- Removes folders of keepers that were killed.
local function remove_stale(order)
  local _, uid = process.user()
  for _, base in ipairs { disk, memory, order.folder } do
    for _, entry in ipairs(fs.list(base) or {}) do
      local pid, started = entry.name:match("^dixis%-pg%-(%d+)%-(%d+)%-%w+$")
      local path = base .. "/" .. entry.name
      local stat = pid and start_time(pid) ~= started and fs.stat(path, true)
      if stat and stat.type == "directory" and stat.uid == uid then fs.remove(path) end
    end
  end
end

local function private_folder(order)
  local base = order.folder or disk
  if order.memory and not order.durable and (fs.free_space(memory) or 0) > wanted_memory then base = memory end
  local free <const> = errors.check(fs.free_space(base))
  if free < needed_bytes then
    errors.raise("os", ("a throw-away PostgreSQL needs %d MB in %s, and %d MB are free")
      :format(needed_bytes >> 20, base, free >> 20), { hint = "free some disk space" })
  end
  -- The name says whose it is, from its first moment on.
  local pid <const> = process.pid()
  return errors.check(fs.mkdtemp(("%s/dixis-pg-%d-%s-"):format(base, pid, start_time(pid))))
end

local function arguments(order, folder, bin, port)
  local settings = {
    listen_addresses = order.tcp and "127.0.0.1" or "", port = port,
    unix_socket_directories = folder, unix_socket_permissions = "0700",
    max_connections = 100, shared_buffers = "32MB", max_wal_size = "1GB", log_timezone = "UTC",
  }
  if not order.durable then
    settings.fsync, settings.synchronous_commit, settings.full_page_writes = "off", "off", "off"
  end
  for name, value in pairs(order.settings or {}) do
    settings[name] = math.type(value) == "float" and math.tointeger(value) or value
  end
  local argv = { bin .. "/postgres", "-D", folder .. "/data" }
  for name, value in pairs(settings) do
    argv[#argv + 1] = "-c"
    argv[#argv + 1] = ("%s=%s"):format(name, value)
  end
  return argv
end

--- postmaster.pid says when connections are accepted; asking it costs less than trying one.
---@async
local function is_ready(server, folder)
  local until_time <const> = clock.now() + ready_seconds
  while server:running() and clock.now() < until_time do
    local text = fs.read(folder .. "/data/postmaster.pid", 4096)
    if text and text:match("\nready%s*\n?$") then return true end
    clock.sleep(0.004)
  end
  return false
end

---@async
---@return integer port
local function start_server(order, state, bin)
  local folder <const> = state.folder
  local log <const> = folder .. "/log"
  for attempt = 1, port_attempts do
    -- The socket lies in a folder of its own: any port will do, but TCP needs a free one.
    local port = order.tcp and math.random(20000, 32000) or 5432
    state.server = errors.check(process.start(arguments(order, folder, bin, port),
      { stdout_path = log, die_with_parent = "QUIT", cwd = folder }))
    if is_ready(state.server, folder) then return port end
    local text = fs.read(log) or ""
    local taken = text:find("could not create any TCP/IP sockets", 1, true)
    if not taken or attempt == port_attempts then
      errors.raise("os", "the PostgreSQL server did not start: " .. template.last_lines(text, 5))
    end
    state.server:wait()
    fs.remove(log)
  end
end

--- Who comes by TCP has to show the password; the folder's mode guards the socket.
---@async
local function demand_password(order, folder, port)
  local pg <const> = require "host.pg"
  local sql <const> = require "host.sql"
  local conn = errors.check(pg.connect { host = folder, port = port, dbname = "postgres", user = template.superuser })
  errors.check(conn:query "SET log_statement = none") -- whatever the order says of the log, not this
  errors.check(conn:query(("ALTER ROLE %s PASSWORD %s"):format(template.superuser, sql.quote_literal(order.password))))
  conn:close()
end

---@async
local function serve(order, state)
  remove_stale(order)
  local bin <const> = template.programs(order.bin)
  state.folder = private_folder(order)
  local version <const> = template.make(bin, state.folder .. "/data")
  if order.tcp then
    errors.check(fs.write(state.folder .. "/data/pg_hba.conf",
      "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"))
  end
  local port <const> = start_server(order, state, bin)
  if order.tcp then demand_password(order, state.folder, port) end
  state.answered = tty.write("stdout", json.encode {
    socket = state.folder, port = port, user = template.superuser, version = version } .. "\n")
  state.server:wait()
  local log <const> = fs.read(state.folder .. "/log") or ""
  errors.raise("os", "the PostgreSQL server has died: " .. template.last_lines(log, 5))
end

--- SIGQUIT ends the server at once: nothing in it is worth keeping.
---@async
local function clean_up(state)
  if state.server then
    state.server:kill("QUIT")
    state.server:wait()
  end
  if state.folder then errors.check(fs.remove(state.folder)) end
end

---@async
---@return integer exit
return function()
  local order <const> = json.decode(errors.check(fs.read(process.getenv("DIXIS_KEEPER") or "")))
  local state = {}
  local work <const> = task.spawn(serve, order, state)
  local function finish() work:cancel({ kind = "finished", message = "finished" }) end
  task.on_signal(finish)
  task.spawn(function()
    tty.wait_stdin_end()
    finish()
  end)
  local _, err = work:join()
  clean_up(state)
  if err.kind == "finished" then return 0 end
  if not state.answered then
    tty.write("stdout", json.encode { error = { kind = err.kind, message = err.message, hint = err.hint } } .. "\n")
  end
  tty.write("stderr", tostring(err.message) .. "\n")
  return 1
end
