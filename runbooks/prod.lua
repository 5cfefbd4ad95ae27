-- Production: the project's Prisma migrations onto the production database, by a person, in a window.
--
--     export DATABASE_URL_PROD='postgresql://user:password@host:5432/database'
--     dixis plan runbooks/prod.lua
--     dixis run  runbooks/prod.lua
--
-- It never runs by itself: a person types DIXIS-PROD-OK and then the name of the database (in CI, a job
-- that a person started gives --confirm twice). It demands a green staging run of the same migrations,
-- takes a backup, and proves it: it is restored elsewhere and compared, which also tells how long the way
-- back takes. Nothing is changed before every gate is open. When it goes wrong: runbooks/rollback.lua.

local gate, step, check = dixis.gate, dixis.step, dixis.check
local notice, option, target = dixis.notice, dixis.option, dixis.target

local function backup(more)
  local fields = {
    folder = option "backup_folder", format = option "backup_format", jobs = option "backup_jobs", bin = option "pg_bin",
    scratch = "DATABASE_URL_SCRATCH", proof_folder = option "proof_folder", unproven = option "unproven_backup",
  }
  for name, value in pairs(more or {}) do fields[name] = value end
  return fields
end

return dixis.runbook {
  name = "prod",
  version = "1.0.0",
  title = "Prisma migrations on production",

  target = { env = "DATABASE_URL_PROD", environment = "production" },

  -- Nothing runs before this is filled in: at night there is no time to look for a number. `dixis init` copies this
  -- file into your repository.
  people = {
    decision_maker = { role = "Product Owner / CTO", name = "[FILL IN]", phone = "[FILL IN]" },
    contacts = {
      { role = "on-call engineer", name = "[FILL IN]", phone = "[FILL IN]" },
      { role = "backup contact", name = "[FILL IN]", phone = "[FILL IN]" },
      { role = "database provider's support", name = "[FILL IN]", phone = "[FILL IN]" },
    },
  },

  options = {
    migrations = { type = "path", help = "folder of the migrations; found by itself in prisma/migrations and the like" },
    schema = { type = "path", help = "Prisma schema, file or folder; beside the migrations by default" },
    wait = { type = "duration", default = "5m", help = "how long to wait for a sleeping database" },
    lock_wait = { type = "duration", default = "10s", help = "how long to wait for another run" },
    lock_timeout = { type = "duration", default = "5s", help = "how long a statement may wait for a lock" },
    lock_attempts = { type = "integer", default = 8, help = "how often to try when a lock is not to be had" },
    max_blocking = { type = "duration", default = "15s", help = "how long other sessions may be held up by a statement" },
    health_url = { type = "url", help = "an address of the application that must answer 200 at the end" },
    git = { type = "boolean", default = true, help = "demand a git work tree" },
    clean = { type = "boolean", default = true, help = "demand a work tree without uncommitted changes" },
    generate = { type = "boolean", default = true, help = "run prisma generate when the project can" },
    staging_receipt = { type = "path", help = "receipt of the staging run, or a folder; found by itself by default" },
    staging_public_key = { type = "string", help = "only a staging run that this key has signed counts" },
    staging_within = { type = "duration", default = "7d", help = "how old the staging run may be" },
    backup_folder = { type = "path", help = "where backups go; .dixis/backups by default" },
    backup_format = { type = "choice", choices = { "custom", "directory" }, default = "custom", help = "a file, or a folder" },
    backup_jobs = { type = "integer", default = 1, help = "connections that dump (directory) and restore at once" },
    backup_again = { type = "boolean", default = false, help = "one more when maintenance is on: nothing written is lost" },
    pg_bin = { type = "path", help = "folder of pg_dump and pg_restore; found by itself" },
    proof_folder = { type = "path", help = "where the throw-away server of the proof keeps its data; /tmp by default" },
    unproven_backup = { type = "string", help = "the phrase that lets a backup through that could not be restored" },
    window_opens = { type = "string", help = "agreed window: \"2026-11-22 02:00\", or \"02:00\" for every day" },
    window_closes = { type = "string", help = "its end; the run must fit into it, with time for the way back" },
    window_tz = { type = "string", default = "UTC", help = "time zone of the window, as in Europe/Athens" },
    window_allow = { type = "string", help = "what the window need not know: unknown_forecast, unknown_recovery" },
    recovery = { type = "duration", help = "how long the way back takes, when no proof of a backup says so" },
    abort_blocked_sessions = { type = "integer", default = 20, help = "stop when so many sessions wait for locks" },
    abort_blocked_for = { type = "duration", help = "stop when one of them waits so long" },
    abort_replication_lag = { type = "string", help = "stop when a replica is so far behind: 64MB or 30s" },
    maintenance_on_url = { type = "url", help = "POST here to put the maintenance page up" },
    maintenance_off_url = { type = "url", help = "POST here to take it down; tried also after a failure" },
    audit = { type = "boolean", default = true, help = "put the run on record in the target, in dixis.run" },
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
    env = {
      "DATABASE_URL_PROD", "DATABASE_URL_STAGING", "DATABASE_URL_SCRATCH", "DIXIS_WEBHOOK_URL", "DIXIS_SMTP_URL",
      "DIXIS_SIGNING_KEY",
    },
    exec = { "git", "pnpm", "yarn", "bunx", "npx", "pg_dump", "pg_restore" },
    net = { option "health_url", option "maintenance_on_url", option "maintenance_off_url" },
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

  guard = { every = "5s", abort = { blocked_sessions = option "abort_blocked_sessions",
    blocked_for = option "abort_blocked_for", replication_lag = option "abort_replication_lag" } },

  gates = {
    gate.people(),
    gate.secret(),
    gate.git { clean = option "clean", when = option "git" },
    gate.reachable { wait = option "wait" },
    gate.role(),
    gate.environment { not_same_as = "DATABASE_URL_STAGING" },
    gate.backup_tool { folder = option "backup_folder", bin = option "pg_bin" },
    gate.lock { wait = option "lock_wait" },
    gate.history { allow = option "allow" },
    gate.clinic_green { receipt = option "clinic_receipt", when = option "clinic" },
    gate.staging_green {
      receipt = option "staging_receipt", within = option "staging_within", from_env = "DATABASE_URL_STAGING",
      public_key = option "staging_public_key",
    },
    gate.backup(backup()),
    gate.window {
      opens = option "window_opens", closes = option "window_closes", tz = option "window_tz", recovery = option "recovery",
      allow = option "window_allow", when = option "window_opens",
    },
    gate.confirm { phrase = "DIXIS-PROD-OK", about = "production is about to be changed" },
    gate.confirm { name = "confirm_database", phrase = target "database", about = "the name of the database" },
  },

  -- Maintenance by a program or a statement instead of an address: replace the two steps, as docs/runbooks.md shows.
  steps = {
    step.identity(),
    step.maintenance_on { url = option "maintenance_on_url", when = option "maintenance_on_url" },
    step.backup(backup { name = "backup_again", when = option "backup_again" }),
    step.stamp(),
    step.generate { when = option "generate" },
    step.deploy {
      lock_timeout = option "lock_timeout", lock_attempts = option "lock_attempts", max_blocking = option "max_blocking",
    },
    step.status(),
    step.validate(),
    step.maintenance_off { url = option "maintenance_off_url", when = option "maintenance_off_url" },
  },

  criteria = {
    check.migrations_applied(),
    check.schema_up_to_date(),
    check.schema_valid(),
    check.no_errors(),
    check.http { name = "healthy", url = option "health_url", status = 200, when = option "health_url" },
    check.latency(), -- of the application's own queries, where pg_stat_statements is installed
    check.log { files = { option "app_log" }, when = option "app_log" },
  },

  watch = { after = option "after" },

  way_back = {
    "The backup from before the first change (${backup.state}): ${backup.path}",
    "  dixis run rollback --set backup='${backup.path}' --set record='${run.journal}'",
    "restores it beside ${target.database}, compares it, and swaps the two by their names;",
    "the one that is there now is kept. It takes about ${backup.takes}.",
    "Before it asks, it shows what was written since and would be lost.",
    "When nothing may be lost, go forward instead: write a repair migration,",
    "run it on staging, then run this runbook again.",
  },
}
