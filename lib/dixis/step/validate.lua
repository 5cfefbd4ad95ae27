-- step.validate: the Prisma schema parses, and every model has its table and every field its column.

local errors = require "dixis.errors"

return {
  type = "validate",
  describe = function() return "check the Prisma schema, and the target against it" end,
  act = function(run)
    -- Here and not above: a plan should not wait for the grammar to be built.
    local compare = require "dixis.prisma.compare"
    local schema = require "dixis.prisma.schema"
    local path = run:project().schema
    if not path then
      run.validated = { skipped = "there is no schema.prisma beside the migrations" }
      run:skip(run.validated.skipped)
    end
    local model, err = schema.load(path)
    if not model then
      run.validated = { problem = err.message }
      errors.raise("failed", ("%s:%s:%s: %s"):format(err.file or path, err.line or 1, err.column or 1, err.message),
        { file = err.file, line = err.line })
    end
    local session = run:open_session()
    local rows = session:query(compare.catalog_sql)
    local differences = compare.tables(model, rows, run.ledger and run.ledger.schema or "public")
    run.validated = { differences = differences, models = #model.models }
    if #differences > 0 then
      local lines = {}
      for i, difference in ipairs(differences) do
        if i > 20 then
          lines[i] = ("and %d more"):format(#differences - 20)
          break
        end
        lines[i] = difference.message
      end
      errors.raise("failed", ("the target differs from %s:\n%s"):format(path, table.concat(lines, "\n")),
        { hint = "a migration is missing, or the schema file is ahead of the migrations" })
    end
    return ("schema is valid: %d models have their tables and columns"):format(#model.models), { models = #model.models }
  end,
}
