-- `dixis lint` as its user meets it: where it looks, what it prints, what a project may except, exit codes.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local pg = require "host.pg"
local rules = require "dixis.lint.rules"
local server = require "spec.support.server"

local init <const>, late <const> = "20250101000000_init", "20250102000000_late"

describe("dixis lint", function()
  local folder

  before_each(function()
    folder = book.project {
      [init] = 'CREATE TABLE "User" (id int PRIMARY KEY);\n',
      [late] = 'ALTER TABLE "User" ADD COLUMN name text;\n'
        .. 'ALTER TABLE "Order" ADD COLUMN total int;\nCREATE INDEX order_total ON "Order" (total);\n',
    }
    assert(fs.write(folder .. "/prisma/migrations/migration_lock.toml", 'provider = "postgresql"\n'))
  end)
  after_each(function() fs.remove(folder) end)

  local function lint(...)
    local result = dixis.run({ "lint", ... }, { cwd = folder })
    return result.code, result.stdout, result.stderr
  end

  local function decoded(...)
    local code, out, err = lint("--output", "json", ...)
    return assert(json.decode(out), err), code
  end

  it("takes the schema that the project's own configuration names, wherever it is called from", function()
    assert(fs.mkdir(folder .. "/model"))
    assert(fs.write(folder .. "/model/all.prisma", 'datasource db {\n  provider = "postgresql"\n}\n\n'
      .. "model Absent {\n  id Int @id\n}\n"))
    assert(fs.write(folder .. "/prisma.config.ts",
      'export default { schema: "model/all.prisma", migrations: { path: "prisma/migrations" } }\n'))
    for dir, cwd in pairs { [folder] = "/", ["."] = folder, ["prisma/migrations"] = folder } do
      local result = dixis.run({ "lint", "--output", "json", dir }, { cwd = cwd })
      assert.matches("Absent", result.stdout, 1, true, dir)
    end
  end)

  -- Tables of its own have no hazards.
  local sound <const> = 'ALTER TABLE "User" ADD COLUMN name text;\nCREATE TABLE "Order" (total int);\n'
    .. 'ALTER TABLE "Order" ADD COLUMN id int;\nCREATE INDEX order_total ON "Order" (total);\n'

  local function mend()
    assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, late), sound))
  end

  it("tells the cause with its place, its statement, and what follows from it", function()
    local code, out, err = lint()
    assert.same({ 1, "" }, { code, err })
    local place = ("prisma/migrations/%s/migration.sql:%%d:1: error: "):format(late)
    assert.matches(place:format(2) .. '[^\n]*"Order"[^\n]*%[missing%-table%]\n', out)
    assert.matches('    ALTER TABLE "Order" ADD COLUMN total int', out, 1, true)
    assert.matches("and therefore, 1 consequence:\n      " .. place:format(3), out)
    assert.matches("\n✗ 1 error with 1 consequence in 2 migrations with 4 statements of prisma/migrations\n$", out)
  end)

  it("ends with 0 when nothing is wrong", function()
    mend()
    local code, out = lint()
    assert.same({ 0, "✓ no fault in 2 migrations with 5 statements of prisma/migrations\n" }, { code, out })
  end)

  it("draws a foreign key between two tables that are in use", function()
    assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, init),
      'CREATE TABLE "User" (id serial PRIMARY KEY);\nCREATE TABLE "Order" (id serial PRIMARY KEY, "userId" int);\n'))
    assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, late),
      'ALTER TABLE "Order" ADD CONSTRAINT c FOREIGN KEY ("userId") REFERENCES "User" (id);\n'))
    local code, out, err = lint()
    assert.same({ 0, "" }, { code, err })
    assert.matches("[^\n]*%[foreign%-key%-scans%]\n", out)
  end)

  it("says which migration made what the schema file does not have", function()
    mend()
    assert(fs.write(folder .. "/prisma/schema.prisma", 'datasource db {\n  provider = "postgresql"\n}\n\n'
      .. 'model User {\n  id   Int     @id\n  name String?\n}\n'))
    local code, out = lint "--rule=extra-table=warning"
    assert.equal(0, code, out)
    assert.matches(("prisma/migrations/%s/migration.sql:2:1: [^\n]*%%[extra%%-table%%]\n"):format(late), out)
    for _, output in ipairs { "github", "sarif", "json" } do
      local done, shown, err = lint("--output", output)
      assert.same({ 0, "" }, { done, err }, shown)
    end
  end)

  it("finds the migrations by itself, from their folder, or from the project's", function()
    for _, dir in ipairs { ".", "prisma", "prisma/migrations", folder, folder .. "/prisma/migrations/" } do
      assert.equal(1, (lint(dir)), dir)
    end
    local elsewhere = dixis.run({ "lint", folder }, { cwd = "/tmp" })
    assert.equal(1, elsewhere.code)
    assert.matches(folder:match "[^/]+$" .. "/prisma/migrations/" .. late, elsewhere.stdout, 1, true)
  end)

  it("is one object of JSON, in which causes are found by number", function()
    local read = decoded()
    assert.same({ 2, 4, 1, 1 }, { read.migrations, read.statements, read.counts.error, read.counts.consequence })
    local first, second = read.findings[1], read.findings[2]
    assert.same({ "missing-table", "error", late, 2, 2 }, { first.rule, first.severity, first.migration, first.line,
      first.statement_index })
    assert.equal(0, second.cause)
    mend()
    assert.same({}, decoded().findings)
  end)

  it("is annotations for GitHub, with paths from the top of the repository", function()
    assert(fs.mkdir(folder .. "/.git"))
    local inner = dixis.run({ "lint", "--output", "github" }, { cwd = folder .. "/prisma/.." })
    local from_above = dixis.run({ "lint", folder, "--output", "github" }, { cwd = "/tmp" })
    for _, result in ipairs { inner, from_above } do
      assert.equal(1, result.code)
      local first = result.stdout:match "^[^\n]+"
      assert.matches(("::error file=prisma/migrations/%s/migration.sql,line=2,col=1,title=dixis missing-table::"):format(late),
        first, 1, true)
      for line in result.stdout:gmatch "[^\n]+" do
        assert.is_truthy(line:find "^::%l+ file=" or line:find "^1 error with 1 consequence in 2 migrations", line)
      end
    end
  end)

  it("is SARIF 2.1.0 with what its schema requires", function()
    local code, out = lint("--output", "sarif")
    assert.equal(1, code)
    local log = assert(json.decode(out))
    assert.equal("2.1.0", log.version)
    local run = log.runs[1]
    local driver = run.tool.driver
    assert.equal("dixis", driver.name)
    local seen = {}
    for _, rule in ipairs(driver.rules) do
      assert.is_nil(seen[rule.id])
      seen[rule.id] = true
      assert.equal(rules.all[rule.id].title, rule.shortDescription.text)
      assert.matches("^file:///.*/lint%.md#" .. rule.id:gsub("%-", "%%-") .. "$", rule.helpUri)
    end
    assert.equal(2, #run.results)
    for i, result in ipairs(run.results) do
      assert.equal(result.ruleId, driver.rules[result.ruleIndex + 1].id)
      assert.equal("error", result.level)
      assert.is_truthy(result.message.text:find "%S")
      local place = result.locations[1].physicalLocation
      assert.equal(("prisma/migrations/%s/migration.sql"):format(late), place.artifactLocation.uri)
      assert.equal(i + 1, place.region.startLine)
      assert.is_true(place.region.startColumn >= 1)
    end
    assert.matches("follows from this", run.results[2].relatedLocations[1].message.text, 1, true)
    mend()
    assert.matches('"results":[]', select(2, lint("--output", "sarif")), 1, true)
  end)

  it("leaves out what a migration excepts with a reason, and what follows from it", function()
    local file = ("%s/prisma/migrations/%s/migration.sql"):format(folder, late)
    local text = assert(fs.read(file))
    assert(fs.write(file, "-- dixis-lint: off missing-table because the shop's old tables are there\n" .. text))
    local code, out = lint()
    assert.equal(0, code)
    assert.matches("2 findings left out, as the project says", out, 1, true)
    assert(fs.write(file, "-- dixis-lint: off missing-table\n" .. text))
    local read, exit = decoded()
    assert.same({ 1, 1, 1 }, { exit, read.counts.error, read.counts.warning })
    assert(fs.write(file, "-- dixis-lint: off missing-table because the shop's old tables are there\n" .. sound))
    read = decoded()
    assert.same({ 1, "unused-suppression", 1 }, { #read.findings, read.findings[1].rule, read.findings[1].line })
  end)

  it("hears the project's config and the command line's last word", function()
    local config = folder .. "/dixis-lint.json"
    assert(fs.write(config, [[{ "rules": [ { "rule": "missing-table", "severity": "warning", "because": "a trial" } ] }]]))
    local read, code = decoded()
    assert.same({ 0, "warning", "warning" }, { code, read.findings[1].severity, read.findings[2].severity })
    assert.equal(1, (lint("--rule", "missing-table=error")))
    assert(fs.write(config, [[{ "ignore": [ { "paths": ["*_late"], "because": "a trial" } ] }]]))
    assert.same({ 0, 2 }, { (lint()), decoded().counts.excepted })
    assert(fs.write(folder .. "/other.json", "{}"))
    assert.equal(1, (lint("--config", "other.json")))
  end)

  it("says what is off by itself when the project asks for it", function()
    mend()
    assert.same({}, decoded().findings)
    local read, code = decoded("--rule", "int-primary-key=warning")
    assert.same({ 0, 1, "int-primary-key", "warning" }, { code, #read.findings, read.findings[1].rule,
      read.findings[1].severity })
    assert(fs.write(folder .. "/dixis-lint.json", ([[{ "rules": [ { "rule": "int-primary-key", "severity": "warning",
      "paths": ["%s"], "because": "from now on" } ] }]]):format(late)))
    assert.same({ 0, 0 }, { #decoded().findings, decoded().counts.excepted })
  end)

  it("does not stop at a fault of the folder", function()
    assert(fs.mkdir(folder .. "/prisma/migrations/20250103000000_none"))
    assert(fs.write(folder .. "/prisma/migrations/migration_lock.toml", 'provider = "mysql"\n'))
    local found = {}
    for _, finding in ipairs(decoded().findings) do found[finding.rule] = true end
    assert.same({ true, true, true }, { found["missing-script"], found["wrong-provider"], found["missing-table"] })
  end)

  for name, case in pairs {
    ["a folder that is not there"] = { { "nowhere" }, "there is no folder nowhere" },
    ["a folder without migrations"] = { { "/var" }, "there is no prisma/migrations in /var" },
    ["a rule that is none"] = { { "--rule", "mising-table=off" },
      "there is no rule 'mising-table' (did you mean 'missing-table'?)" },
    ["a severity that is none"] = { { "--rule", "missing-table=of" }, "the severity 'of' is none of off, note, warning, error" },
    ["a rule without a severity"] = { { "--rule", "missing-table" }, "must be NAME=SEVERITY" },
    ["a schema that is not there"] = { { "--schema", "no.prisma" }, "there is no schema no.prisma" },
    ["a config that is not there"] = { { "--config", "no.json" }, "no.json cannot be read" },
    ["a variable that is not set"] = { { "--target", "NO_SUCH_URL" }, "--target: NO_SUCH_URL is not set" },
  } do
    it("is a usage error with " .. name, function()
      local code, out, err = lint(table.unpack(case[1]))
      assert.same({ 2, "" }, { code, out })
      assert.matches(case[2], err, 1, true)
    end)
  end

  it("reads a target, and writes nothing to it", function()
    local params = server.database "lint"
    local conn = assert(pg.connect(params))
    assert(conn:script('CREATE TABLE "Order" (id int); INSERT INTO "Order" SELECT generate_series(1, 5000); '
      .. 'ANALYZE "Order"; CREATE TABLE never (id int); INSERT INTO never VALUES (1); CREATE TABLE empty (id int)'))
    local url = server.url(params)
    local before = book.snapshot(url)
    local result = dixis.run({ "lint", "--target", "LINT_URL", "--output", "json" }, { cwd = folder, env = { LINT_URL = url } })
    assert.equal(1, result.code, result.stderr)
    local read = assert(json.decode(result.stdout))
    assert.same({ params.dbname, conn:server_version() // 10000 }, { read.target.database, read.target.major })
    assert.equal(before, book.snapshot(url))
    local facts = require "dixis.lint.facts"
    local session = require "dixis.target.session"
    local opened = assert(session.open({ params = params }))
    local known = facts.read(opened)
    opened:close()
    assert.equal(5000, known.sizes["public.Order"].rows)
    assert.is_true(known.sizes["public.Order"].bytes > 100000)
    assert.is_nil(known.sizes["public.never"].rows)
    assert.equal(0, known.sizes["public.empty"].rows)
    assert.same({ true, true }, { known.extensions.plpgsql, known.roles.postgres })
    conn:close()
  end)
end)
