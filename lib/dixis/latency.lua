-- How long queries take in the target: chosen ones by EXPLAIN ANALYZE in a transaction that is taken back, and all
-- of the application's by pg_stat_statements, where that is there.

local json = require "dixis.json"

local latency = {}

---@class dixis.Timing
---@field seconds? number  the median of planning and executing, on the server
---@field scans? string    how the tables are read, as in "Seq Scan on Order"
---@field problem? string  why it could not run
---@field sqlstate? string

local function collect_scans(node, out)
  if node["Relation Name"] then out[#out + 1] = ("%s on %s"):format(node["Node Type"], node["Relation Name"]) end
  for _, child in ipairs(node.Plans or {}) do collect_scans(child, out) end
  return out
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- On the server's clock: what the network adds is not the migration's.
local function explain(session, query, times)
  local taken, scans = {}, nil
  for i = 0, times do
    local text = session:value("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " .. query)
    local found = json.decode(text)[1]
    -- The first one reads what is not in memory yet.
    if i > 0 then taken[i] = (found["Planning Time"] + found["Execution Time"]) / 1000 end
    scans = table.concat(collect_scans(found.Plan, {}), ", ")
  end
  return { seconds = median(taken), scans = scans }
end

--- Times one query; nothing that it does is kept.
---@async
---@param session dixis.Session
---@param query string
---@param times integer
---@param limit number  seconds for each time
---@return dixis.Timing
function latency.time(session, query, times, limit)
  session:query "BEGIN READ ONLY"
  session:query(("SET LOCAL statement_timeout = %d"):format(math.floor(limit * 1000)))
  local ok, found = pcall(explain, session, query, times)
  if not ok and (type(found) ~= "table" or found.kind ~= "sql") then error(found, 0) end
  session:query "ROLLBACK"
  if ok then return found end
  return { problem = found.message, sqlstate = found.sqlstate }
end

local find_view <const> = [[
SELECT quote_ident(n.nspname) || '.pg_stat_statements' FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements']]

local counters <const> = [[
SELECT queryid::text AS id, sum(calls)::float8 AS calls, sum(%s)::float8 / 1000 AS seconds FROM %s
 WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND queryid IS NOT NULL
 GROUP BY queryid]]

--- What pg_stat_statements has counted so far, by query; nil and the reason when it cannot say.
---@async
---@param session dixis.Session
---@return table<string, { calls: number, seconds: number }>? counted
---@return string? reason
function latency.counted(session)
  local view = session:value(find_view)
  if not view then return nil, "pg_stat_statements is not installed in the target" end
  local column = session.conn:server_version() >= 130000 and "total_exec_time" or "total_time"
  local ok, rows = pcall(session.query, session, counters:format(column, view))
  if not ok then
    if type(rows) == "table" and rows.kind == "sql" then return nil, rows.message end
    error(rows, 0)
  end
  local out = {}
  for _, row in ipairs(rows) do out[row.id] = { calls = row.calls, seconds = row.seconds } end
  return out
end

return latency
