-- What a database looks like, as a plain table. Three sources say it: a Prisma schema (expect.lua), a live database
-- (observe.lua), and the model that lint builds from a migration history.

local sql = require "host.sql"

local catalog = {}

---@class dixis.Catalog.Column
---@field name string
---@field type string         as format_type() says with an empty search_path: "character varying(255)", 'public."Role"'
---@field nullable boolean    NOT NULL is false
---@field default? string     SQL
---@field position? integer   1, 2, 3, ...
---@field unsupported? string  of a schema file: what is in Unsupported("..."); the type is UNKNOWN then
---@field database_default? boolean  of a schema file: only the database can compute the default
---@field identity? boolean
---@field generated? boolean
---@field file? string
---@field line? integer

---@class dixis.Catalog.IndexColumn
---@field name? string        nil for an expression
---@field expression? boolean
---@field order? "ASC"|"DESC"
---@field ops? string         operator class, when it is not the type's own for the method
---@field class? string       operator class in any case, where that is known

---@class dixis.Catalog.Index
---@field name string
---@field columns dixis.Catalog.IndexColumn[]
---@field unique boolean
---@field method string       "btree", "gin", ...
---@field include? string[]   columns that are in it beside its key
---@field where? string       predicate of a partial index
---@field constraint? boolean the index of a UNIQUE constraint
---@field invalid? boolean    left over from a CREATE INDEX CONCURRENTLY that failed
---@field file? string
---@field line? integer

---@class dixis.Catalog.ForeignKey
---@field name string
---@field columns string[]
---@field table string        key of the table that it refers to
---@field ref_columns string[]
---@field on_delete "NO ACTION"|"RESTRICT"|"CASCADE"|"SET NULL"|"SET DEFAULT"
---@field on_update "NO ACTION"|"RESTRICT"|"CASCADE"|"SET NULL"|"SET DEFAULT"
---@field file? string
---@field line? integer

---@class dixis.Catalog.Table
---@field schema string
---@field name string
---@field view? boolean
---@field columns table<string, dixis.Catalog.Column>
---@field column_order string[]
---@field primary_key? { name: string, columns: string[] }
---@field indexes table<string, dixis.Catalog.Index>
---@field foreign_keys table<string, dixis.Catalog.ForeignKey>
---@field join_table? boolean  of an implicit many-to-many relation
---@field file? string
---@field line? integer

---@class dixis.Catalog.Enum
---@field schema string
---@field name string
---@field labels string[]
---@field file? string
---@field line? integer

--- Any field but a name may be catalog.UNKNOWN, and so may a whole table or enum of which only the name is known.
---@class dixis.Catalog
---@field unknown? boolean    there may be more than it says: nothing is known to be missing
---@field tables table<string, dixis.Catalog.Table>   by catalog.key
---@field enums table<string, dixis.Catalog.Enum>     by catalog.key

--- The value of what a source cannot know; it is never a difference.
catalog.UNKNOWN = setmetatable({}, { __tostring = function() return "unknown" end })

---@return dixis.Catalog
function catalog.new()
  return { tables = {}, enums = {} }
end

--- The key of a table or an enum.
---@param schema string
---@param name string
---@return string
function catalog.key(schema, name)
  return schema .. "." .. name
end

--- The name of a type of a user's, as format_type() says it.
---@param schema string
---@param name string
---@return string
function catalog.type_name(schema, name)
  return sql.quote_identifier(schema) .. "." .. sql.quote_identifier(name)
end

-- timestamp(3) without time zone: what it is without its precision, and that.
local function time_of(type)
  local word <const>, rest <const> = type:match "^(time%l*)(.*)$"
  if not word then return nil end
  return word .. rest:gsub("^%(%d%)", ""), rest:match "^%((%d)%)"
end

--- Whether a type is the expected one, as Prisma sees it. A type without a schema is that of any: where an extension's
--- types are is the database's business. A time that is expected without a precision may have any; without one it has 6.
---@param expected string
---@param actual string
---@return boolean
function catalog.same_type(expected, actual)
  if expected == actual or expected == catalog.UNKNOWN or actual == catalog.UNKNOWN then return true end
  local wanted <const>, wanted_precision <const> = time_of(expected)
  local found <const>, found_precision <const> = time_of(actual)
  if wanted and wanted == found then return not wanted_precision or wanted_precision == (found_precision or "6") end
  return expected:match "^[%w_]+%.(.+)$" == actual or actual:match "^[%w_]+%.(.+)$" == expected
end

--- Whether two defaults mean the same, for a column of that type: now() and CURRENT_TIMESTAMP, 'x'::text and 'x',
--- '{a}' and ARRAY['a'], two sequences. As in Prisma, two literal times are the same.
---@param a? string
---@param b? string
---@param type? string
---@return boolean
function catalog.same_default(a, b, type)
  if a == b or a == catalog.UNKNOWN or b == catalog.UNKNOWN then return true end
  if not a or not b then return false end
  return require("dixis.prisma.expression").same(a, b, type)
end

return catalog
