-- Adopt: gives a database that has tables but no record of migrations its record (a baseline).
--
--     export DATABASE_URL_STAGING='postgresql://user:password@host:5432/database'
--     dixis plan runbooks/adopt.lua --set upto=NAME
--     dixis run  runbooks/adopt.lua --set upto=NAME
--
-- upto is the last migration whose effects are already there; staging.lua applies what comes after it. Every
-- effect up to it is looked for in the database first: where one is missing, nothing is recorded. It runs
-- nothing of the migrations. How another database's runbook extends this one: docs/operations/adopt.md.

local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option

return dixis.runbook {
  name = "adopt",
  version = "1.0.0",
  title = "Record the migrations that a database already has",

  target = { env = "DATABASE_URL_STAGING", environment = "staging" },

  options = {
    upto = { type = "string", required = true, help = "the last migration whose effects are already there" },
    against_evidence = { type = "boolean", default = false, help = "record it although effects are missing" },
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
    gate.adoptable { upto = option "upto", against_evidence = option "against_evidence" },
    gate.confirm "DIXIS-ADOPT-OK",
  },

  steps = {
    step.identity(),
    step.adopt { upto = option "upto" },
  },

  criteria = {
    check.recorded { upto = option "upto" },
    check.no_errors(),
  },

  way_back = {
    "Only the ledger of ${target.database} was made; nothing else was changed.",
    "To take it back: DROP TABLE _prisma_migrations;",
  },
}
