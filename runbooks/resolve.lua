-- Resolve: puts the ledger right after a migration that started and never finished (Prisma's P3009).
--
--     export DATABASE_URL_STAGING='postgresql://user:password@host:5432/database'
--     dixis plan runbooks/resolve.lua --set migration=NAME --set as=rolled_back
--     dixis run  runbooks/resolve.lua --set migration=NAME --set as=rolled_back
--
-- It looks what of the migration is in the database and shows that before anybody is asked. It runs nothing of
-- the migration: rolled_back lets the next deploy run it again, applied says that all of it is there. How
-- another database's runbook extends this one: docs/operations/resolve.md.

local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option

return dixis.runbook {
  name = "resolve",
  version = "1.0.0",
  title = "Record what became of a failed migration",

  target = { env = "DATABASE_URL_STAGING", environment = "staging" },

  options = {
    migration = { type = "string", required = true, help = "name of the migration" },
    as = { type = "choice", choices = { "rolled_back", "applied" }, required = true, help = "what became of it" },
    against_evidence = { type = "boolean", default = false, help = "record it although the database shows otherwise" },
    migrations = { type = "path", help = "folder of the migrations; found by itself in prisma/migrations and the like" },
    wait = { type = "duration", default = "5m", help = "how long to wait for a sleeping database" },
    lock_wait = { type = "duration", default = "10s", help = "how long to wait for another run" },
    git = { type = "boolean", default = true, help = "demand a git work tree" },
    audit = { type = "boolean", default = true, help = "put the run on record in the target, in dixis.run" },
  },

  audit = option "audit",
  sign = { env = "DIXIS_SIGNING_KEY" },

  uses = { env = { "DATABASE_URL_STAGING", "DATABASE_URL_PROD", "DIXIS_SIGNING_KEY" }, exec = { "git" } },

  gates = {
    gate.secret(),
    gate.git { when = option "git" },
    gate.reachable { wait = option "wait" },
    gate.role(),
    gate.environment { not_same_as = "DATABASE_URL_PROD" },
    gate.lock { wait = option "lock_wait" },
    gate.resolvable {
      migration = option "migration", as = option "as", against_evidence = option "against_evidence",
    },
    gate.confirm "DIXIS-RESOLVE-OK",
  },

  steps = {
    step.identity(),
    step.resolve { migration = option "migration", as = option "as" },
  },

  criteria = {
    check.recorded { migration = option "migration", as = option "as" },
    check.no_errors(),
  },

  way_back = {
    "Only the ledger of ${target.database} was changed; the journal of this run names the rows.",
    "Look at them: SELECT * FROM _prisma_migrations ORDER BY started_at;",
  },
}
