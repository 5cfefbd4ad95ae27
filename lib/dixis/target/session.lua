-- A connection to the target with the settings that dixis relies on, raising instead of returning errors.

local clock = require "host.clock"
local errors = require "dixis.errors"
local server_error = require("dixis.lazy") "dixis.migrate.server_error"
local pg = require "host.pg"
local sql = require "host.sql"

---@class dixis.Session
---@field conn host.pg.Connection
---@field schema? string
---@field standing? string  a statement whose effect a script may undo: repeated with every reset
---@field ledger_prepared? boolean  see Ledger:prepare
---@field due? dixis.Due   a migration whose COMMIT has not been sent or answered
---@field pid integer    of its backend
---@field opened number  when, on the monotonic clock
local Session = {}
Session.__index = Session

local session = {}

-- A run that dies must not leave its locks behind: the server looks after the client twice a second, and
-- asks a silent network (by TCP alone) after half a minute. What ends an idle or a long session, set for the
-- role or the database, would end the run's lock or a migration.
local function settings(self)
  local lines = {
    "SET statement_timeout = 0", "SET idle_in_transaction_session_timeout = 0",
    "SET client_min_messages = notice", "SET standard_conforming_strings = on",
    "SET tcp_keepalives_idle = 30", "SET tcp_keepalives_interval = 10", "SET tcp_keepalives_count = 3",
  }
  if self.conn:server_version() >= 140000 then
    lines[#lines + 1] = "SET client_connection_check_interval = '500ms'"
    lines[#lines + 1] = "SET idle_session_timeout = 0"
  end
  if self.conn:server_version() >= 170000 then lines[#lines + 1] = "SET transaction_timeout = 0" end
  if self.lock_timeout then
    lines[#lines + 1] = ("SET lock_timeout = %d"):format(math.floor(self.lock_timeout * 1000))
  end
  if self.schema then
    lines[#lines + 1] = "SET search_path = " .. sql.quote_identifier(self.schema)
  end
  return table.concat(lines, "; ")
end

--- Connects and prepares a session.
---@async
---@param target table  from dixis.target.url
---@param options? { timeout?: number, application_name?: string, lock_timeout?: number }
---@return dixis.Session? session
---@return dixis.Error? err
function session.open(target, options)
  options = options or {}
  local params = {}
  for key, value in pairs(target.params) do params[key] = value end
  params.application_name = options.application_name or "dixis"
  local conn, err = pg.connect(params, options.timeout or 10)
  if not conn then return nil, err end
  local self = setmetatable({ conn = conn, schema = target.schema, lock_timeout = options.lock_timeout,
    pid = conn:backend_pid(), opened = clock.now() }, Session)
  local ok, problem = conn:script(settings(self))
  if not ok then
    conn:close()
    -- A server that is just going away answers like this: as good as one that is not there yet.
    if problem.kind == "connection_lost" then problem.kind = "unreachable" end
    return nil, problem
  end
  return self
end

--- How long a statement may wait for a lock from now on.
---@async
---@param seconds? number  nil: for ever
function Session:set_lock_timeout(seconds)
  errors.check(self.conn:query(("SET lock_timeout = %d"):format(math.floor((seconds or 0) * 1000))))
end

-- DISCARD ALL without its end of advisory locks.
local leave_nothing <const> = "RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; "
  .. "DISCARD PLANS; DISCARD SEQUENCES; DISCARD TEMP; "

--- Puts every setting back to what it was after connecting, and removes temporary tables and all else that a script
--- may have left in the session.
---@async
function Session:reset()
  self.ledger_prepared = nil
  errors.check(self.conn:script(leave_nothing .. settings(self)))
  if self.standing then self:query(self.standing) end
end

---@async
---@param text string
---@param ... any  parameters
---@return host.pg.Result
function Session:query(text, ...)
  local params = table.pack(...)
  local result, err = self.conn:query(text, params.n > 0 and params or nil)
  if result then return result end
  if err.kind == "sql" then err.message = server_error.safe_message(err) end
  error(err, 0)
end

--- The first row, or nil.
---@async
---@return table?
function Session:row(text, ...)
  return self:query(text, ...)[1]
end

--- The first column of the first row.
---@async
---@return any
function Session:value(text, ...)
  local row = self:row(text, ...)
  return row and row[1]
end

--- Ends an open transaction, whatever its state; returns whether there was one.
---@async
---@return boolean rolled_back
function Session:rollback()
  local status = self.conn:status()
  -- "active": what a cancelled task had sent is not answered yet; the query waits for that.
  if status == "transaction" or status == "failed" or status == "active" then
    self:query "ROLLBACK"
    return true
  end
  return false
end

function Session:close()
  self.conn:close()
end

Session.__close = Session.close

return session
