-- Needs a server: DIXIS_SWEEP_HOST is its socket folder (script/check sweep starts one).
local pg <const> = require "host.pg"
local process <const> = require "host.process"
local task <const> = require "host.task"

local host <const> = assert(process.getenv "DIXIS_SWEEP_HOST", "DIXIS_SWEEP_HOST is not set")
local params <const> = { host = host, dbname = "postgres", user = "dixis" }
local db <close> = assert(pg.connect(params, 20))
assert(db:query("SELECT $1::int AS a, NULL, 'text', ARRAY[1]", { 7 })[1].a == 7)
assert(not db:query "SELECT 1/0")
assert(not db:query "SELECT 1; SELECT 2")
assert(db:script "CREATE TEMP TABLE IF NOT EXISTS t (a int); INSERT INTO t VALUES (1), (2)")
assert(not db:script "SELECT 1; SELEC")
assert(#db:pipeline({ "BEGIN", { "SELECT $1::text", params = { "x" } }, "COMMIT" }, function() end) == 3)
assert(db:script "PREPARE twice(int) AS SELECT 2 * $1")
assert(db:pipeline { { "twice", params = { 4 }, prepared = true, flush = true }, "DEALLOCATE twice" }[1][1][1] == 8)
local results <const>, err <const> = db:pipeline { "SELECT 1", "SELECT 1/0", "SELECT 2" }
assert(results == nil and err.index == 2)
for row in db:rows("SELECT generate_series(1, 3) AS a") do assert(row.a) end
for _ in db:rows("SELECT generate_series(1, 300)") do break end -- luacheck: ignore 512
db:query "DO $$ BEGIN RAISE NOTICE 'told'; END $$"
assert(#db:notices() > 0)
assert(db:parameter "server_version" and db:server_version() > 100000 and db:backend_pid() > 0)
assert(db:info().database == "postgres" and db:status() == "idle")
local slow <const> = task.spawn(db.query, db, "SELECT pg_sleep(20)")
slow:deadline(0.005)
slow:join()
pg.connect(params, 20) -- left to the collector
