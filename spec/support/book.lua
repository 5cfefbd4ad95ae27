-- Small projects and runbooks for specs: what a spec does not care about is filled in.
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local process = require "host.process"

local book = {}

local opening <const> = "{ dixis.gate.secret(), dixis.gate.reachable { wait = 5 } }"

--- Writes a runbook for the variable SPEC_URL; each field is Lua text.
---@param folder string
---@param fields table<string, string>
---@return string name  relative to the folder
function book.write(folder, fields)
  local text = { "local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option",
    fields.before or "", "return dixis.runbook {", 'name = "spec", version = "1", title = "A runbook of a spec",',
    'target = { env = "SPEC_URL", environment = "spec" },' }
  local defaults = { gates = opening, steps = "{ dixis.step.identity() }", criteria = "{}" }
  for _, name in ipairs { "options", "uses", "gates", "steps", "criteria", "way_back", "watch", "people", "notices" } do
    local value = fields[name] or defaults[name]
    if value then text[#text + 1] = name .. " = " .. value .. "," end
  end
  text[#text + 1] = "}\n"
  assert(fs.write(folder .. "/book.lua", table.concat(text, "\n")))
  return "book.lua"
end

--- A folder with migrations alone: one small table unless told otherwise. The caller removes it.
---@param migrations? table<string, string>  name -> SQL
---@return string folder
function book.project(migrations)
  local folder = assert(fs.mkdtemp "/tmp/dixis-project-")
  migrations = migrations or { ["20250101000000_init"] = "CREATE TABLE note (id int PRIMARY KEY, text text);\n" }
  for name, text in pairs(migrations) do
    assert(fs.mkdir(("%s/prisma/migrations/%s"):format(folder, name)))
    assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, name), text))
  end
  return folder
end

--- Everything that is in the database and set for it, as text: equal texts, nothing was changed.
---@async
---@param url string
---@return string
function book.snapshot(url)
  local dump = assert(process.run({ "pg_dump", "--create", "--dbname=" .. url },
    { env = { PATH = process.getenv "PATH" } }))
  assert(dump.code == 0, dump.stderr)
  -- Newer ones protect the script with a key that is another each time.
  return (dump.stdout:gsub("\\u?n?restrict [^\n]*\n", ""))
end

--- Runs dixis in a folder against a URL.
---@async
---@param folder string
---@param url? string  of SPEC_URL and DATABASE_URL_STAGING
---@param arguments string[]
---@param env? table<string, string>
---@return host.process.Result  with `shown`: all that it printed
function book.dixis(folder, url, arguments, env)
  local given = { SPEC_URL = url, DATABASE_URL_STAGING = url }
  for name, value in pairs(env or {}) do given[name] = value end
  local result = dixis.run(arguments, { cwd = folder, env = given })
  result.shown = result.stdout .. result.stderr
  return result
end

return book
