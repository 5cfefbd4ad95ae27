-- One migration's part of a forecast. Measured seconds are scaled by the sizes of the tables that a statement works
-- on; what was never measured is reckoned from those sizes, or not at all.

local estimate = {}

-- Bytes per second, from a fast server that has all in memory to a busy one with slow disks.
local FAST <const> = 1e9
local SLOW <const> = { read = 20e6, write = 5e6 }
-- A statement on the catalog, and its round trip; one of a hundred, which are not all slow.
local QUICK <const>, QUICK_OF_MANY <const>, MANY <const> = 0.1, 0.02, 50
-- The same work on the same data, on another day or another machine.
local LESS <const>, MORE <const> = 0.5, 2
local SAME_SIZE <const> = 1.5

estimate.LESS, estimate.MORE, estimate.QUICK = LESS, MORE, QUICK

--- The most that so many statements on the catalog take.
---@param statements integer
---@return number
function estimate.catalog(statements)
  return QUICK * math.min(statements, MANY) + QUICK_OF_MANY * math.max(0, statements - MANY)
end

local function bytes_of(item, sizes, database)
  if not sizes then return nil end
  if item.growth == "unknown" then return database end
  local total = 0
  for _, name in ipairs(item.tables) do
    if not sizes[name] then return nil end
    total = total + sizes[name]
  end
  return total
end

local function reckoned(item, bytes)
  if item.growth == "unknown" or not bytes then return 0, nil end
  return bytes / FAST, bytes / SLOW[item.growth] + QUICK
end

-- A measured time at another size: between not growing at all and growing with it.
local function scaled(item, seconds, bytes, measured_bytes)
  local low, high = seconds * LESS, seconds * MORE + QUICK
  if not bytes or not measured_bytes then
    local _, most = reckoned(item, bytes)
    return low, most and math.max(high, most), false
  end
  local ratio = (bytes + 8192) / (measured_bytes + 8192)
  if ratio <= SAME_SIZE and ratio >= 1 / SAME_SIZE then return low, high * math.max(1, ratio), true end
  if ratio < 1 then return low * ratio, high, false end
  -- A tiny measured time is mostly fixed cost: multiplied by a million it would say nothing.
  local _, most = reckoned(item, bytes)
  return low, math.max(high, math.min(high * ratio, most or math.huge)), false
end

local none <const> = {}

local function measured(migration, m, now)
  local low, high, same, rest = 0, 0, true, m.seconds
  local timed = m.times and #m.times == migration.statements
  for _, item in ipairs(migration.work or none) do
    local bytes, then_bytes = bytes_of(item, now.sizes, now.database), bytes_of(item, m.sizes, m.database_bytes)
    if timed and item.at then
      local seconds = m.times[item.at].seconds
      local l, h, s = scaled(item, seconds, bytes, then_bytes)
      low, high, same, rest = low + l, high and h and high + h, same and s, rest - seconds
    else
      -- Not told apart: the statement that grows most decides.
      local l, h, s = scaled(item, m.seconds, bytes, then_bytes)
      low, high, same, rest = low == 0 and l or math.min(low, l), high and h and math.max(high, h), same and s, 0
    end
  end
  if rest > 0 then low, high = low + rest * LESS, high and high + rest * MORE + QUICK end
  return low, high, same
end

local function total_bytes(migration, sizes, database)
  local total = 0
  for _, item in ipairs(migration.work or none) do
    local bytes = bytes_of(item, sizes, database)
    if not bytes then return nil end
    total = total + bytes
  end
  return total
end

-- The measurement whose data were nearest in size; of those the newest, which comes first.
local function nearest(migration, list, now)
  local best, best_distance
  for _, m in ipairs(list or {}) do
    if m.checksum == migration.checksum then
      local here, there = total_bytes(migration, now.sizes, now.database), total_bytes(migration, m.sizes, m.database_bytes)
      local distance = here and there and math.abs(math.log((here + 8192) / (there + 8192), SAME_SIZE)) // 1 or 1e6
      if not best or distance < best_distance then best, best_distance = m, distance end
    end
  end
  return best
end

local function basis_of(m, same, high)
  local what = m.environment == "rehearsal" and "the rehearsal" or m.environment
  if not high then
    return ("measured by %s of %s, on data of which no size is known"):format(what, m.at:sub(1, 16):gsub("T", " "))
  end
  return ("from %s of %s%s, %s"):format(what, m.at:sub(1, 16):gsub("T", " "),
    m.throw_away and what ~= "the rehearsal" and " on a throw-away server" or "",
    same and "on data of the same size" or "scaled by the size of the tables")
end

--- How long one migration will take.
---@param migration table  of the plan, with its work
---@param known? dixis.Measurement[]
---@param now { sizes?: table<string, number>, database?: number }
---@return { name: string, low: number, high?: number, basis: string, catalog?: integer }  catalog: statements in it that
---   `estimate.catalog` alone speaks for
function estimate.migration(migration, known, now)
  local m = nearest(migration, known, now)
  local made = { name = migration.name }
  if m then
    local same
    made.low, made.high, same = measured(migration, m, now)
    made.basis = basis_of(m, same, made.high)
  else
    local items, bytes, untold = migration.work or none, nil, nil
    made.catalog = migration.statements - #items
    made.low, made.high = 0, estimate.catalog(made.catalog)
    for i, item in ipairs(items) do
      local here = bytes_of(item, now.sizes, now.database)
      local low, high = reckoned(item, here)
      made.low, made.high = made.low + low, made.high and high and made.high + high
      if here then bytes = (bytes or 0) + here end
      if not high then untold = untold or item.at or i end
    end
    made.basis = untold and ("no measurement, and nothing to reckon statement %d from"):format(untold)
      or bytes and ("no measurement: reckoned from %.1f MB of tables"):format(bytes / 1e6)
      or "no measurement: the catalog alone"
  end
  return made
end

return estimate
