-- step.validate: the Prisma schema is valid, and the target is what it says.

local errors = require "dixis.errors"
local words = require "dixis.words"

-- Which migration made what differs; a history that cannot be read is other steps' business.
local function origin_in(migrations, schema)
  local find
  return function(object)
    find = find or require("dixis.lint.origin").of(migrations, schema)
    local ok, place = pcall(find, object)
    return ok and place or nil
  end
end

return {
  type = "validate",
  leaves = "target",
  fields = {
    strict = { type = "boolean", default = false,
      help = "whether every difference is red, not only what Prisma's client fails on" },
  },
  describe = function() return "check the Prisma schema, and the target against it" end,
  act = function(run, args)
    local path = run:project().schema
    if not path then
      run.validated = { skipped = "there is no schema.prisma beside the migrations" }
      run:skip(run.validated.skipped)
    end
    -- Here and not above: a plan should not wait for the grammar to be built.
    local schema = require "dixis.prisma.schema"
    local verdict = require "dixis.prisma.verdict"
    local model, err = schema.load(path)
    if not model then
      run.validated = { problem = err.message }
      errors.raise("failed", ("%s:%s:%s: %s"):format(err.file or path, err.line or 1, err.column or 1, err.message),
        { file = err.file, line = err.line, hint = err.hint })
    end
    local default_schema = run.ledger and run.ledger.schema or "public"
    local found = errors.check(verdict.of(model, run:open_session().conn, default_schema, { strict = args.strict,
      origin = origin_in(run:project().path, default_schema) }))
    run.validated = found
    run.bus:emit("schema.compared", { file = path, tables = found.tables, red = #found.red, others = #found.shown,
      lines = verdict.lines(found.shown, 20) })
    if #found.red > 0 then
      errors.raise("failed", ("the target differs from %s:\n%s"):format(path,
        table.concat(verdict.lines(found.red, 20), "\n")),
        { hint = "a migration is missing, or the schema file is ahead of the migrations" })
    end
    return ("schema is valid: the target has %s%s"):format(words.count(found.tables, "table"), #found.shown > 0
      and (", and %s that the client does not mind"):format(words.count(#found.shown, "difference")) or " as it says"),
      { models = #model.models, differences = #found.shown }
  end,
}
