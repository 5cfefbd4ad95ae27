local tty <const> = require "host.tty"

assert(tty.width() > 0)
tty.is_terminal("stdout")
tty.color("stderr")
tty.write("stdout", "")
local answer <const>, err <const> = tty.ask("? ", 1)
assert(answer == nil and err.kind == "no_terminal")
