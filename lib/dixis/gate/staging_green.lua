-- gate.staging_green: the same migrations went through staging, on the same PostgreSQL major, lately.

local lazy = require "dixis.lazy"

local duration = require "dixis.duration"
local forecast = lazy "dixis.forecast"
local proof = lazy "dixis.proof"
local words = require "dixis.words"

local function why_not(run, receipt, environment)
  if receipt.environment ~= environment then return "is for " .. receipt.environment, true end
  if receipt.deploys == false then return "is of a runbook that applies no migrations" end
  if receipt.ephemeral and not run.settings.ephemeral then return "was a rehearsal on a throw-away server" end
  if receipt.migrations_digest ~= run.plan.migrations_digest then return "is for other migrations" end
  if receipt.target.major ~= run.identity.major then
    return ("ran on PostgreSQL %d, the target is %d"):format(receipt.target.major, run.identity.major)
  end
end

return {
  type = "staging_green",
  fields = {
    receipt = { type = "any", help = "a receipt file, or a folder of them; by default the journal folder, and from_env" },
    from_env = { type = "string", help = "variable of that environment's URL: its database is asked for receipts" },
    public_key = { type = "any", help = "only receipts that this key has signed: PEM, or base64 of it or of its DER" },
    within = { type = "duration", default = 7 * 86400, help = "how old it may be" },
    environment = { type = "string", default = "staging" },
  },
  uses = function(args) return { env = { args.from_env } } end,
  needs_plan = true,
  describe = function(args) return ("a green %s receipt for the same migrations"):format(args.environment) end,
  act = function(run, args)
    local receipt = proof.demand(run, {
      what = ("green %s run for these migrations"):format(args.environment),
      hint = "run runbooks/staging.lua with this commit first, or name its receipt: --set staging_receipt=FILE",
      receipt = args.receipt, from_env = args.from_env, public_key = args.public_key, within = args.within,
      why_not = function(found) return why_not(run, found, args.environment) end,
    })
    forecast.add(run, receipt)
    run.results[args.environment .. "_receipt"] = { run = receipt.run }
    return ("%s, %s in %s"):format(proof.describe(receipt), words.count(receipt.applied, "migration"),
      duration.show(receipt.seconds))
  end,
}
