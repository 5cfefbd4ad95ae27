-- The clinic and what the project says of its schema: the schema file, and a real database.
local book = require "spec.support.book"
local clinics = require "spec.support.clinics"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local proof = require "dixis.proof"
local server = require "spec.support.server"
local store = require "dixis.store"

local clinic, of_type, red = clinics.clinic, clinics.of_type, clinics.red
local outline, project = clinics.outline, clinics.project

describe("a clinic and the schema file", function()
  local folder
  before_each(function() folder = dixis.project { git = false } end)
  after_each(function() fs.remove(folder) end)

  local function append(text)
    local file <const> = folder .. "/prisma/schema.prisma"
    assert(fs.write(file, fs.read(file) .. text))
  end

  it("says what no migration makes", function()
    append "\nmodel Ahead {\n  id Int @id\n}\n"
    local result, events = clinic(folder)
    assert.equal(1, result.code, result.stdout)
    assert.equal("schema_agrees no_fault", red(events))
    local faults = of_type(events, "fault.found")
    assert.same({ 1, "missing-model", "both", "public.Ahead" }, { #faults, faults[1].rule, faults[1].found, faults[1].object })
  end)

  it("says what is otherwise, and who made it so", function()
    local file <const> = folder .. "/prisma/schema.prisma"
    assert(fs.write(file, (fs.read(file):gsub("(buyerName%s+String)%f[%s]", "%1?"))))
    local result, events = clinic(folder)
    assert.equal(1, result.code, result.stdout)
    local faults = of_type(events, "fault.found")
    assert.same({ 1, "field-nullability", "both", "public.Order.buyerName" }, { #faults, faults[1].rule, faults[1].found,
      faults[1].object })
    assert.matches("^prisma/migrations/20251006000000_add_orderitem_snapshots/migration.sql:%d+$", faults[1].made_by)
    assert.matches("should be .*, is ", faults[1].message)
  end)

  it("says what is not valid in it", function()
    append "\nmodel Ahead {\n  id Imt @id\n}\n"
    local result, events = clinic(folder)
    assert.equal(1, result.code, result.stdout)
    assert.equal("schema_agrees no_fault", red(events))
    local faults = of_type(events, "fault.found")
    assert.same({ 1, "unreadable-schema" }, { #faults, faults[1].rule })
  end)

  it("does without one", function()
    fs.remove(folder .. "/prisma/schema.prisma")
    local result, events = clinic(folder)
    assert.equal(0, result.code, result.stdout)
    assert.equal("schema_agrees", of_type(events, "criterion.skipped")[1].name)
  end)
end)

describe("a clinic on a real database's schema", function()
  local folder, params, url

  local first <const> = 'CREATE TABLE "User" (id int PRIMARY KEY, name text);\nCREATE TYPE kind AS ENUM (\'a\', \'b\');\n'

  before_each(function()
    folder = project { ["20250101000000_init"] = first }
    params = server.database "source"
    url = server.url(params)
    local deployed = dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false" },
      { cwd = folder, env = { DATABASE_URL_STAGING = url } })
    assert.equal(0, deployed.code, deployed.stdout)
  end)
  after_each(function() fs.remove(folder) end)

  local function on_schema()
    local before = book.snapshot(url)
    local result, events = clinic(folder, { "--set", "schema_from=SPEC_URL" }, { SPEC_URL = url })
    assert.equal(before, book.snapshot(url))
    return result, events
  end

  it("applies only what is pending there, and writes nothing to it", function()
    migrations.write(folder, "20250102000000_more", 'ALTER TABLE "User" ADD COLUMN kind kind;\n')
    local result, events = on_schema()
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.equal(1, #of_type(events, "migration.applied"))
    assert.equal(params.dbname, dixis.event(events, "schema.copied").source.database)
    local _, path = dixis.journal(folder)
    assert.equal(params.dbname, proof.read(store.receipt_path(path)).clinic.schema_from.database)
  end)

  it("is proof for that database, and for no other", function()
    migrations.write(folder, "20250102000000_more", 'ALTER TABLE "User" ADD COLUMN kind kind;\n')
    assert.equal(0, on_schema().code)
    local arguments = { "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false", "--set", "clinic=true" }
    local other = dixis.run(arguments, { cwd = folder, env = { DATABASE_URL_STAGING = server.url(server.database "other") } })
    assert.equal(3, other.code, other.stdout)
    assert.matches("began with the schema of another database", other.stdout, 1, true)
    local same = dixis.run(arguments, { cwd = folder, env = { DATABASE_URL_STAGING = url } })
    assert.equal(0, same.code, same.stdout)
  end)

  it("finds what was changed there by hand", function()
    local conn = assert(pg.connect(params))
    assert(conn:query 'ALTER TABLE "User" ADD COLUMN kind text')
    conn:close()
    migrations.write(folder, "20250102000000_more", 'ALTER TABLE "User" ADD COLUMN kind kind;\nCREATE TABLE fine (id int);\n')
    local result, events = on_schema()
    assert.equal(1, result.code, result.stdout)
    assert.equal("duplicate-column more:1", outline(events))
    assert.equal(0, clinic(folder).code) -- from nothing it applies
  end)

  it("takes along what else is there: rights of roles, code, views, another schema", function()
    local conn = assert(pg.connect(params))
    assert(conn:script [[
      DO $$ BEGIN CREATE ROLE "Clinic Reader"; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
      CREATE SCHEMA other; CREATE TABLE other.log (id bigserial PRIMARY KEY, at timestamptz DEFAULT now());
      ALTER TABLE "User" ENABLE ROW LEVEL SECURITY; GRANT SELECT ON "User" TO "Clinic Reader";
      CREATE POLICY own ON "User" TO "Clinic Reader" USING (name = current_user);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO other.log DEFAULT VALUES; RETURN NEW; END';
      CREATE TRIGGER note AFTER INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION note();
      CREATE VIEW names AS SELECT name FROM "User"; CREATE EXTENSION IF NOT EXISTS plpgsql;
      CREATE TABLE part (id int) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (9);
      CREATE INDEX part_id ON part (id)]])
    conn:close()
    migrations.write(folder, "20250102000000_more",
      'ALTER TABLE "User" DROP COLUMN name;\nALTER TABLE other.log ADD COLUMN x int;\n'
      .. "DROP INDEX part_id;\nCREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (19);\nDROP FUNCTION note();\n")
    local result, events = on_schema()
    assert.equal(1, result.code, result.stdout)
    assert.is_nil(dixis.event(events, "schema.copied").left_out)
    -- The policy and the view need the column, the trigger the function.
    assert.equal("still-needed more:1\nstill-needed more:5", outline(events))
    local said <const> = result.stdout:gsub("%s+", " ")
    for _, needing in ipairs { '"own"', '"names"', '"note"' } do assert.matches(needing, said, 1, true) end
  end)

  it("tells a history that is not the folder's", function()
    migrations.write(folder, "20250101000000_init", first .. "-- edited\n")
    local result, events = on_schema()
    assert.equal(1, result.code, result.stdout)
    assert.equal("history-edited init:0", outline(events))
  end)

  it("refuses a database without a record of migrations, and a variable that is not set", function()
    local bare = server.database "bare"
    local result = clinic(folder, { "--set", "schema_from=SPEC_URL" }, { SPEC_URL = server.url(bare) })
    assert.equal(3, result.code, result.stdout)
    assert.matches("has no record of migrations", result.stdout, 1, true)
    result = clinic(folder, { "--set", "schema_from=SPEC_URL" })
    assert.equal(3, result.code, result.stdout)
    assert.matches("SPEC_URL is not set", result.stdout, 1, true)
  end)

  it("does not show the password, and works by TCP", function()
    local tcp = server.tcp()
    local result = clinic(folder, { "--set", "schema_from=SPEC_URL" }, { SPEC_URL = server.url(tcp) })
    assert.matches("postgres has no record of migrations", result.stdout, 1, true)
    local _, path = dixis.journal(folder)
    for _, form in ipairs { tcp.password, "p%40ss" } do
      assert.is_nil((result.stdout .. result.stderr .. fs.read(path)):find(form, 1, true))
    end
  end)
end)
