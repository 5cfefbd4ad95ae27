-- One statement that a runbook brings: recorded before it runs, and counted as a change unless the server said no.

local change = require "dixis.change"
local errors = require "dixis.errors"
local host_sql = require "host.sql"

local statement = {}

local writing <const> = { "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "intoClause" }

--- False for what is more than a query, and for what the parser does not know.
---@param text string
---@return boolean
function statement.only_reads(text)
  local statements = host_sql.parse(text)
  if not statements or #statements ~= 1 then return false end
  local node, tree = statements[1].node, statements[1].tree
  if node == "VariableShowStmt" then return true end
  if node ~= "SelectStmt" then return false end
  for _, part in ipairs(writing) do
    if tree:find(('"%s":'):format(part), 1, true) then return false end
  end
  return true
end

--- Puts the statement on record, without its literals, before it begins.
---@async
---@param run dixis.Run
---@param text string
---@param reads boolean
function statement.intend(run, text, reads)
  if run.current_kind == "gate" and not reads then
    errors.raise("forbidden", "a gate must not change the target",
      { hint = "a refusal has to leave it untouched: put the statement into a step" })
  end
  if not reads then change.begin(run) end
  run.bus:intend("sql.started", { item = run.current_item,
    statement = host_sql.normalise(text) or "a statement that PostgreSQL 15's parser does not know" })
end

-- These may have committed a part of their work before they failed.
local function is_atomic(text)
  local upper = text:upper()
  return not upper:find "^%s*CALL" and not upper:find "^%s*DO"
end

local function ends_transaction(text)
  local upper = text:upper()
  return upper:find "^%s*COMMIT" or upper:find "^%s*END"
end

local function lost(run, text)
  return errors.new("in_doubt", "the connection was lost while a statement ran, and whether it was done is not known",
    { changed = true, hint = ("look in %s for what this would have done: %s"):format(run.identity.database,
      host_sql.normalise(text) or "see the runbook") })
end

--- The run's session; inside run.db:transaction never another one than it began on.
---@async
---@param run dixis.Run
---@return dixis.Session
function statement.session(run)
  local held = run.held_session
  if held then statement.check_held(held) end
  return held or run:open_session()
end

--- Raises when a transaction has lost its connection, and with it all that it did.
---@param session dixis.Session
function statement.check_held(session)
  if session.conn:status() ~= "closed" then return end
  errors.raise("connection_lost", "the connection was lost inside a transaction; nothing of it was kept")
end

--- Runs fn, which sends the statement. Nothing can be noted after a cancellation, and the answer of the
--- server may be lost: the target counts as changed until the server has said that it is not.
---@async
---@generic T
---@param run dixis.Run
---@param text string
---@param fn fun(): T
---@return T
function statement.watch(run, text, fn)
  local before, session = run.changed, statement.session(run)
  local inside = session.conn:status() ~= "idle"
  run.changed = true
  local ok, result = pcall(fn)
  if ok then return result end
  if type(result) == "table" and result.kind == "connection_lost" then
    -- Inside a transaction nothing is kept without a COMMIT.
    if not inside or ends_transaction(text) then error(lost(run, text), 0) end
    run.changed = before
  elseif type(result) == "table" and result.sqlstate and is_atomic(text) then
    run.changed = before
  end
  error(result, 0)
end

--- Runs one statement.
---@async
---@param run dixis.Run
---@param text string
---@param ... any  parameters
---@return host.pg.Result
function statement.run(run, text, ...)
  local reads, params = statement.only_reads(text), table.pack(...)
  statement.intend(run, text, reads)
  local session = statement.session(run)
  local function send() return session:query(text, table.unpack(params, 1, params.n)) end
  local result
  if reads then result = send() else result = statement.watch(run, text, send) end
  run.bus:emit("sql.finished", { item = run.current_item, tag = result.tag })
  return result
end

return statement
