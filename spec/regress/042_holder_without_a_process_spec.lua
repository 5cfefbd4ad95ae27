-- Who holds the run lock may have no process: it has just ended, or is a prepared transaction. Its number was missing
-- then, and the gate failed for that. (Of a prepared transaction nothing was told at all.)

local dixis = require "spec.support.dixis"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

describe("a run lock that is held by a prepared transaction", function()
  it("is told as what it is", function()
    local own <close> = assert(ephemeral.start { memory = true, settings = { max_prepared_transactions = 1 } })
    local params = own.params
    local conn = assert(pg.connect(params))
    assert(conn:script "BEGIN; SELECT pg_advisory_xact_lock(72707369); PREPARE TRANSACTION 'holder'")
    local folder = migrations.project { ["1_first"] = "CREATE TABLE first (id int);\n" }
    local path = folder .. "/deploy.lua"
    assert(fs.write(path, (assert(fs.read(path)):gsub('wait = "8s"', 'wait = "100ms"'))))
    local result = dixis.run({ "run", "deploy.lua" }, { cwd = folder, env = { DATABASE_URL = server.url(params) } })
    assert.equal(4, result.code, result.stdout .. result.stderr)
    assert.matches("another migration run holds the lock: a prepared transaction (see pg_prepared_xacts)",
      (result.stdout .. result.stderr):gsub("%s+", " "), 1, true)
    assert(conn:query "ROLLBACK PREPARED 'holder'")
    assert.equal(0, migrations.deploy(folder, params).code)
    conn:close()
    assert(fs.remove(folder))
  end)
end)
