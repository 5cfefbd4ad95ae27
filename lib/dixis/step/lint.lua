-- step.lint: what can be said of the migrations without running them, put on record. It fails for nothing that it
-- finds: step.diagnose and the criteria judge it.

local lazy = require "dixis.lazy"

local lint = lazy "dixis.lint"
local lint_project = lazy "dixis.lint.project"
local lint_report = lazy "dixis.lint.report"

return {
  type = "lint",
  fields = { config = { type = "any", help = "the project's exceptions; dixis-lint.json by default" } },
  describe = function() return "say what is wrong with the migrations, without running them" end,
  act = function(run, args)
    local found = run:project()
    local options = { folder = found:folder(), schema = found.schema,
      entries = lint_project.entries(found.path, args.config) }
    if run.schema_from then
      options.pending = run.history.pending
      options.base = lint.check({ migrations = { run.schema_from.script } }).model
    end
    local result = lint_project.check(options)
    run.linted = result
    return lint_report.summary(result.counts), { counts = result.counts }
  end,
}
