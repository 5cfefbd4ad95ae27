-- step.resolve: records a migration as rolled back, or as applied, as `prisma migrate resolve` does.

local lazy = require "dixis.lazy"

local change = require "dixis.change"
local errors = require "dixis.errors"
local resolution = lazy "dixis.migrate.resolution"

local function migration_of(run, name)
  for _, migration in ipairs(run:project():migrations()) do
    if migration.name == name then return migration end
  end
  errors.raise("failed", ("there is no migration %s in the folder"):format(name))
end

local words <const> = { applied = "applied", rolled_back = "rolled back" }

return {
  type = "resolve",
  fields = {
    migration = { type = "any", required = true, help = "name of the migration" },
    as = { type = "any", required = true, help = '"rolled_back" or "applied"' },
  },
  describe = function(args)
    return ("record %s as %s"):format(tostring(args.migration), words[args.as] or tostring(args.as))
  end,
  act = function(run, args)
    local name, as, ledger = args.migration, args.as, run.ledger
    local rows = resolution.rows(run, name)
    if as == "rolled_back" and #rows.open == 0 then run:skip(name .. " is already marked as rolled back") end
    local time = resolution.times(#rows.open + 1)
    local statements = {}
    for i, id in ipairs(rows.open) do statements[i] = resolution.roll_back(ledger, id, time(i)) end
    if as == "applied" then
      statements[#statements + 1] = resolution.applied(ledger, migration_of(run, name), time(#rows.open + 1))
    end
    change.begin(run)
    run.bus:intend("resolve.started", { migration = name, as = as, rows = #rows.open > 0 and rows.open or nil })
    resolution.write(run, statements)
    run.bus:emit("resolve.finished", { migration = name, as = as })
    return ("%s is recorded as %s"):format(name, words[as]), { migration = name, as = as }
  end,
}
