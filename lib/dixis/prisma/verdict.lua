-- A schema file held against a database: what is red, what is only worth knowing, and how it is shown.

local compare = require "dixis.prisma.compare"
local expect = require "dixis.prisma.expect"
local observe = require "dixis.prisma.observe"
local words = require "dixis.words"

local verdict = {}

---@class dixis.prisma.Verdict
---@field tables integer     that the schema file has
---@field red dixis.prisma.Difference[]
---@field shown dixis.prisma.Difference[]  the others

local function schemas_of(schema, default_schema)
  local seen <const>, found <const> = {}, {}
  for _, list in ipairs { schema.all, schema.enums } do
    for _, entry in ipairs(list) do seen[entry.schema or default_schema] = true end
  end
  seen[default_schema] = true
  for name in pairs(seen) do found[#found + 1] = name end
  table.sort(found)
  return found
end

--- Compares a schema with a database.
---@async
---@param schema dixis.prisma.Schema
---@param conn host.pg.Connection
---@param default_schema string  for what has no @@schema
---@param options? { strict?: boolean, origin?: fun(object: string): string? }  strict: every difference is red
---@return dixis.prisma.Verdict? verdict
---@return dixis.Error? err
function verdict.of(schema, conn, default_schema, options)
  options = options or {}
  local actual, err = observe.catalog(conn, schemas_of(schema, default_schema))
  if not actual then return nil, err end
  local found <const> = { tables = #schema.models, red = {}, shown = {} }
  for _, difference in ipairs(compare.catalogs(expect.catalog(schema, default_schema), actual, options)) do
    local list <const> = (options.strict or difference.severity == "error") and found.red or found.shown
    list[#list + 1] = difference
  end
  return found
end

--- Differences for people, the first so many: where, what the schema file says, what the database has.
---@param differences dixis.prisma.Difference[]
---@param limit integer
---@return string[] lines
function verdict.lines(differences, limit)
  local lines <const> = {}
  for i, difference in ipairs(differences) do
    if i > limit then
      lines[i] = ("and %s"):format(words.count(#differences - limit, "more difference"))
      break
    end
    lines[i] = (difference.file and ("%s:%d: "):format(difference.file, difference.line or 1) or "") .. difference.message
      .. (difference.migration and ("; made in %s"):format(difference.migration) or "")
  end
  return lines
end

return verdict
