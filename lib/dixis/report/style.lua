-- Marks and colours of the text view, for terminals that have them and for those that do not.

local process = require "host.process"
local tty = require "host.tty"

local style = {}

local unicode <const> = { ok = "✓", bad = "✗", skip = "–", ask = "?", run = "▸", dot = "·", warn = "!", dash = "—" }
local ascii <const> = { ok = "ok", bad = "FAIL", skip = "--", ask = "?", run = ">", dot = "-", warn = "!", dash = "-" }
local codes <const> = { red = "31", green = "32", yellow = "33", dim = "2", bold = "1" }

local function speaks_utf8()
  local locale = process.getenv "LC_ALL" or ""
  if locale == "" then locale = process.getenv "LC_CTYPE" or "" end
  if locale == "" then locale = process.getenv "LANG" or "" end
  return locale == "" or locale:upper():find("UTF%-?8") ~= nil
end

--- A style for a stream; `plain` never sends control codes.
---@param stream "stdout"|"stderr"
---@return table
function style.new(stream)
  local color = tty.color(stream)
  local made = { marks = speaks_utf8() and unicode or ascii, terminal = tty.is_terminal(stream) }
  for name, code in pairs(codes) do
    made[name] = function(text) return color and ("\27[%sm%s\27[0m"):format(code, text) or text end
  end
  return made
end

return style
