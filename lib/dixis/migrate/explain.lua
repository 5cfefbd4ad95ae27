-- Rehearsal without effect: the pending migrations run in a transaction that is rolled back, and each
-- statement's locks, their duration and table rewrites are listed.

local clock = require "host.clock"
local deploy = require "dixis.migrate.deploy"
local errors = require "dixis.errors"
local footprint = require "dixis.migrate.footprint"
local server_error = require "dixis.migrate.server_error"

local explain = {}

---@class dixis.Explained
---@field name string
---@field skipped? string  why it was not run
---@field problem? string  why it failed
---@field seconds? number
---@field statements dixis.ExplainedStatement[]

---@class dixis.ExplainedStatement
---@field line integer
---@field seconds number
---@field locks dixis.HeldLock[]
---@field rewrites string[]

local function one(session, migration)
  local made = { name = migration.name, statements = {} }
  local prepared = deploy.prepare(migration)
  if prepared.script.mode ~= "transaction" then
    made.skipped = prepared.script.mode == "whole" and "its syntax is newer than the parser"
      or "it has statements that cannot run in a transaction"
    return made
  end
  local looked, begun = footprint.begin(session), clock.now()
  for i, statement in ipairs(prepared.script.statements) do
    local at = clock.now()
    local _, err = session.conn:query(prepared.text:sub(statement.first, statement.last))
    if err then
      made.problem = server_error.place(err, migration, prepared.text, statement, i, #prepared.script.statements).message
      return made
    end
    local took = clock.now() - at
    made.statements[i] = { line = statement.line, seconds = took, locks = looked:locks(at),
      rewrites = looked:rewrites() }
  end
  made.seconds = clock.now() - begun
  looked:finish()
  return made
end

--- Runs the pending migrations and takes everything back. Sequences that they advance stay advanced.
---@async
---@param run dixis.Run   with its plan
---@param lock_timeout number  seconds
---@return dixis.Explained[]
function explain.run(run, lock_timeout)
  local session, out = run:open_session(), {}
  session.lock_timeout = lock_timeout
  session:reset()
  session:query "BEGIN"
  local ok, err = pcall(function()
    for i, migration in ipairs(run.history.pending) do
      local done, made = pcall(one, session, migration)
      if not done then
        local failure = errors.from(made)
        made = { name = migration.name, statements = {}, problem = failure.message }
      end
      out[i] = made
      -- What comes after would be judged on a database that it will never see.
      if made.skipped or made.problem then break end
    end
  end)
  session:rollback()
  session:reset()
  if not ok then error(err, 0) end
  return out
end

return explain
