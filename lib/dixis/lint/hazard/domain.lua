-- Domains: their constraints hold for the columns of all tables.

local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local forms <const> = { C = "ADD CONSTRAINT", O = "SET NOT NULL", V = "VALIDATE CONSTRAINT" }

local function alter(_, body, context)
  local form <const> = forms[body.subtype]
  local constraint <const> = body.def and body.def.Constraint
  if not form or (constraint and constraint.skip_validation) then return end
  local schema <const>, name <const> = node.name(body.typeName)
  local found <const> = context.model:type(schema, name)
  if found and context:fresh_object(found) then return end
  for _, on in ipairs(context:tables_with(found)) do context:locked(on, "SHARE", "scan") end
  say.report(context, "domain-scans", { object = (found and found.schema or schema or "public") .. "." .. name,
    at = constraint and constraint.location,
    message = ("ALTER DOMAIN %s %s reads every row of every table with a column of that domain; each has SHARE meanwhile, "
      .. "which blocks all writes."):format(subject.sql_name(found and found.schema or schema or "public", name), form),
    fix = "a domain has no way without that lock: leave its constraint NOT VALID, which holds for new values, or say the "
      .. "rule as a CHECK of each table, NOT VALID first and validated later" })
end

return { AlterDomainStmt = alter }
