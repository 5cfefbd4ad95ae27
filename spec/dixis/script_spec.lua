local script = require "dixis.migrate.script"

local function lines(...) return table.concat({ ... }, "\n") end

local function texts(text, classified)
  local out = {}
  for i, statement in ipairs(classified.statements) do out[i] = text:sub(statement.first, statement.last) end
  return out
end

describe("script.classify", function()
  -- Each that PostgreSQL refuses inside a transaction block, with its nearest innocent twin.
  for _, pair in ipairs {
    { "CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX concurrently_i ON t (a)" },
    { "create unique index concurrently if not exists i on t (a)", "CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a)" },
    { "DROP INDEX CONCURRENTLY i", "DROP INDEX i" },
    { "DROP INDEX CONCURRENTLY IF EXISTS i", 'DROP INDEX "concurrent"' },
    { "REINDEX TABLE CONCURRENTLY t", "REINDEX TABLE t" },
    { "REINDEX (CONCURRENTLY) INDEX i", "REINDEX (VERBOSE) INDEX i" },
    { "REINDEX INDEX CONCURRENTLY i", "REINDEX INDEX concurrently_i" },
    { "REINDEX SCHEMA s", "REINDEX TABLE schema_s" },
    { "REINDEX DATABASE d", "REINDEX TABLE t /* of REINDEX DATABASE d */" },
    { "REINDEX SYSTEM d", 'REINDEX INDEX "REINDEX SYSTEM"' },
    { "ALTER TABLE p DETACH PARTITION c CONCURRENTLY", "ALTER TABLE p DETACH PARTITION c" },
    { "ALTER TABLE p DETACH  PARTITION\nc\nCONCURRENTLY", "ALTER TABLE p DETACH PARTITION concurrently_c" },
    { "ALTER TABLE p DETACH PARTITION c CONCURRENTLY", "ALTER TABLE p DETACH PARTITION c FINALIZE" },
    { "VACUUM", "ANALYZE" },
    { "VACUUM ANALYZE t", "ANALYZE vacuum" },
    { "VACUUM (FULL) t", "ANALYZE (VERBOSE) t" },
    { "CLUSTER", "CLUSTER t" },
    { "CLUSTER VERBOSE", "CLUSTER t USING i" },
    { "CREATE DATABASE d", "CREATE SCHEMA d" },
    { "DROP DATABASE d", "DROP SCHEMA d" },
    { "ALTER DATABASE d SET TABLESPACE s", "ALTER DATABASE d CONNECTION LIMIT 5" },
    { "ALTER DATABASE d SET TABLESPACE s", "ALTER DATABASE tablespace CONNECTION LIMIT 5" },
    { "ALTER DATABASE d SET TABLESPACE s", "ALTER DATABASE d SET default_tablespace = 's'" },
    { "CREATE TABLESPACE s LOCATION '/x'", "ALTER TABLE t SET TABLESPACE s" },
    { "DROP TABLESPACE s", "ALTER TABLESPACE s RENAME TO s2" },
    { "ALTER SYSTEM SET work_mem = '4MB'", "ALTER ROLE r SET work_mem = '4MB'" },
    { "CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p", "CREATE PUBLICATION p FOR ALL TABLES" },
    { "DROP SUBSCRIPTION s", "DROP PUBLICATION s" },
    { "ALTER SUBSCRIPTION s REFRESH PUBLICATION", "ALTER SUBSCRIPTION s DISABLE" },
    { "ALTER SUBSCRIPTION s SET PUBLICATION p", "ALTER PUBLICATION p SET TABLE t" },
    { "ALTER SUBSCRIPTION s ADD PUBLICATION p", "ALTER SUBSCRIPTION s RENAME TO s2" },
    { "DISCARD ALL", "DISCARD PLANS" },
  } do
    local alone <const>, twin <const> = pair[1], pair[2]

    it(("runs %s outside of a transaction, and %s inside"):format(alone, twin), function()
      assert.equal("statements", script.classify(alone).mode)
      assert.equal("statements", script.classify("CREATE TABLE x (a int);\n" .. alone .. ";").mode)
      assert.equal("transaction", script.classify(twin).mode)
    end)
  end

  for _, text in ipairs {
    "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
    "ALTER TYPE mood ADD VALUE 'new'",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'CREATE INDEX CONCURRENTLY'",
    "COMMENT ON TABLE t IS 'VACUUM; COMMIT; \"concurrent\":true'",
    "CREATE TABLE t (\"concurrent\" boolean DEFAULT true)",
    "CREATE INDEX i ON t (a) WHERE b = '\"concurrent\":true'",
    "LOCK TABLE t",
    "CHECKPOINT",
    "DO $$ BEGIN COMMIT; END $$",
    "DO $body$\nBEGIN\n  EXECUTE 'CREATE INDEX CONCURRENTLY i ON t (a); COMMIT';\nEND\n$body$",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN; VACUUM; COMMIT; END $$",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
    "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'",
    "CALL p()",
    "SELECT 1 /* COMMIT; */ -- COMMIT;\n",
    "SET LOCAL lock_timeout = '1s'",
    "PREPARE q AS SELECT 1",
    "EXPLAIN SELECT 1",
    "COPY t FROM stdin",
    "\r\nCREATE TABLE t (a int);\r\nCREATE TABLE u (a int);\r\n",
  } do
    it("keeps in a transaction: " .. text:gsub("%s+", " "), function()
      assert.equal("transaction", script.classify(text).mode)
    end)
  end

  it("takes a script without a statement as one that does nothing", function()
    for _, text in ipairs { "", "\n", " ; ;;\n", "-- nothing yet\n", "/* nothing /* at all */ */", "-- no newline" } do
      local classified = script.classify(text)
      assert.equal("transaction", classified.mode)
      assert.same({}, classified.statements)
    end
  end)

  it("splits as the server would, with the line of each", function()
    local text = lines("-- first", "CREATE TABLE a (x text DEFAULT ';');", "",
      "/* ; */ CREATE FUNCTION f() RETURNS int", "LANGUAGE sql AS $f$ SELECT 1; SELECT ';' $f$;",
      "INSERT INTO a VALUES ('it''s; $$'), (E'\\';');", "SELECT $q$;$q$")
    local classified = script.classify(text)
    assert.same({ "CREATE TABLE a (x text DEFAULT ';')",
      "CREATE FUNCTION f() RETURNS int\nLANGUAGE sql AS $f$ SELECT 1; SELECT ';' $f$",
      "INSERT INTO a VALUES ('it''s; $$'), (E'\\';')", "SELECT $q$;$q$" }, texts(text, classified))
    local at = {}
    for i, statement in ipairs(classified.statements) do at[i] = statement.line end
    assert.same({ 2, 4, 6, 7 }, at)
  end)

  describe("transaction control", function()
    for _, case in ipairs {
      { "BEGIN; CREATE TABLE t (a int); COMMIT;", "BEGIN" },
      { "begin work; CREATE TABLE t (a int); commit work", "begin work" },
      { "BEGIN TRANSACTION; CREATE TABLE t (a int); END TRANSACTION;", "BEGIN TRANSACTION" },
      { "START TRANSACTION; CREATE TABLE t (a int); END;", "START TRANSACTION" },
      { "-- why\nBEGIN ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE t (a int);\nCOMMIT;\n-- done",
        "BEGIN ISOLATION LEVEL SERIALIZABLE" },
      { "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE; CREATE TABLE t (a int); COMMIT",
        "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE" },
      { "BEGIN; CREATE TABLE t (a int); COMMIT AND NO CHAIN;", "BEGIN" },
    } do
      it(("around everything is ours: %s"):format(case[1]:gsub("%s+", " ")), function()
        local classified = script.classify(case[1])
        assert.equal("transaction", classified.mode)
        assert.equal(case[2], classified.begin)
        assert.same({ "CREATE TABLE t (a int)" }, texts(case[1], classified))
      end)
    end

    it("around nothing is nothing", function()
      local classified = script.classify "BEGIN; COMMIT;"
      assert.equal("transaction", classified.mode)
      assert.same({}, classified.statements)
    end)

    it("may use savepoints", function()
      local text = "SAVEPOINT s; CREATE TABLE t (a int); ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s"
      assert.equal("transaction", script.classify(text).mode)
      assert.equal(4, #script.classify(text).statements)
      assert.equal("transaction", script.classify("BEGIN; " .. text .. "; COMMIT").mode)
    end)

    for _, case in ipairs {
      { "COMMIT", 1, "COMMIT" },
      { "BEGIN", 1, "BEGIN" },
      { "END", 1, "END" },
      { "ROLLBACK", 1, "ROLLBACK" },
      { "ABORT", 1, "ABORT" },
      { "CREATE TABLE t (a int);\nCOMMIT;", 2, "COMMIT" },
      { "BEGIN;\nCREATE TABLE t (a int);", 1, "BEGIN" },
      { "BEGIN;\nCREATE TABLE t (a int);\nROLLBACK;", 1, "BEGIN" },
      { "BEGIN;\nCREATE TABLE t (a int);\nCOMMIT AND CHAIN;", 1, "BEGIN" },
      { "COMMIT;\nBEGIN;", 1, "COMMIT" },
      { "BEGIN;\nCREATE TABLE t (a int);\nCOMMIT;\nBEGIN;\nCREATE TABLE u (a int);\nCOMMIT;", 3, "COMMIT" },
      { "CREATE TABLE t (a int);\nBEGIN;\nCREATE TABLE u (a int);\nCOMMIT;", 2, "BEGIN" },
      { "BEGIN;\nCREATE TABLE t (a int);\nCOMMIT;\nCREATE TABLE u (a int);", 1, "BEGIN" },
      { "BEGIN;\nBEGIN;\nCOMMIT;", 2, "BEGIN" },
      { "BEGIN;\nCREATE TABLE t (a int);\nPREPARE TRANSACTION 'x';", 1, "BEGIN" },
      { "PREPARE TRANSACTION 'x'", 1, "PREPARE" },
      { "-- first\nCOMMIT PREPARED 'x'", 2, "COMMIT" },
      { "ROLLBACK PREPARED 'x'", 1, "ROLLBACK" },
      { "BEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nCOMMIT;", 1, "BEGIN and COMMIT" },
      { "CREATE TABLE t (a int);\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON t (a);", 2, "COMMIT" },
      { "VACUUM;\nSAVEPOINT s;", 2, "savepoints" },
      { "VACUUM;\nSET ROLE r;", 2, "the role" },
      { "SET SESSION AUTHORIZATION r;\nVACUUM;", 1, "the role" },
    } do
      it(("of its own is refused: %s"):format(case[1]:gsub("%s+", " ")), function()
        local classified = script.classify(case[1])
        assert.equal("refused", classified.mode)
        assert.equal(case[2], classified.line)
        assert.is_truthy(classified.problem:find(case[3], 1, true), classified.problem)
      end)
    end
  end)

  -- What may be right for the server or for psql, and is not ours to take apart.
  for name, text in pairs {
    ["newer syntax"] = "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE RETURNING *",
    ["a byte order mark"] = "\u{FEFF}CREATE TABLE t (a int);",
    ["a psql command"] = "\\set ON_ERROR_STOP on\nCREATE TABLE t (a int);",
    ["rows of COPY"] = "COPY t FROM stdin;\n1\ta\n2\tb\n\\.\n",
    ["a mistake"] = "CREATE TABEL t (a int);",
    ["an unfinished string"] = "INSERT INTO t VALUES ('x);",
    ["an unfinished dollar quote"] = "DO $$ BEGIN END;",
  } do
    it("sends whole: " .. name, function()
      local classified = script.classify(text)
      assert.equal("whole", classified.mode)
      assert.same({}, classified.statements)
      assert.equal("syntax", classified.parse_error.kind)
      assert.is_true(classified.touches_settings)
    end)
  end

  describe("settings", function()
    for _, text in ipairs {
      "SET search_path = ''", "SET ROLE r", "SET SESSION AUTHORIZATION r", "RESET ALL", "RESET ROLE",
      "SET TIME ZONE 'UTC'", "DISCARD ALL", "LOAD 'auto_explain'",
      "SELECT pg_catalog.set_config('search_path', '', false)", "SELECT SET_CONFIG('search_path', '', false)",
      "DO $$ BEGIN SET search_path = x; END $$", "CALL p()", "SELECT f()",
      -- Functions of triggers, defaults, indexes and views may do the same.
      "INSERT INTO t SELECT 1", "UPDATE t SET a = 1", "DELETE FROM t", "COPY t FROM PROGRAM 'true'",
      "CREATE TABLE u AS SELECT f()",
      "ALTER TABLE t ADD COLUMN b int DEFAULT f()", "CREATE INDEX i ON t (f(a))", "REFRESH MATERIALIZED VIEW v",
      "EXPLAIN ANALYZE SELECT f()", "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
      "CREATE TRIGGER x BEFORE INSERT ON _prisma_migrations EXECUTE FUNCTION f()",
      "CREATE TEMP TABLE u (a int)", "CREATE TABLE pg_temp.u (a int)", "LISTEN x", "PREPARE q AS SELECT 1",
    } do
      it("are put back after " .. text, function()
        assert.is_true(script.classify("CREATE TABLE t (a int); " .. text).touches_settings)
      end)
    end

    it("need no care after plain definitions", function()
      for _, text in ipairs { "CREATE TABLE t (a int DEFAULT f())", "CREATE UNIQUE INDEX i ON t (a, b DESC)",
        "ALTER TABLE t SET (fillfactor = 70)", "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (a)",
        "ALTER TABLE t ADD COLUMN b text NOT NULL DEFAULT 'x'", "ALTER ROLE r SET search_path = x", "DROP TABLE t",
        "CREATE TYPE mood AS ENUM ('a')", "ALTER TYPE mood ADD VALUE 'b'" } do
        assert.is_false(script.classify(text).touches_settings, text)
      end
    end)
  end)
end)
