-- The connection is cut, or goes silent, at a chosen point of the protocol (see spec/support/cut_proxy.py).

local process = require "host.process"

local cut = {}

--- Runs through a proxy that follows the rule.
---@async
---@param lab torture.Lab
---@param rule string
---@param options? { application?: string, codes?: integer[], may_miss?: boolean }  may_miss: the run may end before that point
function cut.at(lab, rule, options)
  options = options or {}
  lab:trial("cut at " .. rule .. (options.application and " of " .. options.application or ""), function(trial)
    local proxy = assert(process.start({ "python3", "spec/support/cut_proxy.py",
      ("%s/.s.PGSQL.%d"):format(trial.params.host, trial.params.port), rule, options.application },
      { die_with_parent = "KILL" }))
    local port = assert(proxy:read_line(20)):match "^port (%d+)$"
    local result = trial:start(("postgresql://%s@127.0.0.1:%s/%s?sslmode=disable"):format(
      trial.params.user, port, trial.params.dbname)):wait()
    proxy:kill "KILL"
    if not options.may_miss and not (proxy:read_line(5) or ""):find "^fired" then trial.lose "the rule did not strike" end
    proxy:close()
    return result
  end, options.codes)
end

return cut
