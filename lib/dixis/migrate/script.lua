-- What kind of script a migration is: how its statements may run, told by PostgreSQL's own parser.

local json = require "dixis.json"
local sql = require "host.sql"

local script = {}

---@class dixis.Script
---@field mode "transaction"|"statements"|"whole"|"refused"
---   transaction: all in one transaction, with the ledger row
---   statements:  one by one, because some cannot run in a transaction
---   whole:       the parser does not know the syntax; sent as it is inside a transaction
---   refused:     controls transactions in a way that cannot be kept; see `problem`
---@field statements host.sql.Statement[]  without an enclosing BEGIN and COMMIT
---@field alone table<integer, true>  "statements": those that cannot be in a transaction
---@field begin string       the BEGIN to use
---@field touches_settings boolean  it may leave settings, temporary tables or else in the session, which is then reset
---@field names_ledger boolean      it may write into the ledger
---@field problem? string
---@field line? integer      of the problem
---@field hint? string
---@field parse_error? dixis.Error

local decode_body <const> = function(statement)
  local tree = json.decode(statement.tree)
  return tree[statement.node] or tree
end

-- A piece of a parse tree, without decoding it: a name in quotes cannot imitate it, its quotes would be escaped.
local function has(...)
  local pieces <const> = { ... }
  return function(statement)
    for _, piece in ipairs(pieces) do
      if statement.tree:find(piece, 1, true) then return true end
    end
    return false
  end
end

local is_concurrent <const> = has '"concurrent":true'

-- Statements that PostgreSQL refuses inside a transaction block.
local never_in_transaction <const> = {
  VacuumStmt = has '"is_vacuumcmd":true',
  CreatedbStmt = true, DropdbStmt = true, CreateTableSpaceStmt = true, DropTableSpaceStmt = true,
  AlterSystemStmt = true, DropSubscriptionStmt = true, CreateSubscriptionStmt = true,
  AlterDatabaseStmt = has '"defname":"tablespace"',
  IndexStmt = is_concurrent, DropStmt = is_concurrent, AlterTableStmt = is_concurrent,
  ReindexStmt = has('"defname":"concurrently"', '"kind":"REINDEX_OBJECT_SCHEMA"', '"kind":"REINDEX_OBJECT_DATABASE"',
    '"kind":"REINDEX_OBJECT_SYSTEM"'),
  ClusterStmt = function(statement) return not statement.tree:find('"relation"', 1, true) end,
  AlterSubscriptionStmt = has('"kind":"ALTER_SUBSCRIPTION_REFRESH"', '_PUBLICATION","subname"'),
  DiscardStmt = has '"DISCARD_ALL"',
}

--- True when the statement cannot run inside a transaction block.
---@param statement host.sql.Statement
---@return boolean
function script.needs_no_transaction(statement)
  local rule = never_in_transaction[statement.node]
  if not rule then return false end
  if rule == true then return true end
  return rule(statement)
end

local opens <const> = { TRANS_STMT_BEGIN = true, TRANS_STMT_START = true }
-- Savepoints stay inside the transaction that they are in.
local harmless <const> = { TRANS_STMT_SAVEPOINT = true, TRANS_STMT_RELEASE = true, TRANS_STMT_ROLLBACK_TO = true }

local function transaction_kind(statement)
  if statement.node ~= "TransactionStmt" then return nil end
  local body = decode_body(statement)
  return body.kind, body
end

-- Any function may change settings or make temporary tables, and so may the triggers of a table: only of plain
-- definitions it is known that they leave nothing behind. Those are nearly all that Prisma writes itself.
local plain <const> = {
  CreateStmt = true, IndexStmt = true, AlterTableStmt = true, DropStmt = true, RenameStmt = true, CommentStmt = true,
  CreateEnumStmt = true, AlterEnumStmt = true, CreateSchemaStmt = true, GrantStmt = true, AlterOwnerStmt = true,
  AlterObjectSchemaStmt = true, CreateFunctionStmt = true, CreateRoleStmt = true, AlterRoleSetStmt = true,
}
-- Not in what runs later: a column's default at INSERT, a trigger when it fires.
local calls_now <const> = { IndexStmt = true, AlterTableStmt = true }
local temporary <const> = has('"relpersistence":"t"', '"pg_temp')
local calls <const> = has '"FuncCall"'

local function leaves_nothing(statement)
  return plain[statement.node] and not temporary(statement) and not (calls_now[statement.node] and calls(statement))
