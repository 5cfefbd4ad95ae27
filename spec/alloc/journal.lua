local journal <const> = require "host.journal"

local book <close> = assert(journal.create("run.jsonl"))
assert(book:append('"type":"one"'))
book:sync_start()
assert(book:append('"type":"two"'))
assert(book:sync())
assert(select(2, book:head()) == 2)
book:close()
local lines = 0
for _, complete in assert(journal.lines("run.jsonl")) do
  assert(complete ~= false)
  lines = lines + 1
end
assert(lines == 2)
local next_line <const> = assert(journal.lines("run.jsonl"))
assert(next_line())
assert(journal.verify("run.jsonl").lines == 2)
assert(not journal.verify("absent"))
assert(not journal.create("run.jsonl"))
assert(journal.create("left-open.jsonl")):append('"a":1')
