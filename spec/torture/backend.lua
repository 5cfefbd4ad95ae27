-- A backend of the run is terminated: the one that migrates, or the one that holds the run lock.

local clock = require "host.clock"
local pg = require "host.pg"

local backend = {}

local which <const> = { main = "= 'dixis'", lock = "LIKE 'dixis run %'" }

--- Terminates the backend after so many seconds.
---@async
---@param lab torture.Lab
---@param whose "main"|"lock"
---@param seconds number
function backend.terminate(lab, whose, seconds)
  lab:trial(("%s backend terminated after %.4f s"):format(whose, seconds), function(trial)
    local params = { application_name = "torture" }
    for name, value in pairs(trial.params) do params[name] = value end
    local conn <close> = assert(pg.connect(params))
    local run = trial:start()
    clock.sleep(seconds)
    assert(conn:query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
      .. "AND application_name " .. which[whose]))
    return run:wait()
  end)
end

return backend
