-- step.custom: plain sequential Lua, given only what the runbook declared in `uses`.

return {
  type = "custom",
  foreign = true,
  fields = {
    name = { type = "string", required = true, help = "its name in the record" },
    run = { type = "function", required = true, help = "function(run) -> summary" },
  },
  describe = function(args) return args.name end,
  act = function(run, args)
    local summary = args.run(run)
    return summary ~= nil and tostring(summary) or nil
  end,
}
