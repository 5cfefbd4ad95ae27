local clock = require "host.clock"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local pg = require "host.pg"
local process = require "host.process"
local server_of_specs = require "spec.support.server"
local task = require "host.task"

local is_root <const> = select(2, process.user()) == 0

local function eventually(condition, seconds)
  local deadline = clock.now() + (seconds or 15)
  while not condition() do
    if clock.now() > deadline then return false end
    clock.sleep(0.02)
  end
  return true
end

--- Whether any process has `text` in its command line.
local function runs(text)
  for _, entry in ipairs(assert(fs.list("/proc"))) do
    local line = entry.name:match("^%d+$") and fs.read("/proc/" .. entry.name .. "/cmdline")
    if line and line:find(text, 1, true) then return true end
  end
  return false
end

local function is_gone(folder)
  return not runs(folder) and fs.stat(folder) == nil
end

local function query(params, sql)
  local connection = assert(pg.connect(params))
  local result = assert(connection:query(sql))
  connection:close()
  return result[1] and result[1][1]
end

--- Runs `code` in another process of this binary, in a spec; gives the handle once it printed "folder ...".
local function other_owner(code, options)
  local folder <const> = assert(fs.mkdtemp("/tmp/dixis-spec-"))
  local path <const> = folder .. "/owner_spec.lua"
  assert(fs.create(path, ([[
    local ephemeral = require "dixis.ephemeral"
    local clock = require "host.clock"
    it("owns", function()
      local server = assert(ephemeral.start { memory = true })
      io.stdout:write("folder ", server.folder, "\n")
      io.stdout:flush()
      %s
    end)
  ]]):format(code)))
  process.run { "chmod", "-R", "a+rX", folder }
  options = options or {}
  options.env = { PATH = process.getenv("PATH"), DIXIS_LIB = process.getenv("DIXIS_LIB"),
    ASAN_OPTIONS = process.getenv("ASAN_OPTIONS"), HOME = options.home }
  options.home = nil
  local handle = assert(process.start({ process.executable(), "spec", "--output=TAP", path }, options))
  local line, server_folder
  repeat
    line = handle:read_line(60)
    server_folder = line and line:match("^folder (.*)")
  until server_folder or not line
  fs.remove(folder)
  if not server_folder then error(handle:wait().stdout) end
  return handle, server_folder
end

