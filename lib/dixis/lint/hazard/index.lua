-- Indexes: built, dropped and built anew with and without CONCURRENTLY.

local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local quote <const> = subject.quote
local ALONE <const> = "dixis runs a migration with such a statement one by one, without a transaction around them: when a "
  .. "later one fails, the earlier ones stay. Prisma before 7.4 sends a file as one transaction, where it fails."

local function alone(context, what)
  if #context.script == 1 then return end
  say.report(context, "concurrently-with-others", { message = what .. " shares its migration with other statements. " .. ALONE,
    fix = "give it a migration of its own" })
end

-- CREATE INDEX, with what is in the statement after its name.
local function concurrent_statement(context, body, on)
  local text <const> = context.text:sub(context.statement.first, context.statement.last)
  local rest <const> = text:match "[Oo][Nn]%s+(.*)$"
  return ("CREATE %sINDEX CONCURRENTLY %sON %s;"):format(body.unique and "UNIQUE " or "",
    body.idxname and quote(body.idxname) .. " " or "", rest or on.sql .. " (...)")
end

local function partitioned(on)
  return on.relation ~= nil and on.relation.kind == "partitioned"
end

local function of_partitions(body, on)
  local name <const> = quote(body.idxname or on.name .. "_idx")
  return "build it on each partition CONCURRENTLY, each alone in its migration, and attach those to an index of the parent", {
    ("CREATE INDEX %s ON ONLY %s (...);"):format(name, on.sql),
    ("CREATE INDEX CONCURRENTLY ... ON <partition> (...);  -- for each of them"):format(),
    ("ALTER INDEX %s ATTACH PARTITION ...;  -- for each of them"):format(name),
  }
end

-- Rows can only be equal in columns that had values before the migration.
local function may_have_equals(context, on, body)
  for _, parameter in ipairs(body.indexParams) do
    local name <const> = parameter.IndexElem.name
    if name and on:has_new_column(context, name) and not on.relation.columns[name].default then return false end
  end
  return true
end

local function create_concurrently(context, body, on)
  alone(context, "CREATE INDEX CONCURRENTLY")
  if body.if_not_exists then
    say.report(context, "concurrently-hides-invalid", { object = on and on.key,
      message = ("a build that failed leaves an INVALID index %s; run again, IF NOT EXISTS sees the name and is content: "
        .. "an index that slows down each write and is never used."):format(body.idxname and quote(body.idxname) or ""),
      fix = "leave IF NOT EXISTS out: dixis looks at the index before it runs the statement again, and drops an invalid one",
      sql = on and concurrent_statement(context, body, on) })
  end
  if on and partitioned(on) and body.relation.inh then
    local fix <const>, steps <const> = of_partitions(body, on)
    say.report(context, "concurrently-fails", { object = on.key, at = body.relation.location, fix = fix, sql = steps,
      message = ("PostgreSQL cannot create an index on a partitioned table CONCURRENTLY (%s)."):format(on.sql) })
  end
end

