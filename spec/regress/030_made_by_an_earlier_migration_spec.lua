-- A migration failed because what it creates was there already, made by an earlier one: "relation exists".
-- The triage saw the object and advised to record the failed migration as applied, which it never was.
local book = require "spec.support.book"
local fs = require "host.fs"
local ledger = require "spec.support.ledger"
local pg = require "host.pg"
local server = require "spec.support.server"

local FIRST <const>, AGAIN <const> = "20250101000000_first", "20250102000000_again"
local scripts <const> = {
  [FIRST] = "CREATE TABLE a (id int);\n",
  [AGAIN] = "CREATE TABLE b (id int);\nCREATE TABLE a (id int);\n",
}

describe("triage of a migration whose object an earlier one made", function()
  local folder, conn, url

  before_each(function()
    folder = book.project(scripts)
    local params = server.database "earlier"
    url, conn = server.url(params), assert(pg.connect(params))
    assert(conn:script(scripts[FIRST]))
    ledger.create(conn)
    ledger.row(conn, FIRST, scripts[FIRST], "finished")
    assert(conn:script "CREATE TABLE b (id int)")
  end)
  after_each(function()
    conn:close()
    fs.remove(folder)
  end)

  local function refusal()
    local result = book.dixis(folder, url, { "run", "staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK" })
    assert.equal(3, result.code, result.shown)
    return result.shown
  end

  it("proves nothing when an error is recorded", function()
    ledger.row(conn, AGAIN, scripts[AGAIN], "failed", ledger.logs(AGAIN, "42P07", 'relation "a" already exists'))
    local shown = refusal()
    assert.matches("public.a is made by " .. FIRST .. " already", shown, 1, true)
    assert.is_nil(shown:find("recording it as applied is right", 1, true))
  end)

  it("still proves it for objects of its own", function()
    assert(conn:script "DROP TABLE a; CREATE TABLE c (id int)")
    local own <const> = "CREATE TABLE b (id int);\nCREATE TABLE c (id int);\n"
    assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, AGAIN), own))
    ledger.row(conn, AGAIN, own, "failed")
    assert.matches("recording it as applied is right", refusal(), 1, true)
  end)
end)
