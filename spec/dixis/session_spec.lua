local server = require "spec.support.server"
local session = require "dixis.target.session"

describe("a session", function()
  local opened

  before_each(function() opened = assert(session.open { params = server.database "session" }) end)
  after_each(function() opened:close() end)

  it("raises the server's errors without the data that they quote", function()
    local ok, err = pcall(opened.query, opened, "SELECT $1::text::int", "canary-4711")
    assert.is_false(ok)
    assert.equal("22P02", err.sqlstate)
    assert.is_nil(err.message:find("canary", 1, true))
    assert.matches("invalid input syntax", err.message)
  end)

  it("puts every setting back", function()
    opened:query "SET search_path = pg_catalog"
    opened:query "SET lock_timeout = 1"
    opened:reset()
    assert.equal("public", opened:value "SELECT current_schema()")
    assert.equal("0", opened:value "SHOW lock_timeout")
    opened:set_lock_timeout(2)
    assert.equal("2s", opened:value "SHOW lock_timeout")
  end)

  it("rolls back what is open, and says whether there was anything", function()
    assert.is_false(opened:rollback())
    opened:query "BEGIN"
    opened:query "CREATE TABLE t (id int)"
    assert.is_true(opened:rollback())
    assert.is_nil(opened:value "SELECT to_regclass('t')")
  end)

  it("has the schema of the URL as its only one", function()
    local other = assert(session.open { params = server.database "schema", schema = "app" })
    other:query "CREATE SCHEMA app"
    assert.equal("app", other:value "SELECT current_schema()")
    other:close()
  end)
end)
