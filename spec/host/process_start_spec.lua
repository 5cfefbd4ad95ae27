-- host.process: programs that go on beside us, and what they are told in secret.
local children = require "spec.support.children"
local clock = require "host.clock"
local process = require "host.process"
local task = require "host.task"

local is_root <const>, read_file, eventually = children.is_root, children.read_file, children.eventually
local is_alive, with_grandchild = children.is_alive, children.with_grandchild

describe("process.start", function()
  it("gives a handle with a process id, a state and an end", function()
    local handle <close> = assert(process.start({ "sh", "-c", "echo $$; exec cat" }, { keep_stdin = true }))
    assert.equal(tostring(handle.pid), handle:read_line(10))
    assert.is_true(handle:running())
    handle:close_stdin()
    assert.equal(0, handle:wait().code)
    assert.is_false(handle:running())
    assert.is_false(handle:kill("TERM"))
    assert.equal(0, handle:wait().code)
  end)

  it("sends signals", function()
    local handle <close> = assert(process.start { "sleep", "300" })
    assert.has_error(function() handle:kill("NOPE") end)
    assert.is_true(handle:kill("SIGINT"))
    assert.equal("SIGINT", handle:wait().signal)
  end)

  it("reads lines", function()
    local handle <close> = assert(process.start { "sh", "-c", "printf 'a\\n\\nb'; sleep 0.05; printf 'c\\nrest'" })
    assert.equal("a", handle:read_line())
    assert.equal("", handle:read_line())
    assert.equal("bc", handle:read_line(10))
    local line, err = handle:read_line(10)
    assert.is_nil(line)
    assert.is_nil(err)
    assert.equal("a\n\nbc\nrest", handle:wait().stdout)
  end)

  it("gives up on a line that does not come", function()
    local handle <close> = assert(process.start { "sleep", "300" })
    local line, err = handle:read_line(0.05)
    assert.is_nil(line)
    assert.equal("deadline", err.kind)
  end)

  it("writes input first when stdin is kept", function()
    local handle <close> = assert(process.start({ "cat" }, { input = "first\n", keep_stdin = true }))
    assert.equal("first", handle:read_line(10))
    assert.is_true(handle:running())
    handle:close_stdin()
    assert.equal(0, handle:wait().code)
  end)

  it("kills what is closed or forgotten", function()
    local pids = {}
    local closed = assert(process.start(with_grandchild()))
    pids[1], pids[2] = closed.pid, closed:read_line(10)
    closed:close()
    closed:close()
    assert.is_false(closed:running())
    assert.has_error(function() closed:wait() end)
    do
      local forgotten = assert(process.start(with_grandchild()))
      pids[3], pids[4] = forgotten.pid, forgotten:read_line(10)
      forgotten = nil -- luacheck: ignore
    end
    collectgarbage()
    collectgarbage()
    for _, pid in ipairs(pids) do
      assert.is_true(eventually(function() return not is_alive(pid) end))
    end
  end)

  it("leaves a program to notice the end of its stdin, when asked to", function()
    local path <const> = os.tmpname()
    local script <const> = "echo ready; cat; sleep 0.1; echo done > " .. path
    local handle = assert(process.start({ "sh", "-c", script }, { keep_stdin = true, leave_running = true }))
    assert.equal("ready", handle:read_line(10))
    handle:close()
    assert.is_true(eventually(function() return read_file(path) == "done\n" end))
    os.remove(path)
  end)

  it("tells the deadline also by wait", function()
    local handle <close> = assert(process.start({ "sleep", "300" }, { timeout = 0.05 }))
    local result, err = handle:wait()
    assert.is_nil(result)
    assert.equal("deadline", err.kind)
  end)

  it("frees all when it is closed while somebody waits", function()
    local handle = assert(process.start { "sleep", "300" })
    local waiter = task.spawn(function() return handle:wait() end)
    local reader = task.spawn(function() return handle:read_line() end)
    clock.sleep(0.01)
    handle:close()
    assert.is_false((waiter:join()))
    assert.is_false((reader:join()))
  end)
end)

describe("a secret", function()
  it("is a private file for the child, and nowhere else to be seen", function()
    local secret <const> = "pa55-w0rd-of-spec"
    local script <const> = [[
      cat $PGPASSFILE; echo; cat /proc/self/fd/3; echo; stat -L -c %a $PGPASSFILE
      tr '\0' '\n' < /proc/$$/environ; tr '\0' '\n' < /proc/$$/cmdline]]
    local result = assert(process.run({ "sh", "-c", script }, { secret = secret, secret_env = "PGPASSFILE", env = {} }))
    assert.equal(0, result.code)
    local seen, rest = result.stdout:match("^(.-\n.-\n600\n)(.*)$")
    assert.equal(secret .. "\n" .. secret .. "\n600\n", seen)
    assert.matches("PGPASSFILE=/proc/self/fd/3", rest)
    assert.is_nil(rest:find(secret, 1, true))
  end)

  it("can be read by another user", function()
    if not is_root then return pending("only as root") end
    local result = assert(process.run({ "sh", "-c", "id -un; cat $FILE" },
      { user = "nobody", secret = "x", secret_env = "FILE" }))
    assert.equal("nobody\nx", result.stdout)
    assert.equal("", result.stderr)
  end)
end)
