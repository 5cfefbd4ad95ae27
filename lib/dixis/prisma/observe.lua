-- The catalog of a live database, by four queries however many tables there are.

local catalog = require "dixis.prisma.catalog"
local errors = require "dixis.errors"

local observe = {}

-- Which PostgreSQL has what is asked for: covering indexes since 11, generated columns since 12.
local OLDEST <const>, WITH_GENERATED <const> = 110000, 120000

-- What neither an extension nor a tool brought. $1 is the schemas as an array, NULL for all but PostgreSQL's own
-- and dixis's.
local wanted_schema <const> = [[
(n.nspname = ANY ($1::text[])
 OR $1::text[] IS NULL AND n.nspname NOT IN ('information_schema', 'dixis') AND n.nspname !~ '^pg_')]]

local function of_extension(class, oid)
  return ([[
EXISTS (SELECT FROM pg_catalog.pg_depend x
         WHERE x.classid = '%s'::pg_catalog.regclass AND x.objid = %s AND x.deptype = 'e')]]):format(class, oid)
end

local relation <const> = "c.relname <> '_prisma_migrations' AND " .. wanted_schema .. " AND NOT "
  .. of_extension("pg_catalog.pg_class", "c.oid")

local columns_sql <const> = [[
SELECT n.nspname AS schema, c.relname AS table, c.relkind IN ('v', 'm') AS view, a.attname AS column,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS "default", a.attidentity <> '' AS identity,
       @generated AS generated
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND ]] .. relation .. [[

 ORDER BY 1, 2, a.attnum]]

-- A column's order and class; indoption has the bits DESC and NULLS FIRST.
local indexes_sql <const> = [[
SELECT n.nspname AS schema, c.relname AS table, i.relname AS index, x.indisunique AS unique, x.indisprimary AS primary,
       x.indisvalid AS valid, am.amname AS method, pg_catalog.pg_get_expr(x.indpred, x.indrelid) AS predicate,
       coalesce(k.contype = 'u', false) AS constraint, a.attname AS column, (x.indoption[o.place] & 1) = 1 AS descending,
       CASE WHEN oc.opcdefault THEN NULL ELSE oc.opcname END AS ops, oc.opcname AS class, o.place >= x.indnkeyatts AS included
  FROM pg_catalog.pg_index x
  JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_am am ON am.oid = i.relam
 CROSS JOIN LATERAL pg_catalog.generate_series(0, x.indnatts - 1) AS o(place)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[o.place]
  LEFT JOIN pg_catalog.pg_opclass oc ON oc.oid = x.indclass[o.place]
  LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.indexrelid AND k.contype = 'u'
 WHERE NOT c.relispartition AND ]] .. relation .. [[

 ORDER BY 1, 2, 3, o.place]]

local foreign_keys_sql <const> = [[
SELECT n.nspname AS schema, c.relname AS table, k.conname AS name, rn.nspname AS ref_schema, r.relname AS ref_table,
       k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update, a.attname AS column, ra.attname AS ref_column
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
  JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
 CROSS JOIN LATERAL pg_catalog.generate_subscripts(k.conkey, 1) AS o(place)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[o.place]
  JOIN pg_catalog.pg_attribute ra ON ra.attrelid = r.oid AND ra.attnum = k.confkey[o.place]
 WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT c.relispartition AND ]] .. relation .. [[

 ORDER BY 1, 2, 3, o.place]]

local enums_sql <const> = [[
SELECT n.nspname AS schema, t.typname AS name, e.enumlabel AS label
  FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid
 WHERE t.typtype = 'e' AND ]] .. wanted_schema .. " AND NOT " .. of_extension("pg_catalog.pg_type", "t.oid") .. [[

 ORDER BY 1, 2, e.enumsortorder]]

local actions <const> = { a = "NO ACTION", r = "RESTRICT", c = "CASCADE", n = "SET NULL", d = "SET DEFAULT" }

