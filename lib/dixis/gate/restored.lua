-- gate.restored: the run's own throw-away server is there, with the data of a real database in it: its newest proven
-- backup, or a copy made now. The real database is only read, and only for a copy.

local lazy = require "dixis.lazy"

local rehearsal = lazy "dixis.rehearsal"

return {
  type = "restored",
  makes_target = true,
  fields = {
    of = { type = "string", required = true, help = "the variable with the URL of the real database" },
    backup = { type = "any", help = "the backup; its newest proven one that a journal knows when absent" },
    record = { type = "any", help = "the journal of the run that made it, or a folder of journals" },
    copy = { type = "any", help = "true: no backup, a copy of the real database made now by pg_dump" },
    jobs = { type = "any", default = 1, help = "how many connections restore at once" },
    bin = { type = "any", help = "folder of pg_dump and pg_restore; searched when absent" },
    folder = { type = "any", help = "where the throw-away server keeps its data; /tmp when absent" },
  },
  uses = function(args) return { env = { args.of }, exec = { "pg_dump", "pg_restore" } } end,
  describe = function(args)
    return ("a throw-away PostgreSQL with %s of %s, gone at the end"):format(args.copy == true and "a copy"
      or "the newest proven backup (or the one that is named)", args.of)
  end,
  act = function(run, args) return rehearsal.make(run, args) end,
}
