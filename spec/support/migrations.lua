-- Small projects of migrations, and a runbook that does nothing but deploy them.

local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local server = require "spec.support.server"

local migrations = {}

local runbook <const> = [[
local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option
return dixis.runbook {
  name = "deploy", version = "1.0.0", title = "Migrations of a spec",
  target = { env = "DATABASE_URL", environment = "spec" },
  options = { allow = { type = "string", help = "differences" } },
  gates = { gate.reachable { wait = "5s" }, gate.lock { wait = "8s" }, gate.history { allow = option "allow" } },
  steps = { step.deploy { lock_timeout = "300ms", lock_attempts = 2 } },
  criteria = { check.migrations_applied() },
}
]]

--- Writes one more migration into a project.
---@param folder string
---@param name string
---@param text string
function migrations.write(folder, name, text)
  local path = ("%s/prisma/migrations/%s"):format(folder, name)
  assert(fs.mkdir(path))
  assert(fs.write(path .. "/migration.sql", text))
end

--- A new project in a folder of its own, which the caller removes.
---@param scripts table<string, string>  name -> text
---@param place? string  where: "/tmp"
---@return string folder
function migrations.project(scripts, place)
  local folder = assert(fs.mkdtemp((place or "/tmp") .. "/dixis-project-"))
  assert(fs.write(folder .. "/deploy.lua", runbook))
  assert(fs.write(folder .. "/.gitignore", ".dixis/\n"))
  for name, text in pairs(scripts) do migrations.write(folder, name, text) end
  return folder
end

--- Deploys the project.
---@async
---@param folder string
---@param params table  of the database
---@param ... string    more arguments of `dixis run`
---@return host.process.Result result
---@return table[] events
function migrations.deploy(folder, params, ...)
  local result = dixis.run({ "run", "deploy.lua", ... }, { cwd = folder, env = { DATABASE_URL = server.url(params) } })
  return result, (dixis.journal(folder))
end

return migrations
