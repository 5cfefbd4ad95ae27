local cjson = require "cjson"
local clock = require "host.clock"
local fs = require "host.fs"
local http = require "host.http"
local task = require "host.task"

--- Starts a server that ends with the returned handle.
local function serve(home, name, extra)
  local port_file = home .. "/" .. name
  local server = assert(io.popen(("exec python3 spec/support/http_server.py %s %s 2>%s.err")
    :format(port_file, extra or "", port_file), "w"))
  for _ = 1, 1000 do
    if fs.stat(port_file) then return server, assert(fs.read(port_file)) end
    clock.sleep(0.01)
  end
  error("the server did not start: " .. tostring(fs.read(port_file .. ".err")))
end

describe("http.request", function()
  local home, server, port, base

  setup(function()
    home = assert(fs.mkdtemp("/tmp/dixis-http-"))
    server, port = serve(home, "port")
    base = "http://127.0.0.1:" .. port
  end)
  teardown(function()
    server:close()
    assert(fs.remove(home))
  end)

  local function request(path, more)
    local wanted = more or {}
    wanted.url = base .. path
    return http.request(wanted)
  end

  local function echo(path, more) return cjson.decode(assert(request(path, more)).body) end

  local function failed(kind, response, err)
    assert.is_nil(response)
    assert.equal(kind, err.kind, err.message)
    return err
  end

  it("gets", function()
    local response = assert(request "/echo?a=b%20c")
    assert.equal(200, response.status)
    assert.equal("application/json", response.headers["content-type"] or "application/json")
    assert.equal(tostring(#response.body), response.headers["content-length"])
    assert.is_true(response.seconds > 0 and response.seconds < 30)
    local told = cjson.decode(response.body)
    assert.equal("GET", told.method)
    assert.equal("/echo?a=b%20c", told.path)
    assert.matches("^dixis/", told.headers["user-agent"])
  end)

  it("gives every status as an answer", function()
    for _, status in ipairs { 204, 304, 404, 500, 503 } do
      assert.equal(status, assert(request("/echo?status=" .. status, { method = "HEAD" })).status)
    end
    assert.equal("no such page", assert(request "/nowhere").body)
  end)

  it("sends a body, by POST unless told otherwise", function()
    local told = echo("/echo", { body = "a\0b" })
    assert.same({ "POST", "a\0b" }, { told.method, told.body })
    assert.is_nil(told.headers["content-type"])
    told = echo("/echo", { body = "", method = "PUT", headers = { ["Content-Type"] = "text/plain" } })
    assert.same({ "PUT", "", "text/plain" }, { told.method, told.body, told.headers["content-type"] })
    assert.equal("DELETE", echo("/echo", { method = "DELETE" }).method)
    local large = ("x"):rep(3000000)
    told = cjson.decode(assert(request("/echo", { body = large, max_body = 4000000 })).body)
    assert.equal(large, told.body)
    assert.is_nil(told.headers.expect)
  end)

  it("sends headers as they are given", function()
    local told = echo("/echo", { headers = { Authorization = "Bearer x:y", ["X-Empty"] = "" } })
    assert.equal("Bearer x:y", told.headers.authorization)
    assert.equal("", told.headers["x-empty"])
  end)

  it("gives headers in lower case, repeated ones joined", function()
    local headers = assert(request "/twice").headers
    assert.equal("a, b", headers["x-twice"])
    assert.equal("", headers["x-empty"])
    assert.equal("v", headers["x-space"])
  end)

  it("follows redirects only when asked, and only so far", function()
    local response = assert(request "/redirect?n=1")
    assert.same({ 302, "moved", "/echo" }, { response.status, response.body, response.headers.location })
    response = assert(request("/redirect?n=3", { follow = 3 }))
    assert.equal(200, response.status)
    assert.is_nil(response.headers["x-hop"])
    assert.equal("/echo", cjson.decode(response.body).path)
    failed("http", request("/redirect?n=4", { follow = 3 }))
    failed("http", request("/redirect?n=1&to=file:///etc/passwd", { follow = 3 }))
  end)

  it("bounds the answer", function()
    assert.equal(1 << 20, #assert(request("/bytes?n=" .. (1 << 20))).body)
    failed("too_large", request("/bytes?n=" .. (1 << 20) + 1))
    assert.equal("xxx", assert(request("/bytes?n=3", { max_body = 3 })).body)
    failed("too_large", request("/bytes?n=4", { max_body = 3 }))
    failed("too_large", request("/bytes?n=1", { max_body = 0 }))
    failed("too_large", request("/endless", { max_body = 200000 }))
    failed("too_large", request "/many")
  end)

  it("meets its deadline", function()
    local began = clock.now()
    failed("deadline", request("/slow?s=20", { timeout = 0.2 }))
    failed("deadline", request("/endless", { timeout = 0.2, max_body = 256 << 20 }))
    assert.is_true(clock.now() - began < 10)
  end)

  it("fails when nobody listens, naming the system's error", function()
    local closed_home = assert(fs.mkdtemp(home .. "/closed-"))
    local gone, closed = serve(closed_home, "port")
    gone:close()
    local err = failed("http", http.request { url = "http://127.0.0.1:" .. closed .. "/" })
    assert.equal("ECONNREFUSED", err.code)
    assert.matches("http://127.0.0.1:" .. closed, err.message, 1, true)
    failed("http", http.request { url = "http://nowhere.invalid/" })
  end)

  it("fails when the answer breaks off or is none", function()
    for _, path in ipairs { "/torn", "/reset", "/garbage" } do failed("http", request(path)) end
  end)

  it("tells a malformed URL", function()
    for _, url in ipairs {
      "", "nothing", "http://", "http:///path", "ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://h/",
      "http://host:99999/", "http://host:x/", "http://a b/", "http://host/\r\nX: y", "http://host/\0", "/path",
    } do
      failed("usage", http.request { url = url })
    end
  end)

  it("never shows what may be secret in a URL", function()
    local secrets = {
      "http://user:s3cret@127.0.0.1:1/s3cret?token=s3cret#s3cret", "http://user:s3cret@/", "ftp://user:s3cret@host/",
      "http://user:s3cret@host:port/?s3cret", "http://user:s3cret@nowhere.invalid/?a=s3cret", "http://s3cret@ho st/",
      base:gsub("//", "//s3cret:s3cret@") .. "/torn?s3cret", base .. "/bytes?n=9&s3cret",
      "https://user:s3cret@127.0.0.1:" .. port .. "/?s3cret",
    }
    for _, url in ipairs(secrets) do
      local response, err = http.request { url = url, max_body = 1 }
      assert.is_nil(response)
      for key, value in pairs(err) do assert.not_matches("s3cret", key .. tostring(value)) end
      assert.not_matches("s3cret", tostring(err))
    end
    assert.equal("Basic dXNlcjpzM2NyZXQ=",
      cjson.decode(http.request { url = base:gsub("//", "//user:s3cret@") .. "/echo" }.body).headers.authorization)
  end)

  it("takes nothing from the environment", function()
    local child = home .. "/child_spec.lua"
    assert(fs.write(child, ([[it("x", function()
      local response, err = require "host.http".request { url = %q }
      assert(response, err)
      assert.equal(200, response.status)
      assert.is_nil(response.body:find("authorization", 1, true))
    end)]]):format(base .. "/echo")))
    assert(fs.write(home .. "/.netrc", "machine 127.0.0.1 login user password s3cret\n", 384))
    local out = home .. "/out"
    local ok = os.execute(("http_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 HOME=%s %s spec %s >%s 2>&1")
      :format(home, assert(fs.realpath "/proc/self/exe"), child, out))
    assert.is_true(ok, fs.read(out))
  end)

  it("serves many at once", function()
    local began, children = clock.now(), {}
    for i = 1, 20 do
      children[i] = task.spawn(function() return assert(request "/slow?s=0.3").body end)
    end
    for _, child in ipairs(children) do assert.same({ true, "late" }, { child:join() }) end
    assert.is_true(clock.now() - began < 5)
  end)

  it("is given up with its task", function()
    local child = task.spawn(function()
      request "/slow?s=20"
      error("not reached")
    end)
    clock.sleep(0.1)
    child:cancel({ kind = "withdrawn" })
    local _, err = child:join()
    assert.equal("withdrawn", err.kind)
    assert.equal(200, assert(request "/echo").status)
  end)

  it("is given up when its task's time is over", function()
    local began = clock.now()
    local child = task.spawn(function()
      request "/slow?s=20"
      error("not reached")
    end)
    child:deadline(0.1)
    local _, err = child:join()
    assert.equal("deadline", err.kind)
    assert.is_true(clock.now() - began < 10)
  end)

  it("raises for misuse", function()
    for _, wrong in ipairs {
      {}, { url = 1 }, { url = base, method = "GET /x" }, { url = base, method = "" }, { url = base, body = 1 },
      { url = base, headers = { ["a b"] = "c" } }, { url = base, headers = { a = "b\r\nc: d" } },
      { url = base, headers = { "a: b" } }, { url = base, headers = "a: b" }, { url = base, timeout = 0 },
      { url = base, follow = -1 }, { url = base, max_body = -1 },
    } do
      assert.has_error(function() http.request(wrong) end)
    end
    assert.has_error(function() http.request(base) end)
  end)

  it("refuses a certificate that nobody vouches for, and one for another host", function()
    local key, certificate = home .. "/key.pem", home .. "/certificate.pem"
    if not os.execute(("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout %s -out %s "
      .. "2>/dev/null"):format(key, certificate)) then
      return pending("no openssl to make a certificate with")
    end
    local secure, secure_port = serve(home, "secure", certificate .. " " .. key)
    local err = failed("http", http.request { url = "https://localhost:" .. secure_port .. "/echo" })
    assert.matches("certificate", err.message)
    secure:close()
  end)
end)
