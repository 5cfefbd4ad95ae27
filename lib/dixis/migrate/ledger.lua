-- The ledger: Prisma's table of applied migrations. All access is schema-qualified.

local digest = require "host.digest"
local errors = require "dixis.errors"
local sql = require "host.sql"

---@class dixis.Ledger
---@field table string  qualified and quoted
---@field schema string
---@field exists boolean
local Ledger = {}
Ledger.__index = Ledger

local ledger = {}

-- The same columns and types as Prisma's own statement makes (see docs/prisma.md).
local create <const> = [[
CREATE TABLE %s (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)]]

--- Finds the ledger of the session's schema: Prisma's ?schema=, or the first of search_path.
---@async
---@param session dixis.Session
---@return dixis.Ledger
function ledger.open(session)
  local schema = session.schema or session:value "SELECT pg_catalog.current_schema()"
  local row = session:row([[
    SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS schema_exists,
           EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = $1 AND c.relname = '_prisma_migrations' AND c.relkind IN ('r', 'p')) AS found,
           (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = $1 AND c.relkind = 'r'
                      AND c.relname NOT IN ('_prisma_migrations', 'spatial_ref_sys')) AS tables]], schema or "")
  return setmetatable({
    schema = schema, schema_exists = row.schema_exists, exists = row.found, other_tables = row.tables,
    table = sql.quote_identifier(schema or "public") .. "._prisma_migrations",
  }, Ledger)
end

---@class dixis.LedgerRow
---@field name string
---@field checksum string
---@field finished boolean
---@field rolled_back? boolean
---@field steps? integer   of an unfinished one: statements that are done
---@field id? string       likewise
---@field ours? boolean    likewise: dixis began it statement by statement
---@field begun? boolean   likewise: statement steps + 1 was begun

--- All rows in the order in which they started, one by one.
---@async
---@param session dixis.Session
---@return fun(): dixis.LedgerRow?
function Ledger:each(session)
  if not self.exists then return function() end end
  -- Thousands of rows may come: they take the place of what is not needed any more.
  if collectgarbage "count" > 4096 then collectgarbage() end
  local next_row = session.conn:rows(([[
      SELECT migration_name, checksum, finished_at IS NOT NULL, rolled_back_at IS NOT NULL,
             applied_steps_count, id, logs IS NOT NULL AND logs LIKE 'dixis:%%',
             logs IS NOT NULL AND logs LIKE 'dixis:%%begins'
        FROM %s ORDER BY started_at, id]]):format(self.table))
  return function()
    local row = next_row()
    if not row then return nil end
    local kept = { name = row[1], checksum = row[2], finished = row[3], rolled_back = row[4] or nil }
    if not kept.finished then
      kept.steps, kept.id, kept.ours, kept.begun = row[5], row[6], row[7], row[8]
    end
    return kept
  end
end

