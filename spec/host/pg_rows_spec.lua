-- host.pg: rows as they come, however many.
local postgres = require "spec.support.postgres"
local task = require "host.task"

local connect, value = postgres.connect, postgres.value
setup(postgres.open)
teardown(postgres.close)

describe("rows", function()
  local conn
  before_each(function() conn = connect() end)
  after_each(function() conn:close() end)

  it("gives one row after the other", function()
    local sum, last = 0, nil
    for row in conn:rows("SELECT i AS a, NULL AS b FROM generate_series(1, $1::int) i", { 1000 }) do
      sum = sum + row.a
      last = row
      assert(row[1] == row.a and row.b == nil)
    end
    assert.equal(500500, sum)
    assert.equal(1000, last.a)
    assert.equal("idle", conn:status())
    for _ in conn:rows("SELECT 1 WHERE false") do error("a row") end
    for _ in conn:rows("CREATE TEMP TABLE t ()") do error("a row") end
  end)

  it("raises the failure, also one after the first rows", function()
    local ok, err = pcall(function() for _ in conn:rows("SELEKT") do error("a row") end end)
    assert.is_false(ok)
    assert.equal("42601", err.sqlstate)
    local count = 0
    ok, err = pcall(function()
      for _ in conn:rows("SELECT 1 / (100 - i) FROM generate_series(1, 100) i") do count = count + 1 end
    end)
    assert.is_false(ok)
    assert.equal("22012", err.sqlstate)
    assert.equal(99, count)
    assert.equal("idle", conn:status())
  end)

  it("can be left early", function()
    for _ in conn:rows("SELECT generate_series(1, 100000000)") do break end -- luacheck: ignore 512
    assert.equal(1, value(conn, "SELECT 1"))
    -- The second row pushes the first one out of the server's buffer.
    pcall(function()
      for _ in conn:rows("SELECT repeat('x', 20000), pg_sleep(i / 3 * 60) FROM generate_series(1, 3) i") do
        error("x")
      end
    end)
    assert.equal(2, value(conn, "SELECT 2"))
    local iterate = conn:rows("SELECT generate_series(1, 1000000)")
    iterate()
    assert.has_error(function() conn:query("SELECT 1") end)
    iterate = nil -- luacheck: ignore
    collectgarbage()
    assert.equal(3, value(conn, "SELECT 3"))
  end)

  it("can be left early inside a transaction, which goes on", function()
    assert(conn:query("BEGIN"))
    -- luacheck: ignore 512
    for _ in conn:rows("SELECT repeat('x', 20000), pg_sleep(i / 3 * 0.1) FROM generate_series(1, 3) i") do
      break
    end
    for _ in conn:rows("SELECT generate_series(1, 200000)") do break end -- luacheck: ignore 512
    assert.equal(1, value(conn, "SELECT 1"))
    assert.equal("transaction", conn:status())
  end)

  it("is cancelled after all when the task that waits for the rest is", function()
    assert(conn:query("BEGIN"))
    -- luacheck: ignore 512
    for _ in conn:rows("SELECT repeat('x', 20000), pg_sleep(i / 3 * 60) FROM generate_series(1, 3) i") do
      break
    end
    local child = task.spawn(function()
      for _ in conn:rows("SELECT 1") do error("a row") end
    end)
    child:deadline(0.05)
    assert.is_false((child:join()))
    assert.equal("failed", conn:status())
    assert(conn:query("ROLLBACK"))
  end)

  it("is over when the loop is", function()
    local iterate = conn:rows("SELECT 1")
    assert.equal(1, iterate()[1])
    assert.is_nil(iterate())
    assert.is_nil(iterate())
    assert.equal(2, value(conn, "SELECT 2"))
  end)
end)
