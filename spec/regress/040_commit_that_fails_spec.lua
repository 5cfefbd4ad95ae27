-- The COMMIT of plain definitions is sent together with the statements of the next migration. When that COMMIT failed,
-- the message named the next migration's file, which had nothing to do with it.

local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

describe("a COMMIT that fails while the next migration is on its way", function()
  it("is told of its own migration, and the next one is as if it had never been", function()
    local params = server.database "commit"
    local conn = assert(pg.connect(params))
    -- A deferred constraint is judged at COMMIT.
    assert(conn:script [[
      CREATE SCHEMA watch; CREATE TABLE watch.known (name text PRIMARY KEY);
      CREATE TABLE watch.log (name text REFERENCES watch.known DEFERRABLE INITIALLY DEFERRED);
      CREATE FUNCTION watch.note() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF to_regclass('public.second') IS NOT NULL THEN INSERT INTO watch.log VALUES ('unknown'); END IF;
      END $$;
      CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION watch.note()]])
    local folder = migrations.project { ["1_first"] = "CREATE TABLE first (id int);\n",
      ["2_second"] = "CREATE TABLE second (id int);\n", ["3_third"] = "CREATE TABLE third (id int);\n" }
    local result, events = migrations.deploy(folder, params, "--set", "allow=baseline")
    assert.equal(1, result.code, result.stdout .. result.stderr)
    local failed = dixis.event(events, "migration.failed")
    assert.equal("2_second", failed.name)
    assert.equal("23503", failed.error.sqlstate)
    assert.is_nil((failed.error.message .. (failed.error.file or "")):find("3_third", 1, true), failed.error.message)
    assert.equal(1, dixis.event(events, "run.finished").applied)
    local left = assert(conn:query [[SELECT string_agg(migration_name, ' ') AS names, to_regclass('second') IS NULL
      AND to_regclass('third') IS NULL AS gone FROM _prisma_migrations]])[1]
    assert.same({ "1_first", true }, { left.names, left.gone })
    conn:close()
    assert(fs.remove(folder))
  end)
end)
