-- The rehearsal: pending migrations on real data, on a throw-away server; the real database is left alone.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local pg = require "host.pg"
local server = require "spec.support.server"

describe("a rehearsal", function()
  local folder, url, conn, params
  local BACKUP <const> = [[return dixis.runbook { name = "backup", version = "1", title = "A backup",
    target = { env = "DATABASE_URL_PROD", environment = "production" }, uses = { exec = { "pg_dump", "pg_restore" } },
    gates = { dixis.gate.reachable(), dixis.gate.backup() }, steps = { dixis.step.identity() }, criteria = {} }]]

  local function project()
    params = server.database "rehearse"
    url = server.url(params)
    conn = assert(pg.connect(params))
    folder = book.project { ["1_big"] = "CREATE TABLE big (id int PRIMARY KEY, v text NOT NULL);\n" }
    assert(fs.write(folder .. "/backup.lua", BACKUP))
    book.write(folder, { gates = "{ gate.reachable(), gate.lock() }", steps = "{ step.deploy() }" })
    assert.equal(0, book.dixis(folder, url, { "run", "book.lua" }).code)
    assert(conn:query "INSERT INTO big SELECT g, md5(g::text) FROM generate_series(1, 20000) g")
    local function add(name, text)
      assert(fs.mkdir(folder .. "/prisma/migrations/" .. name))
      assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, name), text))
    end
    add("2_rewrite", "ALTER TABLE big ADD COLUMN r float8 NOT NULL DEFAULT random();\nCREATE INDEX big_r ON big (r);\n")
    add("3_alone", "CREATE INDEX CONCURRENTLY big_v ON big (v);\n")
  end
  local function done()
    conn:close()
    assert(fs.remove(folder))
  end

  local function run(arguments, env)
    local given = { DATABASE_URL_PROD = url }
    for name, value in pairs(env or {}) do given[name] = value end
    local result = dixis.run(arguments, { cwd = folder, env = given })
    result.shown = result.stdout .. result.stderr
    return result, (dixis.journal(folder))
  end
  local function rehearse(...) return run { "run", "rehearse", "--set", "git=false", ... } end
  local function back_up()
    local result, events = run { "run", "backup.lua" }
    assert.equal(0, result.code, result.shown)
    return dixis.event(events, "backup.proven")
  end
  local function observed(events)
    local found = {}
    for _, event in ipairs(events) do
      if event.type == "migration.observed" then found[event.name] = event end
    end
    return found
  end
  -- What the run made for itself is gone.
  local function nothing_left()
    for _, entry in ipairs(fs.list "/tmp") do assert.is_nil(entry.name:match "^dixis%-copy%-") end
  end

  describe("on the newest proven backup", function()
    local proven, before, result, events
    setup(function()
      project()
      proven = back_up()
      before = book.snapshot(url)
      result, events = rehearse("--report", "report.md")
      assert.equal(0, result.code, result.shown)
    end)
    teardown(function() done() end)

    it("leaves production alone", function()
      assert.equal(before, book.snapshot(url))
      assert.equal(proven.path, dixis.event(events, "rehearsal.started").path)
      assert.equal(2, dixis.event(events, "run.finished").applied)
    end)

    it("measures locks, rewrites and growth, statement by statement", function()
      local found = observed(events)
      local first, second = table.unpack(found["2_rewrite"].statements)
      assert.same({ "big", "AccessExclusive" }, { first.locks[1].relation, first.locks[1].mode })
      assert.same({ { "big" }, {} }, { first.rewrites, second.rewrites })
      assert.is_true(first.locks[1].held >= first.seconds + second.seconds)
      assert.is_true(found["2_rewrite"].growth > 0 and found["2_rewrite"].wal > 0)
      assert.is_true(found["3_alone"].growth > 0)
      assert.matches("rewrites the table big", result.stdout, 1, true)
      local report = assert(fs.read(folder .. "/report.md"))
      assert.matches("## Locks, rewrites and growth", report, 1, true)
      assert.matches("AccessExclusive on big held [^|]*rewrites the table big", report)
    end)

    it("leaves a receipt that says what it was", function()
      local _, path = dixis.journal(folder)
      local receipt = require("dixis.proof").read(require("dixis.store").receipt_path(path))
      assert.same({ "rehearsal", true, "succeeded" }, { receipt.environment, receipt.ephemeral, receipt.outcome })
    end)

    it("is what the next forecast for production is drawn from", function()
      local shown = run({ "plan", "book.lua", "--output", "json" }, { SPEC_URL = url })
      local made = require("dixis.json").decode(shown.stdout).forecast
      assert.equal(2, #made.migrations, shown.shown)
      for _, one in ipairs(made.migrations) do
        assert.matches("from the rehearsal of .*, on data of the same size", one.basis)
      end
    end)

    it("needs production neither reachable nor named when the backup is named", function()
      assert(fs.rename(proven.path, folder .. "/elsewhere.dump"))
      local found = dixis.run({ "run", "rehearse", "--set", "git=false", "--set", "backup=elsewhere.dump" }, { cwd = folder })
      assert.equal(0, found.code, found.stdout .. found.stderr)
    end)
  end)

  describe("otherwise", function()
    before_each(function() project() end)
    after_each(function() done() end)

    it("on a copy made now needs no backup, and leaves no copy behind", function()
      local before = book.snapshot(url)
      local killed = assert(fs.mkdtemp "/tmp/dixis-copy-")
      local result, events = rehearse("--set", "copy=true")
      assert.equal(0, result.code, result.shown)
      -- What another one may need is told, and left alone.
      assert.matches(("\n +rm %%-r '%s'\n"):format(killed:gsub("%-", "%%-")), result.stdout)
      assert(fs.remove(killed))
      assert.equal(before, book.snapshot(url))
      assert.is_true(dixis.event(events, "rehearsal.started").copy)
      assert.equal("big", observed(events)["2_rewrite"].statements[1].locks[1].relation)
      nothing_left()
    end)

    it("shows a migration that fails on real data, before production meets it", function()
      assert(fs.write(folder .. "/prisma/migrations/2_rewrite/migration.sql",
        "INSERT INTO big VALUES (1, 'there already');\n"))
      back_up()
      local result, events = rehearse()
      assert.equal(1, result.code, result.shown)
      assert.matches("2_rewrite/migration.sql:1", result.shown, 1, true)
      assert.is_nil(observed(events)["2_rewrite"])
      assert.equal(20000, assert(conn:query "SELECT count(*) FROM big")[1][1])
    end)

    it("refuses without a proven backup, and with one that is gone, changed or no backup", function()
      local function refused(text, ...)
        local result = rehearse(...)
        assert.equal(3, result.code, result.shown)
        assert.matches(text, result.shown, 1, true)
      end
      refused "no journal knows of a proven backup of"
      local proven = back_up()
      local whole = assert(fs.read(proven.path))
      assert(fs.remove(proven.path))
      assert(fs.write(proven.path, whole:sub(1, -2) .. "x"))
      refused "was changed: its SHA-256 is"
      assert(fs.write(proven.path, whole:sub(1, 1000)))
      refused "bytes, and its record says"
      assert(fs.remove(proven.path))
      refused "no journal knows of a proven backup of"
      refused("there is no backup nowhere.dump", "--set", "backup=nowhere.dump")
      assert(fs.write(folder .. "/text.dump", "not a backup"))
      refused("pg_restore", "--set", "backup=text.dump")
    end)

    it("makes the roles that own tables, have rights, or that migrations name", function()
      assert(conn:script(("CREATE ROLE %s_app; GRANT SELECT ON big TO %s_app; ALTER TABLE big ENABLE ROW LEVEL SECURITY;"
        .. "CREATE POLICY p ON big TO %s_app USING (true); CREATE ROLE only_there; CREATE TABLE owned (id int);"
        .. "ALTER TABLE owned OWNER TO only_there"):format(params.dbname, params.dbname, params.dbname)))
      assert(fs.write(folder .. "/prisma/migrations/3_alone/migration.sql",
        ("GRANT UPDATE ON big TO %s_app;\nGRANT SELECT ON big TO only_here;\n"):format(params.dbname)))
      local result = rehearse("--set", "copy=true")
      assert.equal(0, result.code, result.shown)
    end)

    it("that is interrupted leaves neither copy nor server behind", function()
      assert(conn:query "BEGIN")
      assert(conn:query "LOCK TABLE big IN ACCESS EXCLUSIVE MODE")
      local handle = dixis.start({ "run", "rehearse", "--set", "git=false", "--set", "copy=true", "--set", "folder=" .. folder },
        { cwd = folder, env = { DATABASE_URL_PROD = url } })
      local other = assert(pg.connect(params))
      local limit = clock.now() + 60
      while assert(other:query [[SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'dixis backup%'
          AND wait_event_type = 'Lock']])[1][1] == 0 do
        assert(clock.now() < limit, "pg_dump does not wait")
        clock.sleep(0.02)
      end
      handle:kill "INT"
      local result = assert(handle:wait())
      assert.equal(130, result.code, result.stdout .. result.stderr)
      for _, entry in ipairs(fs.list(folder)) do assert.is_nil(entry.name:match "^dixis%-") end
      other:close()
      assert(conn:query "ROLLBACK")
    end)

    it("is planned without a server", function()
      local result = run { "plan", "rehearse" }
      assert.equal(0, result.code, result.shown)
      assert.matches("the newest proven backup (or the one that is named) of DATABASE_URL_PROD", result.stdout, 1, true)
    end)
  end)
end)
