-- Rows: emptied, deleted and changed in a migration.

local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local BATCHES <const> = "outside of the migration, in batches of some thousand rows, each in its own transaction"

local function truncate(_, body, context)
  local cascade <const> = body.behavior == "DROP_CASCADE"
  for _, entry in ipairs(body.relations) do
    local range <const> = entry.RangeVar
    local on <const> = subject.of(context, range)
    if on then
      say.hazard(context, "truncate", { what = "TRUNCATE", on = on, lock = "ACCESS EXCLUSIVE", at = range.location,
        severity = "warning", why = "Every row is lost.", long = "empty", loses = true,
        fix = "take a backup that has been restored once; if rows are to go, DELETE those " .. BATCHES })
      if cascade then
        local others <const> = {}
        for i, other in ipairs(context:referencing(on)) do
          others[i] = other.sql
          context:locked(other, "ACCESS EXCLUSIVE")
        end
        say.report(context, "truncate-cascade", { object = on.key, at = range.location,
          message = ("CASCADE empties every table that refers to %s too%s, and those that refer to them."):format(on.sql,
            #others > 0 and ": " .. table.concat(others, ", ") or ""),
          fix = "name the tables that are to be emptied in one TRUNCATE, and leave CASCADE out" })
      end
      context:locked(on, "ACCESS EXCLUSIVE")
    end
  end
end

-- A row that a key names, or a few.
local function names_few(context, on, where)
  local expression <const> = where and where.A_Expr
  if not expression or node.text(expression.name[1]) ~= "=" then return false end
  if expression.kind ~= "AEXPR_OP" and expression.kind ~= "AEXPR_IN" then return false end
  local reference <const> = expression.lexpr.ColumnRef
  if not reference or not on.relation then return false end
  if expression.kind == "AEXPR_OP" and not (expression.rexpr.A_Const or expression.rexpr.TypeCast) then return false end
  return context:is_key(on, node.text(reference.fields[#reference.fields]))
end

local function remember(context, on, what, at)
  local changes <const> = context.memory.changes
  changes[#changes + 1] = { on = on, what = what, at = at, statement = context.statement, index = context.index }
end

local function update(_, body, context)
  local on <const> = subject.of(context, body.relation)
  if not on then return end
  if body.whereClause or body.fromClause then
    if not names_few(context, on, body.whereClause) then remember(context, on, "UPDATE", body.relation.location) end
    return
  end
  say.hazard(context, "update-everything", { what = "UPDATE without WHERE", on = on, at = body.relation.location,
    long = "rewrite", why = "writes every row anew in one transaction: each row stays locked until it ends, and the table "
      .. "grows by as much as it holds." .. (context:held_before(context.index) or ""),
    fix = "change the rows " .. BATCHES .. "; or let a DEFAULT that is not volatile fill a new column without a write" })
end

local function delete(_, body, context)
  local on <const> = subject.of(context, body.relation)
  if not on then return end
  if body.whereClause or body.usingClause then
    if not names_few(context, on, body.whereClause) then remember(context, on, "DELETE", body.relation.location) end
    return
  end
  say.hazard(context, "delete-everything", { what = "DELETE without WHERE", on = on, at = body.relation.location,
    severity = "warning", loses = true, why = "deletes every row of " .. on.sql .. ", with those of others that refer to "
      .. "them by ON DELETE CASCADE.",
    fix = "say which rows; a backup that has been restored once is the only way back" })
end

local function insert(_, body, context)
  local from <const> = body.selectStmt and body.selectStmt.SelectStmt
  for _, entry in ipairs(from and from.fromClause or {}) do
    local source <const> = entry.RangeVar and subject.of(context, entry.RangeVar)
    if source then
      remember(context, source, "INSERT ... SELECT", body.relation.location)
      return
    end
  end
end

local columns_twice <const> = function(list, context, what)
  local seen <const> = {}
  for _, entry in ipairs(list or {}) do
    local target <const> = entry.ResTarget
    if target and target.name and not target.indirection then
      if seen[target.name] then
        say.report(context, "duplicate-assignment", { at = target.location, object = target.name,
          message = ("%s gives the column %s a value twice, which PostgreSQL refuses."):format(what, subject.quote(target.name)),
          fix = "leave one of them out" })
      end
      seen[target.name] = true
    end
  end
end

return {
  TruncateStmt = truncate, DeleteStmt = delete,
  UpdateStmt = function(statement, body, context)
    columns_twice(body.targetList, context, "UPDATE")
    return update(statement, body, context)
  end,
  InsertStmt = function(statement, body, context)
    columns_twice(body.cols, context, "INSERT")
    return insert(statement, body, context)
  end,
}
