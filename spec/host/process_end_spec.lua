-- host.process: what becomes of children when this program ends.
local children = require "spec.support.children"
local clock = require "host.clock"
local process = require "host.process"

local is_root <const>, eventually = children.is_root, children.eventually
local is_alive, other_dixis = children.is_alive, children.other_dixis

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
