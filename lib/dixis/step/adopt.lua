-- step.adopt: makes the ledger of a database that has none, and records the first migrations as applied, all
-- in one transaction. Nothing of them is run.

local lazy = require "dixis.lazy"

local change = require "dixis.change"
local errors = require "dixis.errors"
local resolution = lazy "dixis.migrate.resolution"
local words = require "dixis.words"

return {
  type = "adopt",
  fields = { upto = { type = "any", required = true, help = "the last migration to record as applied" } },
  describe = function(args) return ("record all migrations up to %s as applied"):format(tostring(args.upto)) end,
  act = function(run, args)
    local ledger, chosen, found = run.ledger, {}, false
    for _, migration in ipairs(run:project():migrations()) do
      if not found then chosen[#chosen + 1] = migration end
      found = found or migration.name == args.upto
    end
    if not found then errors.raise("failed", ("there is no migration %s in the folder"):format(args.upto)) end
    local statements, names, time = {}, {}, resolution.times(#chosen)
    if not ledger.exists then statements[1] = { ledger:definition() } end
    for i, migration in ipairs(chosen) do
      statements[#statements + 1] = resolution.applied(ledger, migration, time(i))
      names[i] = migration.name
    end
    change.begin(run)
    run.bus:intend("adopt.started", { table = ledger.table, created = not ledger.exists, migrations = names })
    resolution.write(run, statements)
    ledger.exists = true
    run.bus:emit("adopt.finished", { upto = args.upto, migrations = #chosen })
    return ("%s recorded as applied, up to %s"):format(words.count(#chosen, "migration"), args.upto),
      { upto = args.upto, migrations = #chosen }
  end,
}
