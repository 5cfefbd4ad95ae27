-- The split of a script against psql's own, on constructs that are easy to get wrong: psql -f sends the file its way,
-- we send the statements of our split one by one by the extended protocol; tags and SQLSTATEs must be the same, one
-- for one. script/regress does the like with PostgreSQL's regression suite.

local fs = require "host.fs"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"
local sql = require "host.sql"

local samples <const> = {
  ["semicolons in every kind of quotes"] = [[
CREATE TABLE "a;b" (x text DEFAULT ';', y text DEFAULT E'\';', z text DEFAULT $$;$$, w text DEFAULT $q$;$$;$q$);
INSERT INTO "a;b" DEFAULT VALUES;
INSERT INTO "a;b" SELECT U&'\003B', N';', 'it''s;', ';' WHERE ';' = ';';]],
  ["nested comments"] = "/* a /* b; */ c; */ CREATE TABLE a (x int); -- d; /*\nCREATE /* ; */ TABLE b (x int); /* */",
  ["a comment right after a semicolon, without a blank"] =
    "CREATE TABLE a (x int);--x;\nCREATE TABLE b (x int);/* ; */CREATE TABLE c (x int)",
  ["a body of SQL"] = [[
CREATE FUNCTION f() RETURNS int BEGIN ATOMIC; SELECT 1; SELECT 2; END;
CREATE FUNCTION g(i int) RETURNS int BEGIN ATOMIC SELECT CASE i WHEN 1 THEN 2 ELSE CASE WHEN true THEN 3 END END; END;
CREATE TABLE a AS SELECT f(), g(1) AS g;]],
  ["a body that returns"] = "CREATE FUNCTION f() RETURNS int RETURN 1; CREATE TABLE a AS SELECT f();",
  ["a body of SQL with a failure"] =
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT nowhere; SELECT 2; END; CREATE TABLE a (x int);",
  ["bodies in dollar quotes"] = [[
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN
  EXECUTE $$CREATE TABLE a (x text DEFAULT $x$;$x$);$$; END; $f$;
DO $do$ BEGIN PERFORM f(); END $do$;
DO LANGUAGE plpgsql 'BEGIN NULL; END;';]],
  ["rules with several actions"] = [[
CREATE TABLE a (x int); CREATE TABLE b (x int);
CREATE RULE r AS ON INSERT TO a DO ALSO (INSERT INTO b VALUES (1); DELETE FROM b WHERE x = 2;);
INSERT INTO a VALUES (1);]],
  ["schemas with elements"] = "CREATE SCHEMA IF NOT EXISTS splitter_x; DROP SCHEMA splitter_x; CREATE TABLE a (x int);",
  ["names that are keywords"] = [[
CREATE TABLE a ("begin" int, atomic int, "end" int, "case" int);
INSERT INTO a ("begin", atomic) VALUES (1, 2);]],
  ["begin as a name"] =
    "CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE atomic AS SELECT begin() AS x;",
  ["parentheses with semicolons only in strings"] =
    "CREATE TABLE a AS SELECT (';') AS x, ARRAY[';)', '(;'] AS y; INSERT INTO a VALUES (')', '{;}');",
  ["transactions"] =
    "BEGIN; CREATE TABLE a (x int); SAVEPOINT s; INSERT INTO nowhere VALUES (1); ROLLBACK TO s; COMMIT; "
    .. "START TRANSACTION; ABORT;",
  ["a failed transaction"] =
    "BEGIN; INSERT INTO nowhere VALUES (1); CREATE TABLE a (x int); COMMIT; CREATE TABLE a (x int); "
    .. "CREATE TABLE a (x int);",
  ["failures between others"] =
    "CREATE TABLE a (x int); INSERT INTO a VALUES ('x'); DROP TABLE nowhere; INSERT INTO a VALUES (1), (2); "
    .. "DELETE FROM a;",
  ["ends of line of Windows"] = "CREATE TABLE a (\r\n  x int -- ;\r\n);\r\nINSERT INTO a VALUES (1);\r\n",
  ["form feeds and tabs"] = "CREATE TABLE a (x int);\f\tINSERT\fINTO a VALUES (1);",
  ["semicolons alone"] = ";;CREATE TABLE a (x int);;/* ; */;-- ;\n;INSERT INTO a VALUES (1);;",
  ["no semicolon at the end"] = "CREATE TABLE a (x int);\nINSERT INTO a VALUES (1) -- the end;",
  ["operators with comment signs near"] =
    "CREATE TABLE a AS SELECT 1 - -1 AS x, 4 */* ; */2 AS y, 3 -1 AS z; INSERT INTO a VALUES (- 1, + 2, 3);",
  ["strings over lines"] = "CREATE TABLE a AS SELECT 'x;\n'\n';\ny' AS x;\nINSERT INTO a VALUES ('\n;\n');",
  ["names of other alphabets"] =
    "CREATE TABLE größe (длина int, \"名;前\" int); INSERT INTO größe VALUES (1, 2); DO $größe$ BEGIN NULL; "
    .. "END $größe$;",
  ["numbers and parameters beside quotes"] =
    "CREATE TABLE a (x$1 int, y text DEFAULT ''';''' ); INSERT INTO a VALUES (1.5e3, '1'), (.5, '2');",
  ["COPY with the server's own programs and files"] =
    "CREATE TABLE a (x text); COPY a FROM PROGRAM 'echo \";\"'; COPY a TO PROGRAM 'cat >/dev/null; true';",
  ["EXPLAIN, PREPARE and EXECUTE"] =
    "CREATE TABLE a (x int); PREPARE p AS INSERT INTO a VALUES (1); EXECUTE p; DEALLOCATE p; "
    .. "PREPARE p (int) AS DELETE FROM a WHERE x = $1; DEALLOCATE ALL;",
  ["SET and RESET"] =
    "SET work_mem = '4MB'; SET TIME ZONE INTERVAL '1' HOUR TO MINUTE; SET LOCAL x.y = ';'; RESET ALL; "
    .. "SET SESSION x.y TO ';', ';';",
  ["what cannot be in a transaction"] =
    "CREATE TABLE a (x int); CREATE INDEX CONCURRENTLY i ON a (x); VACUUM a; REINDEX INDEX CONCURRENTLY i; "
    .. "DROP INDEX CONCURRENTLY i;",
  ["MERGE"] =
    "CREATE TABLE a (x int); "
    .. "MERGE INTO a USING (VALUES (1), (2)) v (x) ON a.x = v.x WHEN NOT MATCHED THEN INSERT VALUES (v.x) WHEN "
    .. "MATCHED THEN DELETE; CREATE TABLE b (x int);",
  ["grants, comments, triggers"] = [[
CREATE TABLE a (x int); COMMENT ON TABLE a IS ';'; GRANT SELECT ON a TO PUBLIC;
CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END; $$;
CREATE TRIGGER t BEFORE INSERT OR UPDATE OF x ON a FOR EACH ROW WHEN (NEW.x > 0) EXECUTE FUNCTION t();
ALTER TABLE a DISABLE TRIGGER t; DROP TRIGGER t ON a;]],
  ["types, domains and casts"] = [[
CREATE TYPE mood AS ENUM (';', 'b'); CREATE DOMAIN d AS text CHECK (VALUE <> ';'); CREATE TYPE c AS (x int, y text);
CREATE TABLE a (m mood DEFAULT ';', d d, c c); INSERT INTO a VALUES (DEFAULT, ';', NULL);
ALTER TYPE mood ADD VALUE ';;';]],
  ["partitions"] = [[
CREATE TABLE p (x text) PARTITION BY LIST (x); CREATE TABLE q PARTITION OF p FOR VALUES IN (';', 'x');
INSERT INTO p VALUES (';'), ('y'); ALTER TABLE p DETACH PARTITION q;]],
}

