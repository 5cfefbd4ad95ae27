-- Applies everything, and goes on after a failure. What applies goes the way of every deploy; only a migration that
-- fails is repeated statement by statement, so that one fault does not hide the next.

local clock = require "host.clock"
local deploy = require "dixis.migrate.deploy"
local errors = require "dixis.errors"
local folder = require "dixis.migrate.folder"
local host_sql = require "host.sql"
local script = require "dixis.migrate.script"
local server_error = require "dixis.migrate.server_error"

local examine = {}

---@class dixis.clinic.Failure
---@field migration string
---@field file string
---@field line integer
---@field column integer
---@field index? integer     of the statement in its file; nil: of the migration as a whole
---@field node? string       its kind
---@field tree? string
---@field statement? string  its beginning
---@field sqlstate? string
---@field message string     the server's
---@field hint? string

---@class dixis.clinic.Examined
---@field failures dixis.clinic.Failure[]
---@field refused { migration: string, file: string, line: integer, message: string, hint?: string }[]  that a deploy
---   would not take, although the statements apply
---@field seen table<string, table<integer, boolean>|true>  by migration: which statements succeeded; true: all
---@field statements integer
---@field migrations integer

local EXCERPT <const> = 160

local function excerpt(text)
  local short = text:gsub("%s+", " ")
  return #short > EXCERPT and short:sub(1, (utf8.offset(short, 0, EXCERPT) or EXCERPT) - 1) .. " ..." or short
end

