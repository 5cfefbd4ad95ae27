-- Lint of whole histories: causes and consequences, what it cannot know, and where it says things are.

local history = require "spec.support.history"

local function errors_of(result)
  local list <const> = {}
  for i, finding in ipairs(result.findings) do
    if finding.severity == "error" then list[#list + 1] = { finding.rule, finding.object, finding.cause, i } end
  end
  return list
end

-- What the errors say behind the mark.
local function messages(result, mark)
  local list <const> = {}
  for _, finding in ipairs(result.findings) do
    if finding.severity == "error" then
      local from <const> = select(2, finding.message:find(mark, 1, true))
      list[#list + 1] = from and finding.message:sub(from + 1):gsub("%d+_m", "m") or finding.message
    end
  end
  return list
end

-- Rule, object, and what is to blame for it.
local function blamed(result)
  local list <const> = {}
  for _, finding in ipairs(result.findings) do
    if finding.severity == "error" then
      local cause <const> = finding.cause and result.findings[finding.cause]
      list[#list + 1] = { finding.rule, finding.object, cause and cause.object }
    end
  end
  return list
end

local function agreed(scripts)
  local result, missed, alarms = history.hold(scripts)
  assert.same({}, missed)
  assert.same({}, alarms)
  return result
end

describe("lint", function()
  it("finds nothing wrong with a history that applies", function()
    local result <const> = agreed {
      'CREATE TABLE "User" ("id" SERIAL NOT NULL, "email" TEXT, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));',
      'CREATE UNIQUE INDEX "User_email_key" ON "User"("email");\nALTER TABLE "User" ADD COLUMN "name" TEXT;',
    }
    assert.same({}, errors_of(result))
    assert.equal(2, result.migrations)
    assert.equal(3, result.statements)
  end)

  it("tells a root cause from its consequences", function()
    local result <const> = agreed {
      'CREATE TABLE "Producer" ("id" TEXT PRIMARY KEY);',
      'ALTER TABLE "Item" ADD COLUMN "title" TEXT;\nCREATE INDEX "Item_title_idx" ON "Item"("title");',
      'COMMENT ON COLUMN "Item"."title" IS \'x\';\nALTER TABLE "Producer" ADD COLUMN "x" TEXT;',
    }
    assert.same({
      { "missing-table", "public.Item", nil, 1 },
      { "missing-table", "public.Item", 1, 2 },
      { "missing-table", "public.Item", 1, 3 },
    }, errors_of(result))
  end)

  it("gives the names that PostgreSQL gives, though something was missing before", function()
    agreed { [[
      SELECT setval('k_id_seq', 5);
      ALTER TABLE k ADD CONSTRAINT k_a_fkey FOREIGN KEY (a) REFERENCES m (id);
      CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT nope';
    ]], [[
      CREATE TABLE m (id int PRIMARY KEY);
      CREATE TABLE k (id serial, a int REFERENCES m);
      CREATE FUNCTION f(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
      CREATE TABLE n (id int PRIMARY KEY, x nothing);
    ]], [[
      SELECT setval('k_id_seq', 5);
      ALTER TABLE k DROP CONSTRAINT k_a_fkey;
      SELECT f('x');
      CREATE TABLE n (id int PRIMARY KEY);
      ALTER TABLE n DROP CONSTRAINT n_pkey;
    ]] }
  end)

  it("takes back what a statement that fails has done", function()
    agreed { [[
      CREATE TABLE a (id int PRIMARY KEY, x int DEFAULT 1, y text, CONSTRAINT c CHECK (x > 1));
      CREATE TABLE b (id int, a int CONSTRAINT f REFERENCES a);
      CREATE INDEX i ON a (x);
    ]], [[
      ALTER TABLE a DROP COLUMN x, ADD COLUMN z nothing, ALTER COLUMN y TYPE int USING y::int;
      ALTER TABLE a DROP CONSTRAINT a_pkey CASCADE, ALTER COLUMN nothing SET NOT NULL;
    ]], [[
      UPDATE a SET x = 1, y = 'text';
      DROP INDEX i;
      ALTER TABLE a ADD COLUMN x int;
      ALTER TABLE a DROP CONSTRAINT c;
      ALTER TABLE b DROP CONSTRAINT f;
      ALTER TABLE a DROP CONSTRAINT a_pkey;
      ALTER TABLE a DROP COLUMN x;
      ALTER TABLE a ADD COLUMN x text;
    ]] }
  end)

  it("tells a function that is missing once, and says where it comes later", function()
    local result <const> = agreed { [[
      CREATE TABLE a (id int); CREATE TABLE b (id int);
    ]], [[
      CREATE POLICY p ON a USING (is_admin());
      CREATE POLICY p ON b USING (is_admin());
      DROP FUNCTION is_admin();
      ALTER TABLE a ALTER id SET DEFAULT next_one();
    ]], [[
      CREATE POLICY q ON a USING (is_admin());
      CREATE FUNCTION is_admin() RETURNS bool LANGUAGE sql AS 'SELECT true';
      CREATE POLICY r ON a USING (is_admin());
    ]] }
    local root <const>, follows <const> = { "missing-function", "public.is_admin" },
      { "missing-function", "public.is_admin", "public.is_admin" }
    assert.same({ root, follows, follows, { "missing-function", "public.next_one" }, follows }, blamed(result))
    assert.matches("created only later, by 20240101000003_m3$", result.findings[1].message)
  end)

  it("says in one finding what stands in the way of a DROP", function()
    local result <const> = agreed { [[
      CREATE TABLE a (id int PRIMARY KEY);
      CREATE TABLE b (a int CONSTRAINT b_a REFERENCES a, c int CONSTRAINT b_c REFERENCES a);
      CREATE VIEW v AS SELECT id FROM a;
      CREATE VIEW w AS SELECT id FROM a;
    ]], "DROP TABLE a;", "DROP VIEW w; ALTER TABLE b DROP a, DROP c; DROP TABLE a;" }
    assert.same({ { "still-needed", "public.a" }, { "still-needed", "public.a" } }, blamed(result))
    local said <const> = {}
    for _, finding in ipairs(result.findings) do
      if finding.severity == "error" then said[#said + 1] = finding.message:gsub(" %(made by %S+ %(line %d%)%)", "") end
    end
    assert.same({
      '"a" cannot be dropped: the foreign key "b_a" of "b", the foreign key "b_c" of "b", the view "v" and 1 more need it',
      '"a" cannot be dropped: the view "v" needs it',
    }, said)
  end)

  it("drops what only a statement that fails would have needed", function()
    agreed { [[
      CREATE TABLE a (id int PRIMARY KEY);
    ]], [[
      ALTER TABLE missing ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES a (id);
      CREATE VIEW v AS SELECT id, nothing FROM a;
      DROP TABLE a;
      SELECT id FROM a;
    ]] }
  end)

  it("says where what is missing comes later", function()
    local result <const> = agreed { [[
      CREATE TABLE a (id int);
    ]], [[
      UPDATE a SET total = 1;
      ALTER TABLE a DROP CONSTRAINT a_total_check;
      DROP INDEX a_id_idx;
      ALTER TABLE a ALTER COLUMN title SET NOT NULL;
      ALTER TABLE a ALTER COLUMN nothing SET NOT NULL;
    ]], [[
      ALTER TABLE a ADD COLUMN total int;
      ALTER TABLE a ADD CONSTRAINT a_total_check CHECK (total > 0);
      CREATE INDEX a_id_idx ON a (id);
      ALTER TABLE a ADD COLUMN name text;
      ALTER TABLE a RENAME COLUMN name TO title;
    ]] }
    assert.same({ ": it is added only later, by m3", ": it is added only later, by m3", ": it is created only later, by m3",
      ": it is given that name only later, by m3", "; no migration makes it" }, messages(result, "exist here"))
  end)

  it("does not take what comes in the place of another for that", function()
    local result <const> = agreed { [[
      CREATE TABLE a (id int, b int);
    ]], [[
      ALTER TABLE a DROP COLUMN x, ADD COLUMN x int;
      ALTER TABLE a DROP CONSTRAINT a_key;
      ALTER TABLE a ADD CONSTRAINT a_key UNIQUE (id);
      CREATE TYPE e_new AS ENUM ('A');
      ALTER TABLE a ALTER COLUMN kind TYPE e_new USING (kind::text::e_new);
      ALTER TYPE e RENAME TO e_old;
      ALTER TYPE e_new RENAME TO e;
      DROP TABLE c;
      CREATE TABLE c (id int);
      ALTER TABLE a ADD COLUMN n something, DROP COLUMN b;
      CREATE TYPE something AS ENUM ('A');
    ]] }
    assert.same({ "", "", "; no migration makes it", "", "",
      ": it is created only later, in line 11" }, messages(result, "exist here"))
  end)

  it("says once that a name was given before", function()
    local result <const> = agreed {
      "CREATE TABLE a (id int, x int); CREATE INDEX i ON a (id); CREATE TYPE e AS ENUM ('A');",
      "ALTER TABLE a RENAME COLUMN x TO y;\nALTER INDEX i RENAME TO j;\nALTER TYPE e RENAME TO f;\nALTER TABLE a RENAME TO b;",
      "ALTER TABLE b RENAME COLUMN x TO y;\nALTER INDEX i RENAME TO j;\nALTER TYPE e RENAME TO f;\nALTER TABLE a RENAME TO b;",
      "ALTER TABLE b ADD COLUMN y int;\nCREATE INDEX j ON b (id);\nCREATE TYPE f AS ENUM ('A');\nCREATE TABLE b (id int);",
    }
    assert.same({
      'it was renamed to "y" by m2 (line 1)', 'it was renamed to "j" by m2 (line 2)', 'it was renamed to "f" by m2 (line 3)',
      'it was renamed to "b" by m2 (line 4)',
      "it was renamed to that by m2 (line 1)", 'an index "j" was renamed to that by m2 (line 2)',
      "it was renamed to that by m2 (line 3)", "it was renamed to that by m2 (line 4)",
    }, messages(result, ": "))
  end)

  it("follows a name that was never given", function()
    assert.same({ { "missing-table", "public.a", nil, 1 }, { "missing-table", "public.b", 1, 2 } },
      errors_of(agreed { "ALTER TABLE a RENAME TO b;", "INSERT INTO b VALUES (1);" }))
  end)

  it("does not hide a column of another type behind IF NOT EXISTS", function()
    local function repaired(type)
      local result <const> = agreed { "CREATE TABLE a (id int, x int);", ("ALTER TABLE a ADD COLUMN x %s;"):format(type) }
      return result.findings[1].fix_sql
    end
    assert.matches("IF NOT EXISTS", repaired "int", 1, true)
    assert.is_nil(repaired "time")
  end)

  it("tells what a type is still needed by for want of a change that failed", function()
    local result <const> = agreed { [[
      CREATE TYPE e AS ENUM ('A', 'B');
      CREATE TABLE a (x e NOT NULL DEFAULT 'A');
    ]], [[
      BEGIN;
      CREATE TYPE e_new AS ENUM ('A');
      ALTER TABLE a ALTER COLUMN x TYPE e_new USING (x::text::e_new);
      ALTER TYPE e RENAME TO e_old;
      ALTER TYPE e_new RENAME TO e;
      DROP TYPE e_old;
      COMMIT;
    ]], [[
      ALTER TABLE a ALTER COLUMN x DROP DEFAULT;
      ALTER TABLE a ALTER COLUMN x TYPE e USING (x::text::e);
      CREATE TABLE b (y e);
      DROP TYPE e_old;
      DROP TYPE e;
    ]] }
    local rules <const> = {}
    for i, entry in ipairs(errors_of(result)) do
      rules[i] = ("%s %s%s"):format(entry[1], entry[2], entry[3] and " follows from " .. result.findings[entry[3]].object or "")
    end
    assert.same({ "cannot-cast public.a.x", "still-needed public.e_old follows from public.a.x", "still-needed public.e" },
      rules)
  end)

  it("takes back what an ALTER TABLE that fails has changed of columns", function()
    local result <const> = agreed { [[
      CREATE TABLE a (id SERIAL PRIMARY KEY, n int NOT NULL DEFAULT 1, x text);
      CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a (id));
    ]], [[
      ALTER TABLE a DROP CONSTRAINT a_pkey, ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE text,
        ADD PRIMARY KEY (id);
      DROP SEQUENCE a_id_seq;
      CREATE TABLE c (a text REFERENCES a (id));
      UPDATE a SET x = 'y' WHERE id = x;
      DELETE FROM a USING b WHERE a.x = b.a;
      ALTER TABLE a ALTER COLUMN n DROP DEFAULT, ALTER COLUMN n TYPE nothing, ALTER COLUMN x SET NOT NULL;
      INSERT INTO a (x) VALUES (NULL);
      ALTER TABLE a ALTER COLUMN n SET DEFAULT 'two';
    ]], [[
      INSERT INTO a (x) VALUES ('1');
      ALTER TABLE a ALTER COLUMN x DROP NOT NULL, ADD COLUMN n int;
      INSERT INTO a (x) VALUES (NULL);
    ]] }
    assert.same({
      { "still-needed", "public.a_pkey" }, -- and not that there is a primary key already
      { "still-needed", "public.a_id_seq", "public.a_pkey" },
      { "foreign-key-type", "public.c.a", "public.a_pkey" },
      { "wrong-value", "public.a.id", "public.a_pkey" },
      { "wrong-value", "public.a.x" },
      { "missing-type", "public.nothing" },
      { "wrong-value", "public.a.n" },
      { "duplicate-column", "public.a.n" },
    }, blamed(result))
  end)

  it("tells what a table lacks that is there in another form as a consequence", function()
    local result <const> = agreed {
      "CREATE TABLE a (id int PRIMARY KEY, x int);",
      "CREATE TABLE a (id int PRIMARY KEY, y int, z text NOT NULL);\nCREATE INDEX i ON a (y);",
      "ALTER TABLE a DROP COLUMN y, ADD COLUMN v int;\nINSERT INTO a VALUES (1, 2);\nINSERT INTO a (id) VALUES (2);",
      "ALTER TABLE a ADD COLUMN z text;\nUPDATE a SET z = 'z';\nDROP TABLE a;\nCREATE TABLE a (id int);",
      "CREATE INDEX i ON a (y);",
    }
    assert.same({
      { "duplicate-table", "public.a" },
      { "missing-column", "public.a.y", "public.a" },
      { "missing-column", "public.a.y", "public.a" },
      { "missing-column", "public.a.y" },
    }, blamed(result))
  end)

  it("means the column that is there, not one that is missed", function()
    agreed {
      "CREATE TABLE a (id int, kind text); CREATE TABLE b (a int);",
      "UPDATE b SET kind = 'x';\nALTER TABLE b ADD kind text, DROP c;",
      "CREATE VIEW v AS SELECT kind FROM b JOIN a ON a.id = b.a;\nSELECT upper(kind) FROM b, a;\nSELECT upper(kind) FROM b;",
      "CREATE VIEW w AS SELECT *, 1 AS n FROM b;\nCREATE OR REPLACE VIEW w AS SELECT b.a, 1 AS n, 2 AS o FROM b;",
    }
  end)

  it("says where", function()
    local finding <const> = agreed({ "SELECT 1;\n\n  DROP TABLE nothing;" }).findings[1]
    assert.same({ "missing-table", 3, 3, 2, "DROP TABLE nothing" },
      { finding.rule, finding.line, finding.column, finding.statement_index, finding.statement })
    assert.matches("0001_m1/migration.sql$", finding.file)
  end)

  it("does not guess behind what it cannot read", function()
    local result <const> = history.lint { "DO $$ BEGIN EXECUTE 'CREATE TABLE ' || current_setting('x.y'); END $$;",
      "ALTER TABLE a ADD COLUMN b int; DROP TABLE c;" }
    assert.same({}, errors_of(result))
    assert.is_true(result.unknown)
  end)

  it("knows what a well-known extension does not bring", function()
    local result <const> = agreed {
      'CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION citext; CREATE TABLE a (id uuid DEFAULT uuid_generate_v4());',
      'ALTER TABLE a ADD e citext;\nALTER TABLE a ADD s "Status";\nUPDATE a SET id = next_id();\nDROP TYPE "Role";',
      "DROP FUNCTION f();\nALTER TABLE a ALTER e TYPE text;\nDROP EXTENSION citext;\nALTER TABLE a ADD f citext;",
    }
    assert.same({
      { "missing-type", "public.Status" },
      { "missing-function", "public.next_id" },
      { "missing-type", "public.Role" },
      { "missing-function", "public.f" },
      { "missing-type", "public.citext" },
    }, blamed(result))
  end)

  it("says where the extension comes that brings what is missing", function()
    local result <const> = agreed {
      "CREATE TABLE a (id int, e citext);",
      "CREATE TABLE b (e citext, t text);\nCREATE INDEX i ON b USING gin (t gin_trgm_ops);\nSELECT digest('a', 'md5');",
      "CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION pg_trgm; CREATE TABLE c (e citext);",
    }
    assert.same({
      'the type "citext" does not exist here: it comes with the extension "citext", which is created only later, '
        .. "by 20240101000003_m3",
      'the type "citext" is not there: the statement that should have made it fails',
      'the table "b" is not there: what should have made it fails, or is missing',
      'the operator class "gin_trgm_ops" does not exist here: it comes with the extension "pg_trgm", which is created only '
        .. "later, by 20240101000003_m3",
      'the function "digest" does not exist here: it comes with the extension "pgcrypto", which no migration creates',
    }, messages(result, "nothing"))
    local fixes <const> = {}
    for _, finding in ipairs(result.findings) do
      if finding.severity == "error" and not finding.cause then fixes[#fixes + 1] = { finding.fix, finding.fix_sql } end
    end
    assert.same({
      { 'CREATE EXTENSION IF NOT EXISTS "citext" before this statement', 'CREATE EXTENSION IF NOT EXISTS "citext";' },
      { 'move CREATE EXTENSION "pg_trgm" before this statement' },
      { 'CREATE EXTENSION IF NOT EXISTS "pgcrypto" before this statement', 'CREATE EXTENSION IF NOT EXISTS "pgcrypto";' },
    }, fixes)
  end)

  it("takes no function of a well-known extension for one that changes the schema", function()
    local function said(script)
      local result <const> = history.lint { script .. "; DROP TABLE b;" }
      return result.unknown, #errors_of(result)
    end
    assert.same({ false, 1 }, { said "CREATE EXTENSION vector; SELECT l2_distance('[1]', '[2]')" })
    assert.same({ false, 1 }, { said "CREATE EXTENSION postgis; SELECT st_makepoint(1, 2)" })
    assert.same({ true, 0 }, { said "CREATE EXTENSION postgis; SELECT addgeometrycolumn('b', 'p', 4326, 'POINT', 2)" })
    assert.same({ true, 0 }, { said "CREATE EXTENSION timescaledb; SELECT create_hypertable('b', 'at')" })
  end)

  it("says each reason for a doubt once", function()
    local result <const> = history.lint { [[CREATE TABLE a (id int); DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT relname FROM pg_class WHERE relname = 'a' LOOP
        EXECUTE format('ALTER TABLE %I ADD x int', name);
        EXECUTE format('ALTER TABLE %I ADD y int', name);
        EXECUTE format('CREATE INDEX ON %I (x)', name);
      END LOOP; END $$;]], "DO $$ BEGIN EXECUTE format('ALTER TABLE %I ADD z int', current_setting('x.y')); END $$;" }
    local said <const> = {}
    for _, finding in ipairs(result.findings) do
      if finding.rule == "cannot-know" then said[#said + 1] = finding.message:match "%((%a+)%)" or finding.message end
    end
    table.sort(said)
    assert.same({ "column", "column", "this block makes a statement out of names that are known only when it runs" }, said)
  end)

  it("does not pass over a body that it cannot read", function()
    local function said(language, body)
      local result <const> = history.lint { ("CREATE FUNCTION f() RETURNS int LANGUAGE %s AS $$ %s $$;"):format(language, body) }
      assert.same({}, errors_of(result))
      return result.unknown
    end
    assert.is_true(said("plpgsql", "BEGIN RETURNN 1; END"))
    assert.is_true(said("sql", "SELEC 1"))
    assert.is_false(said("plpgsql", "DECLARE u pg_user; BEGIN u.usename := 'x'; RETURN 1; END"))
  end)

  it("goes on after a first script that is no SQL", function()
    local result <const> = history.lint { "CREATE TABLE a (id int) WITH OIDS;", "ALTER TABLE b ADD x int;" }
    assert.is_true(result.unknown)
    assert.equal("cannot-know", result.findings[1].rule)
  end)

  it("does not know the role that a schema is named after", function()
    local result <const> = history.lint { "CREATE SCHEMA AUTHORIZATION CURRENT_ROLE CREATE TABLE of_role.t (id int);",
      "DROP SCHEMA of_role CASCADE;" }
    assert.same({}, errors_of(result))
  end)

  it("says where the parser stops, and how much that matters", function()
    local function stop_of(text, options)
      for _, finding in ipairs(history.lint({ text }, options).findings) do
        if finding.message:find("the parser stops here", 1, true) then return finding end
      end
    end
    local text <const> = "CREATE TABLE a (id int);\n\nCREATE TABEL b (id int);\n"
    local found <const> = stop_of(text)
    assert.same({ 3, 8, "warning" }, { found.line, found.column, found.severity })
    assert.equal("error", stop_of(text, { server_major = 15 }).severity)
    assert.equal("warning", stop_of(text, { server_major = 17 }).severity)
    assert.equal("error", stop_of("SELECT '\xFF';").severity)
  end)
end)
