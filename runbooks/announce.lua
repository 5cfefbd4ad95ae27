-- Announce: tells people of a maintenance on production before it, on the channels of runbooks/prod.lua.
--
--     export DIXIS_WEBHOOK_URL='https://hooks.example.com/...'
--     dixis run runbooks/announce.lua --set window='tomorrow, 02:00 to 02:30 (Athens)'
--
-- It changes nothing. It looks at the target, so that what it says of the pending migrations is true.

local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option

return dixis.extend("prod.lua", {
  name = "announce",
  title = "Prisma migrations on production",
  audit = false, -- nothing is written into the target, not even a record

  options = {
    window = { type = "string", required = true, help = "when it will be, in words" },
    expected = { type = "string", help = "how long it is expected to take, in words" },
    about = { type = "string", help = "one more line, as which part of the application will be away" },
  },

  gates = {
    gate.people(),
    gate.secret(),
    gate.reachable { wait = option "wait" },
    gate.history { allow = option "allow" },
    gate.confirm "DIXIS-ANNOUNCE",
  },
  steps = {
    step.notice {
      window = option "window", expected = option "expected", about = option "about", must = true,
    },
  },
  criteria = { check.no_errors() },
})
