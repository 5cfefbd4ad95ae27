local effect_catalog = require "dixis.migrate.effect_catalog"
local server = require "spec.support.server"
local session = require "dixis.target.session"
local sql = require "host.sql"
local triage = require "dixis.migrate.triage"

describe("the triage of a script", function()
  local opened

  before_each(function() opened = assert(session.open({ params = server.database "triage" })) end)
  after_each(function() opened:close() end)

  local function judge(text, failed)
    return triage.script(effect_catalog.new(opened), text, failed)
  end

  local function states(found)
    local out = {}
    for i, one in ipairs(found.statements) do out[i] = one.state end
    return table.concat(out, ", ")
  end

  -- What is there of a script when its first statements ran, one after the other, as Prisma 7.4 sends them.
  local function verdicts(before, text)
    assert(opened.conn:script(before))
    local out = { judge(text).verdict }
    for _, statement in ipairs(assert(sql.parse(text))) do
      assert(opened.conn:script(text:sub(statement.first, statement.last)))
      out[#out + 1] = judge(text).verdict
    end
    return table.concat(out, " ")
  end

  -- One transaction: nothing or all, as Prisma up to 7.3 sends a file.
  local function whole(before, text)
    assert(opened.conn:script(before))
    local first = judge(text).verdict
    assert(opened.conn:script(text))
    return first .. " " .. judge(text).verdict
  end

  it("knows how far it came", function()
    assert.equal("absent partial partial present", verdicts("CREATE TABLE a (id int)", [[
      ALTER TABLE a ADD COLUMN x int; CREATE INDEX a_x ON a (x); CREATE TABLE b (id int)]]))
  end)

  it("follows a table that it renames", function()
    assert.equal("absent partial partial present", verdicts("CREATE TABLE a (id int)", [[
      ALTER TABLE a RENAME TO b; ALTER TABLE b ADD COLUMN x int; ALTER TABLE b RENAME COLUMN id TO key]]))
  end)

  it("does not see rows, and says so", function()
    assert.equal("unknown unknown", verdicts("CREATE TABLE a (id int)", "INSERT INTO a VALUES (1)"))
    assert.equal("unknown", judge("DO $$ BEGIN PERFORM 1; END $$").verdict)
  end)

  it("concludes on what it cannot see from what comes before and after it", function()
    local text <const> = "ALTER TABLE a ADD COLUMN x int; UPDATE a SET x = 1; ALTER TABLE a ALTER COLUMN x SET NOT NULL"
    assert(opened.conn:script "CREATE TABLE a (id int)")
    assert.equal("absent", judge(text).verdict)
    assert.equal("absent, not run, absent", states(judge(text)))
    assert(opened.conn:script "ALTER TABLE a ADD COLUMN x int")
    assert.equal("partial", judge(text).verdict)
    local proof <const> = "CREATE TABLE b (id int); INSERT INTO b VALUES (1); CREATE TABLE c (id int)"
    assert(opened.conn:script(proof))
    assert.equal("present present", judge(proof).verdict .. " " .. judge("CREATE TABLE b (id int)").verdict)
    assert.equal("present, done, present", states(judge(proof)))
  end)

  it("does not conclude that rows are there because a table is, when an error is recorded", function()
    local text <const> = "INSERT INTO a VALUES (1); CREATE TABLE b (id int)"
    assert(opened.conn:script "CREATE TABLE a (id int); CREATE TABLE b (id int)")
    assert.equal("present", judge(text).verdict)
    assert.equal("unknown", judge(text, true).verdict)
  end)

  it("does not know of rows before the first thing that is not there", function()
    local text <const> = "INSERT INTO a VALUES (1); CREATE TABLE b (id int)"
    assert(opened.conn:script "CREATE TABLE a (id int)")
    assert.equal("unknown", judge(text).verdict)
    assert.equal("absent", judge("BEGIN; " .. text .. "; COMMIT").verdict)
  end)

  it("takes an enum that Prisma puts in an old one's place as one transaction", function()
    assert.equal("absent present", whole([[CREATE TYPE "Role" AS ENUM ('A', 'B', 'C');
      CREATE TABLE "User" (id int, role "Role" DEFAULT 'A')]], [[
      BEGIN;
      CREATE TYPE "Role_new" AS ENUM ('A', 'B');
      ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
      ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
      ALTER TYPE "Role" RENAME TO "Role_old";
      ALTER TYPE "Role_new" RENAME TO "Role";
      DROP TYPE "Role_old";
      ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'A';
      COMMIT;]]))
  end)

  it("says nothing of what it takes back, and of what it makes anew", function()
    assert.equal("unknown partial unknown", verdicts("", "CREATE TABLE s (a int); DROP TABLE s"))
    assert.equal("unknown partial unknown", verdicts("CREATE TABLE t (a int, CONSTRAINT k CHECK (a > 0))",
      "ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 1)"))
    assert.equal("absent partial partial present", verdicts("",
      "CREATE TABLE s (a int); CREATE TABLE n (a int); DROP TABLE s"))
  end)

  it("counts what can run again neither for nor against", function()
    local text <const> = "CREATE TABLE IF NOT EXISTS a (id int); ALTER TABLE a ADD COLUMN x int"
    assert(opened.conn:script "CREATE TABLE a (id int)")
    assert.equal("absent", judge(text).verdict)
    assert(opened.conn:script "ALTER TABLE a ADD COLUMN x int")
    assert.equal("present", judge(text).verdict)
    assert.equal("present", judge("CREATE TABLE IF NOT EXISTS a (id int)").verdict)
  end)

  it("takes something else of that name, and an index that is not valid, as a part", function()
    assert(opened.conn:script "CREATE TABLE a (id int); INSERT INTO a VALUES (1), (1)")
    assert.equal("partial", judge("CREATE TABLE a (id int, x int)").verdict)
    local text <const> = "CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)"
    assert.equal("absent", judge(text).verdict)
    assert.is_nil((opened.conn:query(text)))
    local found = judge(text, true)
    assert.equal("partial", found.verdict)
    assert.equal("invalid", states(found))
    assert.equal("public.a_id", found.statements[1].name)
  end)

  it("has nothing to miss where nothing is done", function()
    assert.equal("present", judge("").verdict)
    assert.equal("present", judge("-- nothing\nSET lock_timeout = 1;").verdict)
  end)

  it("tells what it does not understand", function()
    local found = judge("CREATE TABEL a (id int)")
    assert.equal("unknown", found.verdict)
    assert.matches("not understood", found.shape, 1, true)
  end)

  it("knows in how many transactions it ran", function()
    for text, shape in pairs {
      ["CREATE TABLE a (id int)"] = "one statement",
      ["CREATE TABLE a (id int); CREATE TABLE b (id int)"] = "up to 7.3",
      ["BEGIN; CREATE TABLE a (id int); CREATE TABLE b (id int); COMMIT"] = "from BEGIN to COMMIT",
      ["CREATE TABLE a (id int); BEGIN; CREATE TABLE b (id int); COMMIT"] = "controls its transactions itself",
      ["CREATE INDEX CONCURRENTLY i ON a (id); CREATE TABLE b (id int)"] = "not all of which can be",
    } do
      assert.matches(shape, judge(text).shape, 1, true)
    end
  end)

  it("says which statement, without the data in it", function()
    local found = judge("CREATE TABLE a (id int);\n\n-- why\nINSERT INTO a (id) VALUES ('4111 1111 1111 1111');")
    assert.equal(1, found.statements[1].line)
    assert.equal(4, found.statements[2].line)
    assert.matches("INSERT INTO a", found.statements[2].text, 1, true)
    assert.is_nil(found.statements[2].text:find("4111", 1, true))
  end)
end)
