-- What lint says, read while there is nothing else to do: in the pauses in which the server works.

local clock = require "host.clock"
local lint = require "dixis.lint"
local lint_project = require "dixis.lint.project"
local task = require "host.task"

local reading = {}

local function read(run, config, pause)
  local found = run:project()
  local options = { folder = found:folder(), schema = found.schema, entries = lint_project.entries(found.path, config),
    path = run.target and run.target.schema and { run.target.schema } or nil, pause = pause }
  if run.schema_from then
    options.pending = run.history.pending
    options.base = lint.check({ migrations = { run.schema_from.script }, path = options.path }).model
  end
  return lint_project.check(options)
end

local function let_others_work() clock.sleep(0) end

--- Begins in a task of its own. Only when all begins with nothing: lint must know what a database has.
---@param run dixis.Run
function reading.begin(run)
  run.reading = task.spawn(read, run, nil, let_others_work)
end

--- What has been read; what went wrong with it is told here.
---@async
---@param run dixis.Run
---@param config? string  the project's exceptions
---@return dixis.lint.Result
function reading.result(run, config)
  local begun = run.reading
  if not begun or config then return read(run, config) end
  run.reading = nil
  local ok, result = begun:join()
  if not ok then error(result, 0) end
  return result
end

return reading
