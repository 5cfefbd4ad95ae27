-- A trigger or a rule on _prisma_migrations that dropped or changed the row, or a migration that wrote a second one,
-- made a run succeed whose ledger said something else; a trigger that dropped it ended in an internal error.

local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

local function trigger(when, body)
  return ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s END $$;"
    .. "CREATE TRIGGER f %s INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION f();"):format(body, when)
end

describe("a ledger that does not keep its rows", function()
  for name, text in pairs {
    ["drops them"] = trigger("BEFORE", "RETURN NULL;"),
    ["changes them"] = trigger("BEFORE", "NEW.checksum = 'x'; RETURN NEW;"),
    ["deletes them again"] = trigger("AFTER", "DELETE FROM public._prisma_migrations WHERE id = NEW.id; RETURN NULL;"),
    ["writes them elsewhere"] = "CREATE TABLE fake (LIKE _prisma_migrations); CREATE RULE r AS ON INSERT TO _prisma_migrations "
      .. "DO INSTEAD INSERT INTO fake SELECT NEW.* RETURNING fake.*;",
    ["has one already"] = "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) "
      .. "VALUES ('mine', 'x', '2_second', now());",
  } do
    it("fails the migration, which leaves nothing: it " .. name, function()
      local params = server.database "lies"
      local folder = migrations.project { ["1_first"] = "CREATE TABLE first (id int);", ["2_second"] = text }
      local result = migrations.deploy(folder, params)
      assert.equal(1, result.code, result.stdout)
      assert.is_nil(result.stdout:find("attempt to", 1, true), result.stdout)
      local conn = assert(pg.connect(params))
      local row = assert(conn:query [[SELECT count(*), max(migration_name), to_regproc('f') IS NULL, to_regclass('fake') IS NULL
        FROM public._prisma_migrations]])[1]
      assert.same({ 1, "1_first", true, true }, { row[1], row[2], row[3], row[4] })
      conn:close()
      assert(fs.remove(folder))
    end)
  end

  it("is not suspected when a half-done file has other line endings now", function()
    local params = server.database "lies"
    local text = "CREATE TABLE a (id int);\nVACUUM;\nCREATE INDEX i ON a (missing);\n"
    local folder = migrations.project { ["1_first"] = text }
    assert.equal(1, migrations.deploy(folder, params).code)
    local conn = assert(pg.connect(params))
    assert(conn:query "ALTER TABLE a ADD COLUMN missing int")
    conn:close()
    migrations.write(folder, "1_first", (text:gsub("\n", "\r\n")))
    local result = migrations.deploy(folder, params)
    assert.equal(0, result.code, result.stdout)
    assert(fs.remove(folder))
  end)
end)
