-- What lint wants to know of the database that the migrations are for. It is read, and nothing else.

local errors = require "dixis.errors"
local ledger = require "dixis.migrate.ledger"
local process = require "host.process"
local session = require "dixis.target.session"
local url = require "dixis.target.url"

local facts = {}

---@class dixis.lint.Facts
---@field database string
---@field server_major integer
---@field sizes table<string, { rows?: integer, bytes: integer }>  by "schema.table"
---@field extensions table<string, true>  that the server has
---@field roles table<string, true>
---@field applied table<string, true>     migrations that the ledger knows as applied

-- A table that was never analysed has rows, but nobody knows how many.
local sizes_query <const> = [[
SELECT n.nspname || '.' || c.relname,
       CASE WHEN c.reltuples > 0 THEN c.reltuples::int8
            WHEN c.relkind <> 'p' AND pg_catalog.pg_relation_size(c.oid) = 0 THEN 0 END,
       pg_catalog.pg_total_relation_size(c.oid)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema']]

local function set_of(rows)
  local set <const> = {}
  for _, row in ipairs(rows) do set[row[1]] = true end
  return set
end

---@async
---@param opened dixis.Session
---@return dixis.lint.Facts
function facts.read(opened)
  opened:query "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
  local read <const> = { database = opened:value "SELECT pg_catalog.current_database()",
    server_major = opened.conn:server_version() // 10000, sizes = {}, applied = {} }
  for _, row in ipairs(opened:query(sizes_query)) do
    read.sizes[row[1]] = { rows = math.tointeger(row[2]), bytes = math.tointeger(row[3]) }
  end
  read.extensions = set_of(opened:query "SELECT name FROM pg_catalog.pg_available_extensions")
  read.roles = set_of(opened:query "SELECT rolname FROM pg_catalog.pg_roles")
  for _, row in ipairs(ledger.open(opened):rows(opened)) do
    if row.finished and not row.rolled_back then read.applied[row.name] = true end
  end
  opened:rollback()
  return read
end

--- Opens the database that a variable names, reads, and closes it again.
---@async
---@param env string
---@return dixis.lint.Facts
function facts.of_env(env)
  local value = process.getenv(env)
  if not value or value == "" then errors.raise("usage", ("--target: %s is not set"):format(env)) end
  local target, problem = url.parse(value)
  if not target then
    errors.raise("usage", ("--target: %s is not a usable URL: %s"):format(env, problem.message), { hint = problem.hint })
  end
  local opened <const> = errors.check(session.open(target, { application_name = "dixis lint" }))
  local ok, read = pcall(facts.read, opened)
  opened:close()
  if not ok then error(read, 0) end
  return read
end

return facts
