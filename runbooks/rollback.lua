-- The way back: the production database is brought back to a backup that dixis made and proved.
--
--     export DATABASE_URL_PROD='postgresql://user:password@host:5432/database'
--     dixis plan rollback --set backup=FILE
--     dixis run  rollback --set backup=FILE
--
-- The backup is restored into a new database beside the broken one and compared with its record; then the two
-- are swapped by their names, in one transaction. The broken one is kept until a person drops it. What was
-- written after the backup is lost, and shown before anybody is asked. A person types DIXIS-ROLLBACK-OK and the
-- name of the database. docs/operations/rollback.md

local gate, step, check = dixis.gate, dixis.step, dixis.check
local notice, option, target = dixis.notice, dixis.option, dixis.target

return dixis.runbook {
  name = "rollback",
  version = "1.0.0",
  title = "Production back to a backup",

  target = { env = "DATABASE_URL_PROD", environment = "production", maintenance = option "maintenance" },

  options = {
    backup = { type = "path", help = "the backup; the newest of the target that a journal knows by default" },
    record = { type = "path", help = "journal of the run that made it; looked for in the journal folder" },
    sha256 = { type = "string", help = "its SHA-256, for a backup that no journal knows" },
    unproven_backup = { type = "string", help = "the phrase that lets a backup through that was never restored" },
    keep_as = { type = "string", help = "name that the broken database is kept under" },
    maintenance = { type = "string", default = "postgres", help = "database to work from; the target need not be there" },
    jobs = { type = "integer", default = 1, help = "connections that restore at once" },
    pg_bin = { type = "path", help = "folder of pg_dump and pg_restore; found by itself" },
    count_within = { type = "duration", default = "1m", help = "how long to count what would be lost" },
    wait = { type = "duration", default = "1m", help = "how long to wait for a server that does not answer" },
    lock_wait = { type = "duration", default = "10s", help = "how long to wait for another rollback" },
    health_url = { type = "url", help = "an address of the application that must answer 200 at the end" },
    maintenance_on_url = { type = "url", help = "POST here to put the maintenance page up" },
    maintenance_off_url = { type = "url", help = "POST here to take it down; tried also after a failure" },
    language = { type = "choice", choices = { "en", "el" }, default = "en", help = "of the notices" },
    notice_every = { type = "duration", default = "10m", help = "how often to tell that it still goes on" },
    mail_from = { type = "string", help = "the sender of the notices" },
    mail_to = { type = "string", help = "whom to send the notices by mail, with commas" },
  },

  sign = { env = "DIXIS_SIGNING_KEY" },

  uses = {
    env = { "DATABASE_URL_PROD", "DATABASE_URL_STAGING", "DIXIS_WEBHOOK_URL", "DIXIS_SMTP_URL", "DIXIS_SIGNING_KEY" },
    exec = { "pg_dump", "pg_restore" },
    net = { option "health_url", option "maintenance_on_url", option "maintenance_off_url" },
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
    gate.reachable { wait = option "wait" },
    gate.environment { not_same_as = "DATABASE_URL_STAGING" },
    gate.lock { wait = option "lock_wait" },
    gate.restorable {
      backup = option "backup", record = option "record", sha256 = option "sha256", unproven = option "unproven_backup",
      keep_as = option "keep_as", jobs = option "jobs", bin = option "pg_bin", count_within = option "count_within",
    },
    gate.confirm { phrase = "DIXIS-ROLLBACK-OK", about = "production is about to go back to the backup" },
    gate.confirm { name = "confirm_database", phrase = target "database", about = "the name of the database" },
  },

  steps = {
    step.identity(),
    step.maintenance_on { url = option "maintenance_on_url", when = option "maintenance_on_url" },
    step.restore(),
    step.swap(),
    step.maintenance_off { url = option "maintenance_off_url", when = option "maintenance_off_url" },
  },

  criteria = {
    check.restored(),
    check.no_errors(),
    check.http { name = "healthy", url = option "health_url", status = 200, when = option "health_url" },
  },

  way_back = {
    "As psql on another database of the server, with the application stopped, the names are swapped back by:",
    "    ALTER DATABASE \"${rollback.database}\" RENAME TO \"${rollback.restored}\";",
    "    ALTER DATABASE \"${rollback.kept_as}\" RENAME TO \"${rollback.database}\";",
  },
}
