-- The JSON report: one object for programs.

local json = require "dixis.json"
local summary = require "dixis.report.summary"

return {
  ---@param path string  of the journal
  ---@return string
  render = function(path)
    local read = summary.read(path)
    local started, finished = read.started or {}, read.finished or {}
    local function list(items) return #items > 0 and items or json.empty_list end
    -- Canonical: the same run gives the same text, also when it is drawn again.
    return json.canonical {
      run = started.run, runbook = started.runbook, dixis = started.dixis, started = started.at,
      finished = finished.at, outcome = finished.outcome or "unfinished", exit = finished.exit,
      seconds = finished.seconds, phases = finished.phases, changed = finished.changed, error = finished.error,
      target = read.target and read.target.target,
      backups = finished.backups,
      git = read.git and { commit = read.git.commit, branch = read.git.branch, uncommitted = read.git.uncommitted },
      plan = read.plan and { digest = read.plan.digest, found = read.plan.found, applied = read.plan.applied,
        pending = read.plan.pending, statements = read.plan.statements,
        migrations_digest = read.plan.migrations_digest },
      items = list(read.items), migrations = list(read.migrations), faults = list(read.faults),
    } .. "\n"
  end,
}
