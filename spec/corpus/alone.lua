-- Statements that cannot be in a transaction: alone, mixed, twice, and where they may not be.
return {
  { "CREATE INDEX CONCURRENTLY", "applied", "CREATE INDEX CONCURRENTLY i ON t (note);", "valid('i')" },
  { "CREATE INDEX CONCURRENTLY among comments", "applied",
    "-- x\n/* y */ CREATE INDEX\n-- z\nCONCURRENTLY i ON t (note) -- w", "valid('i')" },
  { "CREATE INDEX CONCURRENTLY twice", "applied",
    "CREATE INDEX CONCURRENTLY i ON t (note); CREATE INDEX CONCURRENTLY j ON t (id);", "i j" },
  { "CREATE INDEX CONCURRENTLY twice the same", "failed",
    "CREATE INDEX CONCURRENTLY i ON t (note); CREATE INDEX CONCURRENTLY i ON t (note);", "valid('i')", steps = 1 },
  { "CREATE INDEX CONCURRENTLY IF NOT EXISTS", "applied",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS t_note ON t (note);", "valid('t_note')" },
  { "CREATE INDEX CONCURRENTLY between others", "applied",
    "ALTER TABLE t ADD z int; CREATE INDEX CONCURRENTLY i ON t (z); INSERT INTO t VALUES (10, 'x', 1);",
    "valid('i') AND (SELECT count(*) = 4 FROM t)" },
  { "CREATE INDEX CONCURRENTLY, then a failure", "failed",
    "CREATE INDEX CONCURRENTLY i ON t (note); SELECT nowhere; CREATE TABLE a (x int);",
    "valid('i') AND to_regclass('a') IS NULL", steps = 1 },
  { "a failure, then CREATE INDEX CONCURRENTLY", "failed",
    "SELECT nowhere; CREATE INDEX CONCURRENTLY i ON t (note);", "to_regclass('i') IS NULL", steps = 0 },
  { "CREATE INDEX CONCURRENTLY without a name", "applied", "CREATE INDEX CONCURRENTLY ON t (note, id);",
    "valid('t_note_id_idx')" },
  { "CREATE INDEX CONCURRENTLY in BEGIN", "refused", "BEGIN; CREATE INDEX CONCURRENTLY i ON t (note); COMMIT;" },
  { "COMMIT before CREATE INDEX CONCURRENTLY", "refused", "COMMIT; CREATE INDEX CONCURRENTLY i ON t (note);" },
  { "CREATE INDEX CONCURRENTLY and a savepoint", "refused", "SAVEPOINT s; CREATE INDEX CONCURRENTLY i ON t (note);" },
  { "CREATE INDEX CONCURRENTLY and SET ROLE", "refused", "SET ROLE corpus; CREATE INDEX CONCURRENTLY i ON t (note);" },
  { "CREATE INDEX CONCURRENTLY and RESET ROLE", "applied", "RESET ROLE; CREATE INDEX CONCURRENTLY i ON t (note);",
    "valid('i')" },
  { "CREATE INDEX CONCURRENTLY and set_config of the role", "failed", [[
SELECT set_config('role', 'corpus', false); CREATE INDEX CONCURRENTLY i ON t (note);]], nil, steps = 0 },
  { "CREATE INDEX CONCURRENTLY after SET search_path", "applied", [[
SET search_path = elsewhere; CREATE TABLE a (x int); CREATE INDEX CONCURRENTLY i ON a (x); SET search_path = public;]],
    "valid('elsewhere.i')" },
  { "CREATE INDEX CONCURRENTLY after an operator that lies", "applied", [[
CREATE FUNCTION elsewhere.yes(varchar, text) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION elsewhere.yes(varchar, varchar) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR elsewhere.= (LEFTARG = varchar, RIGHTARG = text, FUNCTION = elsewhere.yes);
CREATE OPERATOR elsewhere.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = elsewhere.yes);
SET search_path = elsewhere, public, pg_catalog;
CREATE INDEX CONCURRENTLY i ON t (note);]], "valid('i')" },
  { "CREATE INDEX CONCURRENTLY after types that lie", "applied", [[
CREATE DOMAIN elsewhere.int4 AS text CHECK (false);
CREATE DOMAIN elsewhere.int AS text CHECK (false);
CREATE DOMAIN elsewhere.text AS pg_catalog.text CHECK (false);
CREATE FUNCTION elsewhere.to_regclass(pg_catalog.text) RETURNS regclass LANGUAGE sql AS 'SELECT NULL::regclass';
SET search_path = elsewhere, public, pg_catalog;
CREATE INDEX CONCURRENTLY i ON t (note);]], "valid('i')" },
  { "CREATE INDEX CONCURRENTLY with a temporary ledger", "applied", [[
CREATE TEMP TABLE _prisma_migrations (LIKE public._prisma_migrations);
CREATE INDEX CONCURRENTLY i ON t (note);]], "valid('i')" },
  { "CREATE INDEX CONCURRENTLY on a temporary table", "applied",
    "CREATE TEMP TABLE x (a int); CREATE INDEX CONCURRENTLY i ON x (a);" },
  { "CREATE UNIQUE INDEX CONCURRENTLY on what is not unique", "failed", [[
INSERT INTO t VALUES (10, 'a'); CREATE UNIQUE INDEX CONCURRENTLY i ON t (note);]],
    "NOT valid('i') AND (SELECT count(*) = 4 FROM t)", steps = 1 },
  { "CREATE INDEX CONCURRENTLY on a view", "failed",
    "CREATE VIEW w AS SELECT 1 AS x; CREATE INDEX CONCURRENTLY i ON w (x);", "w", steps = 1 },
  { "CREATE INDEX CONCURRENTLY on a partitioned table", "failed", "CREATE INDEX CONCURRENTLY i ON part (x);", nil,
    steps = 0 },
  { "CREATE INDEX CONCURRENTLY under a statement_timeout", "failed", [[
SET statement_timeout = '1ms'; CREATE INDEX CONCURRENTLY i ON t ((pg_sleep(0.1)::text IS NULL));]], nil, steps = 1 },
  { "DROP INDEX CONCURRENTLY", "applied", "DROP INDEX CONCURRENTLY t_note;", "to_regclass('t_note') IS NULL" },
  { "DROP INDEX CONCURRENTLY IF EXISTS of nothing", "applied", "DROP INDEX CONCURRENTLY IF EXISTS nowhere;" },
  { "DROP INDEX CONCURRENTLY of nothing", "failed", "CREATE TABLE a (x int); DROP INDEX CONCURRENTLY nowhere;", "a",
    steps = 1 },
  { "DROP INDEX CONCURRENTLY of two", "failed", "CREATE INDEX i ON t (note, id); DROP INDEX CONCURRENTLY t_note, i;",
    "i t_note", steps = 1 },
  { "DROP and CREATE INDEX CONCURRENTLY of one name", "applied",
    "DROP INDEX CONCURRENTLY t_note; CREATE INDEX CONCURRENTLY t_note ON t (note, id);", "valid('t_note')" },
  { "REINDEX CONCURRENTLY", "applied", "REINDEX TABLE CONCURRENTLY t;", "valid('t_note')" },
  { "REINDEX of the whole database", "applied", "REINDEX (CONCURRENTLY) SCHEMA public; CREATE TABLE a (x int);", "a" },
  -- Only the catalog knows that these cannot be in a transaction.
  { "REINDEX of a partitioned index", "failed", "CREATE INDEX i ON part (x); REINDEX INDEX i;" },
  { "CLUSTER of a partitioned table", "failed", "CREATE INDEX i ON part (x); CLUSTER part USING i;" },
  { "REINDEX", "applied", "REINDEX TABLE t; CREATE TABLE a (x int);", "a" },
  { "CLUSTER", "applied", "CLUSTER t USING t_note; CLUSTER; CREATE TABLE a (x int);", "a" },
  { "VACUUM", "applied", "VACUUM;" },
  { "VACUUM between others", "applied", "CREATE TABLE a (x int); VACUUM (ANALYZE) a; CREATE TABLE b (x int);", "b" },
  { "VACUUM FULL of the ledger", "applied", "VACUUM FULL public._prisma_migrations;" },
  { "ANALYZE", "applied", "ANALYZE; CREATE TABLE a (x int);", "a" },
  { "CHECKPOINT", "applied", "CHECKPOINT; CREATE TABLE a (x int);", "a" },
  { "CREATE DATABASE", "applied", "CREATE TABLE a (x int); CREATE DATABASE corpus_made;",
    "to_regclass('a') IS NOT NULL AND EXISTS (SELECT FROM pg_database WHERE datname = 'corpus_made')" },
  { "DROP DATABASE of its own", "failed",
    "DO $$ BEGIN EXECUTE 'COMMENT ON DATABASE ' || current_database() || ' IS ''x'''; END $$; "
      .. "DROP DATABASE IF EXISTS template1;",
    nil, steps = 1 },
  { "ALTER SYSTEM", "applied",
    "ALTER SYSTEM SET log_min_duration_statement = '1h'; ALTER SYSTEM RESET log_min_duration_statement;" },
  { "CREATE TABLESPACE where it cannot be", "failed", "CREATE TABLESPACE corpus LOCATION '/nowhere/at/all';", nil,
    steps = 0 },
  { "ALTER DATABASE SET", "applied",
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = elsewhere', current_database()); END $$; "
      .. "CREATE TABLE a (x int);",
    "public.a" },
  { "ALTER TYPE ADD VALUE", "applied", "ALTER TYPE mood ADD VALUE 'fine';", "'fine'::mood IS NOT NULL" },
  { "ALTER TYPE ADD VALUE, used at once", "failed",
    "ALTER TYPE mood ADD VALUE 'fine'; CREATE TABLE a (m mood DEFAULT 'fine'::mood); INSERT INTO a DEFAULT VALUES;" },
  { "ALTER TYPE ADD VALUE in a DO body", "failed",
    "DO $$ BEGIN ALTER TYPE mood ADD VALUE 'fine'; PERFORM 'fine'::mood; END $$;" },
  { "ALTER TYPE ADD VALUE beside CREATE INDEX CONCURRENTLY", "applied", [[
ALTER TYPE mood ADD VALUE 'fine'; CREATE TABLE a (m mood DEFAULT 'fine'); CREATE INDEX CONCURRENTLY i ON a (m);]],
    "valid('i')" },
  { "REFRESH MATERIALIZED VIEW CONCURRENTLY", "applied",
    "INSERT INTO t VALUES (10, 'x'); REFRESH MATERIALIZED VIEW CONCURRENTLY mv;", "(SELECT count(*) = 4 FROM mv)" },
  { "DETACH PARTITION CONCURRENTLY", "applied",
    "ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY; CREATE TABLE a (x int);",
    "NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = 'part_1'::regclass) AND to_regclass('a') IS NOT NULL" },
  { "a temporary table beside VACUUM", "applied",
    "CREATE TEMP TABLE x (a int); VACUUM t; INSERT INTO x VALUES (1); CREATE TABLE a AS SELECT * FROM x;",
    "(SELECT count(*) = 1 FROM a)" },
  { "SET LOCAL beside VACUUM", "applied",
    "SET LOCAL search_path = elsewhere; VACUUM public.t; CREATE TABLE a (x int);", "public.a" },
  { "DISCARD ALL", "applied", "CREATE TABLE a (x int); DISCARD ALL; CREATE TABLE b (x int);", "b" },
  { "DISCARD TEMP and PLANS", "applied",
    "CREATE TEMP TABLE x (a int); DISCARD TEMP; DISCARD PLANS; DISCARD SEQUENCES; CREATE TABLE a (x int);", "a" },
  { "LOCK TABLE beside VACUUM", "applied", "LOCK TABLE t; VACUUM t; CREATE TABLE a (x int);", "a" },
}
