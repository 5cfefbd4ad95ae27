local book = require "spec.support.book"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local ledger = require "spec.support.ledger"
local pg = require "host.pg"
local server = require "spec.support.server"

local INIT <const>, NOTES <const>, LAST <const> = "20250101000000_init", "20250102000000_notes", "20250103000000_last"
local scripts <const> = {
  [INIT] = 'CREATE TABLE "Person" (id int PRIMARY KEY);\n',
  [NOTES] = 'CREATE TABLE "Note" (id int PRIMARY KEY);\n\nALTER TABLE "Person" ADD COLUMN age int;\n'
    .. '\nCREATE INDEX "Person_age_idx" ON "Person" (age);\n',
  [LAST] = 'CREATE TABLE "Last" (id int PRIMARY KEY);\n',
}

describe("runbooks/resolve.lua", function()
  local folder, url, conn

  before_each(function()
    folder = book.project(scripts)
    local params = server.database "resolve"
    url, conn = server.url(params), assert(pg.connect(params))
    assert(conn:script(scripts[INIT]))
    ledger.create(conn)
    ledger.row(conn, INIT, scripts[INIT], "finished")
  end)
  after_each(function()
    conn:close()
    fs.remove(folder)
  end)

  local function run(...)
    return book.dixis(folder, url, { "run", ... })
  end

  local function resolve(as, ...)
    return run("resolve", "--set", "git=false", "--set", "migration=" .. NOTES, "--set", "as=" .. as, ...)
  end

  local function rows(name)
    local out = {}
    for i, row in ipairs(assert(conn:query([[
      SELECT id, checksum, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back, logs,
             started_at = finished_at AS at_once, applied_steps_count AS steps,
             started_at <= clock_timestamp() AND started_at > clock_timestamp() - interval '1 hour' AS lately
        FROM _prisma_migrations WHERE migration_name = $1 ORDER BY started_at, id]], { name }))) do
      out[i] = { id = row.id, checksum = row.checksum, finished = row.finished, rolled_back = row.rolled_back,
        logs = row.logs, at_once = row.at_once, steps = row.steps, lately = row.lately }
    end
    return out
  end

  local function event(kind) return dixis.event(dixis.journal(folder), kind) end

  local function deploy() return run("staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK") end

  --- The command that a message tells to run, run with its phrase.
  local function follow(shown)
    local command = assert(shown:gsub("\n *", " "):match "dixis (run runbooks/resolve%.lua [%w_=. -]+as=[%a_]+)", shown)
    local arguments = {}
    for word in command:gmatch "%S+" do arguments[#arguments + 1] = word end
    for _, word in ipairs { "--set", "git=false", "--confirm", "DIXIS-RESOLVE-OK" } do arguments[#arguments + 1] = word end
    return book.dixis(folder, url, arguments)
  end

  it("is what the refusal of a deploy names: nothing is there", function()
    local logs <const> = ledger.logs(NOTES, "42P07", 'relation "Secret" already exists')
    local id = ledger.row(conn, NOTES, scripts[NOTES], "failed", logs)
    local refused = deploy()
    assert.equal(3, refused.code)
    assert.matches("SQLSTATE 42P07", refused.shown, 1, true)
    assert.is_nil(refused.shown:find("Secret", 1, true))
    assert.matches("nothing of it is in the database", refused.shown, 1, true)
    assert.matches("migration.sql:3  not there: ALTER TABLE", refused.shown, 1, true)
    local done = follow(refused.shown)
    assert.equal(0, done.code, done.shown)
    assert.same({ { id = id, checksum = digest.sha256(scripts[NOTES]), finished = false, rolled_back = true, logs = logs,
      steps = 0, lately = true } }, rows(NOTES))
    assert.equal(0, deploy().code)
    assert.equal(2, #rows(NOTES))
    assert.is_true(rows(NOTES)[2].finished)
  end)

  it("is what the refusal of a deploy names: all of it is there", function()
    assert(conn:script(scripts[NOTES]))
    local id = ledger.row(conn, NOTES, scripts[NOTES])
    local refused = deploy()
    assert.matches("no error is recorded", refused.shown, 1, true)
    assert.matches("all of it is in the database", refused.shown, 1, true)
    local done = follow(refused.shown)
    assert.equal(0, done.code, done.shown)
    local found = rows(NOTES)
    assert.equal(2, #found)
    assert.same({ id = id, checksum = digest.sha256(scripts[NOTES]), finished = false, rolled_back = true, steps = 0,
      lately = true }, found[1])
    assert.matches("^%x+%-%x+%-4%x+%-%x+%-%x+$", found[2].id)
    found[2].id = nil
    assert.same({ checksum = digest.sha256(scripts[NOTES]), finished = true, rolled_back = false, logs = "", at_once = true,
      steps = 0, lately = true }, found[2])
    assert.equal(0, deploy().code)
  end)

  it("is what `dixis plan` names", function()
    ledger.row(conn, NOTES, scripts[NOTES])
    local planned = book.dixis(folder, url, { "plan", "staging" })
    assert.equal(0, planned.code)
    assert.matches("nothing of it is in the database", planned.shown, 1, true)
    assert.equal(0, follow(planned.shown).code)
    local json = require("dixis.json").decode(book.dixis(folder, url, { "plan", "staging", "--output", "json" }).stdout)
    assert.same({}, json.problems)
  end)

  it("shows in its plan what it would rest on, under a digest of its own", function()
    ledger.row(conn, NOTES, scripts[NOTES])
    local function planned()
      local result = book.dixis(folder, url, { "plan", "resolve", "--set", "git=false", "--set", "migration=" .. NOTES,
        "--set", "as=rolled_back", "--output", "json" })
      assert.equal(0, result.code, result.shown)
      return require("dixis.json").decode(result.stdout)
    end
    local before = planned()
    assert.equal("absent", before.evidence.resolvable.verdict)
    assert(conn:script(scripts[NOTES]))
    local after = planned()
    assert.equal("present", after.evidence.resolvable.verdict)
    assert.not_equal(before.digest, after.digest)
    local pinned = resolve("rolled_back", "--plan", before.digest, "--confirm", "DIXIS-RESOLVE-OK")
    assert.equal(3, pinned.code)
    assert.matches("not the pinned", pinned.shown, 1, true)
  end)

  for _, case in ipairs {
    { "applied", "", "nothing of it is there" },
    { "applied", 'CREATE TABLE "Note" (id int PRIMARY KEY)', "only a part of it is there" },
    { "rolled_back", 'CREATE TABLE "Note" (id int PRIMARY KEY)', "a part of it is there" },
    { "rolled_back", scripts[NOTES], "all of it is there" },
  } do
    local as <const>, there <const>, words <const> = case[1], case[2], case[3]

    it(("refuses %s when %s, unless it is told to"):format(as, words), function()
      if there ~= "" then assert(conn:script(there)) end
      ledger.row(conn, NOTES, scripts[NOTES])
      local before = rows(NOTES)
      local refused = resolve(as, "--confirm", "DIXIS-RESOLVE-OK")
      assert.equal(3, refused.code)
      assert.matches(words, refused.shown, 1, true)
      assert.matches("against_evidence=true", refused.shown, 1, true)
      assert.same(before, rows(NOTES))
      local done = resolve(as, "--set", "against_evidence=true", "--confirm", "DIXIS-RESOLVE-OK")
      assert.equal(0, done.code, done.shown)
      assert.matches("against the evidence of the database: " .. words, event("evidence.overridden").text, 1, true)
      assert.is_true(rows(NOTES)[1].rolled_back)
    end)
  end

  it("leaves to the person what cannot be seen", function()
    local text <const> = "INSERT INTO \"Person\" VALUES (3133713371337);\n"
    assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, NOTES), text))
    ledger.row(conn, NOTES, text)
    local refused = deploy()
    assert.matches("does not show", refused.shown, 1, true)
    assert.matches("migration.sql:1  cannot be seen: INSERT", refused.shown, 1, true)
    assert.is_nil(refused.shown:find("3133713371337", 1, true))
    assert.equal(0, resolve("applied", "--confirm", "DIXIS-RESOLVE-OK").code)
  end)

  it("says when the file is another than what was run", function()
    ledger.row(conn, NOTES, "CREATE TABLE other (id int);\n")
    local refused = deploy()
    assert.matches("its file was changed", refused.shown, 1, true)
    assert.equal(0, resolve("applied", "--confirm", "DIXIS-RESOLVE-OK").code)
    assert.equal(digest.sha256(scripts[NOTES]), rows(NOTES)[2].checksum)
  end)

  it("takes an unfinished one that is not in the folder", function()
    ledger.row(conn, "20240101000000_gone", "SELECT 1;\n")
    local refused = deploy()
    assert.equal(3, refused.code)
    assert.matches("not in the folder", refused.shown, 1, true)
    local done = run("resolve", "--set", "git=false", "--set", "migration=20240101000000_gone", "--set", "as=rolled_back",
      "--confirm", "DIXIS-RESOLVE-OK")
    assert.equal(0, done.code, done.shown)
    assert.is_true(rows("20240101000000_gone")[1].rolled_back)
  end)

  it("asks for its own phrase, after showing what it found", function()
    ledger.row(conn, NOTES, scripts[NOTES])
    for _, phrase in ipairs { "DIXIS-STAGING-OK", "dixis-resolve-ok", "DIXIS-RESOLVE-OK " } do
      assert.equal(3, resolve("rolled_back", "--confirm", phrase).code)
    end
    local unasked = resolve "rolled_back"
    assert.equal(3, unasked.code)
    assert.is_true(unasked.shown:find("nothing of it", 1, true) < unasked.shown:find("nobody is there", 1, true))
    assert.is_false(rows(NOTES)[1].rolled_back)
  end)

  it("is refused without what it needs", function()
    local without = run("resolve", "--set", "as=applied")
    assert.equal(2, without.code)
    assert.matches("needs --set migration=", without.shown, 1, true)
    assert.equal(2, run("resolve", "--set", "migration=" .. NOTES).code)
    assert.equal(2, run("resolve", "--set", "migration=x", "--set", "as=maybe").code)
  end)

  it("waits for nobody who deploys: the lock is Prisma's", function()
    ledger.row(conn, NOTES, scripts[NOTES])
    assert(conn:query "SELECT pg_advisory_lock(72707369)")
    assert.equal(4, resolve("rolled_back", "--set", "lock_wait=300ms", "--confirm", "DIXIS-RESOLVE-OK").code)
    assert.is_false(rows(NOTES)[1].rolled_back)
  end)

  -- What Prisma refuses, and what it lets pass.
  describe("in a ledger that is right", function()
    local function refused(as, words, name)
      local result = run("resolve", "--set", "git=false", "--set", "migration=" .. (name or NOTES), "--set", "as=" .. as,
        "--confirm", "DIXIS-RESOLVE-OK")
      assert.equal(3, result.code, result.shown)
      assert.matches(words, result.shown, 1, true)
    end

    it("refuses to apply again (P3008), or what is not there (P3017)", function()
      refused("applied", "already recorded as applied", INIT)
      refused("applied", "there is no migration 20250102000000_note in the folder", "20250102000000_note")
      refused("applied", "did you mean", "20250102000000_note")
    end)

    it("refuses to roll back what never started (P3011), or did not fail (P3012)", function()
      refused("rolled_back", "was never started")
      refused("rolled_back", "did not fail", INIT)
    end)

    it("records a migration that has no row as applied", function()
      assert(conn:script(scripts[NOTES]))
      local done = resolve("applied", "--confirm", "DIXIS-RESOLVE-OK")
      assert.equal(0, done.code, done.shown)
      assert.equal(1, #rows(NOTES))
      assert.is_true(rows(NOTES)[1].at_once)
      assert.equal("", rows(NOTES)[1].logs)
      assert.equal(0, deploy().code)
    end)

    it("changes nothing when it is rolled back already", function()
      ledger.row(conn, NOTES, scripts[NOTES], "rolled back")
      local before = rows(NOTES)
      local done = resolve("rolled_back", "--confirm", "DIXIS-RESOLVE-OK")
      assert.equal(0, done.code, done.shown)
      assert.matches("already marked as rolled back", done.shown, 1, true)
      assert.same(before, rows(NOTES))
    end)

    it("sends a database without one to adopt", function()
      assert(conn:query "DROP TABLE _prisma_migrations")
      refused("applied", "runbooks/adopt.lua")
    end)
  end)

  it("leaves no receipt that opens production", function()
    ledger.row(conn, NOTES, scripts[NOTES])
    assert.equal(0, resolve("rolled_back", "--confirm", "DIXIS-RESOLVE-OK").code)
    dixis.name_people(folder)
    local result = book.dixis(folder, nil, { "run", "prod", "--set", "git=false", "--confirm", "DIXIS-PROD-OK" },
      { DATABASE_URL_PROD = server.url(server.database "prod") })
    assert.equal(3, result.code)
    assert.matches("applies no migrations", result.shown, 1, true)
  end)

  it("is extended for production with a phrase of its own, as its page shows", function()
    assert.equal(0, book.dixis(folder, nil, { "init" }).code)
    local page = assert(fs.read "docs/operations/resolve.md")
    assert(fs.write(folder .. "/runbooks/resolve-prod.lua", (page:match "```lua\n(.-)```")))
    ledger.row(conn, NOTES, scripts[NOTES])
    local env <const> = { DATABASE_URL_PROD = url }
    local refused = book.dixis(folder, nil, { "plan", "prod" }, env)
    local command = assert(refused.shown:gsub("\n *", " "):match "dixis (run runbooks/resolve%-prod%.lua [%w_=. -]+as=[%a_]+)")
    local arguments = {}
    for word in command:gmatch "%S+" do arguments[#arguments + 1] = word end
    for _, word in ipairs { "--set", "git=false", "--confirm", "DIXIS-RESOLVE-PROD-OK" } do
      arguments[#arguments + 1] = word
    end
    local done = book.dixis(folder, nil, arguments, env)
    assert.equal(0, done.code, done.shown)
    assert.is_true(rows(NOTES)[1].rolled_back)
  end)
end)
