-- Many runs of the staging runbook at once on one database: each migration is applied by exactly one of them.

local dixis = require "spec.support.dixis"
local store = require "dixis.store"

local crowd = {}

local function applied_by(folder)
  local by = {}
  for _, id in ipairs(store.list(folder)) do
    for event in store.events(("%s/%s.jsonl"):format(folder, id)) do
      if event.type == "migration.applied" then
        by[event.name] = by[event.name] or {}
        table.insert(by[event.name], id)
      end
    end
  end
  return by
end

--- So many runs, each of which waits for the others as long as `wait` says.
---@async
---@param lab torture.Lab
---@param runners integer
---@param wait string
function crowd.at_once(lab, runners, wait)
  lab:trial(("%d runs at once, lock_wait=%s"):format(runners, wait), function(trial)
    local runs = {}
    local folder = trial.journal .. "-crowd"
    for i = 1, runners do
      runs[i] = dixis.start({ "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false", "--set",
        "generate=false", "--set", "lock_wait=" .. wait, "--journal", folder },
        { cwd = lab.project.folder, env = { DATABASE_URL_STAGING = trial.url } })
    end
    local green = 0
    for i = 1, runners do
      local result = runs[i]:wait()
      if result.code == 0 then green = green + 1 end
      if result.code ~= 0 and (result.code ~= 4 or wait ~= "0s") then
        trial.lose("exit code %s: %s", result.code or result.signal, (result.stdout .. result.stderr):sub(-1500))
      end
    end
    if green == 0 then trial.lose "nobody got through" end
    local by, count = applied_by(folder), 0
    for name, ids in pairs(by) do
      count = count + 1
      if #ids > 1 then trial.lose("%s was applied by %s", name, table.concat(ids, " and ")) end
    end
    if count ~= lab.project.count then trial.lose("%d migrations were applied", count) end
    -- One more, whose own record is judged as every trial's is.
    return trial:start():wait()
  end, { 0 }, true)
end

return crowd
