-- The clinic, end to end, on a server of its own.
local clinics = require "spec.support.clinics"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local migrations = require "spec.support.migrations"
local proof = require "dixis.proof"
local server = require "spec.support.server"
local store = require "dixis.store"

local clinic, of_type, red = clinics.clinic, clinics.of_type, clinics.red
local outline, project = clinics.outline, clinics.project

describe("a green clinic", function()
  local folder
  before_each(function() folder = dixis.project { git = false } end)
  after_each(function() fs.remove(folder) end)

  it("applies everything on a server of its own, and leaves a receipt", function()
    local result, events = clinic(folder)
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.same({ 7, 0 }, { #of_type(events, "migration.applied"), #of_type(events, "migration.failed") })
    for _, fault in ipairs(of_type(events, "fault.found")) do assert.not_equal("error", fault.severity, fault.message) end
    local _, path = dixis.journal(folder)
    local receipt = proof.read(store.receipt_path(path))
    assert.same({ "clinic", "succeeded", true, 7, 0 }, { receipt.environment, receipt.outcome, receipt.ephemeral,
      receipt.applied, receipt.clinic.counts.cause })
    assert.is_nil(receipt.clinic.schema_from)
    assert.matches("7 migrations applied, in a database that was made for this run and is not kept.", result.stdout, 1, true)
    assert.is_nil(result.stdout:find("recorded in the target", 1, true))
    assert.equal(0, dixis.run({ "verify", "last" }, { cwd = folder }).code)
    assert.matches("7 applied .* ephemeral_clinic %(throw%-away%)\n", dixis.run({ "history" }, { cwd = folder }).stdout)
    assert.is_nil(fs.stat(dixis.event(events, "target.identified").target.host))
  end)

  it("is what staging demands when it is told to: for the same migrations, and not for other ones", function()
    local params = server.database "clinic"
    local env = { DATABASE_URL_STAGING = server.url(params) }
    local arguments = { "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "clinic=true", "--set", "git=false" }
    local function staging()
      local result = dixis.run(arguments, { cwd = folder, env = env })
      return result.code, result.stdout
    end
    local code, out = staging()
    assert.equal(3, code, out)
    assert.matches("there is no green clinic for these migrations", out, 1, true)
    assert.equal(0, clinic(folder).code)
    migrations.write(folder, "20260101000000_new", "CREATE TABLE a (id int);\n")
    code, out = staging()
    assert.equal(3, code, out)
    assert.matches("is for other migrations", out, 1, true)
    fs.remove(folder .. "/prisma/migrations/20260101000000_new")
    code, out = staging()
    assert.equal(0, code, out)
    -- A staging run is no clinic.
    local _, path = dixis.journal(folder)
    assert.is_nil(proof.read(store.receipt_path(path)).clinic)
  end)

  it("can be planned without anything", function()
    local planned = dixis.run({ "plan", "clinic" }, { cwd = folder })
    assert.equal(0, planned.code, planned.stderr)
    assert.matches("7 pending", planned.stdout, 1, true)
    assert.matches("the run makes its target itself", planned.stdout, 1, true)
  end)
end)

describe("a clinic", function()
  local folder
  after_each(function() fs.remove(folder) end)

  it("goes on after a failure, and tells causes from what follows from them", function()
    folder = project {
      ["20250101000000_init"] = 'CREATE TABLE "Producer" (id text PRIMARY KEY, name text NOT NULL);\n',
      ["20250102000000_item"] = 'ALTER TABLE "OrderItem" ADD COLUMN title text;\nALTER TABLE "Producer" ADD COLUMN image text;\n'
        .. 'CREATE INDEX oi_title ON "OrderItem" (title);\n',
      ["20250103000000_again"] = 'ALTER TABLE "Producer" ADD COLUMN image text;\n',
      ["20250104000000_fine"] = "CREATE TABLE fine (id int);\n",
    }
    local result, events = clinic(folder, { "--report", "r.json", "--report", "r.md", "--report", "r.xml" })
    assert.equal(1, result.code, result.stdout)
    assert.equal("missing-table item:1 <- item:3\nduplicate-column again:1", outline(events))
    assert.equal("applies again no_fault", red(events))
    assert.same({ 2, 3 }, { #of_type(events, "migration.applied"), #of_type(events, "migration.failed") })
    local cause = of_type(events, "fault.found")[1]
    assert.same({ "both", "42P01" }, { cause.found, cause.sqlstate })
    assert.matches('relation "OrderItem" does not exist', cause.server, 1, true)
    local out = result.stdout
    assert.matches("Faults\n  ✗ prisma/migrations/20250102000000_item/migration.sql:1:1  [missing-table, "
      .. "found by lint and the server]", out, 1, true)
    assert.matches("and therefore, 1 consequence:\n      · prisma/migrations/20250102000000_item/migration.sql:3:1", out, 1, true)
    assert.is_true(out:find("Faults", 1, true) > out:find("Criteria", 1, true))
    local report = assert(json.decode(fs.read(folder .. "/r.json")))
    assert.same({ 3, 1 }, { #report.faults, math.tointeger(report.faults[2].cause) })
    assert.matches("1. `prisma/migrations/20250102000000_item/migration.sql:1:1`: **", fs.read(folder .. "/r.md"), 1, true)
    local junit = fs.read(folder .. "/r.xml")
    assert.matches('<testcase classname="fault" name="prisma/migrations/20250102000000_item/migration.sql:1:1 missing-table"',
      junit, 1, true)
    assert.matches('tests="15" failures="5"', junit:gsub('tests="%d+"', 'tests="15"'), 1, true)
    assert.equal(1, dixis.run({ "run", "clinic" }, { cwd = folder }).code)
    local shown = dixis.run({ "show", "last" }, { cwd = folder })
    assert.matches("[missing-table, found by lint and the server]", shown.stdout, 1, true)
  end)

  -- name = { scripts, outline, more arguments }
  local histories <const> = {
    ["a statement that stands alone"] = { {
      ["20250101000000_init"] = "CREATE TABLE t (a int, b int);\n",
      ["20250102000000_alone"] = "CREATE INDEX CONCURRENTLY i ON t (a);\nCREATE INDEX CONCURRENTLY j ON t (c);\n"
        .. "CREATE INDEX CONCURRENTLY k ON t (b);\n",
      ["20250103000000_after"] = "DROP INDEX k;\nDROP INDEX i;\n",
    }, "missing-column alone:2" },
    ["rows that break a constraint"] = { {
      ["20250101000000_init"] = "CREATE TABLE t (a int PRIMARY KEY);\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\n"
        .. "CREATE TABLE u (a int);\n",
      ["20250102000000_after"] = "ALTER TABLE u ADD COLUMN b int;\n",
    }, "duplicate-row init:3" },
    ["a constraint that is broken at COMMIT"] = { {
      ["20250101000000_init"] = "CREATE TABLE p (a int PRIMARY KEY);\n"
        .. "CREATE TABLE c (a int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\n",
      ["20250102000000_rows"] = "INSERT INTO c VALUES (1);\n",
      ["20250103000000_after"] = "CREATE TABLE after (a int);\n",
    }, "missing-row rows:1" },
    ["BEGIN and COMMIT around it"] = { {
      ["20250101000000_init"] = "BEGIN;\nCREATE TABLE t (a int);\nALTER TABLE u ADD COLUMN b int;\n"
        .. "ALTER TABLE t ADD COLUMN b int;\nCOMMIT;\n",
      ["20250102000000_after"] = "ALTER TABLE u ADD COLUMN c int;\n",
    }, "missing-table init:3 <- after:1" },
    ["transactions of its own"] = { {
      ["20250101000000_init"] = "CREATE TABLE t (a int);\nCOMMIT;\nCREATE TABLE u (a int);\n",
      ["20250102000000_after"] = "ALTER TABLE u ADD COLUMN c int;\n",
    }, "refused-by-deploy init:2 (warning)" },
    ["what only the server can know"] = { {
      ["20250101000000_hidden"] = "DO $$ BEGIN EXECUTE 'CREATE TABLE ' || (SELECT 'hidden') || ' (a int)'; END $$;\n"
        .. "ALTER TABLE hidden ADD COLUMN b int;\nALTER TABLE nobody ADD COLUMN b int;\n",
      ["20250102000000_after"] = "CREATE INDEX i ON nobody (b);\n",
    }, "failed-statement hidden:3 <- after:1" },
    ["an extension that this server does not have"] = { {
      ["20250101000000_init"] = "CREATE EXTENSION no_such_extension;\nCREATE TABLE place (id int, at no_such_type);\n"
        .. "ALTER TABLE place ADD COLUMN b int;\nCREATE TABLE fine (a int);\n",
    }, "gap init:1 <- init:2 init:3" },
    ["a role that lacks a right"] = { {
      ["20250101000000_init"] = "CREATE ROLE clinic_spec;\nSET ROLE clinic_spec;\nCREATE TABLE t (a int);\n",
    }, "failed-statement init:3" },
    ["what is in no transaction, no script and no record"] = { {
      ["20241231000000_first"] = "CREATE TABLE first (a int);\n",
      ["20250101000000_copy"] = "CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n\\.\n",
      ["20250102000000_copy"] = "COPY t FROM STDIN;\n",
      ["20250103000000_zero"] = "C\0R\0",
      ["20250104000000_ledger"] = "DELETE FROM _prisma_migrations;\n",
      ["20250105000000_fine"] = "CREATE TABLE fine (a int);\n",
    }, "failed-statement copy:3\nfailed-statement copy:1\nfailed-statement zero:1\nfailed-statement ledger:1" },
    ["roles that others make"] = { {
      ["20250101000000_init"] = 'CREATE TABLE t (a int);\nGRANT SELECT ON t TO "App Reader";\n'
        .. "ALTER TABLE t OWNER TO app_owner;\n",
    }, "" },
    ["roles, when no stand-ins are wanted"] = { {
      ["20250101000000_init"] = "CREATE TABLE t (a int);\nGRANT SELECT ON t TO app_reader;\n",
    }, "gap init:2", "roles=false" },
    ["roles that it makes itself"] = { {
      ["20250101000000_init"] = "CREATE ROLE app_reader;\nCREATE TABLE t (a int);\nGRANT SELECT ON t TO app_reader;\n",
    }, "" },
    ["a folder that Prisma does not take"] = { {
      ["20250101000000_init"] = "CREATE TABLE t (a int);\n", ["20250102000000_empty/inner"] = "SELECT 1;\n",
    }, "missing-script empty:1\nunseen-folder empty:1 (warning)" },
  }

  for name, case in pairs(histories) do
    it("judges " .. name, function()
      folder = project(case[1])
      local result, events = clinic(folder, case[3] and { "--set", case[3] })
      assert.equal(case[2], outline(events), result.stdout .. result.stderr)
      local wanted = (case[2] == "" or case[2]:find "%(warning%)$" and not case[2]:find "\n") and 0 or 1
      assert.equal(wanted, result.code, result.stdout)
    end)
  end

  it("leaves no server behind when it is interrupted", function()
    folder = project { ["20250101000000_slow"] = "SELECT pg_sleep(600);\n" }
    local handle = dixis.start({ "run", "clinic" }, { cwd = folder })
    local until_when = clock.now() + 60
    local host
    repeat
      clock.sleep(0.02)
      assert(clock.now() < until_when, "it does not come to the migration")
      local ok, events = pcall(dixis.journal, folder)
      host = ok and dixis.event(events, "migration.started") and dixis.event(events, "target.identified").target.host
    until host
    assert.is_truthy(fs.stat(host))
    handle:kill "INT"
    local result = assert(handle:wait())
    assert.equal(130, result.code, result.stdout .. result.stderr)
    assert.is_nil(fs.stat(host))
    assert.equal("interrupted", dixis.event(dixis.journal(folder), "run.finished").outcome)
  end)

  it("does not hold against lint what the project wants silent", function()
    folder = project {
      ["20250101000000_init"] = "CREATE TABLE t (a int);\n", ["20250102000000_bad"] = "ALTER TABLE nobody ADD COLUMN a int;\n",
    }
    local file = folder .. "/dixis-lint.json"
    assert(fs.write(file, '{ "rules": [ { "rule": "missing-table", "severity": "off", "because": "a trial" } ] }'))
    local result, events = clinic(folder)
    assert.equal(1, result.code, result.stdout)
    assert.equal("failed-statement bad:1", outline(events))
    assert(fs.write(file, '{ "rules": [ { "rule": "missing-table", "severity": "warning", "because": "a trial" } ] }'))
    local _, again = clinic(folder)
    assert.equal("missing-table bad:1", outline(again))
    assert.equal("applies again no_fault", red(again))
  end)

  it("says which stand-ins it made", function()
    folder = project(histories["roles that others make"][1])
    local _, events = clinic(folder)
    assert.same({ "App Reader", "app_owner" }, dixis.event(events, "roles.made").roles)
  end)
end)
