-- gate.lock: one run at a time. The advisory lock is Prisma's own, so the two exclude each other; it is
-- polled (a blocked waiter would deadlock with CREATE INDEX CONCURRENTLY) on a connection of its own.

local lazy = require "dixis.lazy"

local clock = require "host.clock"
local errors = require "dixis.errors"
local lock = lazy "dixis.migrate.lock"

local POLL <const> = 0.25

return {
  type = "lock",
  positional = "wait",
  fields = { wait = { type = "duration", default = 10, help = "how long to wait for another run" } },
  describe = function() return "no other migration run is going on in the target" end,
  act = function(run, args)
    local opened, err = run:connect { application_name = "dixis run " .. run.id }
    run.lock_session = errors.check(opened, err)
    local begun = clock.now()
    while not lock.take(run) do
      local who = lock.holder(run)
      if clock.now() - begun >= args.wait then
        errors.raise("locked", "another migration run holds the lock: " .. who,
          { hint = "wait until it is finished, then run again" })
      end
      run:note("waiting for " .. who)
      clock.sleep(POLL)
    end
    return "the lock is ours"
  end,
}
