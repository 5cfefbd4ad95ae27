-- Holds lint against the server: a history is applied statement by statement behind savepoints, going on after a
-- failure, and what fails there must be just what lint calls errors.

local lint = require "dixis.lint"
local pg = require "host.pg"
local server = require "spec.support.server"
local sql = require "host.sql"

local history = {}

--- Scripts as migrations in their order; those of a list are numbered.
---@param scripts string[]|table<string, string>
---@return { name: string, text: string, file: string }[]
function history.in_order(scripts)
  local list <const> = {}
  for name, text in pairs(scripts) do
    if type(name) == "number" then name = ("2024010100%04d_m%d"):format(name, name) end
    list[#list + 1] = { name = name, text = text, file = ("prisma/migrations/%s/migration.sql"):format(name) }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- Lints scripts.
---@param scripts string[]|table<string, string>
---@param options? table
---@return dixis.lint.Result
function history.lint(scripts, options)
  local given <const> = { migrations = history.in_order(scripts) }
  for name, value in pairs(options or {}) do given[name] = value end
  local result <const> = lint.check(given)
  for _, finding in ipairs(result.findings) do
    assert(not finding.message:find("a fault of its own", 1, true), finding.message)
  end
  return result
end

local function apply_script(connection, name, text, failures)
  local statements, err = sql.parse(text)
  if not statements then
    failures[#failures + 1] = { migration = name, index = 0, line = err.line, message = err.message }
    return
  end
  assert(connection:query "BEGIN")
  for i, statement in ipairs(statements) do
    if statement.node ~= "TransactionStmt" then
      assert(connection:query "SAVEPOINT lint")
      local ok, problem = connection:query(text:sub(statement.first, statement.last))
      if not ok then
        failures[#failures + 1] = { migration = name, index = i, line = statement.line, message = problem.message,
          sqlstate = problem.sqlstate }
        assert(connection:query "ROLLBACK TO SAVEPOINT lint")
      end
      assert(connection:query "RELEASE SAVEPOINT lint")
    elseif statement.tree:find "TRANS_STMT_COMMIT" then
      assert(connection:query "COMMIT")
      assert(connection:query "BEGIN")
    end
  end
  assert(connection:query "COMMIT")
end

local shared

-- A new database takes much longer than emptying the one before.
local empty <const> = [[
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' LOOP
    EXECUTE format('DROP EXTENSION IF EXISTS %I CASCADE', name);
  END LOOP;
  FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', name);
  END LOOP;
  CREATE SCHEMA public;
END $$]]

local function connect()
  shared = shared or server.database "history"
  local connection <const> = assert(pg.connect(shared))
  assert(connection:query "SET client_min_messages = error")
  assert(connection:query(empty))
  return connection
end

--- Applies scripts to an empty database, all of them, and says what failed.
---@async
---@param scripts { name: string, text: string }[]
---@return { migration: string, index: integer, line: integer, message: string, sqlstate: string }[] failures
function history.apply(scripts)
  local connection <const> = connect()
  local failures <const> = {}
  for _, entry in ipairs(scripts) do apply_script(connection, entry.name, entry.text, failures) end
  connection:close()
  return failures
end

--- A connection to the database that the last scripts were applied to.
---@async
---@return host.pg.Connection
function history.connection()
  return assert(pg.connect(shared))
end

--- Statements that only one of the two calls faulty, as "migration:line: reason".
---@param failures table[]
---@param findings dixis.lint.Finding[]
---@return string[] missed       the server refused them; lint said nothing
---@return string[] false_alarms lint called them errors; the server took them
function history.compare(failures, findings)
  local failed, called, missed, alarms = {}, {}, {}, {}
  for _, failure in ipairs(failures) do failed[failure.migration .. ":" .. failure.index] = failure end
  for _, finding in ipairs(findings) do
    if finding.severity == "error" then
      local key <const> = finding.migration .. ":" .. (finding.statement_index or 0)
      called[key] = true
      if not failed[key] then
        alarms[#alarms + 1] = ("%s:%d: %s: %s"):format(finding.migration, finding.line, finding.rule, finding.message)
      end
    end
  end
  for _, failure in ipairs(failures) do
    if not called[failure.migration .. ":" .. failure.index] then
      missed[#missed + 1] = ("%s:%d: %s"):format(failure.migration, failure.line, failure.message)
    end
  end
  return missed, alarms
end

--- Lints and applies; both in one.
---@async
---@param scripts string[]|table<string, string>
---@return dixis.lint.Result result
---@return string[] missed
---@return string[] false_alarms
---@return string[] failures  what the server said
function history.hold(scripts)
  local result <const>, failures <const> = history.lint(scripts), history.apply(history.in_order(scripts))
  local missed <const>, alarms <const> = history.compare(failures, result.findings)
  local said <const> = {}
  for i, failure in ipairs(failures) do said[i] = failure.message end
  return result, missed, alarms, said
end

return history
