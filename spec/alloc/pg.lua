local pg <const> = require "host.pg"
local task <const> = require "host.task"

local dead <const> = { host = "/nonexistent", port = 1, dbname = "x", user = "x", password = "s" }
local connection <const>, err <const> = pg.connect(dead, 20)
assert(connection == nil and err.kind == "unreachable")
assert(not pg.connect({ host = "/nonexistent", dbname = "x", nonsense = "y" }, 20))
local waiting <const> = task.spawn(pg.connect, dead, 20)
waiting:cancel()
waiting:join()