-- Where in the file an error of a statement is: its own place when the server gave one.
local function place_of(text, statement, err)
  if not err.position then return statement.line, statement.column end
  local sent = text:sub(statement.first, statement.last)
  local offset = statement.first + (utf8.offset(sent, err.position) or 1) - 1
  local before = text:sub(1, offset - 1)
  local _, newlines = before:gsub("\n", "")
  local last = before:match "[^\n]*$"
  return newlines + 1, (utf8.len(last) or #last) + 1
end

local Examination = {}
Examination.__index = Examination

---@param migration dixis.Migration
---@param err dixis.Error
---@param fields? table
function Examination:fail(migration, err, fields)
  local failure = fields or {}
  failure.migration, failure.file = migration.name, migration.file
  failure.line, failure.column = failure.line or err.line or 1, failure.column or 1
  failure.sqlstate = err.sqlstate
  failure.message = err.reason or (err.kind == "sql" and server_error.safe_message(err)) or err.message
  if failure.message:sub(1, #migration.file + 2) == migration.file .. ": " then
    failure.message = failure.message:sub(#migration.file + 3) -- the place is told beside it
  end
  failure.hint = err.hint
  self.failures[#self.failures + 1] = failure
  self.run.bus:emit("migration.failed", { name = migration.name, error = {
    kind = err.kind, message = failure.message, sqlstate = err.sqlstate, file = migration.file, line = failure.line,
    statement = failure.index } })
end

function Examination:fail_statement(migration, text, statement, index, err)
  local line, column = place_of(text, statement, err)
  self:fail(migration, err, { line = line, column = column, index = index, node = statement.node, tree = statement.tree,
    statement = excerpt(text:sub(statement.first, statement.last)) })
end

-- Runs one statement; inside a transaction behind a savepoint, so that its failure takes nothing else along.
local function attempt(session, statement, sent)
  local conn = session.conn
  local result, err
  if conn:status() == "transaction" and statement.node ~= "TransactionStmt" then
    result, err = conn:pipeline { "SAVEPOINT dixis_clinic", sent, "RELEASE SAVEPOINT dixis_clinic" }
    if not result and conn:status() == "failed" then session:query "ROLLBACK TO SAVEPOINT dixis_clinic" end
  else
    result, err = conn:query(sent)
  end
  if not result and err.kind ~= "sql" and err.kind ~= "usage" then error(err, 0) end
  return result ~= nil, err
end

-- The statements from number `from` on, each by itself. Returns how many failed.
function Examination:statements_of(migration, text, statements, from)
  local session, failed, seen = self.session, 0, self.seen[migration.name]
  for _, statement in ipairs(statements) do
    if statement.index >= from then
      local ok, err = attempt(session, statement, text:sub(statement.first, statement.last))
      seen[statement.index] = ok
      if not ok then
        failed = failed + 1
        self:fail_statement(migration, text, statement, statement.index, err)
      end
    end
  end
  return failed
end

-- All statements of the text, numbered; of these, the ones that a classified script runs.
local function numbered(text, classified)
  local all, wanted, first_of = host_sql.parse(text) or {}, {}, {}
  for _, statement in ipairs(classified.statements) do first_of[statement.first] = true end
  for i, statement in ipairs(all) do
    statement.index = i
    if classified.mode == "refused" or first_of[statement.first] then wanted[#wanted + 1] = statement end
  end
  return wanted
end

function Examination:record(migration)
  local row = self.run.ledger:applied(migration, clock.wall())
  self.session:query(row[1], table.unpack(row.params))
  self.run.applied[#self.run.applied + 1] = migration.name
end

-- One transaction, as a deploy has it.
function Examination:go_on_in_transaction(migration, prepared, first_error)
  local session, text = self.session, prepared.text
  session:query(prepared.script.begin)
  local failed = self:statements_of(migration, text, numbered(text, prepared.script), 1)
  local _, err
  if failed == 0 then
    -- Not the fault of one statement: what fails at the end, or what was done to the ledger.
    session:rollback()
    self:fail(migration, first_error)
    return
  end
  _, err = session.conn:query "COMMIT"
  if err then
    if err.kind ~= "sql" then error(err, 0) end
    self:fail(migration, err)
  end
end

-- Some statements stand alone: those before the one that failed are done.
function Examination:go_on_alone(migration, prepared, first_error)
  local session, text = self.session, prepared.text
  local statements, at = numbered(text, prepared.script), first_error.statement
  if not at then return self:fail(migration, first_error) end
  local failed = statements[at]
  -- How a deploy would go on is not what to do here.
  if (first_error.hint or ""):find "^%d+ of %d+ statements? %l+ done" then first_error.hint = nil end
  for i = 1, at do self.seen[migration.name][statements[i].index] = i < at end
  self:fail(migration, first_error, { line = first_error.line, column = failed.column, index = failed.index, node = failed.node,
    tree = failed.tree, statement = excerpt(text:sub(failed.first, failed.last)) })
  session:rollback()
  self:statements_of(migration, text, statements, failed.index + 1)
end

-- Controls its transactions itself: a deploy refuses it, Prisma sends it as it is.
function Examination:as_it_is(migration)
  local session, text = self.session, errors.check(folder.text(migration))
  local classified = script.classify(text)
  self.seen[migration.name] = {}
  if text:find("\0", 1, true) then
    return self:fail(migration, errors.new("sql", "the script " .. classified.problem,
      { line = classified.line, hint = classified.hint }))
  end
  local failed = self:statements_of(migration, text, numbered(text, classified), 1)
  if session:rollback() then
    failed = failed + 1
    self:fail(migration, errors.new("sql", "it leaves its transaction open, so what it did last is lost"))
  end
  session:reset()
  self.refused[#self.refused + 1] = { migration = migration.name, file = migration.file, line = classified.line,
    message = classified.problem, hint = classified.hint
      or "take BEGIN and COMMIT out: a deploy makes each migration one transaction with its record" }
  if failed == 0 then
    self.seen[migration.name] = true
    self:record(migration)
  end
end

-- What ends the run, and is no fault of a migration.
local fatal <const> = { interrupted = true, deadline = true, connection_lost = true, lock_lost = true, journal = true,
  internal = true, cancelled = true }

function Examination:prepared(migration)
  local kept = self.run.prepared
  if not kept[migration.name] then
    local ok, made = pcall(deploy.prepare, migration)
    if not ok and made.kind ~= "migrations" then error(made, 0) end
    kept[migration.name] = ok and made or { script = { mode = "refused", statements = {} } }
  end
  return kept[migration.name]
end

-- Applies it as a deploy does. A failure may be of the COMMIT of the migration before, which went along: then this
-- one is tried again.
function Examination:apply(migration, prepared, next_one)
  local run, session = self.run, self.session
  local resume = run.history.resume
  local hooks = {
    goes_along = function()
      return next_one ~= nil and deploy.takes_commit(self:prepared(next_one), resume[next_one.name])
    end,
  }
  while true do
    local ok, err = pcall(deploy.apply, run, session, run.ledger, migration, prepared, resume[migration.name], hooks)
    if ok then return nil end
    err = errors.from(err)
    if fatal[err.kind] then error(err, 0) end
    local before = session.due
    -- Its own COMMIT, or a statement that was refused before anything was sent.
    if not before or before.migration == migration or not before.sent and pcall(deploy.settle, run, session) then
      session.due = nil
      return err
    end
    session.due = nil
    session:rollback()
    self.seen[before.migration.name] = {}
    self:fail(before.migration, err)
  end
end

function Examination:one(migration, next_one)
  local run, session = self.run, self.session
  local prepared = self:prepared(migration)
  run.prepared[migration.name] = nil
  if prepared.script.mode == "refused" then return self:as_it_is(migration) end
  local err = self:apply(migration, prepared, next_one)
  if not err then
    self.seen[migration.name] = true
    self.statements = self.statements + #prepared.script.statements
    return
  end
  session:rollback()
  session:reset()
  self.seen[migration.name] = {}
  local mode = prepared.script.mode
  if mode == "transaction" then
    self:go_on_in_transaction(migration, prepared, err)
  elseif mode == "statements" then
    self:go_on_alone(migration, prepared, err)
  else
    self:fail(migration, err) -- its syntax is not known, so its statements are not
    self.seen[migration.name] = nil
  end
  session.touched = true
end

--- Applies what is pending on the run's target.
---@async
---@param run dixis.Run  with its plan
---@return dixis.clinic.Examined
function examine.run(run)
  local session, pending = run:open_session(), run.history.pending
  local self = setmetatable({ run = run, session = session, failures = {}, refused = {}, seen = {}, statements = 0,
    migrations = #pending }, Examination)
  run.concurrent_timeout = nil -- nobody else is here to be waited for
  run.changed = true
  if not run.ledger.exists then
    run.bus:emit("ledger.started", { table = run.ledger.table })
    run.ledger:ensure(session)
  end
  for i, migration in ipairs(pending) do
    run.bus:hint("progress", { item = run.current_item, text = migration.name, done = i - 1, of = #pending })
    self:one(migration, pending[i + 1])
  end
  deploy.clean(session)
  self.run, self.session = nil, nil
  return self
end

return examine
