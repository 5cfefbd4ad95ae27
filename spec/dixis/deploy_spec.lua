local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

describe("deploy", function()
  local params, conn, folder

  local function query(sql, values) return assert(conn:query(sql, values)) end
  local function value(sql) return query(sql)[1][1] end
  local function exists(name) return value(("SELECT to_regclass('%s') IS NOT NULL"):format(name)) end

  local function ledger()
    local rows = {}
    for i, row in ipairs(query [[SELECT migration_name, applied_steps_count, finished_at IS NOT NULL, logs
        FROM public._prisma_migrations ORDER BY started_at, migration_name]]) do
      rows[i] = ("%s %d %s%s"):format(row[1], row[2], row[3] and "finished" or "begun", row[4] and " " .. row[4] or "")
    end
    return rows
  end

  local function write(name, ...) migrations.write(folder, name, table.concat({ ... }, "\n")) end
  local function deploy(...) return migrations.deploy(folder, params, ...) end

  local function all_of(result)
    local _, path = dixis.journal(folder)
    return result.stdout .. result.stderr .. assert(fs.read(path))
  end

  --- Deploys what must fail, and gives the error of the record.
  local function failing(...)
    local result, events = deploy(...)
    assert.equal(1, result.code, result.stdout)
    return dixis.event(events, "migration.failed").error, result, events
  end

  setup(function()
    params = server.database "deploy"
    conn = assert(pg.connect(params))
  end)
  teardown(function() conn:close() end)
  before_each(function()
    folder = migrations.project { ["1_first"] = "CREATE TABLE first (id int PRIMARY KEY, note text);\n" }
  end)
  after_each(function()
    assert(conn:script(([[DROP SCHEMA IF EXISTS public, prisma, elsewhere, "Elsewhere 2" CASCADE; CREATE SCHEMA public;
      ALTER DATABASE %s RESET ALL]]):format(params.dbname)))
    assert(fs.remove(folder))
  end)

  describe("as one transaction", function()
    it("records each as Prisma does", function()
      write("2_second", "INSERT INTO first VALUES (1);\r\n", "INSERT INTO first VALUES (2);\r\n")
      assert.equal(0, deploy().code)
      local rows = query [[SELECT *, finished_at >= started_at AS ordered
        FROM public._prisma_migrations ORDER BY started_at]]
      assert.equal(2, #rows)
      for i, name in ipairs { "1_first", "2_second" } do
        local row = rows[i]
        assert.equal(name, row.migration_name)
        local text = fs.read(("%s/prisma/migrations/%s/migration.sql"):format(folder, name))
        assert.equal(digest.sha256(text), row.checksum)
        assert.is_truthy(row.id:match "^%x+%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x+$", row.id)
        assert.equal(36, #row.id)
        assert.equal(1, row.applied_steps_count)
        assert.is_nil(row.logs)
        assert.is_nil(row.rolled_back_at)
        assert.is_true(row.ordered)
      end
      assert.is_true(value [[SELECT max(finished_at) BETWEEN now() - interval '1 minute' AND now() + interval '1 second'
        AND min(started_at) > now() - interval '1 minute' FROM public._prisma_migrations]])
    end)

    it("makes the same table as Prisma", function()
      assert.equal(0, deploy().code)
      query [[CREATE SCHEMA prisma]]
      -- The statement that Prisma sends.
      query [[CREATE TABLE prisma._prisma_migrations (
        id                      VARCHAR(36) PRIMARY KEY NOT NULL,
        checksum                VARCHAR(64) NOT NULL,
        finished_at             TIMESTAMPTZ,
        migration_name          VARCHAR(255) NOT NULL,
        logs                    TEXT,
        rolled_back_at          TIMESTAMPTZ,
        started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
        applied_steps_count     INTEGER NOT NULL DEFAULT 0)]]
      local function shape(schema)
        return value(([[SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull,
            pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum)
            || (SELECT string_agg(conname || pg_get_constraintdef(oid), ', ')
                  FROM pg_constraint WHERE conrelid = attrelid)
            || (SELECT count(*) FROM pg_index WHERE indrelid = attrelid)
          FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
         WHERE attrelid = '%s._prisma_migrations'::regclass AND attnum > 0 GROUP BY attrelid]]):format(schema))
      end
      assert.equal(shape "prisma", shape "public")
    end)

    it("leaves nothing of one that fails, and keeps those before", function()
      write("2_second", "CREATE TABLE a (id int);", "CREATE TABLE b (id int);", "INSERT INTO nowhere VALUES (1);",
        "CREATE TABLE c (id int);")
      write("3_third", "CREATE TABLE d (id int);")
      local err, result, events = failing()
      assert.same({ "1_first 1 finished" }, ledger())
      assert.is_false(exists "a" or exists "b" or exists "c" or exists "d")
      assert.same({ 3, 3, "42P01" }, { err.line, err.statement, err.sqlstate })
      assert.is_truthy(err.file:find "2_second/migration.sql$")
      assert.is_truthy(err.message:find(err.file .. ":3: statement 3 of 4", 1, true), err.message)
      assert.is_truthy(err.message:find('nowhere VALUES ...: relation "nowhere" does not exist', 1, true), err.message)
      assert.is_false(err.changed)
      assert.matches("nothing of this migration was kept", err.hint)
      assert.is_truthy(result.stdout:find(err.message, 1, true), result.stdout)
      assert.is_truthy(dixis.event(events, "transaction.rolled_back"))
      local finished = dixis.event(events, "run.finished")
      assert.same({ true, 1 }, { finished.changed, finished.applied })
    end)

    it("goes on where it stopped, once the cause is mended", function()
      write("2_second", "CREATE TABLE a (id int);", "INSERT INTO nowhere VALUES (1);")
      failing()
      query "CREATE TABLE nowhere (id int)"
      assert.equal(0, deploy().code)
      assert.same({ "1_first 1 finished", "2_second 1 finished" }, ledger())
    end)

    it("takes BEGIN and COMMIT around the whole as its own", function()
      write("2_second", "BEGIN ISOLATION LEVEL SERIALIZABLE;",
        "CREATE TABLE a AS SELECT current_setting('transaction_isolation') AS level;", "COMMIT;")
      write("3_third", "BEGIN;", "CREATE TABLE b (id int);", "INSERT INTO nowhere VALUES (1);", "COMMIT;")
      failing()
      assert.equal("serializable", value "SELECT level FROM a")
      assert.is_false(exists "b")
      assert.same({ "1_first 1 finished", "2_second 1 finished" }, ledger())
    end)

    it("takes SET TRANSACTION at the beginning as a part of its BEGIN", function()
      write("2_second", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
        "CREATE TABLE a AS SELECT current_setting('transaction_isolation') AS level;")
      assert.equal(0, deploy().code)
      assert.equal("serializable", value "SELECT level FROM a")
    end)

    it("applies scripts without a statement", function()
      write("2_empty", "")
      write("3_comment", "-- nothing")
      assert.equal(0, deploy().code)
      assert.equal(3, #ledger())
    end)

    it("does not let a DO body commit", function()
      write("2_second", "CREATE TABLE a (id int);", "DO $$ BEGIN COMMIT; END $$;")
      assert.equal("2D000", failing().sqlstate)
      assert.is_false(exists "a")
      assert.same({ "1_first 1 finished" }, ledger())
    end)

    it("tells the line of the very place, past other scripts and line endings", function()
      write("2_second", "-- größer als ASCII: ≤ ✓\r", "CREATE TABLE a (id int);\r", "\r",
        "INSERT INTO a\r", "  -- ≤≤≤≤≤≤\r", "  SELECT 'ααα', nowhere\r", "  FROM a;\r")
      local err = failing()
      assert.same({ 6, 2, "42703" }, { err.line, err.statement, err.sqlstate })
    end)

    it("refuses COPY without rows, and undoes what was before it", function()
      local rows <const> = "COPY first FROM stdin;\n1\tx\n\\.\n"
      for _, text in ipairs { "COPY first FROM stdin;", rows, "COPY first TO stdout;" } do
        write("2_second", "CREATE TABLE a (id int);", text)
        failing()
        assert.is_false(exists "a")
        assert.same({ "1_first 1 finished" }, ledger())
      end
      write("2_second", "CREATE TABLE a (id int);")
      assert.equal(0, deploy().code)
    end)
  end)

  describe("statement by statement", function()
    before_each(function()
      write("2_index", "ALTER TABLE first ADD COLUMN a int;", "CREATE INDEX CONCURRENTLY i ON first (note);",
        "CREATE INDEX CONCURRENTLY j ON first (missing);", "CREATE INDEX CONCURRENTLY k ON first (a);")
      write("3_third", "CREATE TABLE third (id int);")
    end)

    it("counts what is done, and goes on there", function()
      local err, result = failing()
      assert.same({ 3, 3, "42703", true }, { err.line, err.statement, err.sqlstate, err.changed })
      assert.is_truthy(err.hint:find "2 of 4 statements are done")
      assert.is_truthy(result.stdout:find "statement 2 of 4 of 2_index is done and recorded")
      local rows = ledger()
      assert.equal("1_first 1 finished", rows[1])
      assert.is_truthy(rows[2]:match "^2_index 2 begun dixis:", rows[2])
      assert.is_true(exists "i")
      assert.is_false(exists "third")

      query "ALTER TABLE first ADD COLUMN missing int"
      local again, events = deploy()
      assert.equal(0, again.code, again.stdout)
      assert.same({ "1_first 1 finished", "2_index 1 finished", "3_third 1 finished" }, ledger())
      assert.is_true(exists "j" and exists "k" and exists "third")
      local began = {}
      for _, event in ipairs(events) do
        if event.type == "statement.started" then began[#began + 1] = event.statement end
      end
      assert.same({ 3, 4 }, began)
    end)

    it("replaces an index that was left invalid, and names it", function()
      write("2_index", "INSERT INTO first VALUES (1, 'x'), (2, 'x');",
        "CREATE UNIQUE INDEX CONCURRENTLY i ON first (note);", "CREATE TABLE after (id int);")
      local err = failing()
      assert.same({ 2, "23505", true }, { err.statement, err.sqlstate, err.changed })
      assert.is_truthy(err.message:find("public.i", 1, true), err.message)
      assert.is_false(value "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")
      query "DELETE FROM first WHERE id = 2"
      local result = deploy()
      assert.equal(0, result.code, result.stdout)
      assert.is_true(value "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")
      assert.is_true(exists "after")
      assert.equal(1, value "SELECT count(*) FROM first")
    end)

    it("is refused to go on in a file that was changed meanwhile", function()
      failing()
      write("2_index", "CREATE INDEX CONCURRENTLY k ON first (a);")
      local result = deploy()
      assert.equal(3, result.code, result.stdout)
      assert.is_truthy(result.stdout:find "was changed after a part of it had been applied")
      assert.is_false(exists "k")
    end)

    it("is not begun for Prisma: its row stays unfinished until the end", function()
      failing()
      local row = query("SELECT * FROM public._prisma_migrations WHERE migration_name = '2_index'")[1]
      assert.is_nil(row.finished_at)
      assert.is_nil(row.rolled_back_at)
      query "ALTER TABLE first ADD COLUMN missing int"
      assert.equal(0, deploy().code)
      row = query("SELECT * FROM public._prisma_migrations WHERE migration_name = '2_index'")[1]
      assert.is_nil(row.logs)
      assert.equal(1, row.applied_steps_count)
    end)
  end)

  describe("settings", function()
    before_each(function()
      query "CREATE SCHEMA elsewhere"
      query "CREATE TABLE elsewhere._prisma_migrations (LIKE pg_class)"
    end)

    --- The later migration lands in public, as the role of the URL, and every row in the ledger of public.
    local function unmoved()
      assert.equal(0, value "SELECT count(*) FROM elsewhere._prisma_migrations")
      assert.equal("public", value "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'later'")
      assert.equal(params.user, value "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'later'")
    end

    for name, text in pairs {
      ["SET search_path"] = "SET search_path = elsewhere; CREATE TABLE moved (id int);",
      ["SET search_path to nothing"] = "SET search_path = ''; CREATE TABLE elsewhere.moved (id int);",
      ["set_config"] = "SELECT pg_catalog.set_config('search_path', 'elsewhere', false); CREATE TABLE moved (id int);",
      ["SET in a DO body"] = "DO $$ BEGIN SET search_path = elsewhere; CREATE TABLE moved (id int); END $$;",
      ["a function"] = [[CREATE FUNCTION elsewhere.f() RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN SET search_path = elsewhere; CREATE TABLE moved (id int); END $$; SELECT elsewhere.f();]],
      ["RESET ALL"] = "CREATE TABLE elsewhere.moved (id int); RESET ALL;",
    } do
      it("of one migration do not reach its row or the next: " .. name, function()
        write("2_settings", text)
        write("3_later", "CREATE TABLE later (id int);")
        assert.equal(0, deploy().code)
        assert.same({ "1_first 1 finished", "2_settings 1 finished", "3_later 1 finished" }, ledger())
        assert.is_true(exists "elsewhere.moved")
        unmoved()
      end)
    end

    describe("of roles", function()
      local role
      before_each(function()
        role = params.dbname .. "_role"
        query(("CREATE ROLE %s"):format(role))
        query(("GRANT CREATE, USAGE ON SCHEMA elsewhere TO %s"):format(role))
      end)
      after_each(function()
        query(("DROP OWNED BY %s"):format(role))
        query(("DROP ROLE %s"):format(role))
      end)

      for _, setting in ipairs { "SET ROLE %s", "SET SESSION AUTHORIZATION %s", "SET LOCAL ROLE %s" } do
        it("do not either: " .. setting:format "another", function()
          write("2_role", setting:format(role) .. ";", "CREATE TABLE elsewhere.moved (id int);")
          write("3_later", "CREATE TABLE later (id int);")
          local result = deploy()
          assert.equal(0, result.code, result.stdout)
          assert.equal(role, value "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'moved'")
          unmoved()
        end)
      end
    end)

    it("hold statement by statement, also for the run that goes on", function()
      write("2_index", "CREATE TABLE elsewhere.t (id int);", "CREATE TABLE public.t (id int, missing int);",
        "SET search_path = elsewhere;", "CREATE INDEX CONCURRENTLY i ON t (id);",
        "CREATE INDEX CONCURRENTLY j ON t (missing);")
      write("3_later", "CREATE TABLE later (id int);")
      failing()
      assert.is_true(exists "elsewhere.i")
      query "ALTER TABLE elsewhere.t ADD COLUMN missing int"
      local result = deploy()
      assert.equal(0, result.code, result.stdout)
      assert.is_true(exists "elsewhere.j")
      assert.is_false(exists "public.j")
      assert.same({ "1_first 1 finished", "2_index 1 finished", "3_later 1 finished" }, ledger())
      unmoved()
    end)

    it("that a migration makes for the database itself are left alone", function()
      write("2_settings", ("ALTER DATABASE %s SET work_mem = '5MB';"):format(params.dbname))
      assert.equal(0, deploy().code)
      assert.equal("{work_mem=5MB}", value [[SELECT setconfig::text FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())]])
    end)
  end)

  describe("what cannot be taken apart", function()
    for name, text in pairs {
      ["a byte order mark"] = "\u{FEFF}CREATE TABLE a (id int);",
      ["psql commands"] = "CREATE TABLE a (id int);\n\\set x 1\n",
      ["a mistake"] = "CREATE TABLE a (id int);\nCREATE TABEL b (id int);",
    } do
      it("is sent whole, and fails as a whole: " .. name, function()
        write("2_whole", text)
        local err, _, events = failing()
        assert.equal("42601", err.sqlstate)
        assert.equal(select(2, text:sub(1, -2):gsub("\n", "")) + 1, err.line)
        assert.is_false(exists "a")
        assert.same({ "1_first 1 finished" }, ledger())
        assert.same({ { name = "2_whole", mode = "whole" } }, dixis.event(events, "plan.computed").special)
      end)
    end

    it("is refused before anything is changed when it controls transactions", function()
      write("2_refused", "CREATE TABLE a (id int);", "COMMIT;", "CREATE TABLE b (id int);")
      local result, events = deploy()
      assert.equal(3, result.code, result.stdout)
      assert.is_truthy(result.stdout:find("2_refused/migration.sql:2: controls its transaction itself", 1, true)
        or result.stderr:find("2_refused/migration.sql:2: controls its transaction itself", 1, true), result.stdout)
      assert.is_false(exists "first" or exists "_prisma_migrations")
      assert.is_false(dixis.event(events, "run.finished").changed)
    end)
  end)

  describe("row data", function()
    -- Long: a shorter one turns up in a digest now and then.
    local canary <const> = "canary-3133713371337"

    for name, case in pairs {
      ["a duplicate key"] = { "23505", "INSERT INTO first VALUES (1, '%s'), (2, '%s');",
        "CREATE UNIQUE INDEX u ON first (note);" },
      ["a duplicate key of one statement"] = { "23505", "CREATE UNIQUE INDEX u ON first (note);",
        "INSERT INTO first VALUES (1, '%s'), (2, '%s');" },
      ["a row that must not be NULL"] = { "23502", "INSERT INTO first VALUES (NULL, '%s');" },
      ["a column that must not be NULL"] = { "23502", "CREATE TABLE a (x text, y int);",
        "INSERT INTO a VALUES ('%s', NULL);", "ALTER TABLE a ALTER y SET NOT NULL;" },
      ["a check"] = { "23514", "ALTER TABLE first ADD CHECK (id < 5);", "INSERT INTO first VALUES (7, '%s');" },
      ["a foreign key"] = { "23503", "CREATE TABLE a (x text PRIMARY KEY);", "INSERT INTO first VALUES (1, '%s');",
        "ALTER TABLE first ADD FOREIGN KEY (note) REFERENCES a;" },
      ["a partition"] = { "23514", "CREATE TABLE p (a text) PARTITION BY LIST (a);", "INSERT INTO p VALUES ('%s');" },
      ["an invalid number"] = { "22P02", "INSERT INTO first VALUES ('%s');" },
      ["a number from a row"] = { "22P02", "INSERT INTO first VALUES (1, '%s');",
        "ALTER TABLE first ALTER note TYPE int USING note::int;" },
      ["a number that is too large"] = { "22003", "INSERT INTO first VALUES (1, '3133713371337');",
        "ALTER TABLE first ALTER note TYPE int USING note::int;" },
      ["an invalid date"] = { "22007", "SELECT '%s'::date;" },
      ["a value of an enumeration"] = { "22P02", "CREATE TYPE mood AS ENUM ('ok');",
        "INSERT INTO first VALUES (1, '%s');", "ALTER TABLE first ALTER note TYPE mood USING note::mood;" },
      ["invalid JSON"] = { "22P02", "INSERT INTO first VALUES (1, '{%s}');",
        "ALTER TABLE first ALTER note TYPE jsonb USING note::jsonb;" },
      ["a text that is too long"] = { "22001", "ALTER TABLE first ALTER note TYPE varchar(3);",
        "INSERT INTO first VALUES (1, '%s');" },
      ["a statement that is sent whole"] = { "42601", "INSERT INTO first VALUES (1, '%s');", "\\echo %s" },
      ["an unfinished string"] = { "42601", "INSERT INTO first VALUES (1, '%s);" },
      ["a number in the wrong place"] = { "42601", "INSERT INTO first VALUES (1 3133713371337);" },
      ["a mistake beside it"] = { "42601", "INSERT INTO first VALUES (1, 'x' '%s');" },
    } do
      it("is in no message: " .. name, function()
        write("2_data", (table.concat(case, "\n", 2):gsub("%%s", canary)))
        local err, result = failing()
        assert.equal(case[1], err.sqlstate)
        assert.is_nil(all_of(result):find("3133713371337", 1, true), err.message)
      end)
    end
  end)

  it("says what to do about a new value of an enumeration", function()
    write("2_enum", "CREATE TYPE mood AS ENUM ('ok');")
    write("3_enum", "ALTER TYPE mood ADD VALUE 'fine';", "CREATE TABLE a (m mood DEFAULT 'fine');")
    local err = failing()
    assert.equal("55P04", err.sqlstate)
    assert.is_truthy(err.hint:find "migration of its own", err.hint)
    write("3_enum", "ALTER TYPE mood ADD VALUE 'fine';")
    write("4_enum", "CREATE TABLE a (m mood DEFAULT 'fine');")
    assert.equal(0, deploy().code)
  end)

  it("gives up a lock that another session holds, and changes nothing", function()
    assert.equal(0, deploy().code)
    write("2_second", "CREATE TABLE a (id int);", "ALTER TABLE first ADD COLUMN b int;")
    query "BEGIN"
    query "LOCK TABLE first IN ACCESS SHARE MODE"
    local err = failing()
    assert.same({ "55P03", 2 }, { err.sqlstate, err.statement })
    assert.is_truthy(err.hint:find "run again when it is gone")
    assert.is_false(exists "a")
    assert.same({ "1_first 1 finished" }, ledger())
    query "COMMIT"
    assert.equal(0, deploy().code)
    assert.is_true(exists "a")
  end)

  it("uses the schema of the URL, and makes none", function()
    local url = server.url(params)
    url = url .. (url:find("?", 1, true) and "&" or "?") .. "schema=Elsewhere%202"
    local function there() return dixis.run({ "run", "deploy.lua" }, { cwd = folder, env = { DATABASE_URL = url } }) end
    assert.equal(3, there().code)
    query 'CREATE SCHEMA "Elsewhere 2"'
    local result = there()
    assert.equal(0, result.code, result.stdout)
    assert.is_true(exists '"Elsewhere 2".first' and exists '"Elsewhere 2"._prisma_migrations')
    assert.is_false(exists "public.first" or exists "public._prisma_migrations")
  end)
end)
