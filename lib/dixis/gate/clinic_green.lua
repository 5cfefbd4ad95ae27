-- gate.clinic_green: the same migrations were green in the clinic, on the same PostgreSQL major, lately.

local lazy = require "dixis.lazy"

local duration = require "dixis.duration"
local proof = lazy "dixis.proof"
local words = require "dixis.words"

local function why_not(run, receipt)
  local clinic = receipt.clinic
  if type(clinic) ~= "table" then return "is of no clinic", true end
  if receipt.migrations_digest ~= run.plan.migrations_digest then return "is for other migrations" end
  if receipt.target.major ~= run.identity.major then
    return ("ran on PostgreSQL %d, the target is %d"):format(receipt.target.major, run.identity.major)
  end
  local from = clinic.schema_from
  if from and (from.system_identifier ~= run.identity.system_identifier or from.database ~= run.identity.database) then
    return "began with the schema of another database"
  end
end

return {
  type = "clinic_green",
  fields = {
    receipt = { type = "any", help = "a receipt file, or a folder of them; by default the journal folder" },
    public_key = { type = "any", help = "only receipts that this key has signed: PEM, or base64 of it or of its DER" },
    within = { type = "duration", default = 7 * 86400, help = "how old it may be" },
  },
  needs_plan = true,
  describe = function() return "a green clinic for the same migrations" end,
  act = function(run, args)
    local receipt = proof.demand(run, {
      what = "green clinic for these migrations",
      hint = "run it with this commit: dixis run runbooks/clinic.lua; or name its receipt: --set clinic_receipt=FILE",
      receipt = args.receipt, public_key = args.public_key, within = args.within,
      why_not = function(found) return why_not(run, found) end,
    })
    run.results.clinic_receipt = { run = receipt.run }
    return ("%s, %s in %s"):format(proof.describe(receipt), words.count(receipt.applied, "migration"),
      duration.show(receipt.seconds))
  end,
}
