-- A throw-away server in the target's place: `--ephemeral`, or for a runbook that makes its target itself.

local clock = require "host.clock"
local ephemeral = require "dixis.ephemeral"
local errors = require "dixis.errors"
local pg = require "host.pg"
local sql = require "host.sql"

local stand_in = {}

--- Starts a private PostgreSQL with one empty database and makes it the run's target.
---@async
---@param run dixis.Run
---@param options? dixis.ephemeral.Options  in memory by default
---@return table server  to be stopped by the caller
function stand_in.start(run, options)
  local begun = clock.now()
  local server = errors.check(ephemeral.start(options or { memory = true }))
  local name = "ephemeral_" .. run.book.target.environment:gsub("[^%w_]", "_")
  local conn = errors.check(pg.connect(server.params))
  errors.check(conn:query("CREATE DATABASE " .. sql.quote_identifier(name)))
  conn:close()
  local params = {}
  for key, value in pairs(server.params) do params[key] = value end
  params.dbname = name
  run.target = { params = params, display = name .. " on a throw-away server" }
  run.bus:emit("ephemeral.started", { version = server.version, seconds = clock.now() - begun })
  return server
end

return stand_in
