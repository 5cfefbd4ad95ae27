---@meta host.pg
-- PostgreSQL by libpq (loaded at first use), asynchronous on the host's loop. Source: host/prim_pg.c
local pg = {}

--- Failures of a server carry: sqlstate, severity, message (the primary one), detail, hint,
--- position (1-based character in the statement), where, schema, table, column, constraint.
--- kind is "sql". detail, where and hint may hold row data: whoever shows them redacts them.
--- Other kinds: "unreachable" (no answer, refused, reset, DNS; also SQLSTATE 57P03 starting up and
--- 53300 too many connections), "auth" (28xxx, or the server asked for a password that we have not),
--- "no_database" (3D000), "tls", "connection_lost" (during a statement), "usage" (a parameter libpq
--- does not know, two statements where one is allowed). libpq's own text is never passed on raw:
--- each known failure is put in our own words with host, port, database and user, never the password.

---@class host.pg.Result
---@field tag string            command tag, "INSERT 0 1"
---@field affected integer      rows
---@field columns string[]
---@field [integer] table       rows: r[1].name and r[1][1] are the same value; text values; NULL is nil.
---                             bool, int2/4/8, oid, float are converted to Lua values. A name that is
---                             no column raises.

---@class host.pg.Connection
local Connection = {}

--- Connects; `params` are libpq keywords (host, port, dbname, user, password, sslmode, sslrootcert,
--- application_name, options, ...); host (or hostaddr), dbname and user must be there. Nothing is taken from PG* variables, service files, ~/.pgpass or
--- defaults of the environment. Runs on the thread pool; a cancelled wait lets the attempt end unseen.
---@async
---@param params table<string, string|integer>
---@param timeout? number  seconds, default params.connect_timeout or 10
---@return host.pg.Connection? connection
---@return dixis.Error? err
function pg.connect(params, timeout) end

--- One statement by the extended protocol; several statements are an error (SQLSTATE 42601).
--- Cancelling the task sends PQcancel and waits for the server's answer.
---@async
---@param sql string
---@param params? (string|number|boolean|nil)[]   $1...; with a hole give params.n
---@return host.pg.Result? result
---@return dixis.Error? err
function Connection:query(sql, params) end

--- A whole script as one simple query message; the last statement's result.
---@async
---@param sql string
---@return host.pg.Result? result
---@return dixis.Error? err  err.statement: 1-based number of the failing statement's result
function Connection:script(sql) end

--- Statements by the extended protocol, all sent at once (pipeline mode), one Sync at the end.
--- on_result(index, seconds, result) is called as each result arrives (must not wait); seconds since the
--- result before. The server sends results when it has some kilobytes of them; that of a statement with `flush`
--- at once. With `prepared` the text is the name of a statement that PREPARE made. COPY with the client is refused
--- before anything is sent. Commands one behind the other with the same tag share one result.
---@async
---@param statements (string|{ [1]: string, params?: any[], flush?: boolean, prepared?: boolean })[]
---@param on_result? fun(index: integer, seconds: number, result: host.pg.Result)
---@return host.pg.Result[]? results
---@return dixis.Error? err  err.index: number of the statement that failed; the later ones were skipped;
---   absent when all gave results and the implicit commit at the end failed, or its answer was lost
function Connection:pipeline(statements, on_result) end

--- Rows one at a time (single-row mode), without collecting them. Raises the error table on failure.
--- Leaving the loop early cancels and drains before the next use; inside a transaction it only drains,
--- since cancelling would abort the transaction (an error out of the loop cancels all the same).
---@async
---@param sql string
---@param params? any[]
---@return fun(): table?
function Connection:rows(sql, params) end

--- "idle", "active", "transaction", "failed" (aborted transaction), "closed" (connection lost or closed)
---@return string
function Connection:status() end

--- Asks the server to stop the running statement; for use from another task.
---@async
---@return true? ok
---@return dixis.Error? err
function Connection:cancel() end

--- Notices since the last call: { severity, sqlstate, message }.
---@return { severity: string, sqlstate: string, message: string }[]
function Connection:notices() end

--- Value that the server reports ("server_version", "TimeZone", ...).
---@param name string
---@return string?
function Connection:parameter(name) end

---@return integer  as 150018
function Connection:server_version() end
---@return integer
function Connection:backend_pid() end

---@class host.pg.Info
---@field host string
---@field port string
---@field database string
---@field user string
---@field tls boolean
---@field tls_version? string

---@return host.pg.Info
function Connection:info() end

--- Closes without waiting; open transactions are rolled back by the server. May be called again.
function Connection:close() end

return pg
