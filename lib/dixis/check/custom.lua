-- check.custom: a statement about the world, written in the runbook. Return true, or false and a note.

return {
  type = "custom",
  foreign = true,
  fields = {
    name = { type = "string", required = true },
    holds = { type = "function", required = true, help = "function(run) -> boolean, note" },
  },
  describe = function(args) return args.name end,
  act = function(run, args)
    local holds, note = args.holds(run)
    return holds and true or false, note and tostring(note)
  end,
}