--- The same as a list.
---@async
---@param session dixis.Session
---@return dixis.LedgerRow[]
function Ledger:rows(session)
  local rows = {}
  for row in self:each(session) do rows[#rows + 1] = row end
  return rows
end

--- The statement that creates the table.
---@return string
function Ledger:definition()
  return create:format(self.table)
end

--- Creates the table when it is not there.
---@async
---@param session dixis.Session
function Ledger:ensure(session)
  if self.exists then return end
  session:query(self:definition())
  self.exists = true
end

-- A migration may leave anything in its search_path, and a temporary table's name is a type that comes before
-- those of the catalog: functions, types and operators are named with their schema.

local function insert(self)
  return ("INSERT INTO %s (id, checksum, migration_name, started_at, finished_at, applied_steps_count) "
    .. "VALUES ($1, $2, $3, pg_catalog.to_timestamp($4::pg_catalog.float8), pg_catalog.clock_timestamp(), 1) "
    -- A rule that writes elsewhere has no tableoid to give.
    .. "RETURNING pg_catalog.pg_current_xact_id()::pg_catalog.text AS xact, tableoid, id, checksum, "
    .. "migration_name AS name, applied_steps_count AS steps, finished_at IS NOT NULL AS finished, "
    .. "rolled_back_at IS NOT NULL AS rolled_back"):format(self.table)
end

--- The statement that records a migration as applied, for its own transaction. It answers with the
--- transaction's identity and the row as it was kept.
---@param migration { name: string, checksum: string }
---@param started number  wall clock
---@param prepared? boolean  for a session where `prepare` was called: saves the server two thirds of the work
---@return table statement  for Connection:pipeline, with the row's `id`
function Ledger:applied(migration, started, prepared)
  local params = { digest.uuid(), migration.checksum, migration.name, ("%.6f"):format(started) }
  return { prepared and "dixis_applied" or insert(self), params = params, prepared = prepared, id = params[1] }
end

--- Which transaction this is, in a session where `prepare` was called.
Ledger.identity = { "dixis_transaction", prepared = true }

--- Prepares both statements in the session, where a reset forgets them.
---@async
---@param session dixis.Session
function Ledger:prepare(session)
  if session.ledger_prepared then return end
  errors.check(session.conn:pipeline {
    "PREPARE dixis_transaction AS SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text",
    "PREPARE dixis_applied(text, text, text, text) AS " .. insert(self),
  })
  session.ledger_prepared = true
end

-- Nothing of it is committed yet.
local function refuse_row(self, migration, what)
  errors.raise("ledger", ("%s: %s; nothing of it was kept"):format(migration.file, what), {
    file = migration.file, changed = false,
    hint = ("neither a migration nor a trigger or rule of %s may change what is recorded"):format(self.table),
  })
end

--- Raises when the answer to `applied` is not the row that was written: a trigger or a rule may have dropped or
--- changed it.
---@param migration { name: string, checksum: string, file: string }
---@param statement table  of `applied`
---@param result host.pg.Result
---@return string xact  the transaction's identity
function Ledger:kept(migration, statement, result)
  local row = result[1]
  if #result ~= 1 or row.id ~= statement.id or row.checksum ~= migration.checksum or row.name ~= migration.name
    or row.steps ~= 1 or not row.finished or row.rolled_back then
    refuse_row(self, migration, "its row in the ledger was not kept as it was written")
  end
  return row.xact
end

--- What is in the ledger besides the row `id`, as a number and a sum, to be compared within a transaction; and
--- whether that row is there.
---@param id string
---@return table statement  for Connection:pipeline
function Ledger:others(id)
  return {
    ("SELECT pg_catalog.count(*) FILTER (WHERE id OPERATOR(pg_catalog.<>) $1) AS number, "
      .. "pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat_ws('|', id, checksum, migration_name, "
      .. "finished_at IS NULL, rolled_back_at IS NULL, applied_steps_count), 0)) "
      .. "FILTER (WHERE id OPERATOR(pg_catalog.<>) $1)::pg_catalog.text AS sum, "
      .. "pg_catalog.count(*) FILTER (WHERE id OPERATOR(pg_catalog.=) $1 AND finished_at IS NOT NULL) AS own "
      .. "FROM %s"):format(self.table),
    params = { id },
  }
end

--- Raises when a migration changed rows that are not its own, or has lost its own again.
---@param migration { file: string }
---@param before host.pg.Result
---@param after host.pg.Result
function Ledger:same_others(migration, before, after)
  if before[1].number ~= after[1].number or before[1].sum ~= after[1].sum or after[1].own ~= 1 then
    refuse_row(self, migration, "it changes rows of the ledger")
  end
end

--- Whether each of these migrations has exactly one live row, finished and with its checksum.
---@async
---@param session dixis.Session
---@param migrations { name: string, checksum: string }[]
---@param begun table<string, dixis.LedgerRow>  rows that an earlier run began: line endings may differ since
---@return string? name  of the first that has not
function Ledger:unproved(session, migrations, begun)
  local wanted, proved = {}, {}
  for _, migration in ipairs(migrations) do
    local earlier = begun[migration.name]
    wanted[migration.name] = earlier and earlier.checksum or migration.checksum
  end
  for row in self:each(session) do
    if not row.rolled_back and wanted[row.name] then
      proved[row.name] = proved[row.name] == nil and row.finished and row.checksum == wanted[row.name]
    end
  end
  for _, migration in ipairs(migrations) do
    if not proved[migration.name] then return migration.name end
  end
end

--- Records that a migration which cannot be one transaction has begun; returns the row's id.
---@async
---@return string id
function Ledger:begin(session, migration, started)
  local id = digest.uuid()
  session:query(("INSERT INTO %s (id, checksum, migration_name, started_at, applied_steps_count, logs) "
    .. "VALUES ($1, $2, $3, pg_catalog.to_timestamp($4::pg_catalog.float8), 0, 'dixis: statement 1 begins')"):format(self.table),
    id, migration.checksum, migration.name, ("%.6f"):format(started))
  return id
end

--- Records how many of its statements are done.
---@async
---@param id string
---@param done integer
---@param note string
function Ledger:progress(session, id, done, note)
  local statement = self:progress_statement(id, done, note)
  self:counted(session:query(statement[1], table.unpack(statement.params)))
end

--- The same as a statement, to be committed together with what it counts.
---@return table statement  for Connection:pipeline
function Ledger:progress_statement(id, done, note)
  return {
    ("UPDATE %s SET applied_steps_count = $2::pg_catalog.int4, logs = pg_catalog.concat('dixis: ', $3::pg_catalog.text) "
      .. "WHERE id OPERATOR(pg_catalog.=) $1 AND finished_at IS NULL AND rolled_back_at IS NULL"):format(self.table),
    params = { id, done, note },
  }
end

--- Raises when the row that counts is gone or was ended by somebody else.
---@param result host.pg.Result  of a progress_statement
function Ledger:counted(result)
  if result.affected ~= 1 then
    errors.raise("ledger", "the migration's unfinished row in the ledger is no longer there",
      { hint = ("a migration may not change %s; look at its rows"):format(self.table) })
  end
end

--- Records that all of it is done, in Prisma's form.
---@async
---@param id string
function Ledger:finish(session, id)
  self:counted(session:query(("UPDATE %s SET applied_steps_count = 1, logs = NULL, "
    .. "finished_at = pg_catalog.clock_timestamp() WHERE id OPERATOR(pg_catalog.=) $1 AND finished_at IS NULL "
    .. "AND rolled_back_at IS NULL"):format(self.table), id))
end

return ledger
