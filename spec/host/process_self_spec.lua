-- host.process: who runs it, and who it runs as.
local children = require "spec.support.children"
local process = require "host.process"

local is_root <const>, read_file, other_dixis = children.is_root, children.read_file, children.other_dixis

describe("another user", function()
  it("has its own uid, gid and groups", function()
    if not is_root then return pending("only as root") end
    local wanted = process.run({ "id", "nobody" }).stdout
    local result = assert(process.run({ "id" }, { user = "nobody" }))
    assert.equal(wanted:match("^%S+ %S+"), result.stdout:match("^%S+ %S+"))
    local uids = process.run({ "grep", "-E", "Uid|Gid", "/proc/self/status" }, { user = "nobody" }).stdout
    local info = process.user_info("nobody")
    assert.matches("Uid:" .. ("\t" .. info.uid):rep(4) .. "\nGid:" .. ("\t" .. info.gid):rep(4), uids)
  end)
end)

describe("an ordinary user", function()
  it("cannot become another one, but is itself", function()
    if not is_root then return pending("only as root") end
    local handle <close>, path = other_dixis([[
      local process = require "host.process"
      it("tries", function()
        local result, err = process.run({ "true" }, { user = "root" })
        assert.is_nil(result)
        assert.equal("EPERM", err.code)
        assert.matches("change the user", err.message)
        assert.equal("nobody\n", process.run({ "id", "-un" }, { user = "nobody" }).stdout)
        local secret = process.run({ "sh", "-c", "cat $F" }, { secret = "s", secret_env = "F" })
        assert.equal("s", secret.stdout)
      end)
    ]], { user = "nobody" })
    local result = assert(handle:wait())
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.matches("ok 1", result.stdout)
    os.remove(path)
  end)
end)

describe("the process itself", function()
  it("finds programs as PATH says", function()
    assert.matches("^/.*/sh$", process.which("sh"))
    assert.is_nil(process.which("no-such-program-here"))
    assert.is_nil(process.which("sh", "/nowhere:relative"))
    assert.equal("/bin/sh", process.which("sh", "/nowhere::.:/bin"))
    assert.equal("/bin/sh", process.which("/bin/sh"))
    assert.is_nil(process.which("/etc/passwd"))
    assert.is_nil(process.which("/"))
  end)

  it("knows itself", function()
    local name, uid = process.user()
    assert.equal(process.run({ "id", "-un" }).stdout, name .. "\n")
    assert.equal(process.run({ "id", "-u" }).stdout, uid .. "\n")
    assert.equal(process.run({ "hostname" }).stdout, process.hostname() .. "\n")
    assert.matches("dixis$", process.executable())
    assert.equal(tostring(process.pid()), read_file("/proc/self/stat"):match("^%d+"))
    assert.same({ uid = 0, gid = 0, home = "/root" }, process.user_info("root"))
    assert.is_nil(process.user_info("no-such-user-here"))
  end)

  it("reads and removes environment variables", function()
    assert.equal(os.getenv("PATH"), process.getenv("PATH"))
    assert.is_nil(process.getenv("NO_SUCH_VARIABLE_HERE"))
    local names = process.env_names()
    local sorted = table.move(names, 1, #names, 1, {})
    table.sort(sorted)
    assert.same(sorted, names)
    local handle <close>, path = other_dixis([[
      local process = require "host.process"
      it("unsets", function()
        assert.is_not_nil(process.getenv("PATH"))
        process.unsetenv("PATH")
        process.unsetenv("PATH")
        assert.is_nil(process.getenv("PATH"))
        for _, name in ipairs(process.env_names()) do assert.is_not.equal("PATH", name) end
        assert.has_error(function() process.unsetenv("A=B") end)
      end)
    ]])
    assert.equal(0, handle:wait().code)
    os.remove(path)
  end)
end)
