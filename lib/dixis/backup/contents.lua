-- The rows of a database, counted table by table.

local sql = require "host.sql"

local contents = {}

-- What pg_dump writes the data of: not that of foreign tables, nor of tables that belong to an extension. A
-- materialized view is filled anew by a restore, so its rows prove nothing.
local tables_query <const> = [[
SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname]]

-- Written to the tables since the statistics were reset, by anybody; not what DDL writes to the catalog.
local activity_query <const> = [[
SELECT coalesce(sum(n_tup_ins), 0)::int8 AS inserted, coalesce(sum(n_tup_upd), 0)::int8 AS updated,
       coalesce(sum(n_tup_del), 0)::int8 AS deleted,
       (SELECT coalesce(stats_reset::text, '') FROM pg_catalog.pg_stat_database WHERE datname = current_database()) AS reset
  FROM pg_catalog.pg_stat_user_tables]]

---@class dixis.Activity
---@field inserted integer
---@field updated integer
---@field deleted integer
---@field reset string

---@param schema string
---@param name string
---@return string
local function quoted(schema, name)
  return sql.quote_identifier(schema) .. "." .. sql.quote_identifier(name)
end

--- Names of the tables, as SQL writes them.
---@async
---@param session dixis.Session
---@return string[]
function contents.tables(session)
  local names = {}
  for i, row in ipairs(session:query(tables_query)) do names[i] = quoted(row.schema, row.name) end
  return names
end

--- Rows of each table; under "large objects" how many of those there are.
---@async
---@param session dixis.Session
---@param note? fun(done: integer, of: integer)
---@return table<string, integer> rows
---@return integer total
function contents.count(session, note)
  -- Rows hidden by a policy would be missed without a word; like this it is an error, as it is of pg_dump.
  session:query "SET row_security = off"
  local names, rows, total = contents.tables(session), {}, 0
  for i, name in ipairs(names) do
    rows[name] = session:value(("SELECT count(*) FROM ONLY %s"):format(name))
    total = total + rows[name]
    if note then note(i, #names) end
  end
  local objects = session:value "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"
  if objects > 0 then rows["large objects"] = objects end
  return rows, total
end

---@async
---@param session dixis.Session
---@return dixis.Activity
function contents.activity(session)
  local row = session:row(activity_query)
  return { inserted = row.inserted, updated = row.updated, deleted = row.deleted, reset = row.reset }
end

---@class dixis.RowDifference
---@field table string
---@field before? integer
---@field now? integer

--- Tables whose number of rows is another, by name.
---@param before table<string, number>
---@param now table<string, number>
---@return dixis.RowDifference[]
function contents.differences(before, now)
  local out, seen = {}, {}
  for _, rows in ipairs { before, now } do
    for name in pairs(rows) do
      if not seen[name] and before[name] ~= now[name] then
        out[#out + 1] = { table = name, before = math.tointeger(before[name]), now = math.tointeger(now[name]) }
      end
      seen[name] = true
    end
  end
  table.sort(out, function(a, b) return a.table < b.table end)
  return out
end

return contents
