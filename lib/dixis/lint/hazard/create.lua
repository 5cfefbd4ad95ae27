-- What is made beside tables that are in use, and locks them: partitions, foreign keys, triggers, policies, rules.

local constraint = require "dixis.lint.hazard.constraint"
local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local function partition_of(body, context)
  for _, entry in ipairs(body.inhRelations or {}) do
    local parent <const> = subject.of(context, entry.RangeVar)
    if parent then
      local name <const> = subject.sql_name(context.model:target(body.relation.schemaname), body.relation.relname)
      say.hazard(context, "partition-locks-parent", { what = "CREATE TABLE ... PARTITION OF", on = parent,
        lock = "ACCESS EXCLUSIVE", at = entry.RangeVar.location,
        why = "Every row of a default partition is read under that lock.",
        fix = "make the table on its own, and attach it, which lets others read and write", sql = {
          ("CREATE TABLE %s (LIKE %s INCLUDING ALL);"):format(name, parent.sql),
          ("ALTER TABLE %s ATTACH PARTITION %s ...;"):format(parent.sql, name) } })
      context:locked(parent, "ACCESS EXCLUSIVE")
    end
  end
end

local function table_is_made(_, body, context)
  if body.partbound then partition_of(body, context) end
  for _, element in ipairs(body.tableElts or {}) do
    local own <const> = element.Constraint
    if own and own.contype == "CONSTR_FOREIGN" then constraint.foreign(context, nil, own) end
    for _, inner in ipairs(element.ColumnDef and element.ColumnDef.constraints or {}) do
      if inner.Constraint.contype == "CONSTR_FOREIGN" then constraint.foreign(context, nil, inner.Constraint) end
    end
  end
end

-- They take their lock for a moment: what counts is what else the migration locks.
local function locks(mode, field)
  return function(_, body, context)
    local on <const> = subject.of(context, body[field])
    if on then context:locked(on, mode) end
  end
end

local parts <const> = { OBJECT_TRIGGER = true, OBJECT_POLICY = true, OBJECT_RULE = true }

local function part_is_dropped(_, body, context)
  if not parts[body.removeType] then return end
  for _, object in ipairs(body.objects) do
    local schema <const>, name <const> = node.part(object.List.items)
    local on <const> = subject.named(context, schema, name)
    if on then context:locked(on, "ACCESS EXCLUSIVE") end
  end
end

return { CreateStmt = table_is_made, DropStmt = part_is_dropped,
  CreateTrigStmt = locks("SHARE ROW EXCLUSIVE", "relation"), CreatePolicyStmt = locks("ACCESS EXCLUSIVE", "table"),
  AlterPolicyStmt = locks("ACCESS EXCLUSIVE", "table"), RuleStmt = locks("ACCESS EXCLUSIVE", "relation") }
