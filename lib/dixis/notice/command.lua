-- notice.command: a program is given the text on its stdin, and subject and moment in its environment.

local errors = require "dixis.errors"
local process = require "host.process"
local program = require "dixis.program"
local shared = require "dixis.notice.fields"

local own <const> = {}
for name, field in pairs(program.fields) do own[name] = field end

return {
  type = "command",
  positional = "argv",
  deadline = 10,
  fields = shared.with(own),
  check = shared.check,
  uses = program.uses,
  describe = function(args) return "by " .. tostring(args.argv[1]) end,
  act = function(run, args, message)
    local env = program.environment(run, args.env)
    env.DIXIS_NOTICE_MOMENT, env.DIXIS_NOTICE_SUBJECT = message.moment, message.subject
    local result = errors.check(process.run(args.argv, { env = env, cwd = args.cwd, input = message.text .. "\n" }))
    if result.code ~= 0 then
      errors.raise("failed", ("%s ended with %s"):format(args.argv[1], program.ending(run, result)))
    end
  end,
}
