-- host.process: programs that are run to their end, or not that long.
local children = require "spec.support.children"
local clock = require "host.clock"
local process = require "host.process"
local task = require "host.task"

local read_file, eventually, is_alive = children.read_file, children.eventually, children.is_alive
local open_descriptors, with_grandchild = children.open_descriptors, children.with_grandchild

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
    local running = {}
    for i = 1, 40 do
      running[i] = task.spawn(function() return process.run({ "sh", "-c", "echo " .. i }) end)
    end
    for i, child in ipairs(running) do
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
