-- A text with a name: where a byte position is for a reader, and errors that say so.

local errors = require "dixis.errors"

---@class dixis.prisma.Source
---@field text string
---@field file string
local Source = {}
Source.__index = Source

local source = {}

---@param text string
---@param file string
---@return dixis.prisma.Source
function source.new(text, file)
  local starts <const> = { 1 }
  for start in text:gmatch "\n()" do starts[#starts + 1] = start end
  return setmetatable({ text = text, file = file, starts = starts }, Source)
end

---@param at integer
---@return integer
function Source:line_of(at)
  local low, high = 1, #self.starts
  while low < high do
    local middle <const> = (low + high + 1) // 2
    if self.starts[middle] <= at then low = middle else high = middle - 1 end
  end
  return low
end

--- Raises an error of kind "schema" with the file, line and column (in characters) of a position.
---@param at integer
---@param message string
---@param hint? string
function Source:fail(at, message, hint)
  local line <const> = self:line_of(at)
  local before <const> = self.text:sub(self.starts[line], at - 1)
  error(errors.new("schema", message, {
    file = self.file, line = line, column = (utf8.len(before) or #before) + 1, hint = hint,
  }), 0)
end

return source
