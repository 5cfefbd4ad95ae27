-- host.pg: connecting, and what is said when that fails.
local clock = require "host.clock"
local pg = require "host.pg"
local postgres = require "spec.support.postgres"
local server = require "spec.support.server"
local task = require "host.task"

local with = postgres.with
local params

setup(function() params = postgres.open() end)
teardown(postgres.close)

describe("connecting", function()
  local secret <const> = "s3cret-%40-word"
  local fakes = {}

  --- A listener that answers each connection with `answer` (Python bytes) after its first message.
  local function listen(answer)
    local pipe = assert(io.popen(([[exec python3 -c '
import os, socket, threading, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(8)
print(os.getpid(), s.getsockname()[1], flush=True)
def serve(c):
    c.recv(1000)
    answer = %s
    if answer is None: time.sleep(600)
    for part in answer:
        c.sendall(part)
        c.recv(1000)
    c.close()
while True:
    threading.Thread(target=serve, args=s.accept()[:1], daemon=True).start()
']]):format(answer)))
    local pid, port = pipe:read("n", "n")
    fakes[#fakes + 1] = { pid = pid, pipe = pipe }
    return { host = "127.0.0.1", port = port, user = "u", dbname = "d", password = secret }
  end

  after_each(function()
    for _, fake in ipairs(fakes) do
      os.execute("kill " .. fake.pid)
      fake.pipe:close()
    end
    fakes = {}
  end)

  local function refused(attempt, timeout)
    local conn, err = pg.connect(attempt, timeout)
    assert.is_nil(conn)
    for _, text in pairs(err) do
      assert.is_nil(tostring(text):find("s3cret", 1, true))
    end
    return err
  end

  local startup <const> = [[b"E" + (lambda m: (len(m) + 4).to_bytes(4, "big") + m)(
      b"SFATAL\0VFATAL\0C%s\0M%s s3cret\0\0")]]

  it("tells a refused port, a dead socket and an unknown host", function()
    local fake = listen("None")
    os.execute("kill " .. fakes[1].pid)
    fakes[1].pipe:close()
    fakes = {}
    local err = refused(fake)
    assert.equal("unreachable", err.kind)
    assert.equal(('cannot connect to database "d" at 127.0.0.1:%d as user "u": connection refused'):format(fake.port),
      err.message)
    err = refused(with { host = "/nowhere", password = secret })
    assert.equal("unreachable", err.kind)
    assert.matches("/nowhere/.s.PGSQL", err.message, 1, true)
    err = refused(with { host = "no-such-host.invalid", password = secret })
    assert.equal("unreachable", err.kind)
    assert.matches("resolved", err.message)
  end)

  it("gives up a server that never answers", function()
    local begun = clock.now()
    local err = refused(listen("None"), 0.2)
    assert.equal("unreachable", err.kind)
    assert.matches("0.2 s", err.message)
    assert.is_true(clock.now() - begun < 10)
  end)

  it("can be cancelled", function()
    local fake = listen("None")
    local child = task.spawn(function() return pg.connect(fake, 60) end)
    child:deadline(0.1)
    local ok, err = child:join()
    assert.is_false(ok)
    assert.equal("deadline", err.kind)
  end)

  it("tells what is not PostgreSQL", function()
    local http = [=[[b"HTTP/1.1 400 Bad Request\r\n\r\n"]]=]
    assert.equal("unreachable", refused(listen(http)).kind)
    assert.equal("unreachable", refused(listen("[]")).kind)
    local plain = listen(http)
    plain.sslmode = "disable"
    assert.equal("unreachable", refused(plain).kind)
  end)

  it("goes by the SQLSTATE of a server that refuses", function()
    for _, case in ipairs {
      { "57P03", "unreachable" }, { "53300", "unreachable" }, { "28000", "auth" }, { "28P01", "auth" },
      { "3D000", "no_database" }, { "XX000", "unreachable" },
    } do
      local fake = listen("[" .. startup:format(case[1], "redundant words") .. "]")
      fake.sslmode = "disable"
      local err = refused(fake)
      assert.equal(case[2], err.kind)
      assert.equal(case[1], err.sqlstate)
      assert.is_nil(err.message:find("redundant", 1, true))
    end
  end)

  it("tells when TLS is not to be had", function()
    local fake = listen([=[[b"N"]]=])
    fake.sslmode = "require"
    assert.equal("tls", refused(fake).kind)
    fake.sslmode = "verify-full"
    assert.equal("tls", refused(fake).kind)
  end)

  it("tells an unknown database and an unknown user", function()
    local err = refused(with { dbname = "nothing", password = secret })
    assert.equal("no_database", err.kind)
    assert.equal("3D000", err.sqlstate)
    err = refused(with { user = "nobody here", password = secret })
    assert.equal("auth", err.kind)
    assert.matches("nobody here", err.message)
  end)

  it("tells a wrong and a missing password", function()
    local tcp = server.tcp()
    pg.connect(tcp):close()
    local right = tcp.password
    tcp.password = secret
    local err = refused(tcp)
    assert.equal("auth", err.kind)
    assert.equal("28P01", err.sqlstate)
    assert.is_nil(err.message:find(right, 1, true))
    tcp.password = nil
    err = refused(tcp)
    assert.equal("auth", err.kind)
    assert.matches("none was given", err.message)
  end)

  it("refuses parameters that are missing, unknown or malformed", function()
    local err = refused(with { schema = "public" })
    assert.equal("usage", err.kind)
    assert.matches('"schema" is not known', err.message)
    assert.equal("usage", refused(with { service = "s3cret" }).kind)
    assert.equal("usage", refused({ dbname = "d", user = "u" }).kind)
    assert.equal("usage", refused({ host = "h", user = "u" }).kind)
    assert.equal("usage", refused({ host = "h", dbname = "d" }).kind)
    for name, bad in pairs { port = "s3cret", sslmode = "s3cret", keepalives_idle = "s3cret", passfile = "a\0b" } do
      err = refused(with { [name] = bad, host = "localhost" })
      assert.equal("usage", err.kind)
      assert.matches('"' .. name .. '"', err.message)
    end
    assert.equal("usage", refused(with { options = "-c no_such_setting=s3cret" }).kind)
    assert.equal("usage", refused(with { host = "/" .. ("x"):rep(200) }).kind)
    assert.has_error(function() pg.connect(with { port = 1.5 }) end)
    assert.has_error(function() pg.connect(with { password = true }) end)
    assert.has_error(function() pg.connect("postgres://") end)
    assert.has_error(function() pg.connect(with(), -1) end)
  end)

  --- Runs a spec in a process of its own, whose environment has `variables` added.
  local function run_spec(variables, lua)
    local name = os.tmpname()
    local path = name .. "_spec.lua"
    local file = assert(io.open(path, "w"))
    file:write(lua)
    file:close()
    local binary = io.open("/proc/self/cmdline", "rb"):read("a"):match("^[^\0]+")
    local pipe = io.popen(variables .. " " .. binary .. " spec " .. path .. " 2>&1")
    local output = pipe:read("a")
    local ok = pipe:close()
    os.remove(path)
    os.remove(name)
    assert.is_true(ok, output)
    assert.matches("1 success", output)
  end

  it("ignores PG* variables", function()
    local lua <const> = [[
      local pg = require "host.pg"
      it("connects", function()
        local conn = assert(pg.connect { host = "%s", port = "%s", dbname = "%s", user = "%s" })
        local row = conn:query("SELECT current_database(), current_setting('search_path')")[1]
        assert.equal("%s", row[1])
        assert.equal('"$user", public', row[2])
        assert.is_nil(os.getenv("PGOPTIONS"))
      end)]]
    run_spec("PGHOSTADDR=127.0.0.9 PGOPTIONS='-c search_path=evil' PGSERVICE=evil PGDATABASE=evil "
      .. "PGSSLMODE=verify-full PGPASSFILE=/evil ",
      lua:format(params.host, params.port or 5432, params.dbname, params.user, params.dbname))
  end)

  it("says so when libpq is missing", function()
    local folder = os.tmpname()
    os.execute(("rm %s; mkdir %s; touch %s/libpq.so.5"):format(folder, folder, folder))
    run_spec("LD_LIBRARY_PATH=" .. folder, [[
      it("fails", function()
        local conn, err = require("host.pg").connect { host = "/x", dbname = "x", user = "x" }
        assert.is_nil(conn)
        assert.equal("os", err.kind)
        assert.equal("apt-get install libpq5", err.hint)
      end)]])
    os.execute("rm -r " .. folder)
  end)
end)
