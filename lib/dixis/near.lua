-- "Did you mean ...?": the known name nearest to a misspelt one.

local near = {}

-- Edits between two words; two letters that changed places are one.
---@param a string
---@param b string
---@return integer edits
local function distance(a, b)
  local rows = { [0] = {} }
  for j = 0, #b do rows[0][j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], rows[i - 2][j - 2] + 1)
      end
    end
    rows[i] = row
  end
  return rows[#a][#b]
end

-- Among more names than these nobody looks for a misspelt one, and looking would take long.
local MANY <const> = 500

--- The nearest of the known names, when it is near enough to be meant.
---@param name string
---@param known string[]
---@return string?
function near.find(name, known)
  if #known > MANY then return nil end
  local wanted, best = name:lower(), nil
  -- A name of one letter is near to every other.
  local best_distance = math.min(math.max(1, #name // 3) + 1, #name)
  for _, candidate in ipairs(known) do
    if math.abs(#candidate - #wanted) < best_distance then
      local d = distance(wanted, candidate:lower())
      if d < best_distance then best, best_distance = candidate, d end
    end
  end
  return best
end

--- " (did you mean 'x'?)" or " (known: a, b, c)".
---@param name string
---@param known string[]
---@return string
function near.suggest(name, known)
  local found = near.find(name, known)
  if found then return (" (did you mean '%s'?)"):format(found) end
  local sorted = table.move(known, 1, #known, 1, {})
  table.sort(sorted)
  return (" (known: %s)"):format(table.concat(sorted, ", "))
end

--- The keys of a table, sorted.
---@param t table<string, any>
---@return string[]
function near.keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

return near
