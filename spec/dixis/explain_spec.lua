-- `dixis plan --explain`: locks and rewrites, and nothing left behind.
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local pg = require "host.pg"
local server = require "spec.support.server"

local function migrations(folder, scripts)
  for i, text in ipairs(scripts) do
    local path = ("%s/prisma/migrations/2024010%d000000_m%d"):format(folder, i, i)
    assert(fs.mkdir(path))
    assert(fs.write(path .. "/migration.sql", text))
  end
end

describe("dixis plan --explain", function()
  local folder, params, conn, env

  before_each(function()
    folder = assert(fs.mkdtemp "/tmp/dixis-explain-")
    params = server.database()
    env = { DATABASE_URL_STAGING = server.url(params) }
    conn = assert(pg.connect(params))
    assert(conn:query "CREATE TABLE busy (id int PRIMARY KEY, v text)")
    assert(conn:query "INSERT INTO busy SELECT g, g::text FROM generate_series(1, 100) g")
  end)
  after_each(function()
    conn:close()
    fs.remove(folder)
  end)

  local function explained()
    local result = dixis.run({ "plan", "staging", "--explain", "--output", "json" }, { cwd = folder, env = env })
    assert.equal(0, result.code, result.stderr)
    return assert(json.decode(result.stdout)).explained
  end

  it("lists the locks of each statement on what was there before, and rewrites", function()
    migrations(folder, { [[ALTER TABLE busy ADD COLUMN r float8 NOT NULL DEFAULT random();
CREATE TABLE fresh (id int);
CREATE INDEX busy_v ON busy (v);]] })
    local list = explained()
    local first, second = list[1].statements[1], list[1].statements[2]
    assert.equal("busy", first.locks[1].relation)
    assert.equal("AccessExclusive", first.locks[1].mode)
    assert.same({ "busy" }, first.rewrites)
    assert.same({}, second.locks)
    assert.is_true(first.locks[1].held >= first.seconds)
  end)

  it("leaves nothing behind, and no lock", function()
    migrations(folder, { "DROP TABLE busy;" })
    assert.equal("busy", explained()[1].statements[1].locks[1].relation)
    assert.equal(100, assert(conn:query "SELECT count(*) FROM busy")[1][1])
    assert.equal(0, assert(conn:query "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")[1][1])
  end)

  it("stops at what cannot be rolled back, and at what fails", function()
    migrations(folder, { "CREATE TABLE a (id int);", "CREATE INDEX CONCURRENTLY a_id ON a (id);", "SELECT 1;" })
    local list = explained()
    assert.equal(2, #list)
    assert.matches("cannot run in a transaction", list[2].skipped)
    fs.remove(folder .. "/prisma")
    migrations(folder, { "CREATE TABLE a (id int);\nSELECT * FROM nowhere;" })
    assert.matches("migration%.sql:2: statement 2 of 2.*nowhere", explained()[1].problem)
  end)

  it("does not wait behind others for long", function()
    local other = assert(pg.connect(params))
    assert(other:query "BEGIN")
    assert(other:query "LOCK TABLE busy")
    migrations(folder, { "ALTER TABLE busy ADD COLUMN x int;" })
    assert.matches("SQLSTATE 55P03", explained()[1].problem)
    other:close()
  end)

  it("is refused where the runbook does not allow it", function()
    migrations(folder, { "SELECT 1;" })
    local result = dixis.run({ "plan", "prod", "--explain" },
      { cwd = folder, env = { DATABASE_URL_PROD = server.url(params) } })
    assert.equal(3, result.code)
    assert.matches("does not allow %-%-explain", result.stderr)
  end)
end)
