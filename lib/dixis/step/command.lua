-- step.command: runs a program (no shell), with the environment that the runbook names.

local errors = require "dixis.errors"
local process = require "host.process"

return {
  type = "command",
  positional = "argv",
  deadline = 600,
  fields = {
    argv = { type = "list", required = true, help = "program and arguments" },
    env = { type = "list", default = {}, help = "variables that the program is given, beside PATH and HOME" },
    cwd = { type = "string", help = "its working directory" },
  },
  uses = function(args) return { exec = { args.argv[1] }, env = args.env } end,
  describe = function(args) return "run " .. tostring(args.argv[1]) end,
  act = function(run, args)
    local env = { PATH = process.getenv "PATH", HOME = process.getenv "HOME" }
    for _, name in ipairs(args.env) do
      env[name] = process.getenv(name)
      run.secrets:add(env[name])
    end
    run.bus:intend("command.started", { argv = args.argv })
    local result = errors.check(process.run(args.argv, {
      env = env, cwd = args.cwd, on_output = function(_, chunk) run:note(chunk:match "([^\n]*)\n?$") end,
    }))
    if result.code ~= 0 then
      errors.raise("failed", ("%s ended with %s%s"):format(args.argv[1],
        result.code and ("code " .. result.code) or result.signal,
        result.stderr ~= "" and ": " .. run.secrets:clean(result.stderr:sub(-400):gsub("%s+$", "")) or ""))
    end
    return (result.stdout:gsub("%s+$", ""):match "[^\n]*$"), { code = 0, seconds = result.seconds }
  end,
}
