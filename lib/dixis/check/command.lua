-- check.command: a program of the project's own, a smoke test, ends as it should.

local program = require "dixis.program"

local fields <const> = {
  code = { type = "integer", default = 0, help = "the expected exit code" },
  contains = { type = "string", help = "text that its output must hold" },
}
for name, field in pairs(program.fields) do fields[name] = field end

return {
  type = "command",
  positional = "argv",
  deadline = 600,
  fields = fields,
  uses = program.uses,
  describe = function(args) return ("%s ends with code %d"):format(tostring(args.argv[1]), args.code) end,
  act = function(run, args)
    local result = program.run(run, args)
    if result.code ~= args.code then
      return false, ("%s ended with %s"):format(args.argv[1], program.ending(run, result)),
        "run it by hand to see more; what was changed is recorded above"
    end
    if args.contains and not result.stdout:find(args.contains, 1, true) then
      return false, ("%s did not say %q"):format(args.argv[1], args.contains)
    end
    return true, (result.stdout:gsub("%s+$", ""):match "[^\n]*$")
  end,
}
