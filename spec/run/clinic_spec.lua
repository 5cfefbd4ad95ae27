-- The clinic, end to end: on a server of its own, on a server that the user names, and on a real database's schema.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local proof = require "dixis.proof"
local repair = require "spec.support.repair"
local server = require "spec.support.server"
local store = require "dixis.store"

local function clinic(folder, arguments, env)
  local result = dixis.run({ "run", "clinic", table.unpack(arguments or {}) }, { cwd = folder, env = env })
  return result, (dixis.journal(folder))
end

local function of_type(events, kind)
  local list = {}
  for _, event in ipairs(events) do
    if event.type == kind then list[#list + 1] = event end
  end
  return list
end

local function red(events)
  local names = {}
  for i, event in ipairs(of_type(events, "criterion.red")) do names[i] = event.name end
  return table.concat(names, " ")
end

-- "rule line" of each cause, and of what follows from it, in brackets.
local function outline(events)
  local lines, of = {}, {}
  for _, fault in ipairs(of_type(events, "fault.found")) do
    local short = ("%s %s:%d"):format(fault.kind == "gap" and "gap" or fault.rule, (fault.migration or "?"):match "[^_]+$",
      fault.line or 0)
    if fault.cause then
      table.insert(of[fault.cause], ("%s:%d"):format(fault.migration:match "[^_]+$", fault.line))
    elseif fault.severity == "error" then
      of[fault.id] = { short }
      lines[#lines + 1] = of[fault.id]
    else
      of[fault.id] = { short .. " (" .. fault.severity .. ")" }
      lines[#lines + 1] = of[fault.id]
    end
  end
  for i, parts in ipairs(lines) do
    lines[i] = #parts == 1 and parts[1] or ("%s <- %s"):format(parts[1], table.concat(parts, " ", 2))
  end
  return table.concat(lines, "\n")
end

-- Without what is only worth knowing, as a lock file that is not there.
local function project(scripts)
  local folder = book.project(scripts)
  assert(fs.write(folder .. "/prisma/migrations/migration_lock.toml", 'provider = "postgresql"\n'))
  return folder
end

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
    }, "failed-statement init:3" },
    ["a constraint that is broken at COMMIT"] = { {
      ["20250101000000_init"] = "CREATE TABLE p (a int PRIMARY KEY);\n"
        .. "CREATE TABLE c (a int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\n",
      ["20250102000000_rows"] = "INSERT INTO c VALUES (1);\n",
      ["20250103000000_after"] = "CREATE TABLE after (a int);\n",
    }, "failed-statement rows:1" },
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

-- The history that a team mended in three rounds, one CI run at a time: spec/lint/saga_spec.lua tells of it.
describe("the saga in the clinic", function()
  local folder
  after_each(function() fs.remove(folder) end)

  local function state(number)
    folder = assert(fs.mkdtemp "/tmp/dixis-project-")
    assert(fs.copy_tree("spec/fixtures/saga/" .. number, folder .. "/prisma"))
    return clinic(folder)
  end

  it("shows all of it in one run, and its repairs, applied in one go, make it green", function()
    local result, events = state(1)
    assert.equal(1, result.code, result.stdout)
    local causes = {}
    for _, fault in ipairs(of_type(events, "fault.found")) do
      if fault.kind == "cause" and fault.severity == "error" then
        causes[#causes + 1] = ("%s %s"):format(fault.rule, fault.object)
        repair.edit(fault, folder)
      else
        assert.equal("consequence", fault.kind, fault.message)
      end
    end
    assert.same({ "missing-table public.OrderItem", "missing-table public.Order", "missing-table public.Product" }, causes)
    result, events = clinic(folder)
    assert.equal(0, result.code, result.stdout)
    assert.equal("", outline(events))
  end)

  it("goes on with what each round had left", function()
    for number, wanted in pairs { [2] = { "missing-table public.Order", "missing-table public.Product" },
      [3] = { "duplicate-column public.Order.publicToken" } } do
      local result, events = state(number)
      assert.equal(1, result.code, result.stdout)
      local causes = {}
      for _, fault in ipairs(of_type(events, "fault.found")) do
        if fault.kind == "cause" then
          causes[#causes + 1] = ("%s %s"):format(fault.rule, fault.object)
          repair.edit(fault, folder)
        end
        assert.not_equal("disagreement", fault.kind, fault.message)
      end
      assert.same(wanted, causes)
      result = clinic(folder)
      assert.equal(0, result.code, result.stdout)
      if number == 2 then fs.remove(folder) end
    end
  end)

  it("is green at its end, as it is", function()
    local result, events = state(4)
    assert.equal(0, result.code, result.stdout)
    assert.equal("", outline(events))
  end)
end)

describe("a clinic and the schema file", function()
  local folder
  before_each(function() folder = dixis.project { git = false } end)
  after_each(function() fs.remove(folder) end)

  local function append(text)
    local file <const> = folder .. "/prisma/schema.prisma"
    assert(fs.write(file, fs.read(file) .. text))
  end

  it("says what no migration makes", function()
    append "\nmodel Ahead {\n  id Int @id\n}\n"
    local result, events = clinic(folder)
    assert.equal(1, result.code, result.stdout)
    assert.equal("schema_agrees no_fault", red(events))
    local faults = of_type(events, "fault.found")
    assert.same({ 1, "missing-model", "both", "public.Ahead" }, { #faults, faults[1].rule, faults[1].found, faults[1].object })
  end)

  it("says what is otherwise, and who made it so", function()
    local file <const> = folder .. "/prisma/schema.prisma"
    assert(fs.write(file, (fs.read(file):gsub("(buyerName%s+String)%f[%s]", "%1?"))))
    local result, events = clinic(folder)
    assert.equal(1, result.code, result.stdout)
    local faults = of_type(events, "fault.found")
    assert.same({ 1, "field-nullability", "both", "public.Order.buyerName" }, { #faults, faults[1].rule, faults[1].found,
      faults[1].object })
    assert.matches("^prisma/migrations/20251006000000_add_orderitem_snapshots/migration.sql:%d+$", faults[1].made_by)
    assert.matches("should be .*, is ", faults[1].message)
  end)

  it("says what is not valid in it", function()
    append "\nmodel Ahead {\n  id Imt @id\n}\n"
    local result, events = clinic(folder)
    assert.equal(1, result.code, result.stdout)
    assert.equal("schema_agrees no_fault", red(events))
    local faults = of_type(events, "fault.found")
    assert.same({ 1, "unreadable-schema" }, { #faults, faults[1].rule })
  end)

  it("does without one", function()
    fs.remove(folder .. "/prisma/schema.prisma")
    local result, events = clinic(folder)
    assert.equal(0, result.code, result.stdout)
    assert.equal("schema_agrees", of_type(events, "criterion.skipped")[1].name)
  end)
end)

describe("a clinic on a real database's schema", function()
  local folder, params, url

  local first <const> = 'CREATE TABLE "User" (id int PRIMARY KEY, name text);\nCREATE TYPE kind AS ENUM (\'a\', \'b\');\n'

  before_each(function()
    folder = project { ["20250101000000_init"] = first }
    params = server.database "source"
    url = server.url(params)
    local deployed = dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false" },
      { cwd = folder, env = { DATABASE_URL_STAGING = url } })
    assert.equal(0, deployed.code, deployed.stdout)
  end)
  after_each(function() fs.remove(folder) end)

  local function on_schema()
    local before = book.snapshot(url)
    local result, events = clinic(folder, { "--set", "schema_from=SPEC_URL" }, { SPEC_URL = url })
    assert.equal(before, book.snapshot(url))
    return result, events
  end

  it("applies only what is pending there, and writes nothing to it", function()
    migrations.write(folder, "20250102000000_more", 'ALTER TABLE "User" ADD COLUMN kind kind;\n')
    local result, events = on_schema()
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.equal(1, #of_type(events, "migration.applied"))
    assert.equal(params.dbname, dixis.event(events, "schema.copied").source.database)
    local _, path = dixis.journal(folder)
    assert.equal(params.dbname, proof.read(store.receipt_path(path)).clinic.schema_from.database)
  end)

  it("is proof for that database, and for no other", function()
    migrations.write(folder, "20250102000000_more", 'ALTER TABLE "User" ADD COLUMN kind kind;\n')
    assert.equal(0, on_schema().code)
    local arguments = { "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false", "--set", "clinic=true" }
    local other = dixis.run(arguments, { cwd = folder, env = { DATABASE_URL_STAGING = server.url(server.database "other") } })
    assert.equal(3, other.code, other.stdout)
    assert.matches("began with the schema of another database", other.stdout, 1, true)
    local same = dixis.run(arguments, { cwd = folder, env = { DATABASE_URL_STAGING = url } })
    assert.equal(0, same.code, same.stdout)
  end)

  it("finds what was changed there by hand", function()
    local conn = assert(pg.connect(params))
    assert(conn:query 'ALTER TABLE "User" ADD COLUMN kind text')
    conn:close()
    migrations.write(folder, "20250102000000_more", 'ALTER TABLE "User" ADD COLUMN kind kind;\nCREATE TABLE fine (id int);\n')
    local result, events = on_schema()
    assert.equal(1, result.code, result.stdout)
    assert.equal("duplicate-column more:1", outline(events))
    assert.equal(0, clinic(folder).code) -- from nothing it applies
  end)

  it("takes along what else is there: rights of roles, code, views, another schema", function()
    local conn = assert(pg.connect(params))
    assert(conn:script [[
      DO $$ BEGIN CREATE ROLE "Clinic Reader"; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
      CREATE SCHEMA other; CREATE TABLE other.log (id bigserial PRIMARY KEY, at timestamptz DEFAULT now());
      ALTER TABLE "User" ENABLE ROW LEVEL SECURITY; GRANT SELECT ON "User" TO "Clinic Reader";
      CREATE POLICY own ON "User" TO "Clinic Reader" USING (name = current_user);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO other.log DEFAULT VALUES; RETURN NEW; END';
      CREATE TRIGGER note AFTER INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION note();
      CREATE VIEW names AS SELECT name FROM "User"; CREATE EXTENSION IF NOT EXISTS plpgsql;
      CREATE TABLE part (id int) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (9);
      CREATE INDEX part_id ON part (id)]])
    conn:close()
    migrations.write(folder, "20250102000000_more",
      'ALTER TABLE "User" DROP COLUMN name;\nALTER TABLE other.log ADD COLUMN x int;\n'
      .. "DROP INDEX part_id;\nCREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (19);\nDROP FUNCTION note();\n")
    local result, events = on_schema()
    assert.equal(1, result.code, result.stdout)
    assert.is_nil(dixis.event(events, "schema.copied").left_out)
    -- The policy and the view need the column, the trigger the function.
    assert.equal("still-needed more:1\nstill-needed more:1\nstill-needed more:5", outline(events))
  end)

  it("tells a history that is not the folder's", function()
    migrations.write(folder, "20250101000000_init", first .. "-- edited\n")
    local result, events = on_schema()
    assert.equal(1, result.code, result.stdout)
    assert.equal("history-edited init:0", outline(events))
  end)

  it("refuses a database without a record of migrations, and a variable that is not set", function()
    local bare = server.database "bare"
    local result = clinic(folder, { "--set", "schema_from=SPEC_URL" }, { SPEC_URL = server.url(bare) })
    assert.equal(3, result.code, result.stdout)
    assert.matches("has no record of migrations", result.stdout, 1, true)
    result = clinic(folder, { "--set", "schema_from=SPEC_URL" })
    assert.equal(3, result.code, result.stdout)
    assert.matches("SPEC_URL is not set", result.stdout, 1, true)
  end)

  it("does not show the password, and works by TCP", function()
    local tcp = server.tcp()
    local result = clinic(folder, { "--set", "schema_from=SPEC_URL" }, { SPEC_URL = server.url(tcp) })
    assert.matches("postgres has no record of migrations", result.stdout, 1, true)
    local _, path = dixis.journal(folder)
    for _, form in ipairs { tcp.password, "p%40ss" } do
      assert.is_nil((result.stdout .. result.stderr .. fs.read(path)):find(form, 1, true))
    end
  end)
end)

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
