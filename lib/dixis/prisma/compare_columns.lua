-- The columns of two tables.

local catalog = require "dixis.prisma.catalog"
local natives = require "dixis.prisma.natives"

local columns = {}

local UNKNOWN <const> = catalog.UNKNOWN

-- Types among which Prisma's client does not care: it sends and reads the same.
local families <const> = {
  text = "text", ["character varying"] = "text", character = "text", citext = "text",
  ["timestamp without time zone"] = "timestamp", ["timestamp with time zone"] = "timestamp",
  ["time without time zone"] = "time", ["time with time zone"] = "time",
}

local function plain(type) return (type:gsub("%(.-%)", "")) end

local function family(type)
  local element <const>, list <const> = plain(type):match "^(.-)(%[?%]?)$"
  local name <const> = element:match "^[%w_]+%.(citext)$" or element
  return (families[name] or name) .. list
end

local function is_sequence(column)
  return type(column.default) == "string" and column.default:find "^nextval%(" ~= nil
end

local function compare_default(report, object, wanted, found)
  if found.identity and is_sequence(wanted) or catalog.same_default(wanted.default, found.default, wanted.type) then return end
  -- Prisma's client sends the literals and now() itself; what only the database can compute is needed.
  local needed <const> = wanted.default and not found.default and not found.generated and found.nullable == false
    and (is_sequence(wanted) or wanted.database_default)
  report:add("default", needed and "error" or "warning", object, wanted,
    wanted.default and "DEFAULT " .. wanted.default or "no default",
    found.identity and "an identity column" or found.default and "DEFAULT " .. found.default or "no default")
end

-- The types that Prisma has names for, without modifiers.
local known <const> = {}
for _, native in pairs(natives.types) do known[native.sql:gsub("%%s", "")] = true end

local function compare_column(report, object, wanted, found)
  if wanted.unsupported and found.type ~= UNKNOWN and known[plain(found.type)] then
    report:add("type", "warning", object, wanted, ('Unsupported("%s")'):format(wanted.unsupported), found.type)
  end
  if not catalog.same_type(wanted.type, found.type) then
    report:add("type", family(wanted.type) == family(found.type) and "warning" or "error", object, wanted,
      wanted.type, found.type)
  end
  if report.is_view then return end
  if wanted.nullable ~= found.nullable and wanted.nullable ~= UNKNOWN and found.nullable ~= UNKNOWN then
    report:add("nullability", "error", object, wanted, wanted.nullable and "NULL allowed" or "NOT NULL",
      found.nullable and "NULL allowed" or "NOT NULL")
  end
  compare_default(report, object, wanted, found)
end

--- Adds the differences between the columns to a report.
---@param report table
---@param key string  of the table
---@param wanted dixis.Catalog.Table
---@param found dixis.Catalog.Table
function columns.compare(report, key, wanted, found)
  if found.columns == UNKNOWN then return end
  report.is_view = found.view
  for _, name in ipairs(wanted.column_order) do
    local column <const>, there <const> = wanted.columns[name], found.columns[name]
    local object <const> = key .. "." .. name
    if there == nil then
      if not report.incomplete then
        report:add("missing_column", "error", object, column,
          ("the column (%s)"):format(column.type == UNKNOWN and "any type" or column.type), nil, name)
      end
    elseif there ~= UNKNOWN then
      compare_column(report, object, column, there)
    end
  end
  for _, name in ipairs(found.column_order) do
    local there <const> = found.columns[name]
    if not wanted.columns[name] and there ~= UNKNOWN then
      -- A row that the client writes does not have it.
      local needed <const> = there.nullable == false and not there.default and not there.identity and not there.generated
      report:add("extra_column", needed and not found.view and "error" or "note", key .. "." .. name, wanted, nil,
        ("the column (%s%s)"):format(tostring(there.type), needed and " NOT NULL, no default" or ""))
    end
  end
end

return columns
