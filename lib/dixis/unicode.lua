-- Bytes that are no UTF-8, from programs and servers that speak something else.

local unicode = {}

--- The text with U+FFFD for every byte that belongs to no character: a strict reader would refuse all of it.
---@param text string
---@return string
function unicode.repair(text)
  if utf8.len(text) then return text end
  local parts, from = {}, 1
  while true do
    local _, bad = utf8.len(text, from)
    if not bad then break end
    parts[#parts + 1] = text:sub(from, bad - 1)
    from = bad + 1
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts, "\u{FFFD}")
end

return unicode
