-- gate.secret: a variable that the run needs is set; the target's own must be a well-formed URL.

local errors = require "dixis.errors"

return {
  type = "secret",
  positional = "env",
  fields = { env = { type = "string", help = "a variable; the target's own when absent" } },
  uses = function(args) return { env = { args.env } } end,
  describe = function(args) return (args.env or "the target's variable") .. " is set and well-formed" end,
  act = function(run, args)
    local own = run.book.target.env
    local name = args.env or own
    if name == own then
      local target = run:parse_target()
      if run.settings.ephemeral then return ("a throw-away server stands in for %s"):format(own) end
      return ("%s names %s"):format(own, target.display)
    end
    if not run:env(name) then errors.refuse(name .. " is not set", "export " .. name .. "=...") end
    run.secrets:add(run:env(name))
    return name .. " is set"
  end,
}
