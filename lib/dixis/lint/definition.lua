-- The SQL that makes what a schema file means, as Prisma writes it.

local catalog = require "dixis.prisma.catalog"

local definition = {}

local UNKNOWN <const> = catalog.UNKNOWN

---@param names string[]
---@return string
function definition.quoted(names)
  local list <const> = {}
  for i, name in ipairs(names) do list[i] = '"' .. name:gsub('"', '""') .. '"' end
  return table.concat(list, ", ")
end
local quoted <const> = definition.quoted

---@param text string
---@return string
function definition.literal(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

--- The name of a table or an enum.
---@param entry { schema: string, name: string }
---@param default_schema string
---@return string
function definition.table_name(entry, default_schema)
  return entry.schema == default_schema and quoted { entry.name } or quoted { entry.schema } .. "." .. quoted { entry.name }
end

-- nil: the schema file does not say.
local function type_text(column, default_schema)
  if column.type == UNKNOWN then return column.unsupported end
  if type(column.default) == "string" and column.default:find "^nextval%(" then
    return ({ integer = "SERIAL", bigint = "BIGSERIAL", smallint = "SMALLSERIAL" })[column.type] or column.type
  end
  if not column.type:find '["%.]' then
    return (column.type:gsub(" without time zone", ""):gsub("^numeric", "decimal"):upper())
  end
  local prefix <const> = default_schema .. "."
  return column.type:sub(1, #prefix) == prefix and column.type:sub(#prefix + 1) or column.type
end

--- A column as ADD COLUMN and CREATE TABLE have it; nil: its type is not known.
---@param column dixis.Catalog.Column
---@param name string
---@param default_schema string
---@return string?
function definition.column(column, name, default_schema)
  local type <const> = type_text(column, default_schema)
  if not type then return nil end
  local text = ("%s %s"):format(quoted { name }, type)
  if column.nullable == false then text = text .. " NOT NULL" end
  if column.default and column.default ~= UNKNOWN and not type:find "SERIAL$" then
    text = text .. " DEFAULT " .. column.default
  end
  return text
end

---@param entry { schema: string, name: string, labels: string[] }
---@param default_schema string
---@return string
function definition.enum(entry, default_schema)
  local labels <const> = {}
  for i, label in ipairs(entry.labels) do labels[i] = definition.literal(label) end
  return ("CREATE TYPE %s AS ENUM (%s);"):format(definition.table_name(entry, default_schema), table.concat(labels, ", "))
end

---@param index table   of a catalog
---@param name string   of its table
---@return string
function definition.index(index, name)
  local parts <const> = {}
  for i, column in ipairs(index.columns) do
    parts[i] = quoted { column.name } .. (column.ops and " " .. column.ops or "") .. (column.order == "DESC" and " DESC" or "")
  end
  local using <const> = index.method ~= "btree" and (" USING %s "):format(index.method) or ""
  return ("CREATE %sINDEX %s ON %s%s(%s);"):format(index.unique and "UNIQUE " or "", quoted { index.name }, name, using,
    table.concat(parts, ", "))
end

---@param key table      of a catalog
---@param name string    of its table
---@param target string  the table that it refers to
---@return string
function definition.foreign_key(key, name, target)
  return ("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s(%s) ON DELETE %s ON UPDATE %s;"):format(name,
    quoted { key.name }, quoted(key.columns), target, quoted(key.ref_columns), key.on_delete, key.on_update)
end

return definition
