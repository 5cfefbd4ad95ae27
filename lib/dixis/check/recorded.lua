-- check.recorded: the ledger says of a migration, or of all up to one, what was to be recorded.

local lazy = require "dixis.lazy"
local words = require "dixis.words"

local resolution = lazy "dixis.migrate.resolution"

local hint <const> = "look at its rows in _prisma_migrations"

local function recorded(rows, name, as)
  rows = rows or { open = {}, finished = 0, closed = 0 }
  if #rows.open > 0 then return false, name .. " has a row that never finished", hint end
  if as == "applied" and rows.finished ~= 1 then
    return false, rows.finished == 0 and ("%s has no row that says it is applied"):format(name)
      or ("%s has %d rows that say it is applied"):format(name, rows.finished), hint
  elseif as == "rolled_back" and (rows.finished > 0 or rows.closed == 0) then
    return false, name .. " is not recorded as rolled back", hint
  end
  return true
end

return {
  type = "recorded",
  fields = {
    migration = { type = "any", help = "name of a migration" },
    upto = { type = "any", help = "instead: all migrations up to this one" },
    as = { type = "any", default = "applied", help = '"rolled_back" or "applied"' },
  },
  describe = function(args)
    return ("%s%s is recorded as %s"):format(args.upto and "all up to " or "", tostring(args.upto or args.migration),
      args.as == "rolled_back" and "rolled back" or tostring(args.as))
  end,
  act = function(run, args)
    run:read_history() -- opens the ledger as it is now
    if args.migration then
      local ok, note, way = recorded(resolution.rows(run, args.migration), args.migration, args.as)
      return ok, note or ("%s: one record"):format(args.migration), way
    end
    local count, all = 0, resolution.all(run)
    for _, migration in ipairs(run:project():migrations()) do
      local ok, note, way = recorded(all[migration.name], migration.name, args.as)
      if not ok then return false, note, way end
      count = count + 1
      if migration.name == args.upto then return true, ("%s recorded"):format(words.count(count, "migration")) end
    end
    return false, ("there is no migration %s in the folder"):format(tostring(args.upto))
  end,
}
