-- host.pg: one statement and its values, COPY, scripts.
local clock = require "host.clock"
local postgres = require "spec.support.postgres"
local task = require "host.task"

local connect, value = postgres.connect, postgres.value
local params

setup(function() params = postgres.open() end)
teardown(postgres.close)

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
