-- Notices in English. A line whose fact is not known is left out.

return {
  before = {
    subject = "[{environment}] Maintenance planned: {title}",
    lines = {
      "{title} is planned for {window}.",
      "Database {database}, pending migrations: {pending}.",
      "Expected to take {expected}.",
      "{about}",
      "Please plan no other change to {environment} for that time.",
      "Decision maker: {decision_maker}.",
    },
  },
  started = {
    subject = "[{environment}] Maintenance has begun: {title}",
    lines = {
      "{title} has begun on {database}. Pending migrations: {pending}.",
      "Expected to take {expected}.",
      "Please make no other change to {environment} until we say that it is over.",
      "Decision maker: {decision_maker}.",
      "Run {run}, by {by}, plan {plan}.",
    },
  },
  waiting = {
    subject = "[{environment}] Maintenance takes longer: {title}",
    lines = {
      "{migration} waits for {blockers}.",
      "{migration} holds up {sessions} other sessions.",
      "{elapsed} so far. Nothing is lost: it goes on by itself, or is taken back as a whole.",
      "Run {run}.",
    },
  },
  running = {
    subject = "[{environment}] Maintenance goes on: {title}",
    lines = {
      "{elapsed} so far. Now: {item}. Migrations applied: {applied} of {pending}.",
      "Expected to take {expected} in all.",
      "Run {run}.",
    },
  },
  succeeded = {
    subject = "[{environment}] Maintenance is over, all is well: {title}",
    lines = {
      "{title} succeeded on {database}: migrations applied: {applied}, in {elapsed}. Every criterion is green.",
      "Thank you for your patience.",
      "Run {run}.",
    },
  },
  failed = {
    subject = "[{environment}] Maintenance ended without success: {title}",
    lines = {
      "{title} on {database}: {outcome} after {elapsed}.",
      "{problem}",
      "Nothing was changed in the database.{unchanged}",
      "The database was changed; migrations applied: {changed}. The run's record says what, and what the way back is.",
      "Decision maker: {decision_maker}.",
      "{contacts}",
      "Run {run}.",
    },
  },
}
