-- step.lint: what can be said of the migrations without running them, put on record. It fails for nothing that it
-- finds: step.diagnose and the criteria judge it.

local lazy = require "dixis.lazy"

local lint_report = lazy "dixis.lint.report"
local reading = lazy "dixis.clinic.reading"

return {
  type = "lint",
  fields = { config = { type = "any", help = "the project's exceptions; dixis-lint.json by default" } },
  describe = function() return "say what is wrong with the migrations, without running them" end,
  act = function(run, args)
    run.linted = reading.result(run, args.config)
    return lint_report.summary(run.linted.counts), { counts = run.linted.counts }
  end,
}
