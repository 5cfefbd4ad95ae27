-- dixis is killed with SIGKILL: when it has shown its n-th record, and at any moment.

local clock = require "host.clock"

local kill = {}

--- Kills the run when its n-th record has come.
---@async
---@param lab torture.Lab
---@param n integer
function kill.at_record(lab, n)
  lab:trial("killed at record " .. n, function(trial)
    local run = trial:start()
    for _ = 1, n do
      if not run:read_line(60) then break end
    end
    run:kill "KILL"
    return run:wait()
  end)
end

--- Kills the run after so many seconds.
---@async
---@param lab torture.Lab
---@param seconds number
function kill.after(lab, seconds)
  lab:trial(("killed after %.4f s"):format(seconds), function(trial)
    local run = trial:start()
    clock.sleep(seconds)
    run:kill "KILL"
    return run:wait()
  end)
end

return kill
