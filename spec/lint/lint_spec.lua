-- Lint of whole histories: causes and consequences, what it cannot know, and where it says things are.

local history = require "spec.support.history"

local function errors_of(result)
  local list <const> = {}
  for i, finding in ipairs(result.findings) do
    if finding.severity == "error" then list[#list + 1] = { finding.rule, finding.object, finding.cause, i } end
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
end)
