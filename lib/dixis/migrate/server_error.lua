-- A server's error put in its place in a migration file: which file, line and statement.

local errors = require "dixis.errors"

local server_error = {}

local function line_at(text, byte)
  local _, newlines = text:sub(1, byte):gsub("\n", "")
  return newlines + 1
end

local function first_words(statement_text)
  local short = statement_text:gsub("%s+", " ")
  -- Only what says which object it is: the rest may hold data.
  return (short:match "^[%a_ ]+\"?[%w_.\"]*" or short:sub(1, 40)):sub(1, 100):match "^(.-) *$"
end

--- DETAIL of the server without the data of rows: the columns stay, the values go.
---@param detail string?
---@return string?
function server_error.safe_detail(detail)
  if not detail then return nil end
  detail = detail:gsub("(Key %(.-%)=)%b()", "%1(...)")
  if detail:find "^Failing row contains" then return "Failing row contains (...)." end
  if detail:find "^Key %(" then return detail end
  return nil
end

-- What stands in a syntax error's quotes is a word of SQL, or a piece of the script that may hold data.
local function safe_token(token)
  return (token:match '^"[%a_][%w_]*"$' or token:match '^"%p+"$' and not token:find "['$]") and token or '"..."'
end

--- The server's sentence without the values that it quotes: those of class 22 are data.
---@param err dixis.Error
---@return string
function server_error.safe_message(err)
  local state <const> = err.sqlstate or ""
  if state:sub(1, 2) == "22" then return (err.message:gsub('".*"', '"..."')) end
  if state == "42601" then return (err.message:gsub('".*"', safe_token)) end
  return err.message
end

--- Adds file, line, statement and context to an error of a statement of a migration; `reason` is the server's
--- sentence alone.
---@param err dixis.Error
---@param migration { name: string, file: string }
---@param text string
---@param statement? host.sql.Statement
---@param number? integer
---@param of? integer
---@return dixis.Error
function server_error.place(err, migration, text, statement, number, of)
  local message = server_error.safe_message(err)
  local placed = errors.new(err.kind, message, {
    sqlstate = err.sqlstate, constraint = err.constraint, table = err.table, column = err.column,
    file = migration.file, hint = err.hint, changed = false, reason = message,
  })
  if statement then
    local offset = statement.first
    if err.position then
      offset = statement.first + (utf8.offset(text:sub(statement.first, statement.last), err.position) or 1) - 1
    end
    placed.line = line_at(text, offset - 1)
    placed.statement = number
    placed.message = ("%s:%d: statement %d of %d, %s ...: %s"):format(migration.file, placed.line, number, of,
      first_words(text:sub(statement.first, statement.last)), message)
  else
    if err.position then placed.line = line_at(text, (utf8.offset(text, err.position) or 1) - 1) end
    placed.message = ("%s%s: %s"):format(migration.file, placed.line and (":" .. placed.line) or "", message)
  end
  if err.sqlstate then placed.message = ("%s (SQLSTATE %s)"):format(placed.message, err.sqlstate) end
  local detail = server_error.safe_detail(err.detail)
  if detail then placed.message = placed.message .. "; " .. detail end
  if err.sqlstate == "55P04" then
    placed.hint = "a new enum value can be used only after its transaction: put ALTER TYPE ... ADD VALUE into a "
      .. "migration of its own"
  elseif err.sqlstate == "42501" then
    placed.hint = "the role of the URL lacks a right; grant it, or use the owner's role for migrations"
  elseif err.sqlstate == "55P03" then
    placed.hint = "another session holds the lock; run again when it is gone"
  end
  return placed
end

return server_error
