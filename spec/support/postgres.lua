-- A database for the specs of host.pg, and a connection beside those that are looked at.
local clock = require "host.clock"
local pg = require "host.pg"
local server = require "spec.support.server"

local postgres = {}

local params, admin

--- The parameters of the database, changed.
function postgres.with(changes)
  local copy = {}
  for name, value in pairs(params) do copy[name] = value end
  for name, value in pairs(changes or {}) do copy[name] = value end
  return copy
end

function postgres.connect(changes)
  return assert(pg.connect(postgres.with(changes)))
end

function postgres.value(conn, sql, values)
  return assert(conn:query(sql, values))[1][1]
end

--- Waits until the condition holds; the test fails when it never does.
function postgres.eventually(what, condition)
  local until_when = clock.now() + 20
  while not condition() do
    if clock.now() > until_when then error("not within 20 s: " .. what) end
    clock.sleep(0.01)
  end
end

--- What a backend does, "gone" when it is no more.
function postgres.state_of(pid)
  local found = assert(admin:query("SELECT state FROM pg_stat_activity WHERE pid = $1", { pid }))
  return found[1] and found[1].state or "gone"
end

--- Makes the database; for `setup`.
---@return table params
---@return host.Connection admin
function postgres.open()
  params = server.database()
  admin = postgres.connect()
  return params, admin
end

--- For `teardown`.
function postgres.close()
  if admin then admin:close() end
  admin = nil
end

return postgres
