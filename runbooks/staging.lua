-- Staging: the project's Prisma migrations onto the staging database.
--
--     export DATABASE_URL_STAGING='postgresql://user:password@host:5432/database'
--     dixis plan runbooks/staging.lua
--     dixis run  runbooks/staging.lua                                  (asks for the phrase)
--     dixis run  runbooks/staging.lua --confirm DIXIS-STAGING-OK       (CI)
--
-- It never runs by itself. Nothing is changed before every gate is open. A green run leaves a receipt,
-- which runbooks/prod.lua demands.

local gate, step, check = dixis.gate, dixis.step, dixis.check
local notice, option = dixis.notice, dixis.option

return dixis.runbook {
  name = "staging",
  version = "1.0.0",
  title = "Prisma migrations on staging",

  target = { env = "DATABASE_URL_STAGING", environment = "staging" },
  explain = true, -- `dixis plan --explain` may run the pending migrations here and take them back

  options = {
    migrations = { type = "path", help = "folder of the migrations; found by itself in prisma/migrations and the like" },
    schema = { type = "path", help = "Prisma schema, file or folder; beside the migrations by default" },
    wait = { type = "duration", default = "5m", help = "how long to wait for a sleeping database" },
    lock_wait = { type = "duration", default = "10s", help = "how long to wait for another run" },
    lock_timeout = { type = "duration", default = "10s", help = "how long a statement may wait for a lock" },
    lock_attempts = { type = "integer", default = 5, help = "how often to try when a lock is not to be had" },
    max_blocking = { type = "duration", help = "how long other sessions may be held up by a statement" },
    health_url = { type = "url", help = "an address of the application that must answer 200 at the end" },
    git = { type = "boolean", default = true, help = "demand a git work tree" },
    clean = { type = "boolean", default = false, help = "demand a work tree without uncommitted changes" },
    generate = { type = "boolean", default = true, help = "run prisma generate when the project can" },
    backup = { type = "boolean", default = false, help = "back the database up first" },
    backup_folder = { type = "path", help = "where backups go; .dixis/backups by default" },
    audit = { type = "boolean", default = true, help = "put the run on record in the target, in dixis.run" },
    unproven_backup = { type = "string", help = "the phrase that lets a backup through that could not be restored" },
    language = { type = "choice", choices = { "en", "el" }, default = "en", help = "of the notices" },
    notice_every = { type = "duration", default = "10m", help = "how often to tell that it still goes on" },
    mail_from = { type = "string", help = "the sender of the notices" },
    mail_to = { type = "string", help = "whom to send the notices by mail, with commas" },
    app_log = { type = "path", help = "the application's log: it must hold no error from since the run began" },
    after = { type = "duration", help = "how long to go on judging the criteria once they are green, as in 1h" },
    clinic = { type = "boolean", default = false, help = "demand a green clinic for these migrations" },
    clinic_receipt = { type = "path", help = "its receipt, or a folder of receipts; the newest fitting one by default" },
    allow = { type = "string", help = "differences to let through: edited, missing, ... (docs/prisma.md)" },
  },

  audit = option "audit",
  sign = { env = "DIXIS_SIGNING_KEY" },

  uses = {
    env = { "DATABASE_URL_STAGING", "DATABASE_URL_PROD", "DIXIS_WEBHOOK_URL", "DIXIS_SMTP_URL", "DIXIS_SIGNING_KEY" },
    exec = { "git", "pnpm", "yarn", "bunx", "npx", "pg_dump", "pg_restore" },
    net = { option "health_url" },
    read = { option "app_log" },
  },

  -- Off until the variables are set. Texts, moments and channels of your own: docs/runbooks.md.
  notices = {
    notice.webhook { env = "DIXIS_WEBHOOK_URL", language = option "language", every = option "notice_every" },
    notice.mail {
      env = "DIXIS_SMTP_URL", from = option "mail_from", to = option "mail_to", when = option "mail_to",
      language = option "language", every = option "notice_every",
    },
  },

  gates = {
    gate.secret(),
    gate.git { clean = option "clean", when = option "git" },
    gate.reachable { wait = option "wait" },
    gate.role(),
    gate.environment { not_same_as = "DATABASE_URL_PROD" },
    gate.lock { wait = option "lock_wait" },
    gate.history { allow = option "allow" },
    gate.clinic_green { receipt = option "clinic_receipt", when = option "clinic" },
    gate.confirm "DIXIS-STAGING-OK",
  },

  steps = {
    step.identity(),
    step.stamp(),
    step.backup { folder = option "backup_folder", unproven = option "unproven_backup", when = option "backup" },
    step.generate { when = option "generate" },
    step.deploy {
      lock_timeout = option "lock_timeout", lock_attempts = option "lock_attempts", max_blocking = option "max_blocking",
    },
    step.status(),
    step.validate(),
  },

  criteria = {
    check.migrations_applied(),
    check.schema_up_to_date(),
    check.schema_valid(),
    check.no_errors(),
    check.http { name = "healthy", url = option "health_url", status = 200, when = option "health_url" },
    check.log { files = { option "app_log" }, when = option "app_log" },
  },

  watch = { after = option "after" },

  way_back = {
    "Staging is isolated: mend the migration, then run this again. What is applied stays applied.",
    "To begin anew: drop and create ${target.database}, or restore a backup into it.",
    "Do not go on to production before staging is green.",
  },
}
