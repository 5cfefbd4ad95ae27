-- gate.scratch: the clinic's own PostgreSQL is there; empty, or with the schema of a real database.

local lazy = require "dixis.lazy"

local identity = lazy "dixis.target.identity"
local reading = lazy "dixis.clinic.reading"
local scratch = lazy "dixis.clinic.scratch"
local source = lazy "dixis.clinic.source"

return {
  type = "scratch",
  makes_target = true,
  allowed = function() return { provider = true, no_script = true } end, -- faults of the folder are for step.lint to tell
  fields = {
    on = { type = "any", help = "a variable with the URL of a server to make a scratch database on" },
    schema_from = { type = "any", help = "a variable with the URL of a database whose schema is copied" },
  },
  uses = function(args)
    local env = {}
    for _, name in ipairs { "on", "schema_from" } do env[#env + 1] = args[name] end
    return { env = env, exec = args.schema_from and { "pg_dump" } or nil }
  end,
  describe = function(args)
    return (args.on and ("a scratch database on the server of %s, dropped at the end"):format(tostring(args.on))
      or "a throw-away PostgreSQL, gone at the end")
      .. (args.schema_from and (", with the schema of " .. tostring(args.schema_from)) or "")
  end,
  act = function(run, args)
    run:project():folder() -- a refusal comes before anything is made
    if not args.schema_from then reading.begin(run) end
    local made = scratch.make(run, args.on)
    run:open_session()
    local note = made.own_server and ("PostgreSQL %s of our own, gone at the end"):format(run.identity.server_version)
      or identity.describe(run.identity)
    if not args.schema_from then return note end
    local copied = source.copy(run, args.schema_from)
    note = ("%s\nwith the schema of %s"):format(note, copied.description)
    if copied.left_out then
      note = ("%s\nwithout %d of its statements, which this server does not take:\n  %s"):format(note, copied.left_out_count,
        table.concat(copied.left_out, "\n  "))
    end
    return note
  end,
}
