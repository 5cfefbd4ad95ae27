local task = require "host.task"
local clock = require "host.clock"

describe("a task", function()
  it("gives its results to whoever joins it", function()
    local child = task.spawn(function(a, b) clock.sleep(0.001) return a + b, nil, "x" end, 1, 2)
    assert.same({ true, 3, nil, "x" }, { child:join() })
    assert.is_true(child:done())
    assert.same({ true, 3, nil, "x" }, { child:join() })
  end)

  it("turns a mistake in Lua code into an error with a traceback", function()
    local ok, err = task.spawn(function() local t = nil; return t.x end):join()
    assert.is_false(ok)
    assert.equal("internal", err.kind)
    assert.matches("task_spec", err.traceback)
  end)

  it("passes an error table through unchanged", function()
    local thrown = { kind = "x" }
    local _, err = task.spawn(function() error(thrown) end):join()
    assert.equal(thrown, err)
  end)

  it("is cancelled while it waits", function()
    local child = task.spawn(function() clock.sleep(60) end)
    clock.sleep(0.001)
    child:cancel({ kind = "stop" })
    local ok, err = child:join()
    assert.is_false(ok)
    assert.equal("stop", err.kind)
  end)

  it("is cancelled when waiting was the last thing it did", function()
    local child = task.spawn(clock.sleep, 60)
    clock.sleep(0.001)
    child:cancel({ kind = "stop" })
    local ok, err = child:join()
    assert.is_false(ok)
    assert.equal("stop", err.kind)
  end)

  -- A timer that is due when libuv begins a turn wakes a task before libuv waits for events.
  it("is resumed although the wake-up came from a timer that was already due", function()
    local slow = task.spawn(function() clock.sleep(5) end)
    local quick = task.spawn(function()
      clock.sleep(0.01)
      local until_then = clock.now() + 0.03
      while clock.now() < until_then do end
    end)
    local waiting = task.spawn(function() clock.sleep(0.02) return "woken" end)
    local begun = clock.now()
    assert.same({ true, "woken" }, { waiting:join() })
    assert.is_true(clock.now() - begun < 3)
    quick:join()
    slow:cancel()
    slow:join()
  end)

  it("is cancelled before it began", function()
    local ran = false
    local child = task.spawn(function() ran = true end)
    child:cancel()
    assert.is_false((child:join()))
    assert.is_false(ran)
  end)

  it("cannot swallow its deadline with pcall, computing or waiting", function()
    local computing = task.spawn(function()
      while true do pcall(function() while true do end end) end
    end)
    computing:deadline(0.05)
    local waiting = task.spawn(function()
      while true do pcall(clock.sleep, 60) end
    end)
    waiting:deadline(0.05)
    for _, child in ipairs { computing, waiting } do
      local ok, err = child:join()
      assert.is_false(ok)
      assert.equal("deadline", err.kind)
    end
  end)

  it("finishes what is shielded before it is cancelled", function()
    local steps = {}
    local child = task.spawn(function()
      task.shield(function()
        clock.sleep(0.05)
        steps[#steps + 1] = "inside"
      end)
      steps[#steps + 1] = "after"
    end)
    child:deadline(0.01)
    local ok = child:join()
    assert.is_false(ok)
    assert.same({ "inside" }, steps)
  end)

  it("is cancelled as soon as its shield is lowered", function()
    local steps = {}
    local child = task.spawn(function()
      task.shield(function()
        clock.sleep(0.05)
        steps[#steps + 1] = "shielded"
        task.unshield()
        steps[#steps + 1] = "bare"
        clock.sleep(60)
      end)
    end)
    child:deadline(0.01)
    local ok, err = child:join()
    assert.is_false(ok)
    assert.equal("deadline", err.kind)
    assert.equal("shielded", steps[1])
    assert.is_nil(steps[2])
  end)

  it("lowers the innermost of its shields, and none that is not there", function()
    local steps = {}
    local child = task.spawn(function()
      task.shield(function()
        task.shield(task.unshield)
        task.shield(function()
          task.unshield()
          clock.sleep(0.05)
          steps[#steps + 1] = "inside"
        end)
      end)
      steps[#steps + 1] = "after"
    end)
    child:deadline(0.01)
    assert.is_false((child:join()))
    assert.same({ "inside" }, steps)
    assert.has_error(task.unshield, "there is no shield to lower")
  end)

  it("gives shield's results and errors", function()
    assert.same({ 1, 2 }, { task.shield(function() clock.sleep(0) return 1, 2 end) })
    assert.has_error(function() task.shield(error, "no", 0) end, "no")
  end)

  it("runs __close while it is cancelled", function()
    local closed = false
    local child = task.spawn(function()
      local _ <close> = setmetatable({}, { __close = function() closed = true end })
      clock.sleep(60)
    end)
    clock.sleep(0.001)
    child:cancel()
    child:join()
    assert.is_true(closed)
  end)

  it("is cancelled at the end of the scope that closes it, also when that is cancelled", function()
    local inner
    do
      local scoped <close> = task.spawn(function() clock.sleep(60) end)
      inner = scoped
    end
    assert.is_false((inner:join()))
    local outer = task.spawn(function()
      pcall(function()
        local scoped <close> = task.spawn(function() clock.sleep(60) end)
        inner = scoped
        clock.sleep(60)
      end)
    end)
    clock.sleep(0.001)
    outer:cancel()
    outer:join()
    assert.is_false((inner:join()))
  end)

  it("lets another task join a task and be cancelled meanwhile", function()
    local slow = task.spawn(function() clock.sleep(0.02) return "done" end)
    local impatient = task.spawn(function() return slow:join() end)
    clock.sleep(0.001)
    impatient:cancel()
    assert.is_false((impatient:join()))
    collectgarbage()
    assert.same({ true, "done" }, { slow:join() })
  end)

  it("refuses to wait where it cannot", function()
    assert.has_error(function() string.gsub("x", "x", function() clock.sleep(0) end) end)
    assert.has_error(function() table.sort({ 2, 1 }, function() clock.sleep(0) return true end) end)
  end)

  it("goes on with thousands of tasks", function()
    local children, sum = {}, 0
    for i = 1, 5000 do children[i] = task.spawn(function() clock.sleep(0) return i end) end
    for _, child in ipairs(children) do
      local _, value = child:join()
      sum = sum + value
    end
    assert.equal(5000 * 5001 // 2, sum)
  end)
end)
