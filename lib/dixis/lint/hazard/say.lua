-- One wording for all hazards: what the statement does, the lock it takes and what that keeps others from, for how
-- long, and the safe way in SQL with the real names.

local locks = require "dixis.lint.hazard.locks"

local say = {}

local whiles <const> = {
  rewrite = "while every row and every index is written anew",
  scan = "while every row is read",
  index = "while the index is built",
  indexes = "while its indexes are built anew",
  held = "until the migration ends",
}
local MOMENT <const> = "only for a moment, but it waits behind every running statement on the table, "
  .. "and all new ones wait behind it"

---@class dixis.lint.Hazard
---@field what string        what the statement does: "ALTER COLUMN ... TYPE integer"
---@field on dixis.lint.Subject
---@field lock? dixis.lint.LockMode
---@field long? "rewrite"|"scan"|"index"|"indexes"|"empty"|"held"   what keeps the lock long; nil: a moment
---@field also? { on: dixis.lint.Subject, lock: dixis.lint.LockMode }[]   other tables that are locked
---@field why? string        what else there is to it
---@field loses? boolean      rows are lost: their number matters
---@field fix string         what to do instead
---@field sql? string|string[]  the same as SQL
---@field at? integer        offset in the script, from the tree
---@field part? string       name in the table that it is about
---@field severity? dixis.lint.Severity

local function lock_text(hazard)
  if not hazard.lock then return "" end
  local others = ""
  for _, other in ipairs(hazard.also or {}) do
    others = others .. (" and %s on %s, which %s,"):format(other.lock, other.on.sql, locks.blocks(other.lock))
  end
  return (" takes %s on %s, which %s%s%s %s."):format(hazard.lock, hazard.on.sql, locks.blocks(hazard.lock),
    others ~= "" and "," or "", others, whiles[hazard.long] or MOMENT)
end

--- Reports a hazard that a lock, or time in proportion to the table's rows, makes.
---@param context dixis.lint.Hazards
---@param rule string
---@param hazard dixis.lint.Hazard
function say.hazard(context, rule, hazard)
  -- ALTER TABLE takes the strongest lock of its forms at its beginning.
  local altering <const> = context.altering
  if hazard.lock and altering and altering.key == hazard.on.key then hazard.lock = locks.stronger(hazard.lock, altering.lock) end
  local message = hazard.what .. lock_text(hazard)
  if hazard.why then message = message .. " " .. hazard.why end
  if hazard.loses then
    message = message .. hazard.on:holds()
  elseif hazard.long and hazard.long ~= "held" then
    message = message .. hazard.on:burden()
  end
  say.report(context, rule, { message = message, fix = hazard.fix, sql = hazard.sql, at = hazard.at,
    object = hazard.on.key .. (hazard.part and "." .. hazard.part or ""),
    severity = hazard.severity or hazard.on:weigh(context:severity(rule)),
    effect = { table = hazard.on.key, lock = hazard.lock, long = hazard.long, also = hazard.also } })
end

---@param context dixis.lint.Hazards
---@param rule string
---@param finding table  message, fix, sql, object, severity, effect; at, an offset in the file; statement and its index
function say.report(context, rule, finding)
  local fix_sql = finding.sql
  if type(fix_sql) == "table" then fix_sql = table.concat(fix_sql, "\n") end
  context:report(rule, { message = finding.message, fix = finding.fix, fix_sql = fix_sql, object = finding.object,
    severity = finding.severity, effect = finding.effect }, finding.at, finding.statement, finding.index)
end

return say
