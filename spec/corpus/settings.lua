-- Settings, roles and names that would send the bookkeeping, or the next migration, elsewhere.
local function elsewhere(set) return set .. "; CREATE TABLE a (x int);", "elsewhere.a" end

local cases = {
  { "SET search_path", "applied", elsewhere "SET search_path = elsewhere" },
  { "SET SCHEMA", "applied", elsewhere "SET SCHEMA 'elsewhere'" },
  { "SET LOCAL search_path", "applied", elsewhere "SET LOCAL search_path = elsewhere" },
  { "set_config", "applied", elsewhere "SELECT set_config('search_path', 'elsewhere', false)" },
  { "set_config as pg_dump writes it", "applied",
    "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE elsewhere.a (x int);",
    "elsewhere.a" },
  { "set_config by another name", "applied",
    elsewhere [[SELECT U&"set\005Fconfig"('search_path', 'elsewhere', false)]] },
  { "set_config from pieces", "applied",
    elsewhere "DO $$ BEGIN EXECUTE 'SELECT set' || '_config(''search_path'', ''elsewhere'', false)'; END $$" },
  { "a setting by an update of pg_settings", "applied",
    elsewhere "UPDATE pg_settings SET setting = 'elsewhere' WHERE name = 'search_path'" },
  { "a setting in a function of INSERT", "applied", elsewhere "INSERT INTO u SELECT moves()" },
  { "a setting in a function of CREATE TABLE AS", "applied", elsewhere "CREATE TABLE elsewhere.b AS SELECT moves()" },
  { "a setting in a default", "applied", elsewhere "INSERT INTO defaulted DEFAULT VALUES" },
  { "a setting in a trigger", "applied", elsewhere "INSERT INTO audited VALUES (1)" },
  { "a setting in a trigger of COPY FROM PROGRAM", "applied", elsewhere "COPY audited FROM PROGRAM 'echo 1'" },
  { "a setting in ALTER TABLE ADD COLUMN", "applied", elsewhere "ALTER TABLE t ADD COLUMN z int DEFAULT moves()" },
  { "a setting in a view", "applied",
    elsewhere "CREATE VIEW elsewhere.w AS SELECT moves(); CREATE TABLE elsewhere.b AS TABLE elsewhere.w" },
  { "a setting in EXPLAIN ANALYZE", "applied", elsewhere "EXPLAIN ANALYZE SELECT moves()" },
  { "a setting in an event trigger", "applied", [[
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.moves(); END $$;
CREATE EVENT TRIGGER e ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION on_ddl();
COMMENT ON TABLE t IS 'x';
CREATE TABLE a (x int);]], "elsewhere.a" },
  { "a setting in a refreshed view", "applied", [[
CREATE MATERIALIZED VIEW elsewhere.m AS SELECT moves() WITH NO DATA;
REFRESH MATERIALIZED VIEW elsewhere.m;]], "elsewhere.m" },
  { "a setting in MERGE", "applied",
    elsewhere "MERGE INTO u USING (SELECT moves() AS a) s ON u.a = s.a WHEN NOT MATCHED THEN INSERT VALUES (1)" },
  { "a setting in a cursor", "applied", elsewhere "DECLARE c CURSOR FOR SELECT moves(); FETCH c" },
  { "a setting in EXECUTE", "applied", elsewhere "PREPARE q AS SELECT moves(); EXECUTE q" },
  { "session_replication_role", "applied", "SET session_replication_role = replica; CREATE TABLE a (x int);", "a" },
  { "session_replication_role in a function", "applied",
    "UPDATE u SET a = configures('session_replication_role', 'replica'); "
      .. "INSERT INTO u SELECT configures('session_replication_role', 'replica');",
    "(SELECT count(*) = 1 FROM u)" },
  { "default_transaction_read_only in a function", "applied",
    "INSERT INTO u SELECT configures('default_transaction_read_only', 'on');", "(SELECT count(*) = 1 FROM u)" },
  { "lock_timeout in a function", "applied", "INSERT INTO u SELECT configures('lock_timeout', '0');",
    "(SELECT count(*) = 1 FROM u)" },
  { "check_function_bodies and row_security as pg_dump writes them", "applied", [[
SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on; SET check_function_bodies = false; SET xmloption = content;
SET client_min_messages = warning; SET row_security = off; SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE a (x int);]], "a" },
  { "SET SESSION CHARACTERISTICS", "applied",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE; CREATE TABLE a (x int);",
    "a" },
  { "default_transaction_read_only", "applied", "SET default_transaction_read_only = on; CREATE TABLE a (x int);",
    "a" },
  { "default_transaction_isolation", "applied",
    "SET default_transaction_isolation = 'serializable'; CREATE TABLE a (x int);", "a" },
  { "SET TIME ZONE and DateStyle", "applied",
    "SET TIME ZONE 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; "
      .. "CREATE TABLE a (x int);",
    "to_regclass('a') IS NOT NULL AND (SELECT max(finished_at) < now() + interval '1 minute' AND min(started_at) "
      .. "> now() - interval '1 hour' FROM _prisma_migrations)" },
  { "client_encoding", "applied", "SET client_encoding = 'LATIN1'; CREATE TABLE a (x int);", "a" },
  { "client_encoding before other letters", "applied",
    "SET client_encoding = 'LATIN1'; CREATE TABLE a AS SELECT 'ä' AS x;", "a" },
  { "SET NAMES that the server has not", "failed", "CREATE TABLE a (x int); SET NAMES 'klingon';" },
  { "bytea_output, float digits, null arrays", "applied",
    "SET bytea_output = escape; SET extra_float_digits = -15; SET array_nulls = off; "
      .. "SET transform_null_equals = on; CREATE TABLE a (x int);",
    "a" },
  { "statement_timeout that passes", "failed",
    "SET statement_timeout = '20ms'; CREATE TABLE a (x int); SELECT pg_sleep(2);" },
  { "statement_timeout that does not", "applied", "SET statement_timeout = '60s'; CREATE TABLE a (x int);", "a" },
  { "idle_in_transaction_session_timeout", "applied",
    "SET idle_in_transaction_session_timeout = '2s'; CREATE TABLE a (x int);", "a" },
  { "default_tablespace that is not there", "failed",
    "CREATE TABLE a (x int); SET default_tablespace = 'nowhere'; CREATE TABLE b (x int);" },
  { "row_security", "applied",
    "SET row_security = off; CREATE TABLE a (x int); ALTER TABLE a ENABLE ROW LEVEL SECURITY;", "a" },
  { "RESET ALL", "applied", "RESET ALL; CREATE TABLE a (x int);", "a" },
  { "SET ROLE", "applied", "SET ROLE corpus; CREATE TABLE elsewhere.a (x int);",
    "(SELECT relowner = 'corpus'::regrole FROM pg_class WHERE oid = 'elsewhere.a'::regclass)" },
  { "SET LOCAL ROLE", "applied", "SET LOCAL ROLE corpus; CREATE TABLE elsewhere.a (x int);", "elsewhere.a" },
  { "SET SESSION AUTHORIZATION", "applied", "SET SESSION AUTHORIZATION corpus; CREATE TABLE elsewhere.a (x int);",
    "elsewhere.a" },
  { "SET SESSION AUTHORIZATION and back", "applied",
    "SET SESSION AUTHORIZATION corpus; RESET SESSION AUTHORIZATION; CREATE TABLE a (x int);", "a" },
  { "RESET ROLE", "applied", "SET ROLE corpus; RESET ROLE; CREATE TABLE a (x int);", "a" },
  { "a role by set_config", "applied",
    "SELECT set_config('role', 'corpus', false); CREATE TABLE elsewhere.a (x int);", "elsewhere.a" },
  { "a role in a function of INSERT", "applied", "INSERT INTO u SELECT configures('role', 'corpus');",
    "(SELECT count(*) = 1 FROM u)" },
  { "a role that is not there", "failed", "CREATE TABLE a (x int); SET ROLE nobody_here;" },
  { "functions that lie, in the path", "applied", [[
CREATE FUNCTION elsewhere.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
CREATE FUNCTION elsewhere.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
CREATE FUNCTION elsewhere.pg_current_xact_id() RETURNS text LANGUAGE sql AS $$ SELECT '1' $$;
CREATE FUNCTION elsewhere.to_timestamp(float8) RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
SET search_path = elsewhere, pg_catalog;]],
    "(SELECT min(started_at) > 'epoch' AND max(finished_at) > 'epoch' FROM public._prisma_migrations)" },
  { "types that lie, in the path", "applied", [[
CREATE DOMAIN elsewhere.text AS pg_catalog.text CHECK (false);
CREATE DOMAIN elsewhere.float8 AS pg_catalog.float8 CHECK (false);
CREATE DOMAIN elsewhere.varchar AS pg_catalog.text CHECK (false);
SET search_path = elsewhere, pg_catalog;]],
    "(SELECT min(started_at) > now() - interval '1 hour' FROM public._prisma_migrations)" },
  { "types that lie, temporary", "applied", [[
CREATE TEMP TABLE text (x int);
CREATE TEMP TABLE float8 (x int);
CREATE TEMP TABLE timestamptz (x int);]] },
  { "a cast that lies", "applied", [[
CREATE TYPE elsewhere.odd AS (x int);
CREATE FUNCTION elsewhere.to_odd(xid8) RETURNS elsewhere.odd LANGUAGE sql AS $$ SELECT ROW(1)::elsewhere.odd $$;
CREATE CAST (xid8 AS elsewhere.odd) WITH FUNCTION elsewhere.to_odd(xid8) AS IMPLICIT;
CREATE TABLE a (x int);]], "a" },
  { "catalogs that lie, temporary", "applied", [[
CREATE TEMP TABLE pg_class (LIKE pg_catalog.pg_class);
CREATE TEMP TABLE pg_namespace (LIKE pg_catalog.pg_namespace);
CREATE TABLE a (x int);]], "a" },
  { "a temporary ledger", "applied",
    "CREATE TEMP TABLE _prisma_migrations (LIKE public._prisma_migrations); CREATE TABLE a (x int);", "a" },
  { "a temporary table of the next one's name", "applied",
    "CREATE TEMP TABLE later (x int); CREATE TEMP TABLE state (x int);" },
  { "a temporary table by SELECT INTO", "applied", "SELECT 1 AS x INTO TEMP later;" },
  { "a temporary table by its schema", "applied", "CREATE TABLE pg_temp.later (x int);" },
  { "a temporary view in a DO body", "applied", "DO $$ BEGIN CREATE TEMP VIEW later AS SELECT 1; END $$;" },
  { "a temporary sequence", "applied", "CREATE TEMP SEQUENCE later;" },
  { "a ledger elsewhere", "applied",
    "CREATE TABLE elsewhere._prisma_migrations (LIKE public._prisma_migrations); SET search_path = elsewhere;",
    "(SELECT count(*) = 0 FROM elsewhere._prisma_migrations)" },
}
return cases
