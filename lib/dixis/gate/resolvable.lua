-- gate.resolvable: what is to be recorded of a migration agrees with what the database shows.

local errors = require "dixis.errors"
local near = require "dixis.near"
local resolution = require "dixis.migrate.resolution"
local triage = require "dixis.migrate.triage"
local triage_text = require "dixis.migrate.triage_text"

local words <const> = { applied = "applied", rolled_back = "rolled back" }

-- Which verdicts contradict what is to be recorded.
local against <const> = {
  applied = { absent = "nothing of it is there", partial = "only a part of it is there" },
  rolled_back = { present = "all of it is there", partial = "a part of it is there" },
}

local function find(run, name)
  local names = {}
  for i, migration in ipairs(run:project():migrations()) do
    if migration.name == name then return migration end
    names[i] = migration.name
  end
  return nil, names
end

-- What Prisma refuses too (P3008, P3011, P3012, P3017).
local function refusal(run, name, as, rows)
  if not against[as] then
    return ("a migration is recorded as applied or as rolled_back, not as '%s'"):format(tostring(as)), "correct the runbook"
  end
  local migration, names = find(run, name)
  if not run.ledger.exists then
    return "the target has no record of migrations yet",
      "if the first migrations are already in it, record them: " .. triage_text.command(run, "adopt", { "upto=NAME" })
  end
  if as == "applied" then
    if not migration then
      return ("there is no migration %s in the folder%s"):format(name, near.suggest(name, names)),
        "give the whole name of its directory, as in 20201207184859_initial_migration"
    elseif rows.finished > 0 then
      return name .. " is already recorded as applied", "nothing is to be done for it"
    end
  elseif #rows.open == 0 and rows.finished > 0 then
    return name .. " is recorded as applied: it did not fail, so it is not rolled back",
      "to take its effects back write a migration that does"
  elseif #rows.open == 0 and rows.closed == 0 then
    return ("%s was never started in the target: there is nothing to mark%s"):format(name,
      near.suggest(name, names or {})), "give the whole name of its directory, as in 20201207184859_initial_migration"
  end
end

return {
  type = "resolvable",
  fields = {
    migration = { type = "any", required = true, help = "name of the migration" },
    as = { type = "any", required = true, help = '"rolled_back" or "applied"' },
    against_evidence = { type = "any", help = "true: also when the database shows otherwise; it is recorded" },
  },
  needs_plan = true,
  describe = function(args)
    return ("%s may be recorded as %s"):format(tostring(args.migration), words[args.as] or tostring(args.as))
  end,
  evidence = function(run, args)
    local rows = resolution.rows(run, args.migration)
    local message, hint = refusal(run, args.migration, args.as, rows)
    if message then return { refusal = message, hint = hint, lines = { message } } end
    local found = triage.of(run, args.migration)
    return { rows = rows, verdict = found.verdict, lines = triage_text.lines(found),
      advice = triage_text.advice(run, found), contradiction = against[args.as][found.verdict] }
  end,
  act = function(run, args)
    local read = run.plan.evidence[run.current_item]
    if read.refusal then errors.refuse(read.refusal, read.hint) end
    local note = ("%s\n%s"):format(args.migration, table.concat(read.lines, "\n"))
    if read.contradiction then
      if not args.against_evidence then
        errors.refuse(("%s is not to be recorded as %s: %s\n%s"):format(args.migration, words[args.as],
          read.contradiction, table.concat(read.lines, "\n")),
          ("%s. Only when you know better: --set against_evidence=true"):format(read.advice))
      end
      run.bus:emit("evidence.overridden", { migration = args.migration, as = args.as, verdict = read.verdict,
        text = ("%s is recorded as %s against the evidence of the database: %s"):format(args.migration, words[args.as],
          read.contradiction) })
    end
    return note
  end,
}
