-- host.pg: statements that are cancelled, and connections that end.
local clock = require "host.clock"
local postgres = require "spec.support.postgres"
local task = require "host.task"

local connect, value, eventually, state_of = postgres.connect, postgres.value, postgres.eventually, postgres.state_of
local params, admin

setup(function() params, admin = postgres.open() end)
teardown(postgres.close)

describe("a connection that the server ends", function()
  it("is closed for whoever asks once the answer of who ended it is there", function()
    for _ = 1, 40 do
      local idle = connect()
      assert.is_true(value(admin, "SELECT pg_terminate_backend($1::int, 5000)", { idle:backend_pid() }))
      assert.equal("closed", idle:status())
      assert.equal("57P01", select(2, idle:query "SELECT 1").sqlstate)
      idle:close()
    end
  end)
end)

describe("cancelling", function()
  local conn
  before_each(function() conn = connect() end)
  after_each(function() conn:close() end)

  it("by a deadline of the task leaves the server idle and the connection usable", function()
    for _, run in ipairs {
      function() conn:query("SELECT pg_sleep(60)") end,
      function() conn:script("SELECT 1; SELECT pg_sleep(60); SELECT 2") end,
      function() for _ in conn:rows("SELECT pg_sleep(60)") do error("a row") end end,
      function() conn:pipeline { "SELECT 1", "SELECT pg_sleep(60)" } end,
    } do
      local child = task.spawn(run)
      child:deadline(0.05)
      local ok, err = child:join()
      assert.is_false(ok)
      assert.equal("deadline", err.kind)
      assert.equal("idle", conn:status())
      assert.equal("idle", state_of(conn:backend_pid()))
      assert.equal(1, value(conn, "SELECT 1"))
    end
  end)

  it("before the statement reached the server still ends it", function()
    for _ = 1, 20 do
      local child = task.spawn(function() conn:query("SELECT pg_sleep(60)") end)
      clock.sleep(0)
      child:cancel()
      assert.is_false((child:join()))
    end
    assert.equal(1, value(conn, "SELECT 1"))
  end)

  it("does not hit the statement that follows", function()
    for i = 1, 50 do
      local child = task.spawn(function() conn:query("SELECT pg_sleep(0.002)") end)
      clock.sleep(0.002)
      child:cancel()
      child:join()
      assert.equal(i, value(conn, "SELECT $1::int", { i }))
    end
  end)

  it("from another task ends the statement with 57014", function()
    local child = task.spawn(function() return conn:query("SELECT pg_sleep(60)") end)
    clock.sleep(0.05)
    assert.is_true(conn:cancel())
    local ok, result, err = child:join()
    assert.is_true(ok)
    assert.is_nil(result)
    assert.equal("sql", err.kind)
    assert.equal("57014", err.sqlstate)
    assert.is_true(conn:cancel())
    assert.equal(1, value(conn, "SELECT 1"))
  end)
end)

describe("the end of a connection", function()
  it("is told while a statement runs, with the server's reason", function()
    local conn <close> = connect()
    local child = task.spawn(function() return conn:query("SELECT pg_sleep(60)") end)
    eventually("the statement runs", function() return state_of(conn:backend_pid()) == "active" end)
    assert(admin:query("SELECT pg_terminate_backend($1)", { conn:backend_pid() }))
    local _, result, err = child:join()
    assert.is_nil(result)
    assert.equal("connection_lost", err.kind)
    assert.equal("57P01", err.sqlstate)
    eventually("the connection is closed", function() return conn:status() == "closed" end)
    _, err = conn:query("SELECT 1")
    assert.equal("connection_lost", err.kind)
  end)

  it("is noticed while nothing runs", function()
    local conn <close> = connect()
    assert(admin:query("SELECT pg_terminate_backend($1)", { conn:backend_pid() }))
    eventually("the connection is closed", function() return conn:status() == "closed" end)
    local result, err = conn:query("SELECT 1")
    assert.is_nil(result)
    assert.equal("connection_lost", err.kind)
    assert.equal("57P01", err.sqlstate)
    assert.is_false((pcall(conn.rows, conn, "SELECT 1")))
    assert.equal("connection_lost", select(2, conn:pipeline { "SELECT 1" }).kind)
    assert.equal("connection_lost", select(2, conn:cancel()).kind)
    assert.equal(params.dbname, conn:info().database)
  end)

  it("is met by the statement that is sent first after it", function()
    local conn <close> = connect()
    local pid = conn:backend_pid()
    assert(admin:query("SELECT pg_terminate_backend($1, 5000)", { pid }))
    local result, err = conn:query("SELECT 1")
    assert.is_nil(result)
    assert.equal("connection_lost", err.kind)
  end)

  it("is met in rows and in a pipeline", function()
    local conn <close> = connect()
    local child = task.spawn(function()
      for _ in conn:rows("SELECT pg_sleep(60)") do error("a row") end
    end)
    eventually("the statement runs", function() return state_of(conn:backend_pid()) == "active" end)
    assert(admin:query("SELECT pg_terminate_backend($1)", { conn:backend_pid() }))
    local ok, err = child:join()
    assert.is_false(ok)
    assert.equal("connection_lost", err.kind)

    local other <close> = connect()
    child = task.spawn(function() return other:pipeline { "SELECT 1", "SELECT pg_sleep(60)", "SELECT 2" } end)
    eventually("the second statement runs", function() -- the first is "active" too
      return value(admin, "SELECT query LIKE '%pg_sleep%' FROM pg_stat_activity WHERE pid = $1::int", { other:backend_pid() })
    end)
    assert(admin:query("SELECT pg_terminate_backend($1)", { other:backend_pid() }))
    local _, result, why = child:join()
    assert.is_nil(result)
    assert.equal("connection_lost", why.kind)
    assert.equal(2, why.index)
  end)

  it("may be made by another task, and the server stops", function()
    for _, run in ipairs {
      function(conn) return conn:query("SELECT pg_sleep(60)") end,
      function(conn) return conn:pipeline { "SELECT 1", "SELECT pg_sleep(60)" } end,
      function(conn)
        local ok, err = pcall(function() for _ in conn:rows("SELECT pg_sleep(60)") do error("a row") end end)
        if ok then return true end
        return nil, err
      end,
    } do
      local conn = connect()
      local pid = conn:backend_pid()
      local child = task.spawn(run, conn)
      eventually("the statement runs", function() return state_of(pid) == "active" end)
      conn:close()
      conn:close()
      local _, result, err = child:join()
      assert.is_nil(result)
      assert.equal("connection_lost", err.kind)
      eventually("the server has stopped", function() return state_of(pid) == "gone" end)
    end
  end)

  it("may be made by on_result", function()
    local conn = connect()
    local result, err = conn:pipeline({ "SELECT 1", "SELECT 2" }, function() conn:close() end)
    assert.is_nil(result)
    assert.equal("connection_lost", err.kind)
  end)

  it("comes with garbage collection", function()
    local pid = connect():backend_pid()
    collectgarbage()
    collectgarbage()
    eventually("the server has stopped", function() return state_of(pid) == "gone" end)
  end)

  it("refuses to be asked afterwards", function()
    local conn = connect()
    conn:close()
    assert.has_error(function() conn:backend_pid() end)
    assert.same({}, conn:notices())
  end)
end)
