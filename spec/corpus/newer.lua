-- Newer than the parser: sent whole, and the server's word is final. What the server of the specs does not
-- know either must leave nothing behind; `since` says which server knows it.
local function newer(since, name, text)
  return { name, "failed", "CREATE TABLE a (x int);\n" .. text .. ";\nCREATE TABLE b (x int);", since = since }
end
return {
  newer(17, "MERGE ... RETURNING", "MERGE INTO t USING u ON t.id = u.a WHEN MATCHED THEN DELETE RETURNING *"),
  newer(17, "MERGE ... WHEN NOT MATCHED BY SOURCE",
    "MERGE INTO t USING u ON t.id = u.a WHEN NOT MATCHED BY SOURCE THEN DELETE"),
  newer(17, "JSON_TABLE", "CREATE VIEW w AS SELECT * FROM JSON_TABLE('[1]'::jsonb, '$[*]' COLUMNS (x int PATH '$'))"),
  newer(16, "JSON_ARRAY with a query", "SELECT JSON_ARRAY(SELECT 1 RETURNING jsonb)"),
  newer(16, "IS JSON", "SELECT '{}' IS JSON OBJECT"),
  newer(16, "a number with underscores", "SELECT 1_000"),
  newer(16, "a hexadecimal number", "SELECT 0xFF"),
  newer(16, "a subquery without an alias", "SELECT * FROM (SELECT 1)"),
  newer(16, "SYSTEM_USER", "ALTER TABLE a ADD y text DEFAULT SYSTEM_USER"),
  newer(16, "STORAGE in CREATE TABLE", "CREATE TABLE c (x text STORAGE EXTERNAL)"),
  newer(17, "ALTER COLUMN SET EXPRESSION", "ALTER TABLE a ALTER x SET EXPRESSION AS (1)"),
  newer(17, "COPY ... ON_ERROR", "COPY u FROM PROGRAM 'echo 1' (ON_ERROR ignore)"),
  newer(18, "a virtual column", "CREATE TABLE c (x int, y int GENERATED ALWAYS AS (x * 2) VIRTUAL)"),
  newer(18, "a generated column by default virtual", "CREATE TABLE c (x int, y int GENERATED ALWAYS AS (x * 2))"),
  newer(18, "RETURNING OLD and NEW", "UPDATE t SET note = 'x' RETURNING WITH (OLD AS o, NEW AS n) o.note, n.note"),
  newer(18, "NOT ENFORCED", "ALTER TABLE a ADD CHECK (x > 0) NOT ENFORCED"),
  newer(18, "WITHOUT OVERLAPS", "CREATE TABLE c (x int, r daterange, PRIMARY KEY (x, r WITHOUT OVERLAPS))"),
  newer(18, "NOT NULL as a table's constraint", "ALTER TABLE a ADD CONSTRAINT nn NOT NULL x"),
  { "a newer statement and COMMIT", "failed",
    "CREATE TABLE a (x int); SELECT 1_000; COMMIT; CREATE TABLE b (x int);", since = 16 },
  { "NULLS NOT DISTINCT", "applied", "CREATE TABLE a (x int UNIQUE NULLS NOT DISTINCT);", "a" },
  { "MERGE", "applied", "MERGE INTO t USING (SELECT 1 AS a) s ON t.id = s.a WHEN MATCHED THEN DELETE;",
    "(SELECT count(*) = 2 FROM t)" },
  { "security_invoker", "applied", "CREATE VIEW w WITH (security_invoker = true) AS SELECT 1 AS x;", "w" },
  { "a publication with a filter", "applied", "CREATE PUBLICATION p FOR TABLE t WHERE (id > 1);",
    "EXISTS (SELECT FROM pg_publication WHERE pubname = 'p')" },
  { "a stored generated column", "applied", "CREATE TABLE a (x int, y int GENERATED ALWAYS AS (x * 2) STORED);", "a" },
  { "GRANT ... GRANTED BY, ALTER DEFAULT PRIVILEGES", "applied",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO corpus; CREATE TABLE a (x int);",
    "has_table_privilege('corpus', 'a', 'SELECT')" },
}
