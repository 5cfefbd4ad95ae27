local task <const> = require "host.task"
local clock <const> = require "host.clock"

local child <const> = task.spawn(function(a, b) clock.sleep(0) return a .. b end, "a", "b")
local slow <const> = task.spawn(function() clock.sleep(60) end)
local lost <const> = task.spawn(function() error("lost", 0) end)
task.spawn(function() clock.sleep(60) end) -- nobody joins it: cancelled at the end
slow:deadline(60)
slow:deadline(0.001)
local function late() return slow:join() end
local joiners <const> = { task.spawn(late), task.spawn(late) }
clock.sleep(0)
joiners[1]:cancel()
for _, joiner in ipairs(joiners) do joiner:join() end
task.shield(function() clock.sleep(0) end)
task.shield(function() task.unshield() clock.sleep(0) end)
task.on_signal(function() end)
task.on_signal(nil)
pcall(task.spawn(function() error { kind = "thrown" } end).join, 1)
lost:join()
child:join()
