-- What the catalog knows of the things that migrations make. Each thing is asked for once.

local Catalog = {}
Catalog.__index = Catalog

local catalog = {}

---@class dixis.Catalog
---@field session dixis.Session

---@async
---@param session dixis.Session
---@return dixis.Catalog
function catalog.new(session)
  return setmetatable({ session = session, known = {} }, Catalog)
end

-- `false` stands for "asked, and not there".
local function once(self, key, ask)
  local found = self.known[key]
  if found == nil then
    found = ask() or false
    self.known[key] = found
  end
  return found or nil
end

--- Where a name without a schema is created.
---@return string?
function Catalog:default_schema()
  return once(self, "default", function() return self.session:value "SELECT pg_catalog.current_schema()" end)
end

--- Where an existing relation without a schema is found; where it would be created when there is none.
---@param name string
---@return string?
function Catalog:schema_of(name)
  return once(self, "where\0" .. name, function()
    return self.session:value([[
      SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relname = $1 AND n.nspname = ANY (pg_catalog.current_schemas(false))
       ORDER BY pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname) LIMIT 1]], name)
      or self:default_schema()
  end)
end

--- A table, view, index or sequence: { kind, valid, of, name }; `of` is an index's table.
---@param schema string
---@param name string
---@return table?
function Catalog:relation(schema, name)
  return once(self, "relation\0" .. schema .. "\0" .. name, function()
    local row = self.session:row([[
      SELECT c.oid::int8 AS oid, c.relkind::text AS kind, coalesce(i.indisvalid, true) AS valid, t.relname AS of,
             pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
       WHERE n.nspname = $1 AND c.relname = $2]], schema, name)
    return row and { oid = row.oid, kind = row.kind, valid = row.valid, of = row.of, name = row.name }
  end)
end

local columns_query <const> = [[
SELECT a.attname AS name, a.attnotnull AS not_null, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression,
       coalesce(e.typname, t.typname) AS type, e.typname IS NOT NULL AS array,
       pg_catalog.substring(pg_catalog.format_type(a.atttypid, a.atttypmod), '\(([^)]*)\)') AS mods
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped]]

--- The columns of a relation by name; nil without the relation.
---@return table<string, { not_null: boolean, expression?: string, type: string, array: boolean, mods?: string }>?
function Catalog:columns(schema, name)
  local relation = self:relation(schema, name)
  if not relation then return nil end
  if not relation.columns then
    relation.columns = {}
    for _, row in ipairs(self.session:query(columns_query, relation.oid)) do
      relation.columns[row.name] = { not_null = row.not_null, expression = row.expression, type = row.type,
        array = row.array, mods = row.mods }
    end
  end
  return relation.columns
end

-- The parts of a table that have names of their own.
local parts_query <const> = [[
SELECT 'constraint' AS kind, conname AS name, convalidated AS valid, contype::text AS type
  FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid
UNION ALL SELECT 'trigger', tgname, true, '' FROM pg_catalog.pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal
UNION ALL SELECT 'policy', polname, true, '' FROM pg_catalog.pg_policy WHERE polrelid = $1::oid]]

--- A constraint, trigger or policy of a table.
---@param kind "constraint"|"trigger"|"policy"
---@return { valid: boolean, type: string }?
function Catalog:part(kind, schema, table_name, name)
  local relation = self:relation(schema, table_name)
  if not relation then return nil end
  if not relation.parts then
    relation.parts = { constraint = {}, trigger = {}, policy = {} }
    for _, row in ipairs(self.session:query(parts_query, relation.oid)) do
      relation.parts[row.kind][row.name] = { valid = row.valid, type = row.type }
      if row.type == "p" then relation.primary = true end
    end
  end
  if kind == "primary" then return relation.primary and { valid = true, type = "p" } or nil end
  return relation.parts[kind][name]
end

--- A type that is no table's row: { labels }, the labels of an enum in their order.
---@return { labels: string[] }?
function Catalog:type(schema, name)
  return once(self, "type\0" .. schema .. "\0" .. name, function()
    local rows = self.session:query([[
      SELECT e.enumlabel AS label FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid LEFT JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid
       WHERE n.nspname = $1 AND t.typname = $2 AND (c.oid IS NULL OR c.relkind = 'c') ORDER BY e.enumsortorder]],
      schema, name)
    if #rows == 0 then return nil end
    local labels = {}
    for _, row in ipairs(rows) do labels[#labels + 1] = row.label end
    return { labels = labels }
  end)
end

--- The bodies of the functions with this name and number of arguments.
---@return string[]
function Catalog:functions(schema, name, arguments)
  return once(self, ("function\0%s\0%s\0%s"):format(schema, name, arguments or "any"), function()
    local bodies = {}
    for i, row in ipairs(self.session:query([[
      SELECT coalesce(p.prosrc, '') AS body FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
       WHERE n.nspname = $1 AND p.proname = $2 AND ($3::int IS NULL OR p.pronargs = $3::int)]],
      schema, name, arguments)) do
      bodies[i] = row.body
    end
    return bodies
  end)
end

---@return boolean
function Catalog:schema(name)
  return once(self, "schema\0" .. name, function()
    return self.session:value("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)", name)
  end) or false
end

---@return boolean
function Catalog:extension(name)
  return once(self, "extension\0" .. name, function()
    return self.session:value("SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = $1)", name)
  end) or false
end

return catalog
