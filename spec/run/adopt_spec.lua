local book = require "spec.support.book"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local folder_of = require "dixis.migrate.folder"
local fs = require "host.fs"
local ledger = require "spec.support.ledger"
local pg = require "host.pg"
local server = require "spec.support.server"

describe("runbooks/adopt.lua", function()
  local folder, url, conn, names, texts

  before_each(function()
    folder = dixis.project { git = false }
    names, texts = {}, {}
    for i, migration in ipairs(assert(folder_of.read(folder .. "/prisma/migrations")).migrations) do
      names[i], texts[i] = migration.name, assert(fs.read(migration.file))
    end
    local params = server.database "adopt"
    url, conn = server.url(params), assert(pg.connect(params))
  end)
  after_each(function()
    conn:close()
    fs.remove(folder)
  end)

  local function made(count)
    for i = 1, count do assert(conn:script(texts[i])) end
  end

  local function adopt(upto, ...)
    return book.dixis(folder, url,
      { "run", "adopt", "--set", "git=false", "--set", "upto=" .. upto, "--confirm", "DIXIS-ADOPT-OK", ... })
  end

  local function deploy()
    return book.dixis(folder, url, { "run", "staging", "--set", "git=false", "--set", "generate=false",
      "--confirm", "DIXIS-STAGING-OK" })
  end

  local function recorded()
    local out = {}
    for i, row in ipairs(assert(conn:query [[
      SELECT migration_name AS name, checksum, logs, started_at = finished_at AS at_once, rolled_back_at IS NULL AS stands,
             applied_steps_count AS steps, length(id) AS id
        FROM _prisma_migrations ORDER BY started_at]])) do
      out[i] = { name = row.name, checksum = row.checksum, logs = row.logs, at_once = row.at_once, stands = row.stands,
        steps = row.steps, id = row.id }
    end
    return out
  end

  local function has_ledger()
    return assert(conn:query "SELECT to_regclass('_prisma_migrations') IS NOT NULL")[1][1]
  end

  it("is what a deploy names, and deploy goes on after it", function()
    made(5)
    local refused = deploy()
    assert.equal(3, refused.code)
    assert.matches("dixis run runbooks/adopt.lua --set upto=NAME", refused.shown:gsub("\n *", " "), 1, true)
    local done = adopt(names[5])
    assert.equal(0, done.code, done.shown)
    local rows = recorded()
    assert.equal(5, #rows)
    for i, row in ipairs(rows) do
      assert.same({ name = names[i], checksum = digest.sha256(texts[i]), logs = "", at_once = true, stands = true, steps = 0,
        id = 36 }, row)
    end
    assert.equal(0, deploy().code)
    assert.equal(7, #recorded())
  end)

  it("makes the ledger as Prisma does", function()
    local function columns()
      local out = {}
      for i, row in ipairs(assert(conn:query [[
        SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
               pg_get_expr(d.adbin, d.adrelid) AS default_value
          FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = '_prisma_migrations'::regclass AND a.attnum > 0 ORDER BY a.attnum]])) do
        out[i] = ("%s %s %s %s"):format(row.name, row.type, row.required, row.default_value)
      end
      return out
    end
    made(1)
    assert.equal(0, adopt(names[1]).code)
    local ours = columns()
    assert(conn:query "DROP TABLE _prisma_migrations")
    ledger.create(conn)
    assert.same(columns(), ours)
  end)

  it("refuses what is only partly there, names the lines, and records nothing", function()
    made(7)
    assert(conn:script [[DROP INDEX "Order_publicToken_idx"; ALTER TABLE "Notification" DROP COLUMN "error";
      ALTER TABLE "Product" ALTER COLUMN "stock" TYPE bigint]])
    local refused = adopt(names[7])
    assert.equal(3, refused.code)
    assert.matches("3 of 24 statements", refused.shown, 1, true)
    for _, words in ipairs {
      names[3] .. "/migration.sql:5  there, but not like this (column stock is int8)",
      names[5] .. "/migration.sql:2  there, but not like this (column error is not there)",
      names[7] .. "/migration.sql:8  not there",
    } do
      assert.matches(words, refused.shown, 1, true)
    end
    assert.is_false(has_ledger())
  end)

  it("records against the evidence only when it is told to, and says so", function()
    made(6)
    assert.equal(3, adopt(names[7]).code)
    local planned = book.dixis(folder, url, { "plan", "adopt", "--set", "upto=" .. names[7] })
    assert.equal(0, planned.code)
    assert.matches(names[7] .. "/migration.sql:2  not there: ALTER TABLE", planned.shown, 1, true)
    local done = adopt(names[7], "--set", "against_evidence=true")
    assert.equal(0, done.code, done.shown)
    local event = dixis.event(dixis.journal(folder), "evidence.overridden")
    assert.matches("against the evidence of the database: the effects of 3 of 24 statements", event.text, 1, true)
    assert.equal(7, #recorded())
  end)

  it("does not fall over what later migrations take away again", function()
    local function write(name, text)
      assert(fs.mkdir(("%s/prisma/migrations/%s"):format(folder, name)))
      assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, name), text))
      assert(conn:script(text))
    end
    made(7)
    write("20251101000000_less", [[
      DROP INDEX "Order_publicToken_idx";
      ALTER TABLE "Order" DROP COLUMN "publicToken";
      ALTER TABLE "Notification" RENAME TO "Message";
      ALTER TABLE "Message" RENAME COLUMN "error" TO "problem";
      ALTER TABLE "Product" ALTER COLUMN "stock" SET DATA TYPE BIGINT;]])
    write("20251102000000_role", [[CREATE TYPE "Role" AS ENUM ('A', 'B', 'C');
      CREATE TABLE "User" ("id" SERIAL PRIMARY KEY, "role" "Role" NOT NULL DEFAULT 'A');]])
    write("20251103000000_fewer_roles", [[
      BEGIN;
      CREATE TYPE "Role_new" AS ENUM ('A', 'B');
      ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
      ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
      ALTER TYPE "Role" RENAME TO "Role_old";
      ALTER TYPE "Role_new" RENAME TO "Role";
      DROP TYPE "Role_old";
      ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'A';
      COMMIT;]])
    local done = adopt("20251103000000_fewer_roles")
    assert.equal(0, done.code, done.shown)
    assert.equal(10, #recorded())
  end)

  it("lists what the catalog cannot show, and what else is there", function()
    made(6)
    local done = adopt(names[3])
    assert.equal(0, done.code, done.shown)
    assert.matches(names[3] .. "/migration.sql:57  DO", done.shown, 1, true)
    assert.matches("should it be upto=" .. names[6], done.shown:gsub("\n *", " "), 1, true)
  end)

  it("looks where the URL says", function()
    assert(conn:script "CREATE SCHEMA app; SET search_path = app")
    made(2)
    assert.equal(3, adopt(names[2]).code)
    url = url .. "&schema=app"
    local done = adopt(names[2])
    assert.equal(0, done.code, done.shown)
    assert.equal(2, assert(conn:query "SELECT count(*) FROM app._prisma_migrations")[1][1])
  end)

  it("is refused for an empty database, an unknown name, and a second time", function()
    assert.equal(3, adopt(names[1]).code)
    assert.is_false(has_ledger())
    made(2)
    local unknown = adopt "20251005000000_ini"
    assert.equal(3, unknown.code)
    assert.matches("did you mean '" .. names[1], unknown.shown, 1, true)
    assert.equal(0, adopt(names[1]).code)
    local again = adopt(names[2])
    assert.equal(3, again.code)
    assert.matches("has a record of migrations already", again.shown, 1, true)
    assert.equal(1, #recorded())
    assert.equal(2, book.dixis(folder, url, { "run", "adopt" }).code)
  end)

  it("asks for its own phrase", function()
    made(1)
    local wrong = book.dixis(folder, url, { "run", "adopt", "--set", "git=false", "--set", "upto=" .. names[1],
      "--confirm", "DIXIS-STAGING-OK" })
    assert.equal(3, wrong.code)
    assert.is_false(has_ledger())
  end)

  it("leaves nothing when it cannot record all", function()
    made(2)
    ledger.create(conn)
    assert(conn:script(("ALTER TABLE _prisma_migrations ADD CHECK (migration_name <> '%s')"):format(names[2])))
    local failed = adopt(names[2])
    assert.equal(1, failed.code)
    assert.same({}, recorded())
    assert.matches("Nothing was changed", failed.shown, 1, true)
  end)

  it("takes an empty ledger as none", function()
    made(1)
    ledger.create(conn)
    assert.equal(0, adopt(names[1]).code)
    assert.equal(1, #recorded())
  end)
end)
