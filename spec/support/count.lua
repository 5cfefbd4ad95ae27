-- A helper for busted that notes each result in a file as it comes: "passed", "failed" or, at the
-- end, "end". script/test counts the lines, so that a crash halfway is counted too.
--   dixis spec --helper=spec/support/count.lua -Xhelper FILE
local busted = require "busted"
local file <const> = assert(io.open(assert(arg[1], "-Xhelper FILE is missing"), "a"))
file:setvbuf("no")

local function note(word)
  file:write(word, "\n")
  return nil, true -- go on with the other subscribers
end

busted.subscribe({ "test", "end" }, function(_, _, status)
  if status == "success" then return note("passed") end
  if status == "failure" or status == "error" then return note("failed") end
  return nil, true
end)

-- What fails outside of a test: a spec that does not load, a setup, a teardown.
local function outside(element)
  if element.descriptor ~= "it" then return note("failed") end
  return nil, true
end
busted.subscribe({ "error" }, outside)
busted.subscribe({ "failure" }, outside)

busted.subscribe({ "exit" }, function() return note("end") end)
