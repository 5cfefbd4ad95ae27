-- The whole path, as a team goes it: a release that is green everywhere, then one that is green on staging and red on
-- production's data, and the way back. `script/demo prod` is this spec, shown to a person.

local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local journey = require "spec.support.journey"
local proof = require "dixis.proof"
local server = require "spec.support.server"
local store = require "dixis.store"

local PROD <const> = "dixis run runbooks/prod-shop.lua --confirm DIXIS-PROD-OK --confirm shop"

-- It drops a column, which cannot be undone, and then stumbles over two producers of one name.
local stumbling <const> = {
  ["20251112000000_drop_buyer_phone"] = 'ALTER TABLE "Order" DROP COLUMN "buyerPhone";\n',
  ["20251112000001_producer_name_key"] = 'CREATE UNIQUE INDEX "Producer_name_key" ON "Producer"("name");\n',
}
local schema_edits <const> = { ["  buyerPhone  String\n"] = "", ["(model Producer .-  name +String)\n"] = "%1 @unique\n" }

describe("from the clinic to production and back:", function()
  local path, before, way, kept
  local broken = false

  setup(function()
    path = journey.start()
    path.say(path:where())
  end)
  teardown(function() if path then path:stop() end end)

  --- A test that goes on where the one before it ended.
  local function stage(name, go)
    it(name, function()
      assert(not broken, "a stage before this one did not end as it should")
      broken = true
      go()
      broken = false
    end)
  end

  local function holds(shown, ...)
    for _, text in ipairs { ... } do assert.is_truthy(shown:find(text, 1, true), shown) end
  end

  -- Of the newest run.
  local function receipt() return proof.read(store.receipt_path(select(2, dixis.journal(path.folder)))) end
  local function event(kind) return dixis.event(dixis.journal(path.folder), kind) end

  local function production() return book.snapshot(server.url(path.production)) end

  local function applied(params)
    return path.query(params, "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL")[1][1]
  end

  local function stamp(params)
    return path.query(params, "SELECT current_setting('dixis.environment', true)")[1][1]
  end

  stage("Lint reads the migrations, in milliseconds and without a database", function()
    holds(path:type("dixis lint", 0), "7 migrations")
  end)

  stage("The clinic applies them all from nothing, on a PostgreSQL that is thrown away", function()
    path:type("dixis run clinic", 0)
    assert.same({ "clinic", "succeeded", 7 }, { receipt().environment, receipt().outcome, receipt().applied })
  end)

  stage("Staging: six are there already, the seventh is applied; a green run leaves a receipt", function()
    before = production()
    path:type("dixis run staging --confirm DIXIS-STAGING-OK", 0)
    assert.same({ "staging", "succeeded", 1, "shop_staging" },
      { receipt().environment, receipt().outcome, receipt().applied, receipt().target.database })
    assert.equal("staging", stamp(path.staging))
  end)

  stage("The rehearsal: the seventh on a copy of production's data, which shows times and locks", function()
    local shown = path:type("dixis run rehearse --set copy=true", 0)
    holds(shown, "20251010000000_add_order_public_token", "AccessExclusive", 'rewrites the table "Order"')
    assert.same({ "rehearsal", "succeeded", 1 }, { receipt().environment, receipt().outcome, receipt().applied })
  end)

  stage("The plan for production: what would happen, and how long it takes; its digest names all of it", function()
    local shown = path:type("dixis plan runbooks/prod-shop.lua", 0)
    holds(shown, "20251010000000_add_order_public_token", "for 1 migration")
    path.digest = shown:match "\ndigest +(%x+)"
    assert.is_string(path.digest, shown)
    assert.equal(before, production())
  end)

  stage("Production: this plan and no other; a proven backup first, and two confirmations", function()
    local shown = path:type(PROD .. " --plan " .. path.digest, 0)
    holds(shown, "done: every criterion is green")
    assert.same({ "production", "succeeded", 1, "shop" },
      { receipt().environment, receipt().outcome, receipt().applied, receipt().target.database })
    assert.is_true(event "backup.proven".seq < event "step.started".seq)
    assert.matches("^from the rehearsal of .*, on data of the same size$", event "forecast.made".migrations[1].basis)
    assert.equal(7, applied(path.production))
    assert.equal("production", stamp(path.production))
    before = production()
  end)

  stage("The next release drops a column and makes names unique. Staging has no two equal ones: green", function()
    path:release(stumbling, schema_edits)
    path:type("dixis run staging --confirm DIXIS-STAGING-OK", 0)
    assert.equal(2, receipt().applied)
  end)

  stage("Production has two equal names, and nobody rehearsed: the column is gone, the second migration fails", function()
    local shown = path:type(PROD, 1)
    holds(shown, "Producer_name_key", "whoever watches the demo")
    assert.is_true(event "run.finished".changed)
    assert.same({ "failed", 1 }, { receipt().outcome, receipt().applied })
    assert.equal(8, applied(path.production))
    assert.is_nil(production():find("buyerPhone", 1, true))

    way = shown:match "\n%s*(dixis run rollback [^\n]*)"
    assert.is_string(way, shown)
    local _, journal = dixis.journal(path.folder) -- by its whole path, as the backup
    assert.equal(("dixis run rollback --set backup='%s' --set record='%s'"):format(event "backup.proven".path, journal), way)
  end)

  stage("The way back, exactly as it was printed. An order came in meanwhile: it tells what is lost", function()
    path.query(path.production, [[
      INSERT INTO "Order" (id, "buyerName", total, "updatedAt") VALUES ('late', 'a buyer', 1, now())]])
    local shown = path:type(way .. " --confirm DIXIS-ROLLBACK-OK --confirm shop", 0)
    holds(shown, 'public."Order": 5000 rows then, 5001 now')
    kept = event "swap.finished".kept_as
    assert.same({ "rollback", "production", "succeeded" }, { receipt().runbook.name, receipt().environment, receipt().outcome })
  end)

  stage("Production is what it was, the broken database is kept, and every record is whole", function()
    assert.equal(before, production())
    assert.same({ 7, "production" }, { applied(path.production), stamp(path.production) })
    local broken_one = {}
    for name, value in pairs(path.production) do broken_one[name] = value end
    broken_one.dbname = kept
    assert.equal(5001, path.query(broken_one, 'SELECT count(*) FROM "Order"')[1][1])
    assert.equal("failed", path.query(broken_one, "SELECT outcome FROM dixis.run ORDER BY run DESC LIMIT 1")[1][1])

    local runs = store.list(path.folder .. "/.dixis/runs")
    assert.equal(7, #runs)
    local shown = path:type("dixis history", 0)
    for _, run in ipairs(runs) do holds(shown, run) end
    holds(path:type("dixis history --target DATABASE_URL_PROD", 0), "prod-shop")
    path:type("for run in .dixis/runs/*.jsonl; do dixis verify $run || exit; done", 0)
    path.say(("PostgreSQL says the same of shop as before the release that failed; what was broken is in %s.\n"):format(kept)
      .. "Everything was on two throw-away servers, which end now. docs/operations/production.md tells it station by station.")
  end)
end)
