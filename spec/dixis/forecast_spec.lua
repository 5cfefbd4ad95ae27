-- Forecasts: what a statement works on, measured and scaled, compared and widened.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local forecast = require "dixis.forecast"
local fs = require "host.fs"
local host_sql = require "host.sql"
local json = require "dixis.json"
local pg = require "host.pg"
local server = require "spec.support.server"
local work = require "dixis.forecast.work"

describe("what a statement works on", function()
  for text, wanted in pairs {
    ["CREATE TABLE t (id serial PRIMARY KEY)"] = { "none" },
    ["DROP TABLE t"] = { "none" },
    ["ALTER TABLE t RENAME TO u"] = { "none" },
    ["ALTER TABLE t DROP COLUMN a, ALTER b DROP NOT NULL"] = { "none" },
    ["ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 7"] = { "none" },
    ["ALTER TABLE t ADD COLUMN a float DEFAULT random()"] = { "read", '"t"' },
    ["ALTER TABLE t ADD COLUMN a timestamptz DEFAULT CURRENT_TIMESTAMP"] = { "read", '"t"' },
    ["ALTER TABLE t ADD COLUMN a bigserial"] = { "read", '"t"' },
    ["ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (b * 2) STORED"] = { "read", '"t"' },
    ["ALTER TABLE t ADD COLUMN a int CHECK (a > 0)"] = { "read", '"t"' },
    ["ALTER TABLE t ALTER a TYPE bigint"] = { "read", '"t"' },
    ["ALTER TABLE t ALTER a SET NOT NULL"] = { "read", '"t"' },
    ["ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)"] = { "read", '"t"' },
    ["ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID"] = { "none" },
    ["ALTER TABLE t VALIDATE CONSTRAINT c"] = { "read", '"t"' },
    ['ALTER TABLE s."T x" ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id)'] = { "read", '"s"."T x"', '"u"' },
    ["CREATE INDEX CONCURRENTLY i ON t (a)"] = { "read", '"t"' },
    ['CREATE INDEX i ON "a""b\\c" (a)'] = { "read", '"a""b\\c"' },
    ["UPDATE t SET a = u.a FROM s.u u WHERE u.id = t.id"] = { "write", '"t"', '"s"."u"' },
    ["DELETE FROM t"] = { "write", '"t"' },
    ["INSERT INTO t VALUES (1, '\"relname\":\"x\"'), (2, 'y')"] = { "none" },
    ["INSERT INTO t SELECT * FROM u"] = { "write", '"t"', '"u"' },
    ["CREATE MATERIALIZED VIEW m AS SELECT * FROM t"] = { "read", '"m"', '"t"' },
    ["DO $$ BEGIN END $$"] = { "unknown" },
    ["SELECT f()"] = { "unknown" },
    ["SELECT 1"] = { "none" },
  } do
    it(text, function()
      local found = work.of(assert(host_sql.parse(text))[1]) or { tables = {}, growth = "none" }
      local tables = { table.unpack(found.tables) }
      table.sort(tables)
      local expected = table.move(wanted, 2, #wanted, 1, {})
      table.sort(expected)
      assert.same({ wanted[1], expected }, { found.growth, tables })
    end)
  end
end)

describe("a forecast", function()
  local INDEX <const> = "CREATE INDEX big_v ON big (v);\nALTER TABLE big ADD COLUMN note text;\n"
  local folder, made

  local function database(rows)
    local params = server.database "forecast"
    local conn = assert(pg.connect(params))
    assert(conn:query "CREATE TABLE big (id int, v text)")
    assert(conn:query("INSERT INTO big SELECT g, md5(g::text) FROM generate_series(1, $1::int) g", { rows }))
    conn:close()
    return server.url(params)
  end
  -- The table was there before any migration: the history begins with one that is recorded nowhere else.
  before_each(function()
    folder = book.project { ["1_index"] = INDEX }
    book.write(folder, { gates = "{ gate.reachable(), gate.lock() }", steps = "{ step.deploy() }" })
  end)
  after_each(function() assert(fs.remove(folder)) end)

  local function deploy(url)
    local result = book.dixis(folder, url, { "run", "book.lua" })
    assert.equal(0, result.code, result.shown)
    return (dixis.journal(folder)), result.shown
  end
  local function plan(url)
    local result = book.dixis(folder, url, { "plan", "book.lua", "--output", "json" })
    assert.equal(0, result.code, result.shown)
    made = assert(json.decode(result.stdout)).forecast
    return made, made and made.migrations[1]
  end
  -- Puts other seconds into the journal of a run: what is measured is not for a spec to wait for.
  local function rewrite(kind, change)
    local _, path = dixis.journal(folder)
    local lines = {}
    for line in (fs.read(path)):gmatch "[^\n]+" do
      local event = json.decode(line)
      if event.type == kind then
        change(event)
        line = json.encode(event)
      end
      lines[#lines + 1] = line
    end
    assert(fs.remove(path))
    assert(fs.write(path, table.concat(lines, "\n") .. "\n"))
  end
  local function took(seconds)
    rewrite("migration.applied", function(event)
      event.seconds = seconds + 0.01
      event.times[1].seconds, event.times[2].seconds = seconds, 0.01
    end)
  end

  it("without a measurement is reckoned from the tables, and says so", function()
    local url = database(20000)
    local _, one = plan(url)
    assert.matches("no measurement: reckoned from %d+%.%d MB of tables", one.basis)
    assert.is_true(one.low < one.high)
    local bytes = made.sizes[1].bytes
    assert.equal('"big"', made.sizes[1].table)
    -- The index at 20 MB/s, the column whatever the size.
    assert.is_true(math.abs(one.high - (bytes / 20e6 + 0.2)) < 0.01)
  end)

  it("of very many quick statements does not take each for the slowest", function()
    for i = 1, 20 do
      local text = {}
      for n = 1, 10 do text[n] = ("CREATE TABLE t%d_%d (id int);"):format(i, n) end
      assert(fs.mkdir(("%s/prisma/migrations/2_%02d"):format(folder, i)))
      assert(fs.write(("%s/prisma/migrations/2_%02d/migration.sql"):format(folder, i), table.concat(text, "\n")))
    end
    assert(fs.write(folder .. "/prisma/migrations/1_index/migration.sql", "SELECT 1;\n"))
    plan(database(1))
    -- 201: a tenth of a second for each of fifty, a fiftieth for each of the others.
    assert.is_true(math.abs(made.high - (5 + 151 * 0.02)) < 0.001, made.high)
    assert.equal("at most 8.02 s for 21 migrations", made.lines[1])
  end)

  it("of code of its own is that nobody knows", function()
    assert(fs.write(folder .. "/prisma/migrations/1_index/migration.sql", "DO $$ BEGIN END $$;\n"))
    local _, one = plan(database(1))
    assert.is_nil(one.high)
    assert.is_nil(made.high)
    assert.matches("nobody knows how long", made.lines[1])
    assert.matches("no measurement, and nothing to reckon statement 1 from", one.basis, 1, true)
  end)

  it("on data of the same size is the measured time, half to twice", function()
    deploy(database(20000))
    took(100)
    local _, one = plan(database(20000))
    assert.matches("on data of the same size", one.basis, 1, true)
    assert.is_true(one.low >= 50 and one.low < 51 and one.high >= 200 and one.high < 202, json.encode(one))
  end)

  it("on larger data is between the measured time and one that grows with the data", function()
    deploy(database(5000))
    took(1)
    local _, one = plan(database(50000))
    assert.matches("scaled by the size of the tables", one.basis, 1, true)
    assert.is_true(one.low >= 0.5 and one.low < 0.6, json.encode(one))
    assert.is_true(one.high >= 2, json.encode(one))
    -- Milliseconds times a million say nothing: never more than the slowest reading, or twice the measured time.
    assert.is_true(one.high < 4, json.encode(one))
  end)

  it("on smaller data is at most the measured time, twice", function()
    deploy(database(50000))
    took(100)
    local _, one = plan(database(50))
    assert.is_true(one.low < 10 and one.high >= 200 and one.high < 202, json.encode(one))
  end)

  it("takes the measurement whose data were nearest in size", function()
    deploy(database(50000))
    took(500)
    deploy(database(50))
    took(1)
    local _, one = plan(database(45000))
    assert.is_true(one.high > 1000, json.encode(one))
  end)

  it("takes a receipt whose journal is elsewhere, as of a run in CI", function()
    deploy(database(20000))
    local _, path = dixis.journal(folder)
    assert(fs.remove(path))
    local _, one = plan(database(20000))
    assert.matches("from spec of .*, on data of the same size", one.basis)
    -- Not one that was changed.
    local receipt = require("dixis.store").receipt_path(path)
    local text = fs.read(receipt)
    assert(fs.remove(receipt))
    assert(fs.write(receipt, (text:gsub('"seconds":', '"seconds":9'))))
    _, one = plan(database(20000))
    assert.matches("no measurement", one.basis, 1, true)
  end)

  it("takes what the receipt in staging's own database says", function()
    local staging = database(20000)
    local steps = "{ step.deploy() }, audit = true"
    book.write(folder, { gates = "{ gate.reachable(), gate.lock() }", steps = steps })
    deploy(staging)
    assert(fs.remove(folder .. "/.dixis"))
    book.write(folder, { uses = "{ env = { 'STAGE' } }", steps = steps,
      gates = "{ gate.reachable(), gate.lock(), gate.staging_green { environment = 'spec', from_env = 'STAGE' } }" })
    local result = book.dixis(folder, database(20000), { "run", "book.lua" }, { STAGE = staging })
    assert.equal(0, result.code, result.shown)
    local made_here = {}
    for _, event in ipairs((dixis.journal(folder))) do
      if event.type == "forecast.made" then made_here[#made_here + 1] = event.migrations[1].basis end
    end
    assert.matches("no measurement", made_here[1], 1, true)
    assert.matches("from spec of .*, on data of the same size", made_here[2])
  end)

  it("does not take what another script has measured under the name", function()
    deploy(database(100))
    assert(fs.write(folder .. "/prisma/migrations/1_index/migration.sql", "CREATE INDEX big_w ON big (v);\n"))
    local _, one = plan(database(100))
    assert.matches("no measurement", one.basis, 1, true)
  end)

  it("is shown by the run, compared with what it took, and kept", function()
    local url = database(1000)
    local events, shown = deploy(url)
    local forecasted, compared = dixis.event(events, "forecast.made"), dixis.event(events, "forecast.compared")
    assert.equal(forecasted.high, math.floor(compared.high * 1000 + 0.5) / 1000)
    assert.is_true(compared.actual > 0)
    assert.matches("forecast .- for 1 migration", shown)
    assert.matches("for the migrations; they took", shown, 1, true)
    -- And where that one was wrong here, the next is as much wider.
    rewrite("forecast.compared", function(event) event.low, event.high, event.actual = 10, 20, 100 end)
    assert(fs.mkdir(folder .. "/prisma/migrations/2_more"))
    assert(fs.write(folder .. "/prisma/migrations/2_more/migration.sql", "CREATE INDEX big_w ON big (v);\n"))
    local _, one = plan(url)
    assert.is_true(math.abs(made.high / one.high - 5) < 0.1, json.encode(made))
    assert.matches("one took 5.0 times what was forecast", table.concat(made.lines, "\n"), 1, true)
    -- Elsewhere it says nothing.
    local elsewhere = plan(database(1000))
    assert.is_nil(table.concat(elsewhere.lines, "\n"):find("widened", 1, true))
  end)

  it("is made also when a table is locked, and when a journal is no journal", function()
    local url = database(1000)
    deploy(url)
    assert(fs.mkdir(folder .. "/prisma/migrations/2_more"))
    assert(fs.write(folder .. "/prisma/migrations/2_more/migration.sql", "CREATE INDEX big_w ON big (v);\n"))
    assert(fs.write(folder .. "/.dixis/runs/20990101-000000-000-0000.jsonl", "[1]\n{\"type\":\"run.started\"}\n\0\n"))
    local locker = assert(pg.connect(url and (function()
      local params = server.params()
      params.dbname = url:match "/([%w_]+)%?"
      return params
    end)()))
    assert(locker:query "BEGIN")
    assert(locker:query "LOCK TABLE big IN ACCESS EXCLUSIVE MODE")
    local _, one = plan(url)
    assert.is_nil(one.high)
    assert.matches("could not be read", table.concat(made.lines, "\n"), 1, true)
    locker:close()
  end)

  it("is nothing when nothing is pending", function()
    local url = database(10)
    deploy(url)
    assert.is_nil((plan(url)))
    assert.equal(0, forecast.most(nil))
  end)
end)
