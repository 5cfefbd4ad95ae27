-- What statements of one migration do to each other: locks that add up, settings that stay, transactions inside of it.

local node = require "dixis.lint.node"
local locks = require "dixis.lint.hazard.locks"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local transaction = {}

local SHOWN <const> = 10

local function places(list)
  local texts <const> = {}
  for i, entry in ipairs(list) do
    if i == SHOWN and #list > SHOWN then
      texts[i] = ("and %d more"):format(#list - SHOWN + 1)
      break
    end
    texts[i] = ("%s (%s, line %d)"):format(entry.on.sql, entry.lock, entry.statement.line)
  end
  return table.concat(texts, ", ")
end

local function strong(locked)
  local list <const> = {}
  for _, entry in ipairs(locked) do
    if locks.blocks_writes(entry.lock) then list[#list + 1] = entry end
  end
  return list
end

local function blocking_reads(held)
  local list <const> = {}
  for _, entry in ipairs(held) do
    if entry.lock == "ACCESS EXCLUSIVE" then list[#list + 1] = entry end
  end
  return list
end

local function many_locks(context, held)
  local long
  for _, entry in ipairs(held) do long = long or (entry.long and entry) end
  -- For a moment, what others still can read is no matter: so does every new table with two foreign keys.
  if not long then held = blocking_reads(held) end
  if #held < 2 or held[1].index == held[#held].index then return end
  local last <const> = held[#held]
  local severity = long and "warning" or "note"
  if long and long.on:weigh "warning" == "note" then severity = "note" end
  say.report(context, "many-locks", { object = last.on.key, statement = last.statement, index = last.index,
    severity = severity,
    message = ("this migration locks %d tables that are in use in one transaction, and holds all until it ends: %s.%s"):format(
      #held, places(held), long and (" What takes long in line %d makes users of all of them wait."):format(long.long_line)
        or " Statements of the application that take them in another order can deadlock with it."),
    fix = "one migration for each table" })
end

local function backfill(context)
  for _, change in ipairs(context.memory.changes) do
    local meanwhile <const> = context:held_before(change.index)
    if meanwhile or (change.on.rows and change.on.rows > subject.MANY) then
      local severity <const> = change.on:weigh "warning"
      say.report(context, "backfill", { object = change.on.key, at = change.at, statement = change.statement,
        index = change.index, severity = severity,
        message = ("%s over the rows of %s in the transaction of the migration: it takes as long as there are rows, and what "
          .. "it changes stays locked until the end.%s%s"):format(change.what, change.on.sql, meanwhile or "",
          change.on:burden()),
        fix = "change the rows outside of the migration, in batches of some thousand rows, each in its own transaction" })
    end
  end
end

local function timeout_off(context, held)
  local off <const> = context.memory.timeout_off
  if not off or #held == 0 then return end
  say.report(context, "lock-timeout-off", { statement = off, index = context.memory.timeout_index,
    message = ("lock_timeout is 0 here, so that the lock on %s in line %d may be waited for without end, with every new "
      .. "statement on the table waiting behind it. dixis sets a lock_timeout of its own and tries again."):format(
      held[1].on.sql, held[1].statement.line),
    fix = "leave the setting out" })
end

--- At the end of a migration's file.
---@param context dixis.lint.Hazards
function transaction.finish(context)
  local held <const> = strong(context.memory.locked)
  if context.whole then many_locks(context, held) end
  if context.whole then backfill(context) end
  timeout_off(context, held)
end

local function lock_table(_, body, context)
  local mode <const> = locks.modes[math.tointeger(body.mode)]
  for _, entry in ipairs(body.relations) do
    local on <const> = subject.of(context, entry.RangeVar)
    if on and locks.blocks_writes(mode) then
      say.hazard(context, "lock-table", { what = "LOCK TABLE", on = on, lock = mode, long = "held", at = entry.RangeVar.location,
        fix = "leave it out where the statements take the locks that they need; nothing that takes long after it" })
      context:locked(on, mode)
    end
  end
end

-- ---- Settings ----------------------------------------------------------------------------------

local function constant(value)
  local found <const> = value and value.A_Const
  if not found then return nil end
  return found.sval and (found.sval.sval or "") or found.ival and ("%d"):format(found.ival.ival or 0)
end

local timeouts <const> = { lock_timeout = true }

local function set(statement, body, context)
  local name <const> = (body.name or ""):lower()
  local memory <const> = context.memory
  local value <const> = constant(body.args and body.args[1])
  if name == "timezone" then
    memory.utc = value ~= nil and (value:upper() == "UTC" or value:upper() == "ETC/UTC" or value == "GMT")
  elseif timeouts[name] and value and value:match "^0+%a*$" then
    memory.timeout_off, memory.timeout_index = statement, context.index
  elseif name == "session_replication_role" and value == "replica" then
    say.report(context, "triggers-off", { message = "session_replication_role = replica turns off all triggers, and with "
      .. "them the checks of foreign keys: rows written meanwhile are never looked at again.",
      fix = "let the trigger ask a setting that this migration sets with SET LOCAL" })
  end
  if body.is_local or memory.setting or name == "" or body.kind == "VAR_RESET" or body.kind == "VAR_RESET_ALL" then return end
  memory.setting = true
  local role <const> = name == "role" or name == "session_authorization"
  say.report(context, "session-setting", {
    message = ("SET %s without LOCAL stays in the session: with Prisma, which applies all migrations in one session, also "
      .. "for those that follow. dixis resets the session after each."):format(name),
    fix = role and "RESET ROLE at the end" or "SET LOCAL ends with the migration's transaction",
    sql = not role and value and ("SET LOCAL %s = '%s';"):format(name, (value:gsub("'", "''"))) or nil })
end

local function select_setting(statement, body, context)
  if not statement.tree:find('"set_config"', 1, true) then return end
  for _, target in ipairs(body.targetList or {}) do
    local call <const> = target.ResTarget.val and target.ResTarget.val.FuncCall
    local _, name = node.name(call and call.funcname or { { String = { sval = "" } } })
    local last <const> = call and name == "set_config" and call.args and call.args[3] and call.args[3].A_Const
    if last and not (last.boolval and last.boolval.boolval) and constant(call.args[1]) == "search_path" then
      say.report(context, "session-setting", { at = call.location, severity = "warning",
        message = "set_config('search_path', ...) stays in the session: Prisma then does not find its own ledger, says "
          .. "P1014, and leaves the migration unfinished.",
        fix = "leave it out, or make it end with the transaction (true as the last argument)" })
    end
  end
end

-- ---- Transactions ------------------------------------------------------------------------------

local words <const> = { TRANS_STMT_BEGIN = "BEGIN", TRANS_STMT_START = "START TRANSACTION", TRANS_STMT_COMMIT = "COMMIT",
  TRANS_STMT_ROLLBACK = "ROLLBACK", TRANS_STMT_PREPARE = "PREPARE TRANSACTION",
  TRANS_STMT_COMMIT_PREPARED = "COMMIT PREPARED", TRANS_STMT_ROLLBACK_PREPARED = "ROLLBACK PREPARED" }

local function begin(statement, body, context)
  local word <const> = words[body.kind]
  if not word or context.enclosing[statement] then return end
  say.report(context, "transaction-control", {
    message = ("%s inside of the migration: dixis runs a migration in one transaction with its ledger row, and refuses one "
      .. "that ends it in between; Prisma would leave the first part when the second fails, and a BEGIN without COMMIT is "
      .. "lost without a word."):format(word),
    fix = "leave BEGIN and COMMIT out; make two migrations of what must be committed in between" })
end

transaction.handlers = { LockStmt = lock_table, VariableSetStmt = set, SelectStmt = select_setting, TransactionStmt = begin }

return transaction
