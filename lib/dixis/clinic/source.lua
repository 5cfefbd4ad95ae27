-- The schema of a real database, copied to where the clinic works: pg_dump without data, and the rows of its ledger.
-- The source is read, and nothing else.

local errors = require "dixis.errors"
local host_sql = require "host.sql"
local identity = require "dixis.target.identity"
local ledger = require "dixis.migrate.ledger"
local roles = require "dixis.clinic.roles"
local scratch = require "dixis.clinic.scratch"
local server_error = require "dixis.migrate.server_error"
local tools = require "dixis.backup.tools"

local source = {}

local LISTED <const> = 20

---@async
local function dump(run, target, major)
  local programs = tools.demand(major)
  local ok, result = pcall(tools.run, run, { programs.dump, "--schema-only", "--no-owner", "--no-privileges",
    "--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces", "--lock-wait-timeout=10000" },
    { params = target.params })
  if not ok then
    local err = errors.from(result)
    if err.kind ~= "failed" then error(err, 0) end
    errors.refuse(err.message)
  end
  if result.truncated then errors.refuse "the schema is larger than 256 MB" end
  return tools.script(result.stdout)
end

-- As one JSON text, without the logs of other tools, which may quote rows.
local function read_ledger(opened)
  local found = ledger.open(opened)
  if not found.exists then return found, nil end
  return found, opened:value(([[
    SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r) || pg_catalog.jsonb_build_object('logs',
             CASE WHEN r.logs LIKE 'dixis:%%' THEN r.logs END) ORDER BY r.started_at, r.id), '[]')::text
      FROM %s r]]):format(found.table))
end

-- Statement by statement, what the server here does not take is left out and told.
local function restore_parts(session, text)
  local statements, problem = host_sql.parse(text)
  if not statements then
    errors.refuse("the source's schema cannot be restored here: " .. problem.message,
      "a server of the source's version is needed: install it, or name one by scratch_on")
  end
  local left_out = {}
  for _, statement in ipairs(statements) do
    local sent = text:sub(statement.first, statement.last)
    local _, err = session.conn:query(sent)
    if err and err.kind ~= "sql" then error(err, 0) end
    if err and err.sqlstate ~= "42P06" then -- the schema public is there already
      left_out[#left_out + 1] = ("%s: %s"):format(sent:gsub("%s+", " "):sub(1, 60), server_error.safe_message(err))
    end
  end
  return left_out
end

local function restore(run, text, rows, schema)
  local session = run:open_session()
  if run.scratch.own_server then
    local named, made = {}, {}
    roles.read(text, named, made)
    roles.ensure(session, named, made)
  end
  session:query "BEGIN"
  local ok, err = session.conn:script(text)
  local left_out = {}
  if ok then
    session:query "COMMIT"
  else
    session:rollback()
    if err.kind ~= "sql" then error(err, 0) end
    session:reset()
    left_out = restore_parts(session, text)
  end
  session.schema = schema
  session:reset()
  local copied = ledger.open(session)
  session:query(("INSERT INTO %s SELECT * FROM pg_catalog.jsonb_populate_recordset(NULL::%s, $1::pg_catalog.jsonb)"):format(
    copied.table, copied.table), rows)
  return left_out
end

local function read(run, opened, target)
  local found = identity.read(opened)
  if found.pooled then
    errors.refuse("a transaction-mode pooler sits before the source", "use the direct address of the database")
  end
  local book, rows = read_ledger(opened)
  if not rows then
    errors.refuse(("%s has no record of migrations"):format(found.database),
      book.other_tables > 0 and "record what it has first (dixis run adopt), or run the clinic from nothing"
        or "it is empty: run the clinic from nothing")
  end
  local text = dump(run, target, found.major)
  local _, again = read_ledger(opened)
  if rows ~= again then
    errors.refuse(("migrations were applied to %s while its schema was read"):format(found.database),
      "run again when they are through")
  end
  return found, text, rows, book.schema
end

--- Makes the run's target look like the database that the variable names.
---@async
---@param run dixis.Run
---@param env string
---@return table  what was copied
function source.copy(run, env)
  local opened, target = scratch.open(run, env)
  local ok, found, text, rows, schema = pcall(function()
    opened:query "SET default_transaction_read_only = on"
    return read(run, opened, target)
  end)
  opened:close()
  if not ok then error(found, 0) end
  run.target.schema = target.schema
  local left_out = restore(run, text, rows, target.schema)
  local copied = { source = identity.fingerprint(found), description = identity.describe(found), schema = schema,
    bytes = #text, left_out = #left_out > 0 and table.move(left_out, 1, math.min(#left_out, LISTED), 1, {}) or nil,
    left_out_count = #left_out > 0 and #left_out or nil }
  run.bus:emit("schema.copied", copied)
  copied.script = { name = "schema", file = found.database, text = text }
  run.schema_from = copied
  return copied
end

return source
