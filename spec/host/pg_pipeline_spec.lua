-- host.pg: several statements in one round trip.
local postgres = require "spec.support.postgres"
local task = require "host.task"

local connect, value, state_of = postgres.connect, postgres.value, postgres.state_of
local admin

setup(function() admin = select(2, postgres.open()) end)
teardown(postgres.close)

describe("pipeline", function()
  local conn
  before_each(function()
    conn = connect()
    assert(conn:query("CREATE TEMP TABLE t (a int, b text)"))
  end)
  after_each(function() conn:close() end)

  it("gives all results and tells of each", function()
    local seen = {}
    local results = assert(conn:pipeline({
      "BEGIN",
      { "INSERT INTO t VALUES ($1, $2)", params = { 1, nil, n = 2 } },
      "SELECT count(*) AS n FROM t",
      "COMMIT",
    }, function(index, seconds)
      seen[#seen + 1] = index
      assert(seconds >= 0 and seconds < 60)
    end))
    assert.same({ 1, 2, 3, 4 }, seen)
    assert.equal("INSERT 0 1", results[2].tag)
    assert.equal(1, results[3][1].n)
    assert.equal("idle", conn:status())
    assert.same({}, conn:pipeline {})
  end)

  it("keeps one result of commands that say the same", function()
    local results = assert(conn:pipeline { "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)", "",
      "INSERT INTO t VALUES (3), (4)", "INSERT INTO t VALUES (5), (6)", "SELECT a FROM t LIMIT 2",
      "CREATE TEMP TABLE u AS SELECT a FROM t LIMIT 2", "SELECT a AS b FROM t LIMIT 2" })
    local said = {}
    for i, result in ipairs(results) do said[i] = { result.tag, result.affected, #result, result.columns[1] } end
    assert.same({ { "INSERT 0 1", 1, 0 }, { "INSERT 0 1", 1, 0 }, { "", 0, 0 }, { "INSERT 0 2", 2, 0 }, { "INSERT 0 2", 2, 0 },
      { "SELECT 2", 2, 2, "a" }, { "SELECT 2", 2, 0 }, { "SELECT 2", 2, 2, "b" } }, said)
    assert.is_true(rawequal(results[1], results[2]))
    assert.is_true(rawequal(results[4], results[5]))
  end)

  it("tells which statement failed, outside a transaction", function()
    local seen = {}
    local results, err = conn:pipeline({ "INSERT INTO t VALUES (1)", "SELECT 1/0", "SELECT 3" },
      function(index) seen[#seen + 1] = index end)
    assert.is_nil(results)
    assert.equal("22012", err.sqlstate)
    assert.equal(2, err.index)
    assert.same({ 1 }, seen)
    assert.equal("idle", conn:status())
    assert.equal(0, value(conn, "SELECT count(*) FROM t"))
  end)

  it("leaves a transaction that it began failed, and open", function()
    local _, err = conn:pipeline { "BEGIN", "INSERT INTO t VALUES (1)", "SELEKT", "COMMIT" }
    assert.equal(3, err.index)
    assert.equal("failed", conn:status())
    assert(conn:query("ROLLBACK"))
    assert(conn:query("BEGIN"))
    assert(conn:pipeline { "INSERT INTO t VALUES (1)" })
    assert.equal("transaction", conn:status())
    assert(conn:query("COMMIT"))
    assert.equal(1, value(conn, "SELECT count(*) FROM t"))
  end)

  it("reports a commit that fails at the end", function()
    assert(conn:query("CREATE TEMP TABLE u (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    local _, err = conn:pipeline { "INSERT INTO u VALUES (1)", "INSERT INTO u VALUES (1)" }
    assert.equal("23505", err.sqlstate)
    assert.is_nil(err.index)
    assert.equal("idle", conn:status())
    _, err = conn:pipeline { "BEGIN", "INSERT INTO u VALUES (1)", "INSERT INTO u VALUES (1)", "COMMIT" }
    assert.equal(4, err.index)
    assert.equal("idle", conn:status())
  end)

  it("gives an answer at once when it is asked to, and with the last one otherwise", function()
    local asked, slept = { { "SELECT 1", flush = true }, "SELECT pg_sleep(0.4)" }, {}
    assert(conn:pipeline(asked, function(i, seconds) slept[i] = seconds end))
    assert.is_true(slept[1] < slept[2], table.concat(slept, " "))
    assert(conn:pipeline({ "SELECT 1", "SELECT pg_sleep(0.4)" }, function(i, seconds) slept[i] = seconds end))
    assert.is_true(slept[1] > slept[2], table.concat(slept, " "))
  end)

  it("calls prepared statements by their names", function()
    assert(conn:script "PREPARE twice(int) AS SELECT 2 * $1; PREPARE one AS SELECT 1")
    local results = assert(conn:pipeline { { "twice", params = { 4 }, prepared = true }, { "one", prepared = true }, "SELECT 3" })
    assert.same({ 8, 1, 3 }, { results[1][1][1], results[2][1][1], results[3][1][1] })
    local _, err = conn:pipeline { "SELECT 1", { "nobody", prepared = true } }
    assert.same({ "26000", 2 }, { err.sqlstate, err.index })
    assert.equal("idle", conn:status())
  end)

  it("sends and receives more than both sockets hold", function()
    local statements, text = {}, ("x"):rep(10000)
    for i = 1, 5000 do statements[i] = { "SELECT $1::int, $2", params = { i, text } } end
    local results = assert(conn:pipeline(statements))
    assert.equal(5000, #results)
    for i = 1, 5000 do
      assert(results[i][1][1] == i and results[i][1][2] == text)
    end
    assert.equal("idle", conn:status())
  end)

  it("raises what on_result raises and stays usable", function()
    local statements = {}
    for i = 1, 2000 do statements[i] = { "INSERT INTO t VALUES ($1, $2)", params = { i, ("x"):rep(1000) } } end
    local ok, err = pcall(conn.pipeline, conn, statements, function() error({ mine = true }) end)
    assert.is_false(ok)
    assert.is_true(err.mine)
    assert.equal(1, value(conn, "SELECT 1"))
    -- All or nothing, also when it is given up half way.
    local count = value(conn, "SELECT count(*) FROM t")
    assert.is_true(count == 0 or count == 2000)
  end)

  it("refuses a list with something else in it, before anything is sent", function()
    assert.has_error(function() conn:pipeline { "INSERT INTO t VALUES (1)", 5 } end)
    assert.has_error(function() conn:pipeline { "INSERT INTO t VALUES (1)", { params = {} } } end)
    assert.has_error(function() conn:pipeline { "INSERT INTO t VALUES (1)", { "SELECT $1", params = 1 } } end)
    assert.equal("idle", conn:status())
    assert.equal(0, value(conn, "SELECT count(*) FROM t"))
  end)

  it("is cancelled half way without keeping half of it", function()
    assert(admin:query("CREATE TABLE IF NOT EXISTS half (a int)"))
    local child = task.spawn(function()
      local statements = { "INSERT INTO half VALUES (0)", "SELECT pg_sleep(60)" }
      for i = 3, 3000 do
        statements[i] = { "INSERT INTO half SELECT $1 FROM (SELECT $2::text) x", params = { i, ("x"):rep(1000) } }
      end
      return conn:pipeline(statements)
    end)
    child:deadline(0.1)
    local ok, err = child:join()
    assert.is_false(ok)
    assert.equal("deadline", err.kind)
    assert.equal("idle", conn:status())
    assert.equal("idle", state_of(conn:backend_pid()))
    assert.equal(0, value(conn, "SELECT count(*) FROM half"))
  end)
end)
