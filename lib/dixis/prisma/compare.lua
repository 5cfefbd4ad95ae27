-- A Prisma schema held against a database's tables and columns. It reads no database: the caller runs
-- catalog_sql and passes the rows.

local compare = {}

--- The columns of all tables and views outside of PostgreSQL's own schemas, one row each:
--- schema, table, column (NULL for a table without columns).
compare.catalog_sql = [[
SELECT n.nspname AS "schema", c.relname AS "table", a.attname AS "column"
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_']]

---@class dixis.prisma.Difference
---@field what "missing_table"|"missing_column"
---@field model string
---@field field? string
---@field table string
---@field column? string
---@field schema string
---@field file string
---@field line integer
---@field message string

-- schema -> table -> column -> true
local function index(rows)
  local schemas <const> = {}
  for _, row in ipairs(rows) do
    local tables = schemas[row.schema] or {}
    schemas[row.schema] = tables
    local columns = tables[row.table] or {}
    tables[row.table] = columns
    if row.column then columns[row.column] = true end
  end
  return schemas
end

local function compare_model(found, schema, columns, differences)
  local function differ(what, line, message, field)
    differences[#differences + 1] = {
      what = what, model = found.name, field = field and field.name, table = found.table,
      column = field and field.column, schema = schema, file = found.file, line = line,
      message = ("%s:%d: %s"):format(found.file, line, message),
    }
  end
  if not columns then
    differ("missing_table", found.line,
      ('model %s: there is no table "%s"."%s"'):format(found.name, schema, found.table))
    return
  end
  for _, field in ipairs(found.fields) do
    if not field.relation and not columns[field.column] then
      differ("missing_column", field.line, ('field %s.%s: there is no column "%s" in "%s"."%s"'):format(
        found.name, field.name, field.column, schema, found.table), field)
    end
  end
end

--- What of the schema the database does not have: every model has its table, every field but relations
--- its column. Types are not compared.
---@param model dixis.prisma.Schema
---@param rows { schema: string, table: string, column?: string }[]  of catalog_sql
---@param default_schema? string  for models without @@schema; "public" when absent
---@return dixis.prisma.Difference[]
function compare.tables(model, rows, default_schema)
  local schemas <const>, differences <const> = index(rows), {}
  for _, found in ipairs(model.models) do
    if not found.ignored then
      local schema <const> = found.schema or default_schema or "public"
      compare_model(found, schema, (schemas[schema] or {})[found.table], differences)
    end
  end
  return differences
end

return compare
