-- step.command: runs a program (no shell), with the environment that the runbook names.

local errors = require "dixis.errors"
local program = require "dixis.program"

return {
  type = "command",
  positional = "argv",
  deadline = 600,
  fields = program.fields,
  uses = program.uses,
  describe = function(args) return "run " .. tostring(args.argv[1]) end,
  act = function(run, args)
    local result = program.run(run, args)
    if result.code ~= 0 then
      errors.raise("failed", ("%s ended with %s"):format(args.argv[1], program.ending(run, result)))
    end
    return (result.stdout:gsub("%s+$", ""):match "[^\n]*$"), { code = 0, seconds = result.seconds }
  end,
}
