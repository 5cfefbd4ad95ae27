-- What is said on stderr: errors that no run has on record, and what a view of a run cannot say. On a terminal it is
-- broken to fit, elsewhere it stays as it is.

local plain = require "dixis.report.plain"
local tty = require "host.tty"

local aside = {}

--- A paragraph; what does not fit goes on below where its text began.
---@param start string
---@param text string
function aside.say(start, text)
  local columns = tty.is_terminal "stderr" and tty.width() or nil
  local lines = plain.lines(plain.text(text), plain.room(columns, plain.width(start)))
  tty.write("stderr", start .. table.concat(lines, "\n" .. (" "):rep(columns and plain.width(start) or 0)) .. "\n")
end

--- An error, and what to do about it.
---@param err dixis.Error
function aside.error(err)
  aside.say("dixis: ", tostring(err.message) .. (err.traceback and "\n" .. err.traceback or ""))
  if err.hint then aside.say("  what to do: ", err.hint) end
end

return aside
