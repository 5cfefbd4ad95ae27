-- The place of a clinic: a throw-away server, or a scratch database on a server that the user names. Made by us,
-- and gone at the end however the run ends; never one that was there before.

local errors = require "dixis.errors"
local fs = require "host.fs"
local host_sql = require "host.sql"
local leftovers = require "dixis.leftovers"
local session = require "dixis.target.session"
local stand_in = require "dixis.stand_in"
local url = require "dixis.target.url"

local scratch = {}

---@class dixis.Scratch
---@field database string
---@field own_server boolean  nobody else is on it
---@field remove fun(self: dixis.Scratch)  never raises

--- The database that a variable names, opened; its password is masked from now on.
---@async
---@param run dixis.Run
---@param env string
---@return dixis.Session session
---@return table target
function scratch.open(run, env)
  local value = run:env(env)
  if not value then
    errors.refuse(env .. " is not set", ("export %s='postgresql://user:password@host:5432/database'"):format(env))
  end
  local target, problem = url.parse(value)
  if not target then errors.refuse(("%s is not a usable URL: %s"):format(env, problem.message), problem.hint) end
  run.secrets:add(target.params.password)
  return errors.check(session.open(target, { application_name = "dixis clinic " .. run.id })), target
end

local function on_own_server(run)
  local made = { own_server = true, remove = function() end }
  -- With --ephemeral there is one already, which whoever started it takes away.
  if not run.settings.ephemeral then
    local server = stand_in.start(run)
    made.remove = function() server:stop() end
  end
  made.database = run.target.params.dbname
  return made
end

local function drop(run, env, name)
  local opened = scratch.open(run, env)
  local force = opened.conn:server_version() >= 130000 and " WITH (FORCE)" or ""
  local ok, err = pcall(opened.query, opened, ("DROP DATABASE IF EXISTS %s%s"):format(host_sql.quote_identifier(name), force))
  opened:close()
  if not ok then error(err, 0) end
end

-- A name of its own: a database that is there already makes CREATE fail, and is then not ours to drop.
local function in_database(run, env)
  local opened, target = scratch.open(run, env)
  leftovers.databases(run, opened, ("%s:%s"):format(target.host, target.port))
  local name = "dixis_clinic_" .. run.id:gsub("[^%w]", "_")
  run.bus:intend("scratch.started", { database = name, host = target.host, port = target.port })
  local made = { database = name, own_server = false, present = true }
  function made.remove(self)
    if not self.present then return end
    local ok, err = pcall(drop, run, env, name)
    if ok then
      self.present = false
      run.bus:emit("scratch.dropped", { database = name })
    else
      run.left_behind = { ("The scratch database %s on %s:%s could not be dropped: %s. Drop it:"):format(name, target.host,
        target.port, errors.from(err).message), ("  DROP DATABASE %s;"):format(host_sql.quote_identifier(name)) }
    end
  end
  run.scratch = made
  local _, err = opened.conn:query(("CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'"):format(
    host_sql.quote_identifier(name)))
  opened:close()
  if err then
    made.present = err.sqlstate == nil -- the server's word; else nobody knows
    error(err, 0)
  end
  local params = {}
  for key, value in pairs(target.params) do params[key] = value end
  params.dbname = name
  run.target = { params = params, display = ("%s on %s:%s"):format(name, target.host, target.port) }
  return made
end

-- What is true of a whole server is not a scratch database's.
local of_the_server <const> = {
  CreateRoleStmt = true, AlterRoleStmt = true, AlterRoleSetStmt = true, DropRoleStmt = true, GrantRoleStmt = true,
  ReassignOwnedStmt = true, DropOwnedStmt = true, CreatedbStmt = true, DropdbStmt = true, AlterDatabaseStmt = true,
  AlterDatabaseSetStmt = true, AlterSystemStmt = true, CreateTableSpaceStmt = true, DropTableSpaceStmt = true,
}

-- A server that others use is not changed for a trial.
local function refuse_server_wide(run)
  for _, migration in ipairs(run:project():migrations()) do
    local text = fs.read(migration.file)
    for _, statement in ipairs(text and host_sql.parse(text) or {}) do
      if of_the_server[statement.node] then
        errors.refuse(("%s:%d: %s ... would change the server, not only the scratch database"):format(migration.file,
          statement.line, text:sub(statement.first, statement.last):match "^%a+%s+%a+" or statement.node),
          "run this clinic on a throw-away server of its own: leave scratch_on out")
      end
    end
  end
end

--- Makes the place and the run's target.
---@async
---@param run dixis.Run
---@param on? string  variable with the URL of a server
---@return dixis.Scratch
function scratch.make(run, on)
  if on and not run.settings.ephemeral then
    refuse_server_wide(run)
    run.scratch = in_database(run, on)
  else
    run.scratch = on_own_server(run)
  end
  return run.scratch
end

return scratch
