-- Since which major version PostgreSQL knows what a statement says. Sources: the release notes of each version,
-- appendix E of its documentation (https://www.postgresql.org/docs/release/). Versions before 10 are not told apart.

local node = require "dixis.lint.node"

local features = {}

---@class dixis.lint.Feature
---@field since integer
---@field name string
---@field has fun(tree: string, body: table): boolean
---@field instead? string

local function always() return true end

local function piece(text)
  return function(tree) return tree:find(text, 1, true) ~= nil end
end

local function option(list, name)
  return function(_, body) return node.option(body[list], name) ~= nil end
end

local function subtype(name)
  return piece(('"subtype":"%s"'):format(name))
end

---@type table<string, dixis.lint.Feature[]>
features.of = {
  MergeStmt = { { since = 15, name = "MERGE", has = always, instead = "INSERT ... ON CONFLICT, or UPDATE and INSERT" } },
  IndexStmt = {
    { since = 11, name = "CREATE INDEX ... INCLUDE", has = piece '"indexIncludingParams"' },
    { since = 15, name = "NULLS NOT DISTINCT", has = piece '"nulls_not_distinct":true',
      instead = "a second unique index for the rows with NULL (WHERE ... IS NULL)" },
  },
  ReindexStmt = { { since = 12, name = "REINDEX CONCURRENTLY", has = option("params", "concurrently"),
    instead = "build a new index CONCURRENTLY and drop the old one" } },
  CreateStmt = {
    { since = 10, name = "PARTITION BY", has = piece '"partspec"' },
    { since = 10, name = "GENERATED ... AS IDENTITY", has = piece '"CONSTR_IDENTITY"' },
    { since = 11, name = "PARTITION BY HASH", has = piece '"partspec":{"strategy":"hash"' },
    { since = 11, name = "a DEFAULT partition", has = piece '"is_default":true' },
    { since = 12, name = "GENERATED ... STORED", has = piece '"CONSTR_GENERATED"' },
    { since = 14, name = "COMPRESSION", has = piece '"compression":"' },
    { since = 15, name = "NULLS NOT DISTINCT", has = piece '"nulls_not_distinct":true' },
    { since = 15, name = "ON DELETE SET NULL (columns)", has = piece '"fk_del_set_cols"' },
  },
  AlterTableStmt = {
    { since = 10, name = "GENERATED ... AS IDENTITY", has = piece '"CONSTR_IDENTITY"' },
    { since = 10, name = "ATTACH PARTITION", has = subtype "AT_AttachPartition" },
    { since = 12, name = "GENERATED ... STORED", has = piece '"CONSTR_GENERATED"' },
    { since = 13, name = "DROP EXPRESSION", has = subtype "AT_DropExpression" },
    { since = 14, name = "DETACH PARTITION CONCURRENTLY", has = piece '"concurrent":true' },
    { since = 14, name = "SET COMPRESSION", has = subtype "AT_SetCompression" },
    { since = 14, name = "COMPRESSION", has = piece '"compression":"' },
    { since = 15, name = "NULLS NOT DISTINCT", has = piece '"nulls_not_distinct":true' },
    { since = 15, name = "SET ACCESS METHOD", has = subtype "AT_SetAccessMethod" },
    { since = 15, name = "ON DELETE SET NULL (columns)", has = piece '"fk_del_set_cols"' },
  },
  CreateFunctionStmt = {
    { since = 11, name = "CREATE PROCEDURE", has = piece '"is_procedure":true', instead = "a function" },
    { since = 14, name = "a function body in SQL without quotes", has = piece '"sql_body"',
      instead = "a body in quotes: AS $$ ... $$" },
  },
  CallStmt = { { since = 11, name = "CALL", has = always } },
  CreateTrigStmt = { { since = 14, name = "CREATE OR REPLACE TRIGGER", has = piece '"replace":true',
    instead = "DROP TRIGGER IF EXISTS, then CREATE TRIGGER" } },
  ViewStmt = { { since = 15, name = "security_invoker of a view", has = option("options", "security_invoker") } },
  CreateStatsStmt = {
    { since = 10, name = "CREATE STATISTICS", has = always },
    { since = 14, name = "CREATE STATISTICS on expressions", has = piece '"StatsElem":{"expr"' },
  },
  CreatePublicationStmt = {
    { since = 10, name = "CREATE PUBLICATION", has = always },
    { since = 15, name = "a publication of a schema's tables, of some columns or rows",
      has = function(tree) return tree:find "PUBLICATIONOBJ_TABLES_IN" ~= nil or tree:find '"whereClause"' ~= nil
        or tree:find('"columns":[', 1, true) ~= nil end },
  },
  CreateSubscriptionStmt = { { since = 10, name = "CREATE SUBSCRIPTION", has = always } },
  DropdbStmt = { { since = 13, name = "DROP DATABASE ... WITH (FORCE)", has = option("options", "force") } },
  AlterEnumStmt = {
    { since = 10, name = "RENAME VALUE", has = piece '"oldVal"' },
    { since = 12, name = "ALTER TYPE ... ADD VALUE in a transaction", has = function(_, body) return body.oldVal == nil end,
      instead = "make a new type and change the columns to it" },
  },
  VacuumStmt = { { since = 13, name = "VACUUM (PARALLEL)", has = option("options", "parallel") } },
  CopyStmt = { { since = 12, name = "COPY ... WHERE", has = piece '"whereClause"' } },
  SelectStmt = {
    { since = 13, name = "FETCH FIRST ... WITH TIES", has = piece '"LIMIT_OPTION_WITH_TIES"' },
    { since = 14, name = "GROUP BY DISTINCT", has = piece '"groupDistinct":true' },
    { since = 14, name = "SEARCH and CYCLE of WITH RECURSIVE", has = function(tree)
      return tree:find('"search_clause"', 1, true) ~= nil or tree:find('"cycle_clause"', 1, true) ~= nil end },
  },
  DefineStmt = {
    { since = 12, name = "a collation that is not deterministic", has = piece '"defname":"deterministic"' },
  },
  AlterTypeStmt = { { since = 13, name = "ALTER TYPE ... SET", has = always } },
  CreateRangeStmt = { { since = 14, name = "the name of a multirange type", has = piece '"defname":"multirange_type_name"' } },
}

---@type { since: integer, name: string, piece: string, extension?: string }[]
features.functions = {}
local function call(since, name, extension)
  table.insert(features.functions, { since = since, name = name, extension = extension,
    piece = ('{"String":{"sval":"%s"}}]'):format(name) })
end
call(13, "gen_random_uuid", "pgcrypto")
call(14, "date_bin")
call(14, "string_to_table")
call(14, "unistr")
call(15, "regexp_count")
call(15, "regexp_substr")
call(15, "regexp_instr")
call(15, "regexp_like")
call(16, "array_shuffle")
call(16, "array_sample")
call(16, "any_value")
call(16, "random_normal")
call(17, "to_bin")
call(17, "to_oct")
call(17, "uuid_extract_timestamp")
call(18, "uuidv7")
call(18, "uuidv4")
call(18, "array_sort")
call(18, "array_reverse")
call(18, "casefold")
call(18, "crc32c")

return features