end

local function touches_settings(statements)
  for _, statement in ipairs(statements) do
    if not leaves_nothing(statement) then return true end
  end
  return false
end

local LEDGER <const> = "_prisma_migrations"
local LOOKED_AT <const> = 1 << 20 -- bytes at a time: a copy of a large script would be as large

-- The name may be hidden from this; what is recorded is looked at again at the end of all.
local function names_ledger(text)
  for from = 1, #text, LOOKED_AT do
    if text:sub(from, from + LOOKED_AT + #LEDGER - 2):lower():find(LEDGER, 1, true) then return true end
  end
  return false
end

local function refused(problem, line, hint)
  return { mode = "refused", statements = {}, begin = "BEGIN", touches_settings = false, names_ledger = false,
    problem = problem, line = line, hint = hint }
end

-- A script that is one BEGIN ... COMMIT around everything means the transaction that we open anyway.
local function strip_transaction(statements, text)
  local begin = "BEGIN"
  local first_kind = statements[1] and transaction_kind(statements[1])
  local last = statements[#statements]
  local last_kind, last_body
  if last then last_kind, last_body = transaction_kind(last) end
  if opens[first_kind] and last_kind == "TRANS_STMT_COMMIT" and #statements >= 2 and not last_body.chain then
    begin = text:sub(statements[1].first, statements[1].last)
    statements = table.move(statements, 2, #statements - 1, 1, {})
  end
  for _, statement in ipairs(statements) do
    local kind = transaction_kind(statement)
    if kind and not harmless[kind] then
      return nil, begin, statement
    end
  end
  return statements, begin
end

-- SET TRANSACTION must come before any query, and ours asks for its own identity first: it is a part of BEGIN.
local function merge_set_transaction(statements, begin, text)
  local first = statements[1]
  if begin ~= "BEGIN" or not first or first.node ~= "VariableSetStmt" then return statements, begin end
  local modes = text:sub(first.first, first.last):match "^[Ss][Ee][Tt]%s+[Tt][Rr][Aa][Nn][Ss][Aa][Cc][Tt][Ii][Oo][Nn]%s+(.*)$"
  if not modes or modes:upper():find "^SNAPSHOT" then return statements, begin end
  return table.move(statements, 2, #statements, 1, {}), "BEGIN " .. modes
end

-- Another role may not write the count of finished statements.
local function changes_role(statement)
  if statement.node ~= "VariableSetStmt" then return false end
  local body = decode_body(statement)
  return body.kind == "VAR_SET_VALUE" and (body.name == "role" or body.name == "session_authorization")
end

--- Classifies a script.
---@param text string
---@return dixis.Script
function script.classify(text)
  local zero = text:find("\0", 1, true)
  if zero then
    return refused("has a zero byte, which no server takes", select(2, text:sub(1, zero):gsub("\n", "")) + 1,
      "save the file as UTF-8; was it UTF-16?")
  end
  local statements, err = sql.parse(text)
  if not statements then
    if err.kind == "too_large" then return refused(err.message, 1, "put a part of it into another migration") end
    if err.kind ~= "syntax" then error(err, 0) end
    return { mode = "whole", statements = {}, begin = "BEGIN", touches_settings = true, names_ledger = true,
      parse_error = err }
  end
  local inner, begin, offender = strip_transaction(statements, text)
  if not inner then
    return refused(("controls its transaction itself (%s)"):format(
      text:sub(offender.first, offender.last):upper():match "^[%a]+" or "?"), offender.line)
  end
  local alone = {}
  for i, statement in ipairs(inner) do
    if script.needs_no_transaction(statement, text) then alone[i] = true end
  end
  local mode = next(alone) and "statements" or "transaction"
  if mode == "statements" and #inner < #statements then
    return refused("has a statement that cannot run in a transaction between BEGIN and COMMIT", statements[1].line)
  end
  if mode == "statements" then
    for _, statement in ipairs(inner) do
      if statement.node == "TransactionStmt" then
        return refused("mixes savepoints with a statement that cannot run in a transaction", statement.line)
      elseif changes_role(statement) then
        return refused("changes the role beside a statement that cannot run in a transaction", statement.line)
      end
    end
  end
  if mode == "transaction" then inner, begin = merge_set_transaction(inner, begin, text) end
  local names = names_ledger(text)
  return { mode = mode, statements = inner, alone = alone, begin = begin, names_ledger = names,
    touches_settings = names or touches_settings(inner) }
end

return script
