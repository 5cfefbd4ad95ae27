local clock = require "host.clock"
local pg = require "host.pg"
local server = require "spec.support.server"
local task = require "host.task"

local params, admin

local function with(changes)
  local copy = {}
  for name, value in pairs(params) do copy[name] = value end
  for name, value in pairs(changes or {}) do copy[name] = value end
  return copy
end

local function connect(changes)
  return assert(pg.connect(with(changes)))
end

local function value(conn, sql, values)
  return assert(conn:query(sql, values))[1][1]
end

--- Waits until the condition holds; the test fails when it never does.
local function eventually(what, condition)
  local until_when = clock.now() + 20
  while not condition() do
    if clock.now() > until_when then error("not within 20 s: " .. what) end
    clock.sleep(0.01)
  end
end

local function state_of(pid)
  local found = assert(admin:query("SELECT state FROM pg_stat_activity WHERE pid = $1", { pid }))
  return found[1] and found[1].state or "gone"
end

setup(function()
  params = server.database()
  admin = connect()
end)

teardown(function()
  if admin then admin:close() end
end)

describe("query", function()
  local conn
  before_each(function() conn = connect() end)
  after_each(function() conn:close() end)

  it("converts by the type of the column", function()
    local result = assert(conn:query [[
      SELECT true AS t, false AS f, 1::int2 AS i2, -2::int4 AS i4, 9223372036854775807::int8 AS i8,
             4294967295::oid AS o, 1.5::float4 AS f4, '-Infinity'::float8 AS f8, 'NaN'::float8 AS nan,
             1.10::numeric AS n, 'é'::text AS s, '{1,2}'::int[] AS a]])
    local row = result[1]
    assert.same({ true, false, 1, -2, math.maxinteger, 4294967295, 1.5, -math.huge },
      { row.t, row.f, row.i2, row.i4, row.i8, row.o, row.f4, row.f8 })
    assert.equal("integer", math.type(row.i8))
    assert.equal("float", math.type(row.f4))
    assert.is_true(row.nan ~= row.nan)
    assert.same({ "1.10", "é", "{1,2}" }, { row.n, row.s, row.a })
    assert.equal(row.s, row[11])
    assert.same({ "t", "f", "i2", "i4", "i8", "o", "f4", "f8", "nan", "n", "s", "a" }, result.columns)
  end)

  it("keeps NULL as nil, by name and by position", function()
    local row = assert(conn:query("SELECT NULL AS a, 2 AS b, NULL::int AS c"))[1]
    assert.is_nil(row.a)
    assert.is_nil(row[1])
    assert.equal(2, row.b)
    assert.equal(2, row[2])
    assert.is_nil(row.c)
    assert.is_nil(row[9])
  end)

  it("raises at a column that the result does not have", function()
    local row = assert(conn:query("SELECT 1 AS a"))[1]
    assert.has_error(function() return row.b end, 'the result has no column "b"')
  end)

  it("gives the tag, the affected rows and the number of rows", function()
    assert.equal("CREATE TABLE", assert(conn:query("CREATE TEMP TABLE t (a int)")).tag)
    local inserted = assert(conn:query("INSERT INTO t SELECT generate_series(1, 3)"))
    assert.equal("INSERT 0 3", inserted.tag)
    assert.equal(3, inserted.affected)
    assert.equal(0, #inserted)
    local selected = assert(conn:query("SELECT a FROM t"))
    assert.equal(3, #selected)
    assert.same({ "a" }, selected.columns)
    assert.same({ "a" }, assert(conn:query("SELECT a FROM t WHERE false")).columns)
  end)

  it("takes parameters of every sort, with holes", function()
    local row = assert(conn:query("SELECT $1::text, $2::int8, $3::bool, $4::float8, $5::text, $6::text",
      { "it's", math.mininteger, false, 0.1, nil, nil, n = 6 }))[1]
    assert.same({ "it's", math.mininteger, false, 0.1 }, { row[1], row[2], row[3], row[4] })
    assert.is_nil(row[5])
    assert.is_true(value(conn, "SELECT $1::float8 = 'Infinity'", { math.huge }))
    assert.is_true(value(conn, "SELECT $1::text IS NULL AND $2 = 'x'", { nil, "x", n = 2 }))
  end)

  it("refuses what PostgreSQL cannot be told", function()
    assert.has_error(function() conn:query("SELECT $1", { {} }) end)
    assert.has_error(function() conn:query("SELECT $1", { n = 70000 }) end)
    assert.has_error(function() conn:query("SELECT $1", "x") end)
    local result, err = conn:query("SELECT $1::text", { "a\0b" })
    assert.is_nil(result)
    assert.equal("usage", err.kind)
    result, err = conn:query("SELECT 1\0; DROP TABLE x")
    assert.is_nil(result)
    assert.equal("usage", err.kind)
    assert.equal("idle", conn:status())
    assert.equal(1, value(conn, "SELECT 1"))
  end)

  it("refuses several statements", function()
    local result, err = conn:query("SELECT 1; SELECT 2")
    assert.is_nil(result)
    assert.equal("usage", err.kind)
    assert.equal("42601", err.sqlstate)
    result, err = conn:query("SELEKT 1")
    assert.equal("sql", err.kind)
    assert.equal("42601", err.sqlstate)
    assert.equal(1, err.position)
    assert.is_nil(result)
  end)

  it("gives the fields of a failure", function()
    assert(conn:query("CREATE TEMP TABLE t (a int CONSTRAINT positive CHECK (a > 0))"))
    local result, err = conn:query("INSERT INTO t VALUES (-1)")
    assert.is_nil(result)
    assert.equal("sql", err.kind)
    assert.equal("23514", err.sqlstate)
    assert.equal("ERROR", err.severity)
    assert.equal("positive", err.constraint)
    assert.equal("t", err.table)
    assert.matches("%-1", err.detail)
    assert.not_matches("%-1", err.message)
  end)

  it("reports a commit that fails after the statement", function()
    assert(conn:query("CREATE TEMP TABLE u (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    local result, err = conn:query("INSERT INTO u VALUES (1), (1)")
    assert.is_nil(result)
    assert.equal("23505", err.sqlstate)
    assert.equal("idle", conn:status())
  end)

  it("follows the status of the transaction", function()
    assert.equal("idle", conn:status())
    assert(conn:query("BEGIN"))
    assert.equal("transaction", conn:status())
    assert.is_nil((conn:query("SELECT 1/0")))
    assert.equal("failed", conn:status())
    assert.equal("ROLLBACK", assert(conn:query("COMMIT")).tag)
    assert.equal("idle", conn:status())
    local sleeper = task.spawn(function() conn:query("SELECT pg_sleep(0.05)") end)
    clock.sleep(0.01)
    assert.equal("active", conn:status())
    sleeper:join()
    conn:close()
    assert.equal("closed", conn:status())
  end)

  it("collects notices", function()
    assert(conn:query("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two' USING ERRCODE = '01ABC'; END $$"))
    assert.same({
      { severity = "NOTICE", sqlstate = "00000", message = "one" },
      { severity = "WARNING", sqlstate = "01ABC", message = "two" },
    }, conn:notices())
    assert.same({}, conn:notices())
  end)

  it("holds a large result in little memory", function()
    collectgarbage()
    local before = collectgarbage("count")
    local result = assert(conn:query [[
      SELECT i, i::text, i % 2 = 0, now(), i::float8, NULL, 'same', i FROM generate_series(1, 10000) i]])
    collectgarbage()
    assert.equal(10000, #result)
    assert.equal(10000, result[10000].i)
    assert.is_true(collectgarbage("count") - before < 6 * 1024)
  end)

  it("sends a statement and a parameter of megabytes", function()
    local text = ("x"):rep(8 * 1024 * 1024)
    assert.equal(#text, value(conn, "SELECT length($1)", { text }))
    assert.equal(text, value(conn, "SELECT '" .. text .. "'"))
  end)

  it("knows the server", function()
    local info = conn:info()
    assert.same({ params.host, params.dbname, params.user, false },
      { info.host, info.database, info.user, info.tls })
    assert.equal(tostring(params.port or 5432), info.port)
    assert.equal(value(conn, "SELECT pg_backend_pid()"), conn:backend_pid())
    assert.equal(tonumber(value(conn, "SHOW server_version_num")), conn:server_version())
    assert.equal("UTF8", conn:parameter("client_encoding"))
    assert.equal("dixis", conn:parameter("application_name"))
    assert.is_nil(conn:parameter("nothing"))
  end)

  it("refuses a second statement at the same time", function()
    local first = task.spawn(function() return conn:query("SELECT pg_sleep(0.1), 7 AS a") end)
    clock.sleep(0.01)
    assert.has_error(function() conn:query("SELECT 1") end)
    local ok, message = pcall(conn.query, conn, "SELECT 1")
    assert.is_false(ok)
    assert.matches("busy", message)
    local _, result = first:join()
    assert.equal(7, result[1].a)
  end)

  it("runs connections beside each other", function()
    local children, pids = {}, {}
    for i = 1, 4 do
      children[i] = task.spawn(function()
        local own <close> = connect()
        for n = 1, 50 do assert(value(own, "SELECT $1::int", { n }) == n) end
        return own:backend_pid()
      end)
    end
    for _, child in ipairs(children) do
      local ok, pid = child:join()
      assert.is_true(ok)
      pids[pid] = true
    end
    local count = 0
    for _ in pairs(pids) do count = count + 1 end
    assert.equal(4, count)
  end)
end)

describe("COPY with the client", function()
  local conn
  before_each(function()
    conn = connect()
    assert(conn:query("CREATE TEMP TABLE t (a int)"))
  end)
  after_each(function() conn:close() end)

  local forms = {
    "COPY t FROM stdin",
    "COPY t FROM stdin BINARY",
    "COPY (SELECT generate_series(1, 200000)) TO stdout",
    "/* a /* b */ */ -- c\n copy t to STDOUT",
  }

  it("is an error in a query", function()
    for _, sql in ipairs(forms) do
      local result, err = conn:query(sql)
      assert.is_nil(result)
      assert.equal("sql", err.kind)
      assert.is_string(err.hint)
      assert.equal("idle", conn:status())
      assert.equal(1, value(conn, "SELECT 1"))
    end
  end)

  it("is an error in a script, with the number of the statement", function()
    for _, sql in ipairs(forms) do
      local result, err = conn:script("SELECT 1; " .. sql .. "; SELECT 2")
      assert.is_nil(result)
      assert.equal("sql", err.kind)
      assert.matches("COPY", err.message)
      assert.equal(2, err.statement)
      assert.equal("idle", conn:status())
      assert.equal(1, value(conn, "SELECT 1"))
    end
    assert.equal(0, value(conn, "SELECT count(*) FROM t"))
  end)

  it("is an error in a pipeline, before anything is sent", function()
    for _, sql in ipairs(forms) do
      local result, err = conn:pipeline { "INSERT INTO t VALUES (1)", sql, "SELECT 1" }
      assert.is_nil(result)
      assert.equal("sql", err.kind)
      assert.equal(2, err.index)
    end
    assert.equal(0, value(conn, "SELECT count(*) FROM t"))
  end)

  it("is an error for rows", function()
    for _, sql in ipairs(forms) do
      local ok, err = pcall(function() for _ in conn:rows(sql) do error("a row") end end)
      assert.is_false(ok)
      assert.equal("sql", err.kind)
      assert.equal("idle", conn:status())
    end
  end)

  it("leaves COPY with a file of the server alone", function()
    local results = assert(conn:pipeline { "INSERT INTO t VALUES (1)", "COPY t TO '/dev/null'" })
    assert.equal("COPY 1", results[2].tag)
  end)
end)

describe("script", function()
  local conn
  before_each(function() conn = connect() end)
  after_each(function() conn:close() end)

  it("gives the result of the last statement", function()
    assert.equal(3, assert(conn:script("SELECT 1; SELECT 2; SELECT 3 AS a;"))[1].a)
    assert.same({}, assert(conn:script("-- nothing")).columns)
  end)

  it("tells which statement failed", function()
    local result, err = conn:script("SELECT 1; SELECT 2; SELECT 1/0; SELECT 4")
    assert.is_nil(result)
    assert.equal("22012", err.sqlstate)
    assert.equal(3, err.statement)
    assert.equal("idle", conn:status())
  end)
end)

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
    assert.is_true(slept[1] < 0.4 and slept[2] >= 0.3, table.concat(slept, " "))
    assert(conn:pipeline({ "SELECT 1", "SELECT pg_sleep(0.4)" }, function(i, seconds) slept[i] = seconds end))
    assert.is_true(slept[1] >= 0.4 and slept[2] < 0.3, table.concat(slept, " "))
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
    eventually("the statement runs", function() return state_of(other:backend_pid()) == "active" end)
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

describe("connecting", function()
  local secret <const> = "s3cret-%40-word"
  local fakes = {}

  --- A listener that answers each connection with `answer` (Python bytes) after its first message.
  local function listen(answer)
    local pipe = assert(io.popen(([[exec python3 -c '
import os, socket, threading, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(8)
print(os.getpid(), s.getsockname()[1], flush=True)
def serve(c):
    c.recv(1000)
    answer = %s
    if answer is None: time.sleep(600)
    for part in answer:
        c.sendall(part)
        c.recv(1000)
    c.close()
while True:
    threading.Thread(target=serve, args=s.accept()[:1], daemon=True).start()
']]):format(answer)))
    local pid, port = pipe:read("n", "n")
    fakes[#fakes + 1] = { pid = pid, pipe = pipe }
    return { host = "127.0.0.1", port = port, user = "u", dbname = "d", password = secret }
  end

  after_each(function()
    for _, fake in ipairs(fakes) do
      os.execute("kill " .. fake.pid)
      fake.pipe:close()
    end
    fakes = {}
  end)

  local function refused(attempt, timeout)
    local conn, err = pg.connect(attempt, timeout)
    assert.is_nil(conn)
    for _, text in pairs(err) do
      assert.is_nil(tostring(text):find("s3cret", 1, true))
    end
    return err
  end

  local startup <const> = [[b"E" + (lambda m: (len(m) + 4).to_bytes(4, "big") + m)(
      b"SFATAL\0VFATAL\0C%s\0M%s s3cret\0\0")]]

  it("tells a refused port, a dead socket and an unknown host", function()
    local fake = listen("None")
    os.execute("kill " .. fakes[1].pid)
    fakes[1].pipe:close()
    fakes = {}
    local err = refused(fake)
    assert.equal("unreachable", err.kind)
    assert.equal(('cannot connect to database "d" at 127.0.0.1:%d as user "u": connection refused'):format(fake.port),
      err.message)
    err = refused(with { host = "/nowhere", password = secret })
    assert.equal("unreachable", err.kind)
    assert.matches("/nowhere/.s.PGSQL", err.message, 1, true)
    err = refused(with { host = "no-such-host.invalid", password = secret })
    assert.equal("unreachable", err.kind)
    assert.matches("resolved", err.message)
  end)

  it("gives up a server that never answers", function()
    local begun = clock.now()
    local err = refused(listen("None"), 0.2)
    assert.equal("unreachable", err.kind)
    assert.matches("0.2 s", err.message)
    assert.is_true(clock.now() - begun < 10)
  end)

  it("can be cancelled", function()
    local fake = listen("None")
    local child = task.spawn(function() return pg.connect(fake, 60) end)
    child:deadline(0.1)
    local ok, err = child:join()
    assert.is_false(ok)
    assert.equal("deadline", err.kind)
  end)

  it("tells what is not PostgreSQL", function()
    local http = [=[[b"HTTP/1.1 400 Bad Request\r\n\r\n"]]=]
    assert.equal("unreachable", refused(listen(http)).kind)
    assert.equal("unreachable", refused(listen("[]")).kind)
    local plain = listen(http)
    plain.sslmode = "disable"
    assert.equal("unreachable", refused(plain).kind)
  end)

  it("goes by the SQLSTATE of a server that refuses", function()
    for _, case in ipairs {
      { "57P03", "unreachable" }, { "53300", "unreachable" }, { "28000", "auth" }, { "28P01", "auth" },
      { "3D000", "no_database" }, { "XX000", "unreachable" },
    } do
      local fake = listen("[" .. startup:format(case[1], "redundant words") .. "]")
      fake.sslmode = "disable"
      local err = refused(fake)
      assert.equal(case[2], err.kind)
      assert.equal(case[1], err.sqlstate)
      assert.is_nil(err.message:find("redundant", 1, true))
    end
  end)

  it("tells when TLS is not to be had", function()
    local fake = listen([=[[b"N"]]=])
    fake.sslmode = "require"
    assert.equal("tls", refused(fake).kind)
    fake.sslmode = "verify-full"
    assert.equal("tls", refused(fake).kind)
  end)

  it("tells an unknown database and an unknown user", function()
    local err = refused(with { dbname = "nothing", password = secret })
    assert.equal("no_database", err.kind)
    assert.equal("3D000", err.sqlstate)
    err = refused(with { user = "nobody here", password = secret })
    assert.equal("auth", err.kind)
    assert.matches("nobody here", err.message)
  end)

  it("tells a wrong and a missing password", function()
    local tcp = server.tcp()
    pg.connect(tcp):close()
    local right = tcp.password
    tcp.password = secret
    local err = refused(tcp)
    assert.equal("auth", err.kind)
    assert.equal("28P01", err.sqlstate)
    assert.is_nil(err.message:find(right, 1, true))
    tcp.password = nil
    err = refused(tcp)
    assert.equal("auth", err.kind)
    assert.matches("none was given", err.message)
  end)

  it("refuses parameters that are missing, unknown or malformed", function()
    local err = refused(with { schema = "public" })
    assert.equal("usage", err.kind)
    assert.matches('"schema" is not known', err.message)
    assert.equal("usage", refused(with { service = "s3cret" }).kind)
    assert.equal("usage", refused({ dbname = "d", user = "u" }).kind)
    assert.equal("usage", refused({ host = "h", user = "u" }).kind)
    assert.equal("usage", refused({ host = "h", dbname = "d" }).kind)
    for name, bad in pairs { port = "s3cret", sslmode = "s3cret", keepalives_idle = "s3cret", passfile = "a\0b" } do
      err = refused(with { [name] = bad, host = "localhost" })
      assert.equal("usage", err.kind)
      assert.matches('"' .. name .. '"', err.message)
    end
    assert.equal("usage", refused(with { options = "-c no_such_setting=s3cret" }).kind)
    assert.equal("usage", refused(with { host = "/" .. ("x"):rep(200) }).kind)
    assert.has_error(function() pg.connect(with { port = 1.5 }) end)
    assert.has_error(function() pg.connect(with { password = true }) end)
    assert.has_error(function() pg.connect("postgres://") end)
    assert.has_error(function() pg.connect(with(), -1) end)
  end)

  --- Runs a spec in a process of its own, whose environment has `variables` added.
  local function run_spec(variables, lua)
    local name = os.tmpname()
    local path = name .. "_spec.lua"
    local file = assert(io.open(path, "w"))
    file:write(lua)
    file:close()
    local binary = io.open("/proc/self/cmdline", "rb"):read("a"):match("^[^\0]+")
    local pipe = io.popen(variables .. " " .. binary .. " spec " .. path .. " 2>&1")
    local output = pipe:read("a")
    local ok = pipe:close()
    os.remove(path)
    os.remove(name)
    assert.is_true(ok, output)
    assert.matches("1 success", output)
  end

  it("ignores PG* variables", function()
    local lua <const> = [[
      local pg = require "host.pg"
      it("connects", function()
        local conn = assert(pg.connect { host = "%s", port = "%s", dbname = "%s", user = "%s" })
        local row = conn:query("SELECT current_database(), current_setting('search_path')")[1]
        assert.equal("%s", row[1])
        assert.equal('"$user", public', row[2])
        assert.is_nil(os.getenv("PGOPTIONS"))
      end)]]
    run_spec("PGHOSTADDR=127.0.0.9 PGOPTIONS='-c search_path=evil' PGSERVICE=evil PGDATABASE=evil "
      .. "PGSSLMODE=verify-full PGPASSFILE=/evil ",
      lua:format(params.host, params.port or 5432, params.dbname, params.user, params.dbname))
  end)

  it("says so when libpq is missing", function()
    local folder = os.tmpname()
    os.execute(("rm %s; mkdir %s; touch %s/libpq.so.5"):format(folder, folder, folder))
    run_spec("LD_LIBRARY_PATH=" .. folder, [[
      it("fails", function()
        local conn, err = require("host.pg").connect { host = "/x", dbname = "x", user = "x" }
        assert.is_nil(conn)
        assert.equal("os", err.kind)
        assert.equal("apt-get install libpq5", err.hint)
      end)]])
    os.execute("rm -r " .. folder)
  end)
end)
