-- A team learned what was wrong with its seven migrations one run at a time: a table that nobody had created, then two
-- more that it refers to, then a column that came twice. The four states of that history are in spec/fixtures/saga.

local compare = require "dixis.prisma.compare"
local expect = require "dixis.prisma.expect"
local fs = require "host.fs"
local history = require "spec.support.history"
local lint = require "dixis.lint"
local migrations = require "spec.support.migrations"
local observe = require "dixis.prisma.observe"
local pg = require "host.pg"
local repair = require "spec.support.repair"
local rules = require "dixis.lint.rules"
local schema = require "dixis.prisma.schema"
local server = require "spec.support.server"

local ITEMS <const>, TOKEN <const> = "20251006000000_add_orderitem_snapshots", "20251010000000_add_order_public_token"
local INIT <const> = "20251005000000_init"

local function check(folder)
  return lint.check { migrations = folder .. "/migrations", schema = folder .. "/schema.prisma" }
end

-- What is about the history itself: hazards are about live databases.
local function told(result)
  local list <const>, place <const> = {}, {}
  for i, finding in ipairs(result.findings) do
    if rules.all[finding.rule].group ~= "hazard" then
      list[#list + 1] = ("%s %s:%d %s%s"):format(finding.rule, finding.migration, finding.line, finding.object,
        finding.cause and " <- " .. place[finding.cause] or "")
      place[i] = #list
    end
  end
  return list
end

local function copy(state)
  local folder <const> = migrations.project {}
  fs.remove(folder .. "/prisma")
  assert(fs.copy_tree("spec/fixtures/saga/" .. state, folder .. "/prisma"))
  return folder
end

local function repaired(state)
  local folder <const> = copy(state)
  for _, finding in ipairs(check(folder .. "/prisma").findings) do
    if finding.fix_sql and finding.severity == "error" then repair.edit(finding) end
  end
  return folder
end

-- Deployed by the binary, the result is what the schema file says.
local function assert_green(folder)
  for _, finding in ipairs(check(folder .. "/prisma").findings) do
    assert.not_equal("error", finding.severity, finding.message)
  end
  local params <const> = server.database "saga"
  local result <const> = migrations.deploy(folder, params)
  assert.equal(0, result.code, result.stdout .. result.stderr)
  local connection <const> = assert(pg.connect(params))
  local expected <const> = expect.catalog(assert(schema.load(folder .. "/prisma/schema.prisma")))
  assert.same({}, compare.catalogs(expected, assert(observe.catalog(connection))))
  connection:close()
end

local function hold(state)
  local scripts <const> = {}
  local folder <const> = "spec/fixtures/saga/" .. state .. "/migrations/"
  for _, entry in ipairs(assert(fs.list(folder))) do
    if entry.type == "directory" then scripts[entry.name] = assert(fs.read(folder .. entry.name .. "/migration.sql")) end
  end
  local _, missed, alarms = history.hold(scripts)
  assert.same({}, missed)
  assert.same({}, alarms)
end

describe("lint, the saga", function()
  it("shows the faults of all rounds in the first", function()
    assert.same({
      ("missing-table %s:4 public.OrderItem"):format(ITEMS),
      ("missing-table %s:8 public.OrderItem <- 1"):format(ITEMS),
      ("missing-table %s:11 public.OrderItem <- 1"):format(ITEMS),
      ("missing-table %s:11 public.Order"):format(ITEMS),
      ("missing-table %s:14 public.OrderItem <- 1"):format(ITEMS),
      ("missing-table %s:14 public.Product"):format(ITEMS),
      ("missing-table %s:2 public.Order <- 4"):format(TOKEN),
      ("missing-table %s:5 public.Order <- 4"):format(TOKEN),
      ("missing-table %s:8 public.Order <- 4"):format(TOKEN),
      ("column-made-later %s:4 public.OrderItem.titleSnap <- 1"):format(ITEMS),
      ("column-made-later %s:4 public.OrderItem.priceSnap <- 1"):format(ITEMS),
      ("column-made-later %s:2 public.Order.publicToken <- 4"):format(TOKEN),
    }, told(check "spec/fixtures/saga/1"))
  end)

  it("says what to do, and where", function()
    local finding <const> = check("spec/fixtures/saga/1").findings[4]
    assert.matches("no migration makes it", finding.message)
    assert.matches('without "publicToken"', finding.fix)
    assert.equal("end", finding.fix_edit)
    assert.matches(INIT .. "/migration.sql$", finding.fix_file)
    assert.matches('^%-%- CreateTable\nCREATE TABLE "Order" %(\n    "id" TEXT NOT NULL,\n    "buyerName"', finding.fix_sql)
  end)

  it("shows what is left in each later state", function()
    assert.equal(2, #told(check "spec/fixtures/saga/2") - 4)
    assert.same({ ("duplicate-column %s:2 public.Order.publicToken"):format(TOKEN) }, told(check "spec/fixtures/saga/3"))
    assert.same({}, told(check "spec/fixtures/saga/4"))
  end)

  for state = 1, 4 do
    it(("says of state %d what the server says"):format(state), function() hold(state) end)

    it(("is green after the repairs of state %d, applied in one go"):format(state), function()
      local folder <const> = repaired(state)
      local ok, err = pcall(assert_green, folder)
      fs.remove(folder)
      if not ok then error(err, 0) end
    end)
  end
end)
