-- Hazards: each rule on a script that has it and on its nearest innocent twin; how sizes weigh; where findings point;
-- and that each rule of lint is documented.

local fixtures = require "spec.lint.hazard_fixtures"
local fs = require "host.fs"
local history = require "spec.support.history"
local rules = require "dixis.lint.rules"

local BASE <const> = 'CREATE TABLE "Order" ("id" INTEGER PRIMARY KEY, "userId" INTEGER, "note" VARCHAR(20));'

-- The findings about the last of the scripts.
local function findings(scripts, options)
  local last <const> = ("_m%d$"):format(#scripts)
  local list <const> = {}
  for _, finding in ipairs(history.lint(scripts, options).findings) do
    if finding.migration:find(last) then
      list[#list + 1] = finding
    elseif finding.severity == "error" and not (options and options.server_major) then
      error(finding.message) -- the scripts before are sound, but for a server that is too old for them
    end
  end
  return list
end

local function of_rule(list, rule)
  local found <const> = {}
  for _, finding in ipairs(list) do
    if finding.rule == rule then found[#found + 1] = finding end
  end
  return found
end

local function options_of(fixture)
  local options <const> = { enable = { [fixture.rule] = true } }
  for name, value in pairs(fixture.options or {}) do options[name] = value end
  return options
end

local function order_rules(list)
  local found <const> = {}
  for _, finding in ipairs(list) do
    if rules.all[finding.rule].group ~= "hazard" and finding.severity == "error" then
      found[#found + 1] = finding.rule .. ": " .. finding.message
    end
  end
  return found
end

describe("a hazard:", function()
  local seen <const> = {}

  for _, fixture in ipairs(fixtures.list) do
    it(("%s: %s"):format(fixture.rule, fixture.bad:gsub("%s+", " "):sub(1, 90)), function()
      seen[fixture.rule] = true
      local before <const> = { fixtures.base, fixture.setup or "SELECT 1;" }
      local options <const> = options_of(fixture)
      local bad <const> = of_rule(findings({ before[1], before[2], fixture.bad }, options), fixture.rule)
      assert.is_true(#bad > 0, "it is not found")
      assert.equal(fixture.severity or bad[1].severity, bad[1].severity)
      assert.is_truthy(bad[1].fix)
      local good <const> = findings({ before[1], before[2], fixture.good }, options)
      assert.same({}, of_rule(good, fixture.rule))
      assert.same({}, order_rules(good))
    end)
  end

  it("has a pair for every rule", function()
    local missing <const> = {}
    for name, rule in pairs(rules.all) do
      if rule.group == "hazard" and not seen[name] and name ~= "newer-server" then missing[#missing + 1] = name end
    end
    table.sort(missing)
    assert.same({}, missing)
  end)

  it("is what an older server does not know", function()
    for _, entry in ipairs(fixtures.newer) do
      local scripts <const> = { fixtures.base, entry.setup or "SELECT 1;", entry[2] }
      local older <const> = of_rule(findings(scripts, { server_major = entry[1] - 1 }), "newer-server")
      assert.equal(1, #older, entry[2])
      assert.equal("error", older[1].severity)
      assert.matches(("PostgreSQL %d"):format(entry[1]), older[1].message, 1, true)
      assert.same({}, of_rule(findings(scripts, { server_major = entry[1] }), "newer-server"), entry[2])
      assert.same({}, of_rule(findings(scripts), "newer-server"), entry[2])
    end
  end)
end)

describe("an old server", function()
  it("writes every row for what newer ones do not", function()
    for text, major in pairs {
      [ [[ALTER TABLE "User" ADD COLUMN "n" INTEGER DEFAULT 1;]] ] = 11,
      [ [[SET LOCAL TIME ZONE 'UTC'; ALTER TABLE "User" ALTER COLUMN "seen" TYPE TIMESTAMP;]] ] = 12,
    } do
      local function hazards(of) return #of_rule(findings({ fixtures.base, text }, { server_major = of }),
        major == 11 and "default-rewrites" or "type-rewrites") end
      assert.same({ 1, 0 }, { hazards(major - 1), hazards(major) }, text)
    end
  end)
end)

describe("a default that goes", function()
  it("leaves NULL where NULL is allowed by the same statement", function()
    local script <const> = [[ALTER TABLE "Order" ALTER COLUMN "status" DROP NOT NULL, ALTER COLUMN "status" DROP DEFAULT;]]
    local found <const> = of_rule(findings { fixtures.base, script }, "drop-default")
    assert.matches("writes NULL", found[1].message, 1, true)
  end)

  it("is moot with its column", function()
    local script <const> = [[ALTER TABLE "Order" ALTER COLUMN "status" DROP DEFAULT;
      ALTER TABLE "Order" ALTER COLUMN "status" DROP NOT NULL; ALTER TABLE "Order" DROP COLUMN "status";]]
    local list <const> = findings { fixtures.base, script }
    assert.same({}, of_rule(list, "drop-default"))
    assert.same({}, of_rule(list, "drop-not-null"))
  end)
end)

describe("a column that is made anew", function()
  local function begins_empty(script)
    local found <const> = of_rule(findings { fixtures.base, script }, "drop-column")
    return found[1].message:find("begins empty", 1, true) ~= nil
  end

  it("is one of the same table", function()
    assert.is_true(begins_empty [[ALTER TABLE "User" DROP COLUMN "age"; ALTER TABLE "User" ADD COLUMN "age" TEXT;]])
    assert.is_false(begins_empty [[ALTER TABLE "User" DROP COLUMN "age"; ALTER TABLE "Order" ADD COLUMN "age" TEXT;]])
    assert.is_false(begins_empty [[ALTER TABLE "User" DROP COLUMN "age"; CREATE TABLE "Own" ("age" TEXT);]])
  end)
end)

describe("the size of a table", function()
  local script <const> = 'CREATE INDEX "Order_userId_idx" ON "Order"("userId");'

  local function sized(rows)
    return findings({ BASE, script }, { sizes = { ["public.Order"] = { rows = rows, bytes = rows * 100 } } })[1]
  end

  it("makes a hazard on a few rows a note", function()
    local finding <const> = sized(9999)
    assert.equal("note", finding.severity)
    assert.matches("is small (9,999 rows, 976 kB)", finding.message, 1, true)
  end)

  it("is said where it is neither", function()
    local finding <const> = sized(10000)
    assert.equal("warning", finding.severity)
    assert.matches('"Order" has 10,000 rows, 977 kB.', finding.message, 1, true)
  end)

  it("makes one on many rows urgent", function()
    local finding <const> = sized(1000001)
    assert.equal("warning", finding.severity)
    assert.matches("is large (1,000,001 rows, 95 MB)", finding.message, 1, true)
  end)

  it("is not asked for what breaks running code", function()
    local list <const> = findings({ BASE, 'ALTER TABLE "Order" DROP COLUMN "note";' },
      { sizes = { ["public.Order"] = { rows = 3, bytes = 8192 } } })
    assert.same({ "drop-column", "warning" }, { list[1].rule, list[1].severity })
  end)
end)

describe("a finding", function()
  it("points at the clause, names the table, and gives the safe way with the real names", function()
    local list <const> = findings { BASE, 'CREATE TABLE "User" ("id" INTEGER PRIMARY KEY);', [[
-- what is to be linked
ALTER TABLE "Order"
  ADD COLUMN "é" TEXT,
  ADD CONSTRAINT "Order_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE;
  ALTER TABLE "Order" ALTER "note" TYPE TEXT, ALTER "userId" SET NOT NULL;]] }
    assert.same({ "foreign-key-scans", 4, 7, 1, "public.Order" },
      { list[1].rule, list[1].line, list[1].column, list[1].statement_index, list[1].object })
    assert.matches("ACCESS EXCLUSIVE on \"Order\", which blocks all reads and writes, and SHARE ROW EXCLUSIVE on \"User\"",
      list[1].message, 1, true)
    assert.equal([[
-- 1
ALTER TABLE "Order" ADD CONSTRAINT "Order_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" (id) ON DELETE CASCADE NOT VALID;
-- 2
ALTER TABLE "Order" VALIDATE CONSTRAINT "Order_userId_fkey";]], list[1].fix_sql)
    assert.same({ "not-null-scans", 5, 53, 2, "public.Order.userId" },
      { list[2].rule, list[2].line, list[2].column, list[2].statement_index, list[2].object })
  end)

  it("is none about what the same migration made, or what is not there", function()
    assert.same({}, of_rule(findings { BASE, [[
CREATE TABLE "Own" ("id" INTEGER);
CREATE INDEX "Own_id_idx" ON "Own"("id");
ALTER TABLE "Own" ALTER COLUMN "id" TYPE BIGINT, ALTER COLUMN "id" SET NOT NULL, ADD COLUMN "n" SERIAL;
DELETE FROM "Own";
DROP TABLE "Own";]] }, "x"))
    local list <const> = findings { BASE, 'ALTER TABLE "Nobody" ADD COLUMN "n" SERIAL; CREATE INDEX i ON "Nobody"("n");' }
    for _, finding in ipairs(list) do assert.equal("order", rules.all[finding.rule].group) end
  end)

  it("says what stays locked while all rows are changed", function()
    local list <const> = findings { BASE, [[
ALTER TABLE "Order" ADD COLUMN "city" TEXT;
UPDATE "Order" SET "city" = 'Rome';]] }
    assert.equal("update-everything", list[1].rule)
    assert.matches('Meanwhile "Order" stays locked (ACCESS EXCLUSIVE, line 1), which blocks all reads and writes.',
      list[1].message, 1, true)
  end)

  it("is looked for in what has no type of its own", function()
    local list <const> = findings({ fixtures.base, "CREATE TABLE event_2030 PARTITION OF event (id PRIMARY KEY) DEFAULT;" },
      { enable = { ["int-primary-key"] = true, ["char-type"] = true } })
    assert.same({ 1, "partition-locks-parent" }, { #list, list[1].rule })
  end)

  it("is there for a table that a DO block may have made", function()
    local list <const> = findings { "DO $$ BEGIN EXECUTE 'CREATE TABLE ' || 'a (id int)'; END $$;", "CREATE INDEX i ON a (id);" }
    assert.equal("index-blocks-writes", list[1].rule)
  end)
end)

describe("what Prisma writes", function()
  it("gives no hazard in an init migration, and no note but for real ones", function()
    local list <const> = findings { [[
-- CreateEnum
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
-- CreateTable
CREATE TABLE "User" (
    "id" SERIAL NOT NULL,
    "email" VARCHAR(255) NOT NULL,
    "role" "Role" NOT NULL DEFAULT 'USER',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);
-- CreateTable
CREATE TABLE "Post" ("id" TEXT NOT NULL, "authorId" INTEGER NOT NULL, "meta" JSONB, CONSTRAINT "Post_pkey" PRIMARY KEY ("id"));
-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
-- AddForeignKey
ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId")
  REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
]] }
    assert.same({}, list)
  end)

  it("is one finding for a new enum beside the old one", function()
    local list <const> = findings { fixtures.base, [[
-- AlterEnum
BEGIN;
CREATE TYPE "Role_new" AS ENUM ('USER');
ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";
ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'USER';
COMMIT;]] }
    assert.equal(1, #list)
    assert.equal("type-rewrites", list[1].rule)
  end)
end)

describe("docs/lint.md", function()
  it("has a section for each rule, and no other", function()
    local documented, wrong = {}, {}
    local text <const> = assert(fs.read "docs/lint.md")
    for name, severity in text:gmatch "\n### ([%w-]+)\n\n%*(%a+)" do
      documented[name] = true
      if not rules.all[name] then
        wrong[#wrong + 1] = name .. " is no rule"
      elseif rules.all[name].severity ~= severity then
        wrong[#wrong + 1] = name .. " is of another severity"
      end
    end
    for name in pairs(rules.all) do
      if not documented[name] then wrong[#wrong + 1] = name .. " is not documented" end
    end
    table.sort(wrong)
    assert.same({}, wrong)
  end)

  it("names only rules in the tables about other tools", function()
    local text <const> = assert(fs.read "docs/lint.md")
    local tables <const> = text:match "\n## Other tools\n(.*)$"
    local count = 0
    for cell in tables:gmatch "\n| [^|\n]+ | ([^|\n]+) |" do
      for name in cell:gmatch "`([%w-]+)`" do
        assert.is_truthy(rules.all[name], name)
        count = count + 1
      end
    end
    assert.is_true(count > 100)
  end)
end)
