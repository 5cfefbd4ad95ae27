local digest <const> = require "host.digest"

assert(#digest.sha256("abc") == 64)
local sha <const> = digest.sha256_new()
assert(#sha:update("a"):update("bc"):hex() == 64)
digest.sha256_new():update("left over")
assert(not digest.sha256_file("absent"))
assert(#digest.sha256_file("/proc/self/cmdline") == 64)
assert(#digest.random_hex(16) == 32)
assert(#digest.uuid() == 36)
assert(digest.equal("a", "a"))

local key <const> = assert(digest.new_key())
local public <const> = assert(digest.public_key(key))
assert(digest.verify(public, "data", assert(digest.sign(key, "data"))))
assert(not digest.sign("no key", "data") and not digest.verify("no key", "data", ""))