local function add_columns(found, rows)
  for _, row in ipairs(rows) do
    local key <const> = catalog.key(row.schema, row.table)
    local relation_of = found.tables[key]
    if not relation_of then
      relation_of = { schema = row.schema, name = row.table, view = row.view or nil, columns = {}, column_order = {},
        indexes = {}, foreign_keys = {} }
      found.tables[key] = relation_of
    end
    if row.column then
      local order <const> = relation_of.column_order
      order[#order + 1] = row.column
      relation_of.columns[row.column] = {
        name = row.column, type = row.type, nullable = row.nullable, position = #order,
        default = not row.generated and row.default or nil, identity = row.identity or nil,
        generated = row.generated or nil,
      }
    end
  end
end

local function add_indexes(found, rows)
  for _, row in ipairs(rows) do
    local of <const> = found.tables[catalog.key(row.schema, row.table)]
    if row.primary then
      of.primary_key = of.primary_key or { name = row.index, columns = {} }
      if not row.included then table.insert(of.primary_key.columns, row.column) end
    else
      local index = of.indexes[row.index]
      if not index then
        index = { name = row.index, columns = {}, unique = row.unique, method = row.method, where = row.predicate,
          constraint = row.constraint or nil, invalid = not row.valid or nil }
        of.indexes[row.index] = index
      end
      if row.included then
        index.include = index.include or {}
        table.insert(index.include, row.column)
      else
        table.insert(index.columns, { name = row.column, expression = not row.column or nil,
          order = row.descending and "DESC" or "ASC", ops = row.ops, class = row.class })
      end
    end
  end
end

local function add_foreign_keys(found, rows)
  for _, row in ipairs(rows) do
    local keys <const> = found.tables[catalog.key(row.schema, row.table)].foreign_keys
    local key = keys[row.name]
    if not key then
      key = { name = row.name, columns = {}, table = catalog.key(row.ref_schema, row.ref_table), ref_columns = {},
        on_delete = actions[row.on_delete], on_update = actions[row.on_update] }
      keys[row.name] = key
    end
    table.insert(key.columns, row.column)
    table.insert(key.ref_columns, row.ref_column)
  end
end

local function add_enums(found, rows)
  for _, row in ipairs(rows) do
    local key <const> = catalog.key(row.schema, row.name)
    local enum <const> = found.enums[key] or { schema = row.schema, name = row.name, labels = {} }
    found.enums[key] = enum
    enum.labels[#enum.labels + 1] = row.label
  end
end

local function array(names)
  local items <const> = {}
  for i, name in ipairs(names) do items[i] = '"' .. name:gsub('[\\"]', "\\%0") .. '"' end
  return "{" .. table.concat(items, ",") .. "}"
end

--- What is in a database; without PostgreSQL's own objects, extensions', Prisma's ledger and dixis's schema. One
--- round trip in a transaction of its own: the search_path must be empty for types to be said with their schemas.
---@async
---@param conn host.pg.Connection  outside of a transaction
---@param schemas? string[]  all when absent
---@return dixis.Catalog? found
---@return dixis.Error? err
function observe.catalog(conn, schemas)
  local version <const> = conn:server_version()
  if version < OLDEST then
    return nil, errors.new("failed", "the catalog of a PostgreSQL before 11 cannot be read")
  end
  local columns_of <const> = columns_sql:gsub("@generated", version >= WITH_GENERATED and "a.attgenerated <> ''" or "false")
  local params <const> = { schemas and array(schemas) or nil, n = 1 }
  local results <const>, err <const> = conn:pipeline {
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SET LOCAL search_path = ''",
    "SET LOCAL jit = off", -- to compile these queries would take ten times as long as to run them
    { columns_of, params = params }, { indexes_sql, params = params }, { foreign_keys_sql, params = params },
    { enums_sql, params = params }, "COMMIT",
  }
  if not results then
    if conn:status() == "failed" then conn:query "ROLLBACK" end
    return nil, err
  end
  local found <const> = catalog.new()
  add_columns(found, results[4])
  add_indexes(found, results[5])
  add_foreign_keys(found, results[6])
  add_enums(found, results[7])
  return found
end

return observe
