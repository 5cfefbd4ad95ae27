-- What changes who may read and write.

local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local access = {}

local quote <const> = subject.quote

local function report(context, on, message, fix, at)
  say.report(context, "access-change", { object = on.key, message = message, fix = fix, at = at })
end

local does <const> = {
  AT_EnableRowSecurity = "shows only the rows that its policies let through from now on, and none where it has no policy, "
    .. "to all but its owner and superusers",
  AT_ForceRowSecurity = "holds its policies against its owner too from now on: often that is the user of the application",
  AT_DisableRowSecurity = "shows all its rows to whoever may read it from now on: its policies are not asked any more",
  AT_NoForceRowSecurity = "does not hold its policies against its owner any more",
}

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
function access.row_security(context, on, command)
  report(context, on, ("%s %s."):format(on.sql, does[command.subtype]),
    "make the policies first, in the same migration, and try it with the application's role (SET ROLE)")
end

local function alter_policy(_, body, context)
  local on <const> = subject.of(context, body.table)
  if not on then return end
  report(context, on, ("the policy %s on %s lets other rows through from now on: it is a rule about who sees what.")
    :format(quote(body.policy_name), on.sql), "try it with each of the application's roles (SET ROLE)", body.table.location)
end

local function drop_policy(_, body, context)
  if body.removeType ~= "OBJECT_POLICY" then return end
  for _, object in ipairs(body.objects) do
    local schema <const>, relation <const>, name <const> = node.part(object.List.items)
    local on <const> = subject.named(context, schema, relation)
    if on and not context:later("policy", on, name) then
      report(context, on, ("the policy %s on %s is gone: rows that only it let through are not seen any more; the last one "
        .. "gone, none are."):format(quote(name), on.sql), "try it with each of the application's roles (SET ROLE)",
        context:find(name))
    end
  end
end

local function revoke(_, body, context)
  if body.is_grant or body.targtype ~= "ACL_TARGET_OBJECT" or body.objtype ~= "OBJECT_TABLE" then return end
  for _, object in ipairs(body.objects or {}) do
    local on <const> = subject.of(context, object.RangeVar)
    if on then
      report(context, on, ("privileges on %s are taken away: running code that uses them fails."):format(on.sql),
        "look who uses it first (pg_stat_activity, the application's role)", object.RangeVar.location)
    end
  end
end

access.handlers = { AlterPolicyStmt = alter_policy, DropStmt = drop_policy, GrantStmt = revoke }

return access
