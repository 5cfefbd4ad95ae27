-- The ledger as Prisma makes and fills it, for specs.
local digest = require "host.digest"

local ledger = {}

-- Prisma's own statement, to the letter.
local create <const> = [[
CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)]]

--- What Prisma writes into logs when the server refuses a statement.
---@param name string
---@param sqlstate string
---@param message string
---@return string
function ledger.logs(name, sqlstate, message)
  return ([[A migration failed to apply. New migrations cannot be applied before the error is recovered from. ]]
    .. "Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n\n"
    .. "Migration name: %s\n\nDatabase error code: %s\n\nDatabase error:\nERROR: %s\n\n"
    .. "DbError { severity: \"ERROR\", parsed_severity: Some(Error), code: SqlState(E%s), message: \"%s\" }")
    :format(name, sqlstate, message, sqlstate, message)
end

---@async
---@param conn host.pg.Connection
function ledger.create(conn)
  assert(conn:query(create))
end

--- Begins a migration as Prisma does; ends it too when `state` is "finished" or "failed".
---@async
---@param conn host.pg.Connection
---@param name string
---@param text string  the script
---@param state? "finished"|"failed"|"rolled back"
---@param logs? string  of a failed one
---@return string id
function ledger.row(conn, name, text, state, logs)
  local id = digest.uuid()
  assert(conn:query("INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, now())",
    { id, digest.sha256(text), name }))
  if state == "finished" then
    assert(conn:query("UPDATE _prisma_migrations SET applied_steps_count = 1 WHERE id = $1", { id }))
    assert(conn:query("UPDATE _prisma_migrations SET finished_at = now() WHERE id = $1", { id }))
  elseif state then
    assert(conn:query("UPDATE _prisma_migrations SET logs = $2 WHERE id = $1", { id, logs or "ERROR" }))
  end
  if state == "rolled back" then
    assert(conn:query("UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = $1", { id }))
  end
  return id
end

return ledger
