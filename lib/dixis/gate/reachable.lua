-- gate.reachable: the target answers; waits for a sleeping one, with progress, up to a limit.

local lazy = require "dixis.lazy"

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local identity = lazy "dixis.target.identity"

local FIRST_PAUSE <const>, LONGEST_PAUSE <const> = 0.25, 5

local refusal_hints <const> = {
  auth = "check user and password in the URL; the server was reached and said no",
  no_database = "dixis never creates a database: create it, or correct the name in the URL",
}

local function refuse(err)
  errors.refuse(err.message, refusal_hints[err.kind] or err.hint, { sqlstate = err.sqlstate })
end

-- Things that must be known before the first statement, each with its own words.
local function check_identity(found)
  if found.pooled then
    errors.refuse("a transaction-mode pooler sits between dixis and the server: locks and settings would be lost",
      "use the direct address of the database (with Neon: the host without \"-pooler\"; with Supabase: port 5432)")
  end
  if found.replica then
    errors.refuse("the target is a read replica", "use the address of the primary")
  end
end

return {
  type = "reachable",
  positional = "wait",
  fields = { wait = { type = "duration", default = 60, help = "how long to wait for it" } },
  describe = function(args)
    return "the target answers" .. (type(args.wait) == "number" and (" within " .. duration.show(args.wait)) or "")
  end,
  act = function(run, args)
    run:parse_target()
    local limit, begun, pause = args.wait or 60, clock.now(), FIRST_PAUSE
    while true do
      local left = limit - (clock.now() - begun)
      local opened, err = run:connect { timeout = math.max(1, math.min(10, left)) }
      if opened then
        run:adopt(opened)
        check_identity(run.identity)
        local waited = clock.now() - begun
        return ("%s%s"):format(identity.describe(run.identity),
          waited > 1 and (", after " .. duration.show(waited)) or "")
      end
      if err.kind ~= "unreachable" then refuse(err) end
      left = limit - (clock.now() - begun)
      if left <= 0 then
        errors.raise("unreachable", ("%s; gave up after %s"):format(err.message, duration.show(limit)),
          { hint = "see whether it runs, and whether host and port in the URL are right; a sleeping database may need longer: "
            .. "--set wait=10m" })
      end
      run:note(("waiting for the target, up to %s (%s)"):format(duration.show(limit), err.message))
      clock.sleep(math.min(pause, left))
      pause = math.min(pause * 2, LONGEST_PAUSE)
    end
  end,
}
