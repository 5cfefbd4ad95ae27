-- Runs the real binary as a user would, in a folder of its own.
local fs = require "host.fs"
local process = require "host.process"

local dixis = {}

--- Fills in, as a user does in runbooks/prod.lua: the file `prod` comes before the built-in runbook of that name.
---@param folder string
function dixis.name_people(folder)
  assert(fs.write(folder .. "/prod", [[return dixis.extend("runbooks/prod.lua", { name = "prod", people = {
    decision_maker = { name = "decider of the spec", phone = "0" },
    contacts = { { name = "contact of the spec", chat = "#spec" } },
  } })]]))
end

--- A copy of the shop project with a git repository, in a new folder that the caller removes.
---@param options? { git?: boolean, migrations?: boolean }
---@return string folder
function dixis.project(options)
  options = options or {}
  local folder = assert(fs.mkdtemp "/tmp/dixis-project-")
  assert(fs.remove(folder))
  assert(fs.copy_tree("examples/shop", folder))
  fs.remove(folder .. "/.dixis")
  dixis.name_people(folder)
  if options.git ~= false then dixis.commit(folder) end
  return folder
end

local git_env <const> = { PATH = process.getenv "PATH", HOME = "/tmp",
  GIT_AUTHOR_NAME = "spec", GIT_AUTHOR_EMAIL = "spec@localhost",
  GIT_COMMITTER_NAME = "spec", GIT_COMMITTER_EMAIL = "spec@localhost", GIT_CONFIG_NOSYSTEM = "1" }

--- Commits all that is in the folder.
---@param folder string
function dixis.commit(folder)
  if not fs.stat(folder .. "/.git") then
    assert(fs.write(folder .. "/.gitignore", ".dixis/\n"))
    assert(process.run({ "git", "init", "-q", "-b", "main" }, { cwd = folder, env = git_env }).code == 0)
  end
  assert(process.run({ "git", "add", "-A" }, { cwd = folder, env = git_env }).code == 0)
  assert(process.run({ "git", "commit", "-q", "-m", "spec" }, { cwd = folder, env = git_env }).code == 0)
end

local passed_on <const> = { "PATH", "HOME",
  "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "DIXIS_LIB", "XDG_CACHE_HOME", "TMPDIR" }

--- The whole environment of a user's command.
---@param extra? table<string, string>
---@return table<string, string>
function dixis.environment(extra)
  local env = { LANG = "C.UTF-8" }
  for _, name in ipairs(passed_on) do env[name] = process.getenv(name) end
  for name, value in pairs(extra or {}) do env[name] = value end
  return env
end

--- Runs dixis to its end.
---@async
---@param arguments string[]
---@param options? { cwd?: string, env?: table<string, string>, timeout?: number }
---@return host.process.Result
function dixis.run(arguments, options)
  options = options or {}
  local argv = { process.executable(), table.unpack(arguments) }
  return assert(process.run(argv, { cwd = options.cwd, env = dixis.environment(options.env), timeout = options.timeout or 120 }))
end

--- Starts dixis and comes back at once.
---@return host.process.Handle
function dixis.start(arguments, options)
  options = options or {}
  local argv = { process.executable(), table.unpack(arguments) }
  return assert(process.start(argv, { cwd = options.cwd, env = dixis.environment(options.env) }))
end

--- The events of the newest journal of a project.
---@param folder string
---@return table[] events
---@return string path
function dixis.journal(folder)
  local store = require "dixis.store"
  local path = store.find(folder .. "/.dixis/runs", "last")
  local events = {}
  for event in store.events(path) do events[#events + 1] = event end
  return events, path
end

--- The first event of a type.
---@param events table[]
---@param kind string
---@return table?
function dixis.event(events, kind)
  for _, event in ipairs(events) do
    if event.type == kind then return event end
  end
end

--- The lines of a text that are not empty.
---@param text string
---@return string[]
function dixis.lines(text)
  local out = {}
  for line in text:gmatch "[^\n]+" do out[#out + 1] = line end
  return out
end

return dixis
