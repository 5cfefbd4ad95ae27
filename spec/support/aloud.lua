-- An output handler for busted, for specs that a person watches (script/demo): each test's name is a heading, and
-- what goes wrong is told; all else is what the specs themselves show.
--   dixis spec -o spec/support/aloud.lua FILE

local busted = require "busted"
local tty = require "host.tty"

return function()
  local handler <const> = require "busted.outputHandlers.base"()
  local color <const> = tty.color "stdout"

  local function heading(element)
    tty.write("stdout", (color and "\27[1m# %s\27[0m\n\n" or "# %s\n\n"):format(element.name))
    return nil, true
  end

  local function wrong(element, _, message)
    tty.write("stderr", ("not as it should be: %s\n%s\n"):format(element.name or element.descriptor, tostring(message)))
    return nil, true
  end

  busted.subscribe({ "test", "start" }, heading)
  busted.subscribe({ "failure" }, wrong)
  busted.subscribe({ "error" }, wrong)
  return handler
end
