-- A migration that goes statement by statement, and whose first statement did not get its lock, was tried
-- again with a new ledger row each time. The rows of the failed attempts were never finished, so Prisma
-- refused the database (P3009) although the migration was applied.

local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"
local task = require "host.task"

describe("another attempt of a migration that goes statement by statement", function()
  it("goes on with the row of the first", function()
    local params = server.database "attempt"
    local conn <close> = assert(pg.connect(params))
    local blocker <close> = assert(pg.connect(params))
    local folder = migrations.project {
      ["1_first"] = "CREATE TABLE first (id int);\n",
    }
    assert.equal(0, migrations.deploy(folder, params).code)
    migrations.write(folder, "2_mixed", "ALTER TABLE first ADD COLUMN b int;\nCREATE INDEX CONCURRENTLY i ON first (b);\n")
    assert(blocker:query "BEGIN")
    assert(blocker:query "LOCK TABLE first IN ACCESS SHARE MODE")
    local deploying <close> = task.spawn(function() return migrations.deploy(folder, params) end)
    local begun = clock.now()
    repeat
      clock.sleep(0.05)
      local events = fs.stat(folder .. "/.dixis/runs") and dixis.journal(folder) or {}
      assert(clock.now() - begun < 20, "it was never tried again")
    until dixis.event(events, "migration.retried")
    assert(blocker:query "COMMIT")
    local _, result = deploying:join()
    assert.equal(0, result.code, result.stdout)
    local rows = assert(conn:query [[SELECT migration_name, finished_at IS NOT NULL AS finished, logs
      FROM _prisma_migrations ORDER BY started_at]])
    assert.equal(2, #rows)
    assert.same({ "2_mixed", true }, { rows[2].migration_name, rows[2].finished })
    assert(fs.remove(folder))
  end)
end)
