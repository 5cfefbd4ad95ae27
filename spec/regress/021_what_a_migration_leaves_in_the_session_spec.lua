-- A migration that changed search_path through a function (of a trigger, a default, an INSERT ... SELECT) moved the
-- tables of the next migration of the run into another schema; a temporary table did the same by its name. Only
-- scripts with SET, set_config or SELECT were looked after, and only settings were put back. spec/corpus has more.

local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

describe("the migration after another", function()
  for name, text in pairs {
    ["a path changed by a trigger"] = [[
      CREATE SCHEMA elsewhere;
      CREATE TABLE audited (a int);
      CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM set_config('search_' || 'path', 'elsewhere', false); RETURN NEW; END $$;
      CREATE TRIGGER audit BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION audit();
      INSERT INTO audited VALUES (1);]],
    ["a temporary table of the same name"] = "CREATE TEMP TABLE later (a int);",
  } do
    it("is not led astray by " .. name, function()
      local params = server.database "leaves"
      local folder = migrations.project { ["1_first"] = text, ["2_second"] = "CREATE TABLE later (id int);",
        ["3_third"] = "ALTER TABLE later ADD COLUMN note text;" }
      local result = migrations.deploy(folder, params)
      assert.equal(0, result.code, result.stdout)
      local conn = assert(pg.connect(params))
      assert.equal(2, assert(conn:query [[SELECT count(*) FROM pg_attribute
        WHERE attrelid = to_regclass('public.later') AND attnum > 0]])[1][1])
      conn:close()
      assert(fs.remove(folder))
    end)
  end
end)
