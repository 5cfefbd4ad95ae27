local effect = require "dixis.migrate.effect"
local effect_catalog = require "dixis.migrate.effect_catalog"
local server = require "spec.support.server"
local session = require "dixis.target.session"
local sql = require "host.sql"

describe("the effect of", function()
  local opened

  before_each(function() opened = assert(session.open({ params = server.database "effect" })) end)
  after_each(function() opened:close() end)

  --- The states of a script's statements, after `done` was run on an empty database.
  local function states(done, text, from_nothing)
    if done ~= "" then assert(opened.conn:script(done)) end
    local found = effect.script(effect_catalog.new(opened), assert(sql.parse(text)), from_nothing)
    local out = {}
    for i, one in ipairs(found) do out[i] = one.state end
    return table.concat(out, " "), found
  end

  local base <const> = [[
    CREATE TABLE u (id int PRIMARY KEY);
    CREATE TABLE t (id int NOT NULL, a varchar(10) DEFAULT 'x', b int, c text[]);
    CREATE INDEX t_b_idx ON t (b);
    CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE VIEW v AS SELECT 1 AS one;
    CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE SEQUENCE q;
    CREATE SCHEMA other;
    ALTER TABLE t ADD CONSTRAINT t_check CHECK (b > 0);]]

  -- Each is looked at before it has run, and after.
  for _, text in ipairs {
    "CREATE TABLE n (id serial PRIMARY KEY, d numeric(10, 2), e timestamp(3), m mood[], CONSTRAINT c CHECK (id > 0))",
    "CREATE TABLE IF NOT EXISTS public.n (a int)",
    "CREATE TABLE n AS SELECT 1 AS x",
    "SELECT 1 AS x INTO n",
    "ALTER TABLE t ADD COLUMN n int",
    'ALTER TABLE "t" ADD COLUMN IF NOT EXISTS "N" TIMESTAMP(3), ADD COLUMN "M" DECIMAL(65,30)',
    "ALTER TABLE t DROP COLUMN a",
    "ALTER TABLE t DROP COLUMN a, ADD COLUMN n int",
    "ALTER TABLE t DROP COLUMN b, ADD COLUMN b text",
    "ALTER TABLE t RENAME COLUMN a TO n",
    "ALTER TABLE t RENAME TO n",
    "ALTER TABLE t RENAME CONSTRAINT t_check TO n",
    "ALTER INDEX t_b_idx RENAME TO n",
    "ALTER TYPE mood RENAME TO n",
    "CREATE SCHEMA n",
    "ALTER TABLE t ALTER COLUMN b SET NOT NULL",
    "ALTER TABLE t ALTER COLUMN id DROP NOT NULL",
    "ALTER TABLE t ALTER COLUMN b SET DEFAULT -1",
    "ALTER TABLE t ALTER COLUMN b SET DEFAULT 0",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 'it''s'",
    "ALTER TABLE t ALTER COLUMN a DROP DEFAULT",
    "ALTER TABLE t ALTER COLUMN a TYPE text",
    "ALTER TABLE t ALTER COLUMN a TYPE varchar(11)",
    "ALTER TABLE t ALTER COLUMN b TYPE bigint USING b::bigint",
    "ALTER TABLE t ADD CONSTRAINT n FOREIGN KEY (b) REFERENCES u (id)",
    "ALTER TABLE t ADD PRIMARY KEY (id)",
    "ALTER TABLE t DROP CONSTRAINT t_check",
    "CREATE INDEX n ON t (a)",
    "CREATE UNIQUE INDEX CONCURRENTLY n ON public.t (a)",
    "DROP INDEX t_b_idx",
    "CREATE TYPE n AS ENUM ('a', 'b')",
    "CREATE TYPE n AS (a int)",
    "CREATE DOMAIN n AS int",
    "ALTER TYPE mood ADD VALUE 'so so' AFTER 'glad'",
    "ALTER TYPE mood RENAME VALUE 'sad' TO 'grim'",
    "DROP TABLE u",
    "DROP TYPE mood",
    "DROP VIEW v",
    "DROP FUNCTION f(int)",
    "DROP FUNCTION f",
    "DROP SEQUENCE q",
    "CREATE VIEW n AS SELECT 1 AS one",
    "CREATE MATERIALIZED VIEW n AS SELECT 1 AS one",
    "CREATE FUNCTION n(a text, OUT b text) LANGUAGE sql AS $$ SELECT a $$",
    "CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE sql AS $$ SELECT 2 $$",
    "CREATE POLICY n ON t",
    "CREATE SEQUENCE IF NOT EXISTS n",
    "DROP EXTENSION plpgsql",
    "ALTER TABLE t SET SCHEMA other",
  } do
    it(text, function()
      assert.equal("absent", (states(base, text)))
      assert.equal("present", (states(text, text)))
    end)
  end

  it("a trigger", function()
    local text = "CREATE TRIGGER n BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tf()"
    assert.equal("absent", (states(base .. [[
      CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END']], text)))
    assert.equal("present", (states(text, text)))
    assert.equal("absent", (states("", "DROP TRIGGER n ON t")))
    assert.equal("present", (states("DROP TRIGGER n ON t", "DROP TRIGGER n ON public.t")))
  end)

  it("validating a constraint", function()
    assert.equal("present absent", (states(base .. "ALTER TABLE t ADD CONSTRAINT n CHECK (b > 1) NOT VALID;",
      "ALTER TABLE t ADD CONSTRAINT n CHECK (b > 1) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT n")))
  end)

  it("what is no definition is not known, and what leaves nothing is not looked for", function()
    assert.equal("unknown unknown unknown unknown unknown unseen unseen unseen", (states(base, [[
      INSERT INTO t (id) VALUES (1); UPDATE t SET b = 1; DO $$ BEGIN END $$; SELECT f(1); GRANT SELECT ON t TO PUBLIC;
      SET lock_timeout = 1; VACUUM t; BEGIN]])))
  end)

  it("an index that was not finished", function()
    assert(opened.conn:script(base .. "INSERT INTO t (id, b) VALUES (1, 1), (2, 1);"))
    assert.is_nil((opened.conn:query "CREATE UNIQUE INDEX CONCURRENTLY n ON t (b)"))
    local text <const> = "CREATE UNIQUE INDEX CONCURRENTLY n ON t (b)"
    assert.equal("invalid", (states("", text)))
    assert.same({ "invalid", "public.n" }, { effect.of(opened, sql.parse(text)[1]) })
  end)

  it("a thing of the same name that is another", function()
    assert(opened.conn:script(base))
    for text, note in pairs {
      ["CREATE TABLE t (id int, z int)"] = "column z is not there",
      ["CREATE TABLE t (id bigint, b int)"] = "column id is int4",
      ["CREATE TABLE t (id int, c text)"] = "column c is text[]",
      ["CREATE TABLE t (id int, CONSTRAINT z UNIQUE (id))"] = "constraint z is not there",
      ["CREATE INDEX t_b_idx ON u (id)"] = "public.t_b_idx is no index of u",
      ["CREATE TYPE mood AS ENUM ('glad')"] = "public.mood has the value 'sad'",
      ["ALTER TABLE t ADD COLUMN b int, ADD COLUMN z int"] = "column z is not there",
      ["ALTER TABLE t ADD COLUMN z int, ADD COLUMN b int"] = "column z is not there",
      ["ALTER TABLE t DROP COLUMN b, DROP COLUMN z"] = "column b is there",
    } do
      local state, found = states("", text)
      assert.equal("differs " .. note, state .. " " .. tostring(found[1].note))
    end
  end)

  it("replacing a view cannot be seen when there was one", function()
    assert.equal("unknown absent",
      (states(base, "CREATE OR REPLACE VIEW v AS SELECT 2 AS two; CREATE OR REPLACE VIEW w AS SELECT 1 AS one")))
  end)

  describe("a script", function()
    it("that takes back what it made says nothing when nothing is there", function()
      local text <const> = "CREATE TABLE s (a int); INSERT INTO s VALUES (1); CREATE INDEX i ON s (a); DROP TABLE s"
      assert.equal("unseen unseen unseen unseen", (states("", text)))
      assert.equal("present unseen unseen absent", (states("CREATE TABLE s (a int)", text)))
    end)

    it("that makes anew what it drops says nothing when it is there", function()
      local text <const> = "ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 1)"
      assert.equal("unseen unseen", (states("CREATE TABLE t (a int, CONSTRAINT k CHECK (a > 0))", text)))
      assert.equal("present absent", (states("ALTER TABLE t DROP CONSTRAINT k", text)))
    end)

    it("that renames is followed, however far it came", function()
      local parts <const> = { "CREATE TABLE s (a int, b int)", "CREATE INDEX s_i ON s (a)",
        "ALTER TABLE s RENAME COLUMN a TO c", "ALTER TABLE s RENAME TO r", "ALTER TABLE r DROP COLUMN b" }
      local text <const> = table.concat(parts, "; ")
      local wanted <const> = { "present absent absent absent unseen", "present present absent absent unseen",
        "present present present absent unseen", "present present present present absent",
        "present present present present unseen" }
      assert.equal("absent absent absent absent unseen", (states("", text)))
      for i, part in ipairs(parts) do assert.equal(wanted[i], (states(part, text))) end
      assert.equal("present present present present present", (states("", text, true)))
    end)

    -- What Prisma writes when a value is taken out of an enum.
    it("that puts a new enum in an old one's place is told by the values", function()
      local text <const> = [[
        BEGIN;
        CREATE TYPE "Role_new" AS ENUM ('A', 'B');
        ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
        ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
        ALTER TYPE "Role" RENAME TO "Role_old";
        ALTER TYPE "Role_new" RENAME TO "Role";
        DROP TYPE "Role_old";
        ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'A';
        COMMIT;]]
      local before = states([[CREATE TYPE "Role" AS ENUM ('A', 'B', 'C');
        CREATE TABLE "User" (id int, role "Role" DEFAULT 'A');]], text)
      local after = states(text, text)
      assert.equal("unseen absent unseen unseen unseen unseen unseen unseen unseen", before)
      assert.equal("unseen present unseen unseen unseen unseen unseen unseen unseen", after)
    end)

    it("is not confused by what bears the name for a while", function()
      local text <const> = "CREATE TYPE a AS ENUM ('x'); ALTER TYPE a RENAME TO b; CREATE TYPE a AS ENUM ('y')"
      assert.equal("absent absent absent", (states("CREATE TYPE c AS ENUM ('z')", text)))
      assert.equal("present present absent", (states("CREATE TYPE b AS ENUM ('x')", text)))
      assert.equal("present present present", (states("CREATE TYPE a AS ENUM ('y')", text)))
    end)

    it("may speak of the same name in two schemas", function()
      local text <const> = "CREATE TABLE one.t (a int); DROP TABLE two.t; SET search_path = two; CREATE TABLE n (a int)"
      local done <const> = "CREATE SCHEMA one; CREATE SCHEMA two; CREATE TABLE two.t (a int); CREATE TABLE n (a int);"
      assert.equal("absent absent unseen absent", (states(done, text)))
      assert.equal("present present unseen present", (states(text, text)))
    end)

    it("whose search path is not known is not guessed at", function()
      assert.equal("unseen unknown present",
        (states("CREATE TABLE n (a int)", "SELECT set_config('search_path', '', false); CREATE TABLE n (a int); "
          .. "CREATE TABLE public.n (a int)")))
    end)

    it("from nothing is judged by its end", function()
      local text <const> = [[
        CREATE TABLE t (a int, b int, d int);
        CREATE INDEX t_b ON t (b);
        ALTER TABLE t ADD CONSTRAINT k CHECK (b > 0);
        ALTER TABLE t DROP COLUMN b;
        ALTER TABLE t ALTER COLUMN a TYPE bigint;
        DROP TABLE IF EXISTS never;
        ALTER TABLE t ALTER COLUMN d SET NOT NULL;
        ALTER TABLE t ALTER COLUMN d DROP NOT NULL;]]
      assert.equal("present unseen unseen present present present unseen present", (states(text, text, true)))
      assert.equal("differs unseen unseen present present present absent absent",
        (states("ALTER TABLE t RENAME COLUMN d TO e", text, true)))
    end)
  end)

  it("a name is looked up in the schema of the URL", function()
    assert(opened.conn:script "CREATE SCHEMA app; CREATE TABLE t (a int)")
    opened.schema = "app"
    opened:reset()
    assert.equal("absent", (states("", "CREATE TABLE t (a int)")))
    assert.equal("present", (states("CREATE TABLE t (a int)", "CREATE TABLE t (a int)")))
  end)
end)
