-- How long the pending migrations will take: a range, with the reasons for it, drawn from what earlier runs measured
-- and from the sizes of tables.

local duration = require "dixis.duration"
local estimate = require "dixis.forecast.estimate"
local json = require "dixis.json"
local past = require "dixis.forecast.past"
local words = require "dixis.words"

local forecast = {}

---@class dixis.Forecast
---@field low number      seconds for the migrations
---@field high? number    nil: something in them cannot be forecast
---@field others { low: number, high: number, missing: string[] }  the steps beside the deploy
---@field count integer     how many migrations
---@field migrations { name: string, low: number, high?: number, basis: string }[]  without those that are quick anyway
---@field sizes { table: string, bytes: number }[]
---@field database_bytes? number
---@field notes string[]

local sizes_query <const> = [[
SELECT name, pg_catalog.pg_total_relation_size(pg_catalog.to_regclass(name))::int8 AS bytes
  FROM pg_catalog.json_array_elements_text($1::json) AS name]]

-- A size is not worth waiting for behind somebody's lock.
local function read_sizes(run, names)
  local session, sizes = run:open_session(), {}
  local ok, database = pcall(function()
    session:query "BEGIN READ ONLY"
    session:query "SET LOCAL lock_timeout = '2s'"
    local bytes = session:value "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::int8"
    for _, row in ipairs(#names > 0 and session:query(sizes_query, json.encode(names)) or {}) do
      sizes[row.name] = row.bytes or 0 -- not there: an earlier migration of the plan makes it
    end
    return bytes
  end)
  session:rollback()
  if not ok and session.conn:status() == "closed" then error(database, 0) end
  return ok and sizes or nil, ok and database or nil
end

local function tables_of(pending)
  local names, seen = {}, {}
  for _, migration in ipairs(pending) do
    for _, item in ipairs(migration.work or {}) do
      for _, name in ipairs(item.tables) do
        if not seen[name] then
          seen[name] = true
          names[#names + 1] = name
        end
      end
    end
  end
  return names
end

-- Steps of the book beside the deploy, as they took in earlier runs here.
local function others(run, known)
  local made = { low = 0, high = 0, missing = {} }
  for _, step in ipairs(run.book.steps) do
    if not step.definition.deploys and not run:why_not(step) then
      local list = known.steps[step.name]
      if list then
        made.low = made.low + math.min(table.unpack(list)) * estimate.LESS
        made.high = made.high + math.max(table.unpack(list)) * estimate.MORE
      else
        made.missing[#made.missing + 1] = step.name
      end
    end
  end
  return made
end

-- Below this a run says nothing about how well forecasts hold.
local TELLING <const> = 1

-- Where earlier forecasts for this target were wrong, the range is as much wider.
local function learn(made, compared)
  local over, under, told = 1, 1, 0
  for i = 1, math.min(5, #compared) do
    local c = compared[i]
    if c.actual >= TELLING and c.high and c.high > 0 then
      told = told + 1
      over, under = math.max(over, c.actual / c.high), math.min(under, c.low > 0 and c.actual / c.low or 1)
    end
  end
  made.low, made.high = made.low * under, made.high and made.high * over
  if over > 1 or under < 1 then
    made.notes[#made.notes + 1] = ("widened: of the last %s here, one took %.1f times what was forecast"):format(
      words.count(told, "forecast"), over > 1 and over or under)
  end
end

--- Forecasts the pending migrations of the run's plan.
---@async
---@param run dixis.Run  with its plan
---@return dixis.Forecast? forecast  nil when nothing is to be deployed
function forecast.make(run)
  if not run.plan.deploys or #run.plan.pending == 0 then return nil end
  local known, names = past.read(run), tables_of(run.plan.pending)
  local sizes, database = read_sizes(run, names)
  local now = { sizes = sizes, database = database }
  local made = { low = 0, high = 0, count = #run.plan.pending, migrations = {}, sizes = {}, database_bytes = database,
    notes = {}, others = others(run, known) }
  local catalog = 0
  for _, migration in ipairs(run.plan.pending) do
    local one = estimate.migration(migration, known.migrations[migration.name], now)
    if migration.work or known.migrations[migration.name] then made.migrations[#made.migrations + 1] = one end
    catalog = catalog + (one.catalog or 0)
    made.low = made.low + one.low
    made.high = made.high and one.high and made.high + one.high - estimate.catalog(one.catalog or 0)
  end
  made.high = made.high and made.high + estimate.catalog(catalog)
  for i, name in ipairs(names) do made.sizes[i] = { table = name, bytes = sizes and sizes[name] } end
  if not sizes then made.notes[1] = "the sizes of the tables could not be read" end
  learn(made, known.compared)
  return made
end

--- "2.10 s to 9 min 30 s", "at most 44.0 s"; without a high end, that it is not known.
---@param low number
---@param high? number
---@return string
function forecast.range(low, high)
  if not high then
    return "nobody knows how long" .. (low >= estimate.QUICK and (", at least %s"):format(duration.show(low)) or "")
  end
  if low < 0.001 then return "at most " .. duration.show(high) end
  return ("%s to %s"):format(duration.show(low), duration.show(high))
end

--- What was forecast, and what came of it.
---@param event { low: number, high?: number, actual: number }  forecast.compared
---@return string
function forecast.compared(event)
  local took = duration.show(event.actual)
  if event.high then return ("%s for the migrations; they took %s"):format(forecast.range(event.low, event.high), took) end
  return ("none, for want of a measurement; the migrations took %s"):format(took)
end

--- The most that all steps take; nil when that is not known.
---@param made? dixis.Forecast
---@return number?
function forecast.most(made)
  if not made then return 0 end
  return made.high and made.high + made.others.high
end

local SHOWN <const>, SHORT <const> = 5, 1

--- The forecast for people, the longest migrations first.
---@param made dixis.Forecast
---@return string[]
function forecast.lines(made)
  local what = words.count(made.count, "migration")
  local lines = { made.high and ("%s for %s"):format(forecast.range(made.low, made.high), what)
    or ("%s: %s"):format(what, forecast.range(made.low)) }
  local order = table.move(made.migrations, 1, #made.migrations, 1, {})
  table.sort(order, function(a, b)
    local x, y = a.high or math.huge, b.high or math.huge
    if x ~= y then return x > y end
    return a.name < b.name
  end)
  for i, one in ipairs(order) do
    if i > SHOWN or one.high and one.high < SHORT then
      if i > 1 then lines[#lines + 1] = ("and %d shorter"):format(made.count - i + 1) end
      break
    end
    lines[#lines + 1] = ("%s: %s, %s"):format(one.name, forecast.range(one.low, one.high), one.basis)
  end
  if made.others.high > 0 then
    lines[#lines + 1] = ("the other steps: %s, from earlier runs here"):format(
      forecast.range(made.others.low, made.others.high))
  end
  if #made.others.missing > 0 then
    lines[#lines + 1] = "not in it, since never measured here: " .. table.concat(made.others.missing, ", ")
  end
  for _, note in ipairs(made.notes) do lines[#lines + 1] = note end
  return lines
end

-- A journal line should not grow with the folder.
local LISTED <const> = 200

--- What the tables were like before the run, for whoever scales what it measured.
---@param made dixis.Forecast
---@return { tables: { table: string, bytes: number }[], database: number? }
function forecast.sizes(made)
  return { tables = #made.sizes <= LISTED and made.sizes or {}, database = made.database_bytes }
end

--- Another run's receipt was found: what it measured counts, where its journal is not here anyway.
---@async
---@param run dixis.Run
---@param receipt dixis.Receipt
function forecast.add(run, receipt)
  if not run.forecast or past.knows(run, receipt) then return end
  run.measured = run.measured or {}
  table.insert(run.measured, receipt)
  run.forecast = forecast.make(run)
  run.bus:emit("forecast.made", forecast.record(run.forecast))
end

local function rounded(seconds) return seconds and math.floor(seconds * 1000 + 0.5) / 1000 end

--- The fields of the event that keeps a forecast.
---@param made dixis.Forecast
---@return table
function forecast.record(made)
  local list = {}
  for i, one in ipairs(#made.migrations <= LISTED and made.migrations or {}) do
    list[i] = { name = one.name, low = rounded(one.low), high = rounded(one.high), basis = one.basis }
  end
  return { low = rounded(made.low), high = rounded(made.high), lines = forecast.lines(made),
    others = { low = rounded(made.others.low), high = rounded(made.others.high), missing = made.others.missing },
    database_bytes = made.database_bytes, sizes = #made.sizes <= LISTED and made.sizes or nil, migrations = list }
end

return forecast
