-- ALTER TABLE on a table that is in use: hands each of its forms to what knows it, and remembers the lock.

local access = require "dixis.lint.hazard.access"
local column = require "dixis.lint.hazard.column"
local constraint = require "dixis.lint.hazard.constraint"
local locks = require "dixis.lint.hazard.locks"
local partition = require "dixis.lint.hazard.partition"
local say = require "dixis.lint.hazard.say"
local style = require "dixis.lint.hazard.style"
local subject = require "dixis.lint.hazard.subject"
local type_change = require "dixis.lint.hazard.type_change"

local quote <const> = subject.quote

-- Forms that write the whole table.
local rewrites <const> = {
  AT_SetLogged = "SET LOGGED", AT_SetUnLogged = "SET UNLOGGED", AT_SetTableSpace = "SET TABLESPACE",
  AT_SetAccessMethod = "SET ACCESS METHOD",
}

local function rewrite(context, on, command)
  local what <const> = rewrites[command.subtype]
  local logged <const> = command.subtype == "AT_SetLogged" or command.subtype == "AT_SetUnLogged"
  if logged and on.relation and (command.subtype == "AT_SetUnLogged") == (on.relation.unlogged == true) then
    return nil
  end
  say.hazard(context, "table-rewrite", { what = what, on = on, lock = "ACCESS EXCLUSIVE", long = "rewrite",
    fix = logged and "decide it when the table is made; or copy the rows in batches to a new table, and swap the names"
      or "use pg_repack, which copies the rows while others go on and locks for a moment at the end" })
  return "rewrite"
end

local function triggers(context, on, command)
  local off <const> = command.subtype:find "Disable" ~= nil
  if not off then return nil end
  say.hazard(context, "triggers-off", { what = command.subtype:find "Rule" and "DISABLE RULE" or "DISABLE TRIGGER",
    on = on, lock = locks.of_command(command), at = command.name and context:find(command.name),
    why = command.subtype == "AT_DisableTrigAll"
      and "Foreign keys are not checked either, for all sessions, and rows written meanwhile are never looked at again."
      or "It holds for all sessions, not only for this one: rows that others write meanwhile miss it.",
    fix = "let the trigger ask a setting that this migration sets with SET LOCAL, so that only this session goes past it" })
end

local function cascade(context, on, command)
  local parts <const> = { AT_DropColumn = "columns", AT_DropConstraint = "constraints" }
  local list <const> = parts[command.subtype]
  if not list then return end
  local found <const> = on.relation and on.relation[list][command.name]
  local goes <const> = found and context:cascade { found } or {}
  say.report(context, "drop-cascade", { object = on.key .. "." .. command.name, at = context:find(command.name),
    message = ("CASCADE drops whatever depends on %s.%s too%s."):format(on.sql, quote(command.name),
      #goes > 0 and ": " .. table.concat(goes, ", ") or ""),
    fix = "leave CASCADE out, see what PostgreSQL names, and drop that by name" })
end

local handlers <const> = {
  AT_AddColumn = function(context, on, command)
    style.column(context, on.key, command.def.ColumnDef)
    local long <const> = column.add(context, on, command)
    return constraint.of_column(context, on, command.def.ColumnDef) or long
  end,
  AT_DropColumn = column.drop, AT_ColumnDefault = column.default,
  AT_SetNotNull = column.set_not_null, AT_DropNotNull = column.drop_not_null,
  AT_AlterColumnType = type_change.change,
  AT_AddIdentity = column.generated, AT_SetIdentity = column.generated, AT_DropIdentity = column.generated,
  AT_DropExpression = column.generated,
  AT_AddConstraint = function(context, on, command)
    style.constraint(context, on.key, command.def.Constraint)
    return constraint.add(context, on, command)
  end,
  AT_ValidateConstraint = constraint.validate, AT_DropConstraint = constraint.drop,
  AT_AttachPartition = partition.attach, AT_DetachPartition = partition.detach,
  AT_SetLogged = rewrite, AT_SetUnLogged = rewrite, AT_SetTableSpace = rewrite, AT_SetAccessMethod = rewrite,
  AT_DisableTrig = triggers, AT_DisableTrigAll = triggers, AT_DisableTrigUser = triggers, AT_DisableRule = triggers,
  AT_EnableRowSecurity = access.row_security, AT_DisableRowSecurity = access.row_security,
  AT_ForceRowSecurity = access.row_security, AT_NoForceRowSecurity = access.row_security,
}

-- On a new table only what touches another one matters.
local function on_new_table(context, command)
  if command.subtype == "AT_AddConstraint" and command.def.Constraint.contype == "CONSTR_FOREIGN" then
    constraint.foreign(context, nil, command.def.Constraint)
  elseif command.subtype == "AT_AttachPartition" then
    partition.attach(context, nil, command)
  end
end

local tables <const> = { OBJECT_TABLE = true, OBJECT_FOREIGN_TABLE = true, OBJECT_MATVIEW = true }

local function alter_table(_, body, context)
  if not tables[body.objtype] then return end
  local on <const> = subject.of(context, body.relation)
  local long
  local mode <const> = locks.of_commands(body.cmds)
  context.altering = on and { key = on.key, lock = mode }
  for _, entry in ipairs(body.cmds) do
    local command <const> = entry.AlterTableCmd
    if not on then
      on_new_table(context, command)
    else
      local handler <const> = handlers[command.subtype]
      local found <const> = handler and handler(context, on, command)
      long = long or found
      if command.behavior == "DROP_CASCADE" then cascade(context, on, command) end
    end
  end
  context.altering = nil
  if on then context:locked(on, mode, long) end
end

return { AlterTableStmt = alter_table }
