-- A migration that started and never finished (Prisma's P3009): what of it is in the database, told by the
-- transaction shape of its script and by the catalog, and what to do about it.

local effect = require "dixis.migrate.effect"
local effect_catalog = require "dixis.migrate.effect_catalog"
local errors = require "dixis.errors"
local folder = require "dixis.migrate.folder"
local history = require "dixis.migrate.history"
local json = require "dixis.json"
local script = require "dixis.migrate.script"
local sql = require "host.sql"

local triage = {}

---@alias dixis.Verdict "present"|"absent"|"partial"|"unknown"

---@class dixis.Triage
---@field name string
---@field file? string
---@field verdict dixis.Verdict
---@field shape string         in how many transactions it ran
---@field statements { line: integer, state: string, note?: string, text: string }[]
---@field before? { name: string, migration: string }  an earlier migration makes the same thing
---@field edited? boolean      the file is not what was run
---@field failed? boolean      Prisma recorded an error of the server
---@field sqlstate? string     of that error
---@field started? string

-- ---- The transaction shape ---------------------------------------------------------------------

-- Statements that are committed together have the same number: those between BEGIN and COMMIT. Others were
-- each on their own from Prisma 7.4 on; before that the whole file was one.
local function transactions(statements)
  local of, number, open, explicit = {}, 0, false, false
  for i, statement in ipairs(statements) do
    local kind
    if statement.node == "TransactionStmt" then
      local tree = json.decode(statement.tree)
      kind, explicit = (tree.TransactionStmt or tree).kind, true
    end
    if not open then number = number + 1 end
    of[i] = number
    if kind == "TRANS_STMT_BEGIN" or kind == "TRANS_STMT_START" then open = true
    elseif kind == "TRANS_STMT_COMMIT" or kind == "TRANS_STMT_ROLLBACK" or kind == "TRANS_STMT_PREPARE" then
      open = false
    end
  end
  return of, number, explicit
end

local function shape_of(statements, count, explicit)
  if #statements == 0 then return "no statement" end
  if #statements == 1 then return "one statement: it ran as a whole or not at all" end
  if count == 1 then return "one transaction from BEGIN to COMMIT: it ran as a whole or not at all" end
  if explicit then return "it controls its transactions itself: each is kept or lost on its own" end
  for _, statement in ipairs(statements) do
    if script.needs_no_transaction(statement) then
      return ("%d statements, not all of which can be in a transaction: they ran one after the other"):format(#statements)
    end
  end
  return ("%d statements: one transaction with Prisma up to 7.3, one after the other without any from 7.4 on")
    :format(#statements)
end

-- ---- The verdict -------------------------------------------------------------------------------

-- Statements run in order, so what is seen tells of what is not: behind one that did not run nothing ran,
-- before one that did everything ran. Not so when the two contradict each other. That something is there
-- proves little when an error is recorded: it may be what the error was about.
local function infer(found, of, failed)
  local last_done, first_not
  for i, one in ipairs(found) do
    if one.state == "present" and one.proof then last_done = i end
    if one.state == "absent" then first_not = first_not or i end
  end
  if last_done and first_not and last_done > first_not then return end
  for i, one in ipairs(found) do
    if one.state == "unknown" then
      if first_not and (i > first_not or of[i] == of[first_not]) then
        one.state = "not run"
      elseif last_done and not failed and (i < last_done or of[i] == of[last_done]) then
        one.state = "done"
      end
    end
  end
end

local function verdict_of(found)
  local firm, again, absent, broken, unknown, harmless, unseen = 0, 0, 0, 0, 0, 0, 0
  for _, one in ipairs(found) do
    local state = one.state
    if state == "present" and one.again then again = again + 1
    elseif state == "present" then firm = firm + 1
    elseif state == "absent" then absent = absent + 1
    elseif state == "invalid" or state == "differs" then broken = broken + 1
    elseif state == "unknown" and one.again then harmless = harmless + 1
    elseif state == "unknown" then unknown = unknown + 1
    elseif state == "unseen" and not one.again then unseen = unseen + 1 end
  end
  if broken > 0 or (firm > 0 and absent > 0) then return "partial" end
  if firm + again + absent == 0 then return unknown + harmless + unseen == 0 and "present" or "unknown" end
  if absent > 0 then return unknown == 0 and "absent" or "unknown" end
  return unknown + harmless == 0 and "present" or "unknown"
end

--- The beginning of a statement, without the data in it.
---@param text string
---@return string
function triage.excerpt(text)
  local short = (sql.normalise(text) or text:match "^%s*%a+%s*%a*" or ""):gsub("%s+", " ")
  return #short > 70 and short:sub(1, utf8.offset(short, 0, 68) - 1) .. " ..." or short
end

--- Judges a script by what the catalog shows.
---@async
---@param catalog dixis.Catalog
---@param text string
---@param failed? boolean  an error was recorded
---@return table  { verdict, shape, statements }
function triage.script(catalog, text, failed)
  local statements, err = sql.parse(text)
  if not statements then
    if err.kind ~= "syntax" then error(err, 0) end
    return { verdict = "unknown", statements = {},
      shape = "not understood by PostgreSQL 15's parser: it ran as one transaction, as a whole or not at all" }
  end
  local of, count, explicit = transactions(statements)
  local found = effect.script(catalog, statements)
  infer(found, of, failed)
  local out = { verdict = verdict_of(found), shape = shape_of(statements, count, explicit), statements = {} }
  for i, one in ipairs(found) do
    local statement = statements[i]
    out.statements[i] = { line = statement.line, state = one.state, note = one.note, name = one.name, again = one.again,
      text = triage.excerpt(text:sub(statement.first, statement.last)) }
  end
  return out
end

-- What is there because an applied migration made it proves nothing about a later one that makes it too:
-- that is what its error was about. Only asked when everything seems to be there and yet an error is recorded.
local function made_before(run, catalog, migration)
  local mine = effect.made(catalog, sql.parse(errors.check(folder.text(migration))) or {})
  for _, earlier in ipairs(run:project():migrations()) do
    if earlier.name == migration.name then return nil end
    local text = folder.text(earlier)
    for key, name in pairs(text and effect.made(catalog, sql.parse(text) or {}) or {}) do
      if mine[key] then return { name = name, migration = earlier.name } end
    end
  end
end

local row_query <const> = [[
SELECT checksum, pg_catalog.to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS started,
       coalesce(logs, '') <> '' AND logs NOT LIKE 'dixis:%%' AS failed,
       pg_catalog.substring(logs, 'Database error code: ([0-9A-Z]{5})') AS sqlstate
  FROM %s WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL
 ORDER BY started_at DESC LIMIT 1]]

--- What of a migration is in the target. It may have a row that never finished, or none.
---@async
---@param run dixis.Run  with its ledger
---@param name string
---@return dixis.Triage
function triage.of(run, name)
  local session, migration = run:open_session(), nil
  for _, one in ipairs(run:project():migrations()) do
    if one.name == name then migration = one end
  end
  local row = run.ledger.exists and session:row(row_query:format(run.ledger.table), name) or nil
  local out
  if migration then
    local catalog = effect_catalog.new(session)
    out = triage.script(catalog, errors.check(folder.text(migration)), row and row.failed)
    out.file = migration.file
    if row and row.failed and out.verdict == "present" then
      out.before = made_before(run, catalog, migration)
      if out.before then out.verdict = "unknown" end
    end
    out.edited = row and not history.same_script(migration, row.checksum) or nil
    if out.edited then out.verdict = "unknown" end
  else
    out = { verdict = "unknown", statements = {}, shape = "it is not in the folder" }
  end
  out.name = name
  if row then out.started, out.failed, out.sqlstate = row.started, row.failed, row.sqlstate end
  return out
end

return triage
