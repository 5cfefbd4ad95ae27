local clock <const> = require "host.clock"

clock.sleep(0)
clock.sleep(0.001)
assert(clock.iso():match("Z$"))
assert(#clock.iso(0, true) > 20)
assert(clock.now() > 0 and clock.wall() > 0)
assert(clock.offset("Europe/Athens", 1795228260) == 7200)
assert(select(2, clock.offset("Nowhere/Land", 0)).kind == "no_zone")
