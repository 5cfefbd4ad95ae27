-- check.sql: a query's single value is the expected one (true when none is named).

return {
  type = "sql",
  fields = {
    name = { type = "string", required = true },
    query = { type = "string", required = true, help = "gives one value" },
    equals = { type = "any", help = "the expected value; true when absent" },
  },
  describe = function(args) return args.name end,
  act = function(run, args)
    local value = run:open_session():value(args.query)
    local wanted = args.equals
    if wanted == nil then wanted = true end
    if value == wanted then return true, tostring(value) end
    return false, ("is %s, not %s"):format(tostring(value), tostring(wanted))
  end,
}
