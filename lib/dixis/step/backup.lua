-- step.backup: pg_dump in custom format, with its size and SHA-256 in the record.

local lazy = require "dixis.lazy"

local pg_dump = lazy "dixis.backup.pg_dump"

return {
  type = "backup",
  fields = { folder = { type = "any", help = "where to write it; default: beside the journal" } },
  uses = function() return { exec = { "pg_dump" } } end,
  describe = function() return "back the target up with pg_dump" end,
  act = function(run, args)
    local made = pg_dump.run(run, pg_dump.folder(run, args.folder))
    return ("%s, %.1f MB"):format(made.path, made.size / 1e6), made
  end,
}
