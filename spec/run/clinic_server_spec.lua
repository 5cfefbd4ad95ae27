-- The clinic on a server that the user names.
local clinics = require "spec.support.clinics"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

local clinic, of_type, outline, project = clinics.clinic, clinics.of_type, clinics.outline, clinics.project

describe("a clinic on a server that the user names", function()
  local folder, conn, url

  local function databases()
    local names = {}
    for i, row in ipairs(assert(conn:query "SELECT datname FROM pg_database WHERE datname LIKE 'dixis_clinic%' ORDER BY 1")) do
      names[i] = row[1]
    end
    return table.concat(names, " ")
  end

  before_each(function()
    conn = conn or assert(pg.connect(server.params()))
    url = server.url(server.params())
    folder = project { ["20250101000000_init"] = "CREATE TABLE t (a int);\n" }
  end)
  after_each(function() fs.remove(folder) end)

  local function on_server(...)
    return clinic(folder, { "--set", "scratch_on=SPEC_URL", ... }, { SPEC_URL = url })
  end

  it("makes a database of its own and drops it", function()
    local result, events = on_server()
    assert.equal(0, result.code, result.stdout .. result.stderr)
    local made = dixis.event(events, "scratch.started").database
    assert.matches("^dixis_clinic_", made)
    assert.equal(made, dixis.event(events, "target.identified").target.database)
    assert.equal(made, dixis.event(events, "scratch.dropped").database)
    assert.equal("", databases())
  end)

  it("drops it also after a failure", function()
    migrations.write(folder, "20250102000000_bad", "ALTER TABLE nobody ADD COLUMN a int;\nGRANT SELECT ON t TO no_such_role;\n")
    local result, events = on_server()
    assert.equal(1, result.code, result.stdout)
    assert.equal("missing-table bad:1\ngap bad:2", outline(events))
    assert.is_truthy(dixis.event(events, "scratch.dropped"))
    assert.equal("", databases())
    assert.is_false(assert(conn:query "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'no_such_role')")[1][1])
  end)

  local sleeping <const> = [[SELECT count(*) FROM pg_stat_activity
    WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active']]

  --- A clinic that was told to end in the middle of a statement.
  local function signalled(signal)
    migrations.write(folder, "20250102000000_slow", "SELECT pg_sleep(600);\n")
    local handle = dixis.start({ "run", "clinic", "--set", "scratch_on=SPEC_URL" }, { cwd = folder, env = { SPEC_URL = url } })
    local until_when = clock.now() + 60
    repeat
      clock.sleep(0.02)
      assert(clock.now() < until_when, "it does not come to the statement")
    until assert(conn:query(sleeping))[1][1] == 1
    handle:kill(signal)
    return assert(handle:wait())
  end

  for signal, exit in pairs { INT = 130, TERM = 143 } do
    it("drops it also after SIG" .. signal, function()
      local result = signalled(signal)
      assert.equal(exit, result.code, result.stdout .. result.stderr)
      assert.is_truthy(dixis.event(dixis.journal(folder), "scratch.dropped"))
      assert.equal("", databases())
    end)
  end

  it("tells what one that was killed has left there, with the command that drops it", function()
    signalled "KILL"
    fs.remove(folder .. "/prisma/migrations/20250102000000_slow")
    local left = databases()
    assert.matches("^dixis_clinic_[%d_]+%x+$", left)
    -- Somebody is at work in it still: then it may be a run that goes on.
    assert.equal(1, assert(conn:query(sleeping))[1][1])
    assert.is_nil(dixis.event(select(2, on_server()), "leftovers.found"))
    assert(conn:query "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'dixis_clinic%'")
    local until_when = clock.now() + 30
    repeat
      clock.sleep(0.02)
      assert(clock.now() < until_when, "it does not end")
    until assert(conn:query(sleeping))[1][1] == 0
    local result, events = on_server()
    assert.equal(0, result.code, result.stdout)
    assert.same({ left }, dixis.event(events, "leftovers.found").names)
    assert.equal(left, databases())
    local command = result.stdout:match "\n +(DROP DATABASE [^\n]+;)\n"
    assert.is_truthy(assert(conn:query(command)))
    assert.equal("", databases())
  end)

  it("refuses what would change the server itself", function()
    migrations.write(folder, "20250102000000_role", "SELECT 1;\nCREATE ROLE clinic_spec_role;\n")
    local result = on_server()
    assert.equal(3, result.code, result.stdout)
    assert.matches("20250102000000_role/migration.sql:2: CREATE ROLE ... would change the server", result.stdout, 1, true)
    assert.equal("", databases())
    assert.equal(0, clinic(folder).code)
  end)

  it("and on a real database's schema there", function()
    local source = server.database "source"
    local env = { DATABASE_URL_STAGING = server.url(source) }
    assert.equal(0, dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false" },
      { cwd = folder, env = env }).code)
    migrations.write(folder, "20250102000000_more", "ALTER TABLE t ADD COLUMN b int;\n")
    local result, events = clinic(folder, { "--set", "scratch_on=SPEC_URL", "--set", "schema_from=SOURCE_URL" },
      { SPEC_URL = url, SOURCE_URL = server.url(source) })
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.equal(1, #of_type(events, "migration.applied"))
    assert.equal("", databases())
  end)
end)