-- Our parser must not take these: they are sent whole and the server decides.
local refused <const> = {
  ["psql's commands"] = "CREATE TABLE a (x int);\n\\echo x\n",
  ["psql's separator"] = "CREATE TABLE a (x int)\\; CREATE TABLE b (x int);",
  ["psql's variables"] = "CREATE TABLE :name (x int);",
  ["rows of COPY"] = "COPY a FROM stdin;\n1;\n\\.\n",
  ["an unfinished string"] = "CREATE TABLE a (x int); SELECT ';",
  ["an unfinished dollar quote"] = "CREATE TABLE a (x int); DO $x$ BEGIN; END $$;",
  ["an unfinished comment"] = "CREATE TABLE a (x int); /* /* */ ;",
  ["an unfinished identifier"] = "CREATE TABLE \"a (x int);",
  ["an unfinished body of SQL"] = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; CREATE TABLE a (x int);",
  ["an unfinished parenthesis"] = "CREATE TABLE a (x int; CREATE TABLE b (x int);",
  ["newer syntax"] = "SELECT 1_000; CREATE TABLE a (x int);",
  ["a byte order mark"] = "\u{FEFF}CREATE TABLE a (x int);",
}

describe("the splitter", function()
  local params, count, file
  setup(function()
    params, count = server.database "splitter", 0
    file = assert(fs.mkdtemp "/tmp/dixis-splitter-") .. "/script.sql"
  end)
  teardown(function() assert(fs.remove(file:match "^(.*)/")) end)

  --- A connection in a schema of its own.
  local function fresh()
    count = count + 1
    local schema = "s" .. count
    local conn = assert(pg.connect(params))
    assert(conn:query("CREATE SCHEMA " .. schema))
    assert(conn:query("SET search_path = " .. schema))
    return conn, schema
  end

  local function by_psql(text, schema)
    assert(fs.write(file, text))
    local result = process.run({ "psql", "-X", "-v", "VERBOSITY=sqlstate", "-f", file }, {
      env = { PATH = process.getenv "PATH", LC_ALL = "C", PGHOST = params.host, PGPORT = tostring(params.port),
        PGUSER = params.user, PGDATABASE = params.dbname,
        PGOPTIONS = "-c search_path=" .. schema .. " -c client_min_messages=error" },
    })
    return result.stdout, result.stderr
  end

  local function by_split(text, conn)
    local outcome, failures = {}, {}
    for _, statement in ipairs(assert(sql.parse(text))) do
      local result, err = conn:query(text:sub(statement.first, statement.last))
      if result then outcome[#outcome + 1] = result.tag else failures[#failures + 1] = err.sqlstate end
    end
    return outcome, failures
  end

  for name, text in pairs(samples) do
    it("splits as psql does: " .. name, function()
      local conn, schema = fresh()
      local outcome, failures = by_split(text, conn)
      assert(conn:query("DROP SCHEMA " .. schema .. " CASCADE"))
      assert(conn:query("CREATE SCHEMA " .. schema))
      conn:close()
      local tags, states = {}, {}
      local stdout, stderr = by_psql(text, schema)
      for line in stdout:gmatch "[^\n]+" do tags[#tags + 1] = line end
      for state in stderr:gmatch "ERROR:%s+(%w+)" do states[#states + 1] = state end
      assert.same(tags, outcome)
      assert.same(states, failures)
      assert.is_true(#outcome > 0)
    end)
  end

  for name, text in pairs(refused) do
    it("does not take apart: " .. name, function()
      local statements, err = sql.parse(text)
      assert.is_nil(statements)
      assert.equal("syntax", err.kind)
    end)
  end
end)
