local process = require "host.process"
local task = require "host.task"
local clock = require "host.clock"

local is_root <const> = select(2, process.user()) == 0

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

--- Waits until `condition` holds; false when it does not within `seconds`.
local function eventually(condition, seconds)
  local deadline = clock.now() + (seconds or 5)
  while not condition() do
    if clock.now() > deadline then return false end
    clock.sleep(0.01)
  end
  return true
end

local function is_alive(pid)
  local stat = read_file("/proc/" .. pid .. "/stat")
  return stat ~= nil and stat:match("%) (%a)") ~= "Z"
end

local function open_descriptors()
  local count = 0
  for _ in require("lfs").dir("/proc/self/fd") do count = count + 1 end
  return count
end

--- A shell that starts a grandchild, says its process id and waits.
local function with_grandchild(prefix)
  return { "sh", "-c", (prefix or "") .. "sleep 300 & echo $!; wait" }
end

describe("process.run", function()
  it("gives the exit code and both streams", function()
    local result = assert(process.run { "sh", "-c", "echo out; echo err >&2; exit 7" })
    assert.equal(7, result.code)
    assert.is_nil(result.signal)
    assert.equal("out\n", result.stdout)
    assert.equal("err\n", result.stderr)
    assert.is_false(result.truncated)
    assert.is_true(result.seconds > 0 and result.seconds < 60)
  end)

  it("names the signal that ended the program", function()
    local result = assert(process.run { "sh", "-c", "kill -9 $$" })
    assert.is_nil(result.code)
    assert.equal("SIGKILL", result.signal)
  end)

  it("passes arguments without a shell", function()
    local odd <const> = "a  b'\"$HOME;*\n\\"
    assert.equal(odd, process.run({ "printf", "%s", odd }).stdout)
  end)

  it("fails with not_found when there is no such program", function()
    for _, name in ipairs { "no-such-program-here", "/no/such/program", "./nowhere", "" } do
      local result, err = process.run { name }
      assert.is_nil(result)
      assert.equal("not_found", err.kind)
    end
    local _, err = process.run({ "sh" }, { env = { PATH = "/nowhere" } })
    assert.equal("not_found", err.kind)
  end)

  it("says which step failed", function()
    local _, err = process.run({ "true" }, { cwd = "/no/such/folder" })
    assert.equal("os", err.kind)
    assert.equal("ENOENT", err.code)
    assert.matches("working directory", err.message)
    _, err = process.run({ "true" }, { stdout_path = "/no/such/folder/file" })
    assert.equal("os", err.kind)
    _, err = process.run({ "true" }, { user = "no-such-user-here" })
    assert.equal("not_found", err.kind)
  end)

  it("raises for misuse", function()
    assert.has_error(function() process.run {} end)
    assert.has_error(function() process.run { "true", 1 } end)
    assert.has_error(function() process.run { "a\0b" } end)
    assert.has_error(function() process.run({ "true" }, { timeot = 1 }) end)
    assert.has_error(function() process.run({ "true" }, { timeout = "1" }) end)
    assert.has_error(function() process.run({ "true" }, { env = { ["A=B"] = "1" } }) end)
    assert.has_error(function() process.run({ "true" }, { env = { A = 1 } }) end)
    assert.has_error(function() process.run({ "true" }, { secret = "x" }) end)
    assert.has_error(function() process.run({ "true" }, { die_with_parent = "SOON" }) end)
  end)

  it("gives exactly the environment that was asked for", function()
    local env <const> = { A = "1", B = "two words", EMPTY = "" }
    local lines = {}
    for line in process.run({ "/usr/bin/env" }, { env = env }).stdout:gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    table.sort(lines)
    assert.same({ "A=1", "B=two words", "EMPTY=" }, lines)
    assert.equal("PATH=" .. process.getenv("PATH") .. "\n", process.run({ "env" }).stdout)
    assert.equal("", process.run({ "/usr/bin/env" }, { env = {} }).stdout)
  end)

  it("runs in the given folder", function()
    assert.equal("/usr\n", process.run({ "pwd" }, { cwd = "/usr" }).stdout)
  end)

  it("writes input and then ends it; without input there is none", function()
    local bytes <const> = "a\0b\n"
    assert.equal(bytes, process.run({ "cat" }, { input = bytes }).stdout)
    assert.equal("", process.run({ "cat" }).stdout)
    assert.equal("", process.run({ "cat" }, { input = "" }).stdout)
  end)

  it("moves megabytes both ways without blocking, and bears a program that reads nothing", function()
    local big <const> = string.rep("0123456789abcdef", 262144)
    local result = assert(process.run({ "cat" }, { input = big, max_output = #big }))
    assert.is_true(result.stdout == big)
    assert.is_false(result.truncated)
    assert.equal(0, process.run({ "true" }, { input = big }).code)
  end)

  it("keeps the end of long output", function()
    local script <const> = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo e >&2"
    local result = assert(process.run({ "sh", "-c", script }, { max_output = 20 }))
    assert.equal("line 19998\nline 19999\n", "line 1" .. result.stdout:match("9998\n.*$"))
    assert.equal(20, #result.stdout)
    assert.equal("e\n", result.stderr)
    assert.is_true(result.truncated)
    assert.equal("", process.run({ "echo", "x" }, { max_output = 0 }).stdout)
  end)

  it("reports all output as it comes, also to a slow listener", function()
    local out, err = {}, {}
    local result = assert(process.run({ "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo e >&2" }, {
      max_output = 10,
      on_output = function(stream, chunk)
        local list = stream == "stdout" and out or err
        list[#list + 1] = chunk
        if #out < 5 then clock.sleep(0.01) end
      end,
    }))
    assert.is_true(table.concat(out) == string.rep("x", 3000000))
    assert.equal("e\n", table.concat(err))
    assert.equal(10, #result.stdout)
  end)

  it("ends the program when on_output raises", function()
    local pid
    local ok, err = pcall(process.run, { "sh", "-c", "echo $$; exec sleep 300" }, {
      on_output = function(_, chunk)
        pid = chunk:match("%d+")
        error({ kind = "enough" })
      end,
    })
    assert.is_false(ok)
    assert.equal("enough", err.kind)
    assert.is_true(eventually(function() return not is_alive(pid) end))
  end)

  it("appends to a file", function()
    local path <const> = os.tmpname()
    os.remove(path)
    for _ = 1, 2 do
      local result = process.run({ "sh", "-c", "echo o; echo e >&2" }, { stdout_path = path })
      assert.equal("", result.stdout)
    end
    assert.equal("o\ne\no\ne\n", read_file(path))
    os.remove(path)
  end)

  it("does not wait for a daemon that holds the pipe", function()
    local before = clock.now()
    local result = assert(process.run { "sh", "-c", "setsid sleep 300 & echo $!" })
    assert.equal(0, result.code)
    assert.is_true(clock.now() - before < 30)
    local pid = result.stdout:match("%d+")
    assert.is_true(is_alive(pid))
    process.run { "kill", pid }
  end)

  it("does not reach the terminal", function()
    local result = assert(process.run { "sh", "-c", "echo x > /dev/tty" })
    assert.is_not.equal(0, result.code)
    local sid = process.run({ "sh", "-c", "cut -d' ' -f1,5,6 /proc/$$/stat" }).stdout
    local pid, group, session = sid:match("(%d+) (%d+) (%d+)")
    assert.equal(pid, group)
    assert.equal(pid, session)
  end)

  it("has no descriptors but its own, and standard signals", function()
    local held = io.open("/dev/null") -- luacheck: ignore
    local result = assert(process.run { "sh", "-c", "ls /proc/self/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status" })
    held:close()
    -- 3 is the folder that ls itself reads
    assert.matches("^0\n1\n2\n3\nSigBlk:\t0+\nSigIgn:\t0+\n$", result.stdout)
  end)

  it("frees its descriptors", function()
    process.run { "true" }
    clock.sleep(0.01)
    local before = open_descriptors()
    for _ = 1, 20 do process.run({ "cat" }, { input = "x" }) end
    for _ = 1, 5 do process.run({ "/nowhere/x" }) process.run({ "true" }, { cwd = "/nowhere" }) end
    clock.sleep(0.01)
    assert.equal(before, open_descriptors())
  end)

  it("runs many at once", function()
    local children = {}
    for i = 1, 40 do
      children[i] = task.spawn(function() return process.run({ "sh", "-c", "echo " .. i }) end)
    end
    for i, child in ipairs(children) do
      local _, result = child:join()
      assert.equal(i .. "\n", result.stdout)
    end
  end)
end)

describe("a time limit", function()
  it("ends the whole group", function()
    local result, err = process.run(with_grandchild(), { timeout = 0.2 })
    assert.is_nil(result)
    assert.equal("deadline", err.kind)
    assert.equal("SIGTERM", err.result.signal)
    local pid = assert(err.result.stdout:match("%d+"))
    assert.is_true(eventually(function() return not is_alive(pid) end))
  end)

  it("does not spare a grandchild that ignores SIGTERM", function()
    local script <const> = "(trap '' TERM; exec sleep 300) & echo $!; wait"
    local _, err = process.run({ "sh", "-c", script }, { timeout = 0.3 })
    local pid = assert(err.result.stdout:match("%d+"))
    assert.is_true(eventually(function() return not is_alive(pid) end))
  end)

  it("ends by SIGKILL what ignores SIGTERM", function()
    local _, err = process.run({ "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done" },
      { timeout = 0.2 })
    assert.equal("deadline", err.kind)
    assert.equal("SIGKILL", err.result.signal)
    assert.equal("ready\n", err.result.stdout)
  end)

  it("holds for a program that has much to say", function()
    local count = 0
    local _, err = process.run({ "yes" }, { timeout = 0.1, max_output = 100, on_output = function(_, chunk)
      count = count + #chunk
      clock.sleep(0.01)
    end })
    assert.equal("deadline", err.kind)
    assert.equal("SIGTERM", err.result.signal)
    assert.equal(100, #err.result.stdout)
    assert.is_true(count > 100)
  end)

  it("does not matter when the program is in time", function()
    assert.equal(0, process.run({ "true" }, { timeout = 60 }).code)
  end)
end)

describe("a cancelled task", function()
  it("takes its program along, with a chance to clean up", function()
    local path <const> = os.tmpname()
    local pid
    local runner = task.spawn(function()
      process.run({ "sh", "-c", "trap 'echo bye >> " .. path .. "; exit' TERM; sleep 300 & echo $!; wait" },
        { on_output = function(_, chunk) pid = pid or chunk:match("%d+") end })
    end)
    assert.is_true(eventually(function() return pid end))
    runner:cancel({ kind = "stop" })
    local ok, err = runner:join()
    assert.is_false(ok)
    assert.equal("stop", err.kind)
    assert.equal("bye\n", read_file(path))
    assert.is_true(eventually(function() return not is_alive(pid) end))
    os.remove(path)
  end)

  it("takes along a program that has much to say", function()
    local began = false
    local runner = task.spawn(function()
      process.run({ "sh", "-c", "trap '' TERM; yes" }, { on_output = function() began = true end })
    end)
    assert.is_true(eventually(function() return began end))
    runner:cancel({ kind = "stop" })
    local _, err = runner:join()
    assert.equal("stop", err.kind)
  end)

  it("leaves a program alone that it only waited for", function()
    local handle = assert(process.start { "sleep", "300" })
    local waiter = task.spawn(function() handle:wait() end)
    clock.sleep(0.01)
    assert.has_error(function() handle:wait() end)
    waiter:cancel()
    assert.is_false((waiter:join()))
    assert.is_true(handle:running())
    handle:close()
  end)
end)

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

--- Runs Lua code in another process of this binary.
local function other_dixis(code, options)
  local name <const> = os.tmpname()
  local path <const> = name .. "_spec.lua"
  os.rename(name, path)
  local file <const> = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  process.run { "chmod", "644", path }
  options = options or {}
  options.env = { PATH = process.getenv("PATH"), DIXIS_LIB = process.getenv("DIXIS_LIB"),
    ASAN_OPTIONS = process.getenv("ASAN_OPTIONS") }
  local handle = assert(process.start({ process.executable(), "spec", "--output=TAP", path }, options))
  return handle, path
end

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

describe("die_with_parent", function()
  local function child_of_other(options)
    local handle, path = other_dixis(([[
      local process = require "host.process"
      it("waits", function()
        local child = process.start({ "sleep", "300" }, { %s })
        io.stdout:write("child ", child.pid, "\n")
        io.stdout:flush()
        child:wait()
      end)
    ]]):format(options))
    local pid
    repeat
      local line = assert(handle:read_line(30))
      pid = line:match("^child (%d+)")
    until pid
    assert.is_true(is_alive(pid))
    return handle, pid, path
  end

  it("ends the child when we are killed with SIGKILL", function()
    local handle <close>, pid, path = child_of_other("die_with_parent = 'TERM'")
    handle:kill("KILL")
    assert.equal("SIGKILL", handle:wait().signal)
    assert.is_true(eventually(function() return not is_alive(pid) end))
    os.remove(path)
  end)

  it("holds for another user too", function()
    if not is_root then return pending("only as root") end
    local handle <close>, pid, path = child_of_other("die_with_parent = 'QUIT', user = 'nobody'")
    handle:kill("KILL")
    handle:wait()
    assert.is_true(eventually(function() return not is_alive(pid) end))
    os.remove(path)
  end)

  it("is not the case without it", function()
    local handle <close>, pid, path = child_of_other("")
    handle:kill("KILL")
    handle:wait()
    clock.sleep(0.1)
    assert.is_true(is_alive(pid))
    process.run { "kill", "-9", pid }
    os.remove(path)
  end)
end)

describe("the end of the program", function()
  it("kills children whose handle nobody closed", function()
    local handle <close>, path = other_dixis([[
      local process = require "host.process"
      it("forgets", function()
        local child = process.start({ "sleep", "300" })
        io.stdout:write("child ", child.pid, "\n")
        rawset(_G, "kept", child)
      end)
    ]])
    local result = assert(handle:wait())
    assert.equal(0, result.code)
    local pid = assert(result.stdout:match("child (%d+)"))
    assert.is_true(eventually(function() return not is_alive(pid) end))
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
