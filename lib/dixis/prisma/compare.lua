-- Two catalogs held against each other: what a schema file says and what is there. Tolerant where Prisma is.

local catalog = require "dixis.prisma.catalog"
local columns = require "dixis.prisma.compare_columns"
local keys = require "dixis.prisma.compare_keys"

local compare = {}

---@alias dixis.prisma.DifferenceKind
---| "missing_table" | "missing_view" | "missing_column" | "missing_enum" | "missing_label" | "missing_primary_key"
---| "missing_unique" | "missing_index" | "missing_foreign_key" | "type" | "nullability" | "default" | "primary_key"
---| "index" | "foreign_key" | "primary_key_name" | "index_name" | "foreign_key_name" | "extra_table" | "extra_column"
---| "extra_enum" | "extra_label" | "extra_primary_key" | "extra_unique" | "extra_index" | "extra_foreign_key"

---@class dixis.prisma.Difference
---@field kind dixis.prisma.DifferenceKind
---@field object string     "public.Order", "public.Order.total"
---@field severity "error"|"warning"|"note"  error: Prisma's client fails on it; warning: Prisma would migrate it;
---  note: more than the schema file says
---@field expected? string  what the schema file says
---@field actual? string    what is there
---@field message string    both, in a sentence
---@field file? string      of the schema
---@field line? integer
---@field name? string      what is missing of the object: a column, an index, a foreign key, a value
---@field migration? string which caused it, where options.origin knows

-- Collects differences. `at` is whatever has file and line.
local Report = {}
Report.__index = Report

---@param kind dixis.prisma.DifferenceKind
---@param severity "error"|"warning"|"note"
---@param object string
---@param at? { file?: string, line?: integer }
---@param expected? string
---@param actual? string
---@param name? string  of what is missing
function Report:add(kind, severity, object, at, expected, actual, name)
  local words
  if not actual then
    words = ("%s is missing"):format(expected)
  elseif not expected then
    words = ("%s is not in the schema file"):format(actual)
  else
    words = ("should be %s, is %s"):format(expected, actual)
  end
  local difference <const> = { kind = kind, severity = severity, object = object, expected = expected, actual = actual,
    message = object .. ": " .. words, file = at and at.file, line = at and at.line, name = name }
  difference.migration = self.origin and self.origin(object, difference)
  self[#self + 1] = difference
end

local function sorted(entries)
  local names <const> = {}
  for name in pairs(entries) do names[#names + 1] = name end
  table.sort(names)
  return ipairs(names)
end

local function compare_table(report, key, wanted, found)
  if found == nil then
    if report.incomplete then return end
    if wanted.view then return report:add("missing_view", "note", key, wanted, "a view") end
    return report:add("missing_table", "error", key, wanted, "the table")
  end
  if wanted.view or found == catalog.UNKNOWN then return end
  columns.compare(report, key, wanted, found)
  if not found.view then keys.compare(report, key, wanted, found) end
end

local function compare_enum(report, key, wanted, found)
  if found == nil then
    if not report.incomplete then
      report:add("missing_enum", "error", key, wanted, ("the enum (%s)"):format(table.concat(wanted.labels, ", ")))
    end
    return
  end
  if found == catalog.UNKNOWN or found.labels == catalog.UNKNOWN then return end
  local there <const> = {}
  for _, label in ipairs(found.labels) do there[label] = true end
  for _, label in ipairs(wanted.labels) do
    if not there[label] then
      report:add("missing_label", "error", key, wanted, ("the value '%s'"):format(label), nil, label)
    end
    there[label] = nil
  end
  for _, label in ipairs(found.labels) do
    if there[label] then
      report:add("extra_label", "note", key, wanted, nil, ("the value '%s'"):format(label))
    end
  end
end

-- What an expected catalog says nothing about is only extra in the schemas that it is about.
local function compare_extra(report, expected, actual)
  local schemas <const> = {}
  for _, entries in ipairs { expected.tables, expected.enums } do
    for _, entry in pairs(entries) do schemas[entry.schema] = true end
  end
  for _, key in sorted(actual.tables) do
    local found <const> = actual.tables[key]
    if not expected.tables[key] and found ~= catalog.UNKNOWN and not found.view and schemas[found.schema] then
      report:add("extra_table", "note", key, nil, nil, "the table")
    end
  end
  for _, key in sorted(actual.enums) do
    local found <const> = actual.enums[key]
    if not expected.enums[key] and found ~= catalog.UNKNOWN and schemas[found.schema] then
      report:add("extra_enum", "note", key, nil, nil, "the enum")
    end
  end
end

--- The order of columns and of an enum's values, views' columns, and indexes that Prisma does not see (partial ones, and
--- those on expressions) are no differences.
---@param expected dixis.Catalog  of a schema file
---@param actual dixis.Catalog
---@param options? { origin?: fun(object: string, difference: dixis.prisma.Difference): string? }
---@return dixis.prisma.Difference[]  in the order of the schema file, what is extra last
function compare.catalogs(expected, actual, options)
  local report <const> = setmetatable({ origin = options and options.origin, incomplete = actual.unknown }, Report)
  for _, key in sorted(expected.enums) do compare_enum(report, key, expected.enums[key], actual.enums[key]) end
  for _, key in sorted(expected.tables) do compare_table(report, key, expected.tables[key], actual.tables[key]) end
  compare_extra(report, expected, actual)
  local differences <const> = {}
  for i, difference in ipairs(report) do
    differences[i], difference.place = difference, i
  end
  table.sort(differences, function(a, b)
    if (a.file or "\xff") ~= (b.file or "\xff") then return (a.file or "\xff") < (b.file or "\xff") end
    if (a.line or 0) ~= (b.line or 0) then return (a.line or 0) < (b.line or 0) end
    return a.place < b.place
  end)
  for _, difference in ipairs(differences) do difference.place = nil end
  return differences
end

return compare
