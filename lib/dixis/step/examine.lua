-- step.examine: applies what is pending and goes on after a failure, so that one fault does not hide the next.

local lazy = require "dixis.lazy"

local examine = lazy "dixis.clinic.examine"
local fs = require "host.fs"
local roles = lazy "dixis.clinic.roles"
local words = require "dixis.words"

-- A server that others use gets no roles from us.
local function make_stand_ins(run)
  local named, made = {}, {}
  for _, migration in ipairs(run.history.pending) do
    local prepared = run.prepared[migration.name]
    local text = prepared and prepared.script.mode ~= "refused" and prepared.text or fs.read(migration.file)
    if text then roles.read(text, named, made) end
  end
  local created = roles.ensure(run:open_session(), named, made)
  if #created > 0 then run.bus:emit("roles.made", { roles = created }) end
end

return {
  type = "examine",
  fields = { roles = { type = "any", default = true, help = "make the roles that migrations name, on a throw-away server" } },
  describe = function() return "apply the pending migrations, and go on after a failure" end,
  act = function(run, args)
    if not run.scratch then error("step.examine needs gate.scratch: it must not go on after a failure anywhere else", 0) end
    if args.roles and run.scratch.own_server then make_stand_ins(run) end
    local examined = examine.run(run)
    run.examined = examined
    local text = ("%s applied"):format(words.count(#run.applied, "migration"))
    if #examined.failures > 0 then text = ("%s, %s failed"):format(text, words.count(#examined.failures, "statement")) end
    return text, { applied = #run.applied, failures = #examined.failures }
  end,
}
