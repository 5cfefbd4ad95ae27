-- Clinic: applies every migration from nothing, on a PostgreSQL that is thrown away, and shows all faults in one run.
--
--     dixis run runbooks/clinic.lua
--     dixis run runbooks/clinic.lua --set schema_from=DATABASE_URL_PROD     will the pending ones apply there?
--     dixis run runbooks/clinic.lua --set scratch_on=DATABASE_URL_SCRATCH   on a server with your extensions
--
-- It needs no database. It goes on after a failure, tells causes from what follows from them, and says how to mend
-- them. A green clinic leaves a receipt, which runbooks/staging.lua and runbooks/prod.lua can demand: --set clinic=true.

local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option

return dixis.runbook {
  name = "clinic",
  version = "1.0.0",
  title = "Migration clinic",

  target = { environment = "clinic" },

  options = {
    migrations = { type = "path", help = "folder of the migrations; found by itself in prisma/migrations and the like" },
    schema = { type = "path", help = "Prisma schema, file or folder; beside the migrations by default" },
    config = { type = "path", help = "what the project excepts from lint; dixis-lint.json by default" },
    scratch_on = { type = "string", help = "variable with the URL of a server: a scratch database is made there, and dropped" },
    schema_from = { type = "string", help = "variable with the URL of a database: only what is pending there, on its schema" },
    roles = { type = "boolean", default = true, help = "make the roles that migrations name, on a throw-away server" },
    git = { type = "boolean", default = false, help = "demand a git work tree, and put its commit on record" },
  },

  sign = { env = "DIXIS_SIGNING_KEY" },

  uses = { env = { option "scratch_on", option "schema_from", "DIXIS_SIGNING_KEY" }, exec = { "git", "pg_dump" } },

  gates = {
    gate.git { when = option "git" },
    gate.scratch { on = option "scratch_on", schema_from = option "schema_from" },
  },

  steps = {
    step.identity(),
    step.examine { roles = option "roles" },
    step.lint { config = option "config" }, -- read while the server was at work
    step.diagnose(),
  },

  criteria = {
    check.sound { name = "applies", aspect = "applies" },
    check.sound { name = "again", aspect = "again" },
    check.sound { name = "schema_agrees", aspect = "schema" },
    check.sound { name = "no_fault", aspect = "faults" },
    check.no_errors(),
  },
}
