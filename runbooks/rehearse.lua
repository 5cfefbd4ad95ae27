-- Rehearse: the pending migrations on production's data, on a throw-away server: how long, which locks, what grows.
--
--     dixis run runbooks/rehearse.lua                            from the newest proven backup that a journal knows
--     dixis run runbooks/rehearse.lua --set backup=FILE          from this one
--     dixis run runbooks/rehearse.lua --set copy=true            from a copy of DATABASE_URL_PROD, made now
--
-- Production is never changed; only for a copy it is read, by pg_dump. What is measured here is what the next
-- forecast for production is drawn from: docs/operations/rehearse.md.

local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option

return dixis.runbook {
  name = "rehearse",
  version = "1.0.0",
  title = "Rehearsal on production's data",

  target = { environment = "rehearsal" },

  options = {
    migrations = { type = "path", help = "folder of the migrations; found by itself in prisma/migrations and the like" },
    schema = { type = "path", help = "Prisma schema, file or folder; beside the migrations by default" },
    backup = { type = "path", help = "the backup; the newest proven one that a journal knows by default" },
    record = { type = "path", help = "the journal of the run that made it, or a folder of journals" },
    copy = { type = "boolean", default = false, help = "no backup: copy DATABASE_URL_PROD now, by pg_dump" },
    jobs = { type = "integer", default = 1, help = "how many connections restore at once" },
    pg_bin = { type = "path", help = "folder of the programs of PostgreSQL; found by itself" },
    folder = { type = "path", help = "where the throw-away server keeps its data; /tmp by default" },
    git = { type = "boolean", default = true, help = "demand a git work tree" },
    allow = { type = "string", help = "differences to let through: edited, missing, ... (docs/prisma.md)" },
  },

  sign = { env = "DIXIS_SIGNING_KEY" },

  uses = { env = { "DATABASE_URL_PROD", "DIXIS_SIGNING_KEY" }, exec = { "git", "pg_dump", "pg_restore" } },

  gates = {
    gate.git { when = option "git" },
    gate.restored {
      of = "DATABASE_URL_PROD", backup = option "backup", record = option "record", copy = option "copy",
      jobs = option "jobs", bin = option "pg_bin", folder = option "folder",
    },
    gate.lock(),
    gate.history { allow = option "allow" },
  },

  steps = {
    step.identity(),
    step.deploy { observe = true },
    step.status(),
    step.validate(),
  },

  criteria = {
    check.migrations_applied(),
    check.schema_up_to_date(),
    check.schema_valid(),
    check.no_errors(),
  },
}