local function create(_, body, context)
  local on <const> = subject.of(context, body.relation)
  if context:wants "wide-index" and not body.unique and #body.indexParams > 3 then
    say.report(context, "wide-index", { object = on and on.key, at = body.relation.location,
      message = ("a non-unique index with %d columns rarely pays: it is large, and each write has to keep it")
        :format(#body.indexParams),
      fix = "begin with the columns that narrow the rows down most, and leave the others out" })
  end
  if on and body.unique and may_have_equals(context, on, body) then
    say.report(context, "unique-data", { object = on.key, at = body.relation.location,
      message = ("the unique index fails when rows of %s have equal values%s."):format(on.sql,
        body.concurrent and ", and leaves an INVALID index behind" or ""),
      fix = "look for them before", sql = context:duplicates_query(on, body) })
  end
  if body.concurrent then return create_concurrently(context, body, on) end
  if not on then return end
  if partitioned(on) and not body.relation.inh then return context:locked(on, "SHARE") end
  local fix, steps
  if partitioned(on) then
    fix, steps = of_partitions(body, on)
  else
    fix = "build it CONCURRENTLY, alone in its migration"
    steps = concurrent_statement(context, body, on)
  end
  say.hazard(context, "index-blocks-writes", { what = "CREATE INDEX " .. (body.idxname and quote(body.idxname) or ""),
    on = on, lock = "SHARE", long = "index", at = body.relation.location, fix = fix, sql = steps })
  context:locked(on, "SHARE", "index")
end

local function drop(_, body, context)
  if body.removeType ~= "OBJECT_INDEX" then return end
  if body.concurrent then
    if #body.objects > 1 or body.behavior == "DROP_CASCADE" then
      say.report(context, "concurrently-fails", { message = "DROP INDEX CONCURRENTLY takes one index, and no CASCADE.",
        fix = "one statement for each index, each alone in its migration" })
    end
    local schema <const>, name <const> = node.name(body.objects[1].List.items)
    local found <const> = context.model:relation(schema, name)
    if found and found.table and found.table.kind == "partitioned" then
      say.report(context, "concurrently-fails", { object = found.schema .. "." .. found.name, at = context:find(name),
        message = ("PostgreSQL cannot drop an index of a partitioned table CONCURRENTLY (%s)."):format(quote(name)),
        fix = "drop it without, when there are no long statements" })
    end
    return alone(context, "DROP INDEX CONCURRENTLY")
  end
  for _, object in ipairs(body.objects) do
    local schema <const>, name <const> = node.name(object.List.items)
    local found <const> = context.model:relation(schema, name)
    local on <const> = found and not context:fresh_object(found) and subject.of_relation(context, found.table)
    if on then
      say.hazard(context, "drop-index-blocks", { what = "DROP INDEX " .. quote(name), on = on, part = name,
        lock = "ACCESS EXCLUSIVE", at = context:find(name),
        why = found.unique and "Nothing keeps the values different afterwards."
          or "Statements that used it become slow at once.",
        fix = "drop it CONCURRENTLY, alone in its migration",
        sql = ("DROP INDEX CONCURRENTLY %s;"):format(subject.sql_name(found.schema, found.name)) })
      context:locked(on, "ACCESS EXCLUSIVE")
    end
  end
end

local words <const> = { REINDEX_OBJECT_INDEX = "INDEX", REINDEX_OBJECT_TABLE = "TABLE", REINDEX_OBJECT_SCHEMA = "SCHEMA",
  REINDEX_OBJECT_DATABASE = "DATABASE", REINDEX_OBJECT_SYSTEM = "SYSTEM" }

local function reindex(_, body, context)
  local word <const> = words[body.kind]
  if node.option(body.params, "concurrently") then return alone(context, ("REINDEX %s CONCURRENTLY"):format(word)) end
  local relation <const> = body.relation
  local on
  if word == "INDEX" then
    local found <const> = context.model:relation(relation.schemaname, relation.relname)
    on = found and subject.of_relation(context, found.table)
  elseif relation then
    on = subject.of(context, relation)
  else
    say.report(context, "reindex-blocks", { message = ("REINDEX %s builds every index anew; each table has SHARE "
      .. "meanwhile, which blocks all writes, and each index ACCESS EXCLUSIVE, which blocks the statements that use it.")
      :format(word), fix = ("REINDEX %s CONCURRENTLY, alone in its migration (PostgreSQL 12)"):format(word) })
    return
  end
  if not on then return end
  say.hazard(context, "reindex-blocks", { what = "REINDEX " .. word, on = on, lock = "SHARE", long = "index",
    at = relation.location,
    why = "The index itself is locked with ACCESS EXCLUSIVE: reading statements that would use it wait too.",
    fix = "REINDEX CONCURRENTLY, alone in its migration (PostgreSQL 12)",
    sql = ("REINDEX %s CONCURRENTLY %s;"):format(word, subject.sql_name(relation.schemaname or "public", relation.relname)) })
  context:locked(on, "SHARE", "index")
end

local function cluster(_, body, context)
  local on <const> = subject.of(context, body.relation)
  if body.relation and not on then return end
  if not on then
    say.report(context, "table-rewrite", { message = "CLUSTER writes every clustered table anew, each under ACCESS "
      .. "EXCLUSIVE, which blocks all reads and writes.", fix = "use pg_repack, table by table" })
    return
  end
  say.hazard(context, "table-rewrite", { what = "CLUSTER", on = on, lock = "ACCESS EXCLUSIVE", long = "rewrite",
    at = body.relation.location,
    fix = "use pg_repack --order-by, which copies the rows while others go on and locks for a moment at the end" })
  context:locked(on, "ACCESS EXCLUSIVE", "rewrite")
end

local function vacuum(_, body, context)
  if not body.is_vacuumcmd or not node.option(body.options, "full") then return end
  local fix <const> = "let autovacuum do its work; where the space must go back to the disk, use pg_repack"
  if not body.rels then
    say.report(context, "table-rewrite", { message = "VACUUM FULL writes every table anew, each under ACCESS EXCLUSIVE, "
      .. "which blocks all reads and writes.", fix = fix })
  end
  for _, entry in ipairs(body.rels or {}) do
    local relation <const> = entry.VacuumRelation.relation
    local on <const> = subject.of(context, relation)
    if on then
      say.hazard(context, "table-rewrite", { what = "VACUUM FULL", on = on, lock = "ACCESS EXCLUSIVE", long = "rewrite",
        at = relation.location, fix = fix })
    end
  end
end

-- An index that shows which row is which: unique, over columns, of all rows.
local function tells_rows_apart(index)
  return index.unique and not index.where and not index.expressions
end

-- Nothing that it may have is unknown.
local function lacks_unique_index(context, relation)
  if not relation or relation.kind ~= "matview" or not context.model:certain(relation) then return false end
  for index in pairs(relation.indexes) do
    if tells_rows_apart(index) then return false end
  end
  return true
end

local function refresh(_, body, context)
  local on <const> = subject.of(context, body.relation)
  if body.concurrent then
    if on then context:locked(on, "EXCLUSIVE") end
    local relation <const> = context.model:relation(body.relation.schemaname, body.relation.relname)
    if lacks_unique_index(context, relation) then
      local name <const> = subject.sql_name(relation.schema, relation.name)
      say.report(context, "concurrently-fails", { object = relation.schema .. "." .. relation.name,
        at = body.relation.location,
        message = ("%s cannot be refreshed CONCURRENTLY: it has no unique index over columns, without WHERE."):format(name),
        fix = "make one before", sql = ("CREATE UNIQUE INDEX ON %s (...);"):format(name) })
    end
    return
  end
  if not on then return end
  say.hazard(context, "refresh-blocks", { what = "REFRESH MATERIALIZED VIEW", on = on, lock = "ACCESS EXCLUSIVE",
    long = "rewrite", at = body.relation.location,
    fix = "refresh it CONCURRENTLY, which needs a unique index on it without WHERE",
    sql = ("REFRESH MATERIALIZED VIEW CONCURRENTLY %s;"):format(on.sql) })
  context:locked(on, "ACCESS EXCLUSIVE", "rewrite")
end

return { IndexStmt = create, DropStmt = drop, ReindexStmt = reindex, ClusterStmt = cluster, VacuumStmt = vacuum,
  RefreshMatViewStmt = refresh }
