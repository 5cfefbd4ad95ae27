-- What lint takes the well-known extensions to bring, held against those that the server has.

local extension = require "dixis.lint.extension"
local history = require "spec.support.history"

local members <const> = [[
  SELECT 'function' AS scope, proname AS name FROM pg_depend JOIN pg_proc o ON o.oid = objid WHERE classid = 'pg_proc'::regclass
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = $1)
  UNION SELECT 'type', typname FROM pg_depend JOIN pg_type o ON o.oid = objid WHERE classid = 'pg_type'::regclass
    AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = $1)
  UNION SELECT 'relation', relname FROM pg_depend JOIN pg_class o ON o.oid = objid WHERE classid = 'pg_class'::regclass
    AND relkind <> 'c' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = $1)]]

describe("lint: extensions", function()
  it("brings all that an extension brings", function()
    history.apply {}
    local connection <const> = history.connection()
    local said, seen = {}, 0
    for _, row in ipairs(assert(connection:query "SELECT name FROM pg_available_extensions ORDER BY name")) do
      local which <const> = row.name
      -- In the schema of its own, so that nothing is in its way.
      if extension.is_plain(which) and which ~= "plpgsql" then
        assert(connection:query "DROP SCHEMA IF EXISTS brought CASCADE")
        assert(connection:query "CREATE SCHEMA brought")
        assert(connection:query(('CREATE EXTENSION "%s" SCHEMA brought CASCADE'):format(which)))
        seen = seen + 1
        for _, member in ipairs(assert(connection:query(members, { which }))) do
          if not extension.may_bring(which, member.scope, member.name) then
            said[#said + 1] = ("%s: %s %s"):format(which, member.scope, member.name)
          end
        end
      end
    end
    connection:query "DROP SCHEMA IF EXISTS brought CASCADE"
    connection:close()
    assert.same({}, said)
    assert.is_true(seen > 0)
  end)

  it("brings nothing else", function()
    for _, name in ipairs { "OrderStatus", "order_total", "set_updated_at", "is_admin", "role", "slugify", "next_number" } do
      for _, which in ipairs { "uuid-ossp", "pgcrypto", "citext", "pg_trgm", "hstore", "btree_gist", "vector", "postgis" } do
        assert.is_false(extension.may_bring(which, "type", name))
        assert.is_false(extension.may_bring(which, "function", name))
        assert.is_false(extension.may_bring(which, "relation", name))
      end
      assert.is_true(extension.may_bring("timescaledb", "relation", name))
    end
  end)
end)
