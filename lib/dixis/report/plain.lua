-- Text of a run as it may be shown: nothing in it is a command to a terminal, and it fits the columns.

local unicode = require "dixis.unicode"

local plain = {}

-- Control codes beyond ASCII, and marks that change the direction of writing: what is read would not be what is there.
local wide <const> = { ["\xC2"] = "[\x80-\x9F]", ["\xE2\x80"] = "[\xAA-\xAE]", ["\xE2\x81"] = "[\xA6-\xA9]" }

--- Without control codes; line breaks stay.
---@param text string
---@return string
function plain.text(text)
  if not text:find "[^\n -~]" then return text end
  text = unicode.repair(text)
  if text:find "[^\n -~\x80-\xFF]" then
    text = text:gsub("\r\n", "\n"):gsub("[\t\r]", " "):gsub("[^\n -~\x80-\xFF]", "?")
  end
  for first, rest in pairs(wide) do
    if text:find(first, 1, true) then text = text:gsub(first .. rest, "?") end
  end
  return text
end

--- A copy of the value with every string in it as plain.text gives it.
---@generic T
---@param value T
---@return T
function plain.all(value)
  if type(value) == "string" then return plain.text(value) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, item in pairs(value) do copy[key] = plain.all(item) end
  return copy
end

--- How many columns it takes: colours none, each character one, which is right for what dixis writes itself.
---@param text string
---@return integer
function plain.width(text)
  if text:find("\27", 1, true) then text = text:gsub("\27%[%d*m", "") end
  return utf8.len(text) or #text
end

-- Breaks a line at its spaces, and adds the pieces.
local function broken(lines, given, columns)
  local line
  for spaces, word in given:gmatch "(%s*)(%S+)" do
    if line and plain.width(line .. spaces .. word) > columns then
      lines[#lines + 1] = line
      line = word
    else
      line = (line or "") .. spaces .. word
    end
  end
  lines[#lines + 1] = line
end

-- Nobody is helped by breaking lines for a very narrow terminal.
local NARROWEST <const> = 60

--- The columns for a text that begins in a column; nil: it stays as long as it is.
---@param columns? integer  of the terminal; nil: there is none
---@param column integer
---@return integer?
function plain.room(columns, column)
  return columns and columns >= NARROWEST and columns - column or nil
end

--- The lines of a text, broken at spaces where they are longer than `columns`. A longer word stays whole:
--- it is a path or a command that somebody will copy.
---@param text string
---@param columns? integer  nil: only where the text has line breaks
---@return string[]
function plain.lines(text, columns)
  local lines = {}
  for given in (text .. "\n"):gmatch "([^\n]*)\n" do
    local line <const> = given:match "^.*%S" or ""
    if columns and plain.width(line) > columns then
      broken(lines, line, columns)
    else
      lines[#lines + 1] = line
    end
  end
  return lines
end

return plain
