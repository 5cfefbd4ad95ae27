-- gate.staging_green: the same migrations went through staging, on the same PostgreSQL major, lately.

local lazy = require "dixis.lazy"

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local store = lazy "dixis.store"
local words = require "dixis.words"

local function why_not(run, receipt, args)
  if receipt.environment ~= args.environment then return "is for " .. tostring(receipt.environment) end
  if receipt.outcome ~= "succeeded" then return "did not succeed" end
  if receipt.deploys == false then return "is of a runbook that applies no migrations" end
  if receipt.ephemeral and not run.settings.ephemeral then return "was a rehearsal on a throw-away server" end
  if receipt.migrations_digest ~= run.plan.migrations_digest then return "is for other migrations" end
  if receipt.target.major ~= run.identity.major then
    return ("ran on PostgreSQL %d, the target is %d"):format(receipt.target.major, run.identity.major)
  end
  local age = clock.wall() - receipt.finished
  if age > args.within then return ("is %s old, more than %s"):format(duration.show(age), duration.show(args.within)) end
  if age < -300 then return "is from the future: compare the clocks" end
end

return {
  type = "staging_green",
  fields = {
    receipt = { type = "any", help = "a receipt file; by default the newest fitting one of the journal folder" },
    within = { type = "duration", default = 7 * 86400, help = "how old it may be" },
    environment = { type = "string", default = "staging" },
  },
  needs_plan = true,
  describe = function(args) return ("a green %s receipt for the same migrations"):format(args.environment) end,
  act = function(run, args)
    local candidates = args.receipt and { store.read_receipt(args.receipt) } or store.receipts(run.settings.journal_dir)
    local newest_reason
    for _, receipt in ipairs(candidates) do
      local reason = why_not(run, receipt, args)
      if not reason then
        run.results[args.environment .. "_receipt"] = { run = receipt.run }
        return ("%s of %s, %s"):format(receipt.run, clock.iso(receipt.finished):sub(1, 16):gsub("T", " "),
          ("%s in %s"):format(words.count(receipt.applied, "migration"), duration.show(receipt.seconds)))
      end
      newest_reason = newest_reason or ("%s %s"):format(receipt.run, reason)
    end
    errors.refuse(newest_reason and ("no green staging run for these migrations (the newest, %s)"):format(newest_reason)
        or "no green staging run for these migrations",
      "run runbooks/staging.lua with this commit first, or name its receipt: --set staging_receipt=FILE")
  end,
}
