-- Programs that a runbook names: no shell, and an environment of PATH, HOME and the variables that it declares.

local errors = require "dixis.errors"
local process = require "host.process"

local program = {}

--- The fields that all words have that run a program.
program.fields = {
  argv = { type = "list", required = true, help = "program and arguments" },
  env = { type = "list", default = {}, help = "variables that the program is given, beside PATH and HOME" },
  cwd = { type = "string", help = "its working directory" },
}

---@param args { argv: string[], env: string[] }
---@return table  for a definition's `uses`
function program.uses(args)
  return { exec = { args.argv[1] }, env = args.env }
end

--- The environment of a program; what is passed on is a secret from now on.
---@param run dixis.Run
---@param names string[]
---@return table<string, string>
function program.environment(run, names)
  local env = { PATH = process.getenv "PATH", HOME = process.getenv "HOME" }
  for _, name in ipairs(names) do
    env[name] = process.getenv(name)
    run.secrets:add(env[name])
  end
  return env
end

--- How it ended, for messages: "code 3: its last words".
---@param run dixis.Run
---@param result host.process.Result
---@return string
function program.ending(run, result)
  local words = run.secrets:clean((result.stderr:gsub("%s+$", ""))):sub(-400)
  return (result.code and "code " .. result.code or result.signal) .. (words ~= "" and ": " .. words or "")
end

--- Runs it to its end, whatever that is; the record says first that it begins.
---@async
---@param run dixis.Run
---@param args { argv: string[], env: string[], cwd?: string }
---@param input? string  for its stdin
---@return host.process.Result
function program.run(run, args, input)
  local env = program.environment(run, args.env)
  run.bus:intend("command.started", { item = run.current_item, argv = args.argv })
  return errors.check(process.run(args.argv, { env = env, cwd = args.cwd, input = input,
    on_output = function(_, chunk) run:note(chunk:match "([^\n]*)\n?$") end }))
end

return program