describe("an ephemeral server", function()
  it("starts, answers, and leaves nothing behind", function()
    local server = assert(ephemeral.start())
    assert.equal("UTF8", query(server.params, "SHOW server_encoding"))
    assert.equal("", query(server.params, "SHOW listen_addresses"))
    assert.equal("off", query(server.params, "SHOW fsync"))
    assert.equal(server.version, query(server.params, "SHOW server_version"):match("^%S+"))
    assert.equal(tonumber("700", 8), fs.stat(server.folder).mode)
    assert.is_true(#server.folder + #"/.s.PGSQL.5432" < 107)
    assert.is_true(server:running())
    assert.is_true(runs(server.folder))
    assert(server:stop())
    assert.is_true(is_gone(server.folder))
    assert.is_false(server:running())
    assert(server:stop())
  end)

  it("is also reached by its URL", function()
    local server <close> = assert(ephemeral.start { memory = true })
    local result = assert(process.run { "psql", "-XAtc", "SELECT current_user", server.url })
    assert.equal("postgres\n", result.stdout)
  end)

  it("is made from the template of the start before", function()
    assert(ephemeral.start({ memory = true })):stop()
    local seen = {}
    local before = clock.wall()
    for _ = 1, 2 do
      local server = assert(ephemeral.start { memory = true })
      -- initdb draws the system identifier: a copy shares it.
      seen[#seen + 1] = query(server.params, "SELECT system_identifier::text FROM pg_control_system()")
      assert.is_true(fs.stat(server.folder .. "/data/base").mtime >= before - 60)
      assert(server:stop())
    end
    assert.equal(seen[1], seen[2])
  end)

  it("is one of several at once", function()
    local children, servers = {}, {}
    for i = 1, 3 do children[i] = task.spawn(function() return assert(ephemeral.start { memory = true }) end) end
    for i, child in ipairs(children) do
      local ok, server = child:join()
      assert(ok, not ok and server.message)
      servers[i] = server
      query(server.params, "CREATE DATABASE mine_" .. i)
    end
    for i, server in ipairs(servers) do
      assert.equal(1, query(server.params, "SELECT count(*) FROM pg_database WHERE datname LIKE 'mine%'"))
      assert.equal("mine_" .. i, query(server.params, "SELECT datname FROM pg_database WHERE datname LIKE 'mine%'"))
      server:stop()
    end
  end)

  it("takes settings and can be durable", function()
    local server <close> = assert(ephemeral.start { durable = true, settings = { work_mem = "7MB", jit = false } })
    assert.equal("7MB", query(server.params, "SHOW work_mem"))
    assert.equal("off", query(server.params, "SHOW jit"))
    assert.equal("on", query(server.params, "SHOW fsync"))
    assert.equal("on", query(server.params, "SHOW synchronous_commit"))
  end)

  it("listens on TCP for those who know the password", function()
    local params = server_of_specs.tcp()
    assert.equal(1, query(params, "SELECT 1"))
    local connection, err = pg.connect { host = params.host, port = params.port, dbname = "postgres",
      user = params.user, password = "wrong" }
    assert.is_nil(connection)
    assert.equal("auth", err.kind)
    assert.is_false(runs(params.password))
    assert.equal(1, query(params, "SELECT 1 FROM pg_authid WHERE rolname = 'postgres' AND rolpassword LIKE 'SCRAM%'"))
    local result = process.run { "psql", "-XAtc", "SELECT 1", server_of_specs.url(params) }
    assert.equal("1\n", result.stdout)
  end)

  it("reports why it does not start", function()
    local server, err = ephemeral.start { settings = { no_such_setting = 1 } }
    assert.is_nil(server)
    assert.equal("os", err.kind)
    assert.matches("no_such_setting", err.message)
    server, err = ephemeral.start { bin = "/nowhere" }
    assert.is_nil(server)
    assert.equal("not_found", err.kind)
    assert.matches("/nowhere", err.message)
  end)

  it("tells what initdb said", function()
    local bin <const> = assert(fs.mkdtemp("/tmp/dixis-spec-"))
    for _, name in ipairs { "initdb", "postgres" } do
      assert(fs.create(bin .. "/" .. name, "#!/bin/sh\necho could not: No space left on device >&2; exit 1\n",
        tonumber("755", 8)))
    end
    process.run { "chmod", "755", bin }
    local server, err = ephemeral.start { bin = bin }
    fs.remove(bin)
    assert.is_nil(server)
    assert.equal("os", err.kind)
    assert.matches("^initdb failed: could not: No space left", err.message)
    assert.matches("disk space", err.hint)
  end)

  it("notices that the server died", function()
    local server = assert(ephemeral.start { memory = true })
    local pid = assert(fs.read(server.folder .. "/data/postmaster.pid")):match("^%d+")
    process.run { "kill", "-9", pid }
    assert.is_true(eventually(function() return not server:running() end))
    local ok, err = server:stop()
    assert.is_nil(ok)
    assert.matches("has died", err.message)
    assert.is_nil(fs.stat(server.folder))
  end)

  it("goes when the last reference is lost", function()
    local folder
    do
      local server = assert(ephemeral.start { memory = true })
      folder = server.folder
      server = nil -- luacheck: ignore
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(eventually(function() return is_gone(folder) end))
  end)

  it("goes when the starting task is cancelled", function()
    local function keepers()
      return tonumber(process.run({ "pgrep", "-cf", "-P", tostring(process.pid()), "keep-postgres" }).stdout)
    end
    local before = keepers()
    local starter = task.spawn(function() return ephemeral.start { memory = true } end)
    assert.is_true(eventually(function() return keepers() == before + 1 end))
    starter:cancel()
    assert.is_false((starter:join()))
    assert.is_true(eventually(function() return keepers() == before end))
  end)
end)

describe("the end of a server's owner", function()
  it("by kill -9 takes the server along", function()
    local owner <close>, folder = other_owner("clock.sleep(600)")
    assert.is_true(runs(folder))
    owner:kill("KILL")
    owner:wait()
    assert.is_true(eventually(function() return is_gone(folder) end))
  end)

  it("without stopping it takes the server along", function()
    local owner <close>, folder = other_owner("rawset(_G, 'kept', server)")
    assert.equal(0, owner:wait().code)
    assert.is_true(eventually(function() return is_gone(folder) end))
  end)

  it("is the same for an ordinary user", function()
    if not is_root then return pending("only as root") end
    local home <const> = assert(fs.mkdtemp("/tmp/dixis-spec-"))
    local info <const> = process.user_info("nobody")
    assert(fs.chown(home, info.uid, info.gid))
    local owner <close>, folder = other_owner("clock.sleep(600)", { user = "nobody", home = home })
    assert.equal(info.uid, fs.stat(folder).uid)
    assert.equal("file", fs.stat(home .. "/.cache/dixis/" .. fs.list(home .. "/.cache/dixis")[1].name
      .. "/PG_VERSION").type)
    owner:kill("KILL")
    owner:wait()
    assert.is_true(eventually(function() return is_gone(folder) end))
    fs.remove(home)
  end)
end)

describe("the keeper", function()
  it("when killed with -9 takes the server along, and the next start removes the folder", function()
    local server = assert(ephemeral.start { memory = true })
    process.run { "kill", "-9", tostring(server.keeper.pid) }
    assert.is_true(eventually(function() return not runs(server.folder .. "/data") end))
    assert.is_not_nil(fs.stat(server.folder))
    local living <close> = assert(ephemeral.start { memory = true })
    assert.is_nil(fs.stat(server.folder))
    local third <close> = assert(ephemeral.start { memory = true })
    assert.equal(1, query(living.params, "SELECT 1"))
    assert.is_true(third:running())
    assert.is_nil((server:stop()))
  end)

  it("cleans up when it is asked to end", function()
    local server = assert(ephemeral.start { memory = true })
    process.run { "kill", tostring(server.keeper.pid) }
    assert.is_true(eventually(function() return is_gone(server.folder) end))
    assert(server:stop())
  end)
end)

describe("a database of the specs' server", function()
  it("is fresh and empty each time", function()
    local first, second = server_of_specs.database("a"), server_of_specs.database("a")
    assert.is_not.equal(first.dbname, second.dbname)
    assert.equal(0, query(second, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
      .. "WHERE nspname = 'public'"))
    local result = process.run { "psql", "-XAtc", "SELECT current_database()", server_of_specs.url(second) }
    assert.equal(second.dbname .. "\n", result.stdout)
  end)
end)
