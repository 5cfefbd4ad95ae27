-- A run read from its journal into one table: what the file reports are drawn from.

local store = require "dixis.store"

local summary = {}

local item_events <const> = {
  ["gate.opened"] = { "gate", "opened" }, ["gate.refused"] = { "gate", "refused" },
  ["gate.skipped"] = { "gate", "skipped" },
  ["step.finished"] = { "step", "finished" }, ["step.failed"] = { "step", "failed" },
  ["step.skipped"] = { "step", "skipped" },
  ["criterion.green"] = { "criterion", "green" }, ["criterion.red"] = { "criterion", "red" },
  ["criterion.skipped"] = { "criterion", "skipped" },
}

--- Reads a journal.
---@param path string
---@return table  { started, plan, target, items[], migrations[], faults[], finished }
function summary.read(path)
  local out = { items = {}, migrations = {}, observed = {}, notes = {}, faults = {} }
  for event in store.events(path) do
    local item = item_events[event.type]
    if item then
      out.items[#out.items + 1] = {
        kind = item[1], result = item[2], name = event.name, note = event.note or event.summary or event.reason,
        seconds = event.seconds, error = event.error, hint = event.hint, at = event.at,
      }
    elseif event.type == "run.started" then out.started = event
    elseif event.type == "plan.computed" then out.plan = event
    elseif event.type == "target.identified" then out.target = event
    elseif event.type == "git.identified" then out.git = event
    elseif event.type == "migration.applied" then out.migrations[#out.migrations + 1] =
      { name = event.name, seconds = event.seconds, statements = event.statements, mode = event.mode }
    elseif event.type == "fault.found" then out.faults[#out.faults + 1] = event
    elseif event.type == "migration.observed" then out.observed[#out.observed + 1] = event
    elseif event.type == "forecast.compared" then out.compared = event
    elseif event.type == "run.finished" then out.finished = event
    end
  end
  return out
end

return summary
