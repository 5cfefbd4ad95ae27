-- When the connection was lost in a migration: the journal said twice that it was applied if only the clean-up
-- after it was cut off; a network that went silent without an end kept the run waiting for ever; a backend that
-- the server still believed in left the outcome open; and a loss in a gate was called a refusal, or a pooler.

local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"

describe("a connection that is lost", function()
  local params, conn, folder, proxy

  --- Deploys through a proxy that follows the rule.
  local function deploy(rule)
    proxy = assert(process.start({ "python3", "spec/support/cut_proxy.py",
      ("%s/.s.PGSQL.%d"):format(params.host, params.port), rule }, { die_with_parent = "KILL" }))
    local port = assert(proxy:read_line(20)):match "^port (%d+)$"
    local result = dixis.run({ "run", "deploy.lua" }, { cwd = folder, env = { DATABASE_URL =
      ("postgresql://%s@127.0.0.1:%s/%s?sslmode=disable"):format(params.user, port, params.dbname) } })
    return result, (dixis.journal(folder))
  end

  local function ledger()
    return assert(conn:query [[SELECT string_agg(concat_ws(' ', migration_name, finished_at IS NOT NULL), ', '
      ORDER BY started_at) FROM _prisma_migrations]])[1][1]
  end

  local function applied(events)
    local names = {}
    for _, event in ipairs(events) do
      if event.type == "migration.applied" then names[#names + 1] = event.name end
    end
    return table.concat(names, ", ")
  end

  before_each(function()
    params = server.database "doubt"
    conn = assert(pg.connect(params))
    folder = migrations.project {
      ["1_first"] = "CREATE TABLE first (id int);\n", ["2_second"] = "SELECT set_config('work_mem', '5MB', false);\n",
      ["3_third"] = "CREATE TABLE third (id int);\n",
    }
    local path = folder .. "/deploy.lua"
    assert(fs.write(path, (assert(fs.read(path)):gsub('lock_timeout = "300ms"', 'silence = "1s"'))))
  end)
  after_each(function()
    conn:close()
    proxy:close()
    assert(fs.remove(folder))
  end)

  for rule, case in pairs {
    ["before_commit:2"] = { "nothing of it was kept", "1_first t", "1_first" },
    ["after_commit:2"] = { "it is applied and recorded", "1_first t, 2_second t", "1_first, 2_second" },
    ["silent_before:2"] = { "nothing of it was kept", "1_first t", "1_first" },
    ["silent_after:2"] = { "it is applied and recorded", "1_first t, 2_second t", "1_first, 2_second" },
  } do
    it("is what the database says: " .. rule, function()
      local result, events = deploy(rule)
      assert.equal(1, result.code, result.stdout .. result.stderr)
      local err = dixis.event(events, "migration.failed").error
      assert.equal("connection_lost", err.kind)
      assert.is_truthy(err.message:find(case[1], 1, true), err.message)
      assert.equal(case[2], ledger())
      assert.equal(case[3], applied(events))
      assert.equal(0, migrations.deploy(folder, params).code)
      assert.equal("1_first t, 2_second t, 3_third t", ledger())
    end)
  end

  it("while the settings of a migration are undone is no failure of that migration", function()
    -- The first two prepare the session.
    local result, events = deploy "before_script:3"
    assert.equal(1, result.code, result.stdout .. result.stderr)
    assert.equal("3_third", dixis.event(events, "migration.failed").name)
    assert.equal("1_first t, 2_second t", ledger())
    assert.equal("1_first, 2_second", applied(events))
  end)

  it("while it is prepared is made again", function()
    -- Behind a message that reaches the server, the answer may be faster than the cut.
    local result = deploy "before_script:1"
    assert.equal(0, result.code, result.stdout)
  end)

  it("leaves it in doubt when it is interrupted while that is asked", function()
    proxy = assert(process.start({ "python3", "spec/support/cut_proxy.py",
      ("%s/.s.PGSQL.%d"):format(params.host, params.port), "dead_after:2" }, { die_with_parent = "KILL" }))
    local port = assert(proxy:read_line(20)):match "^port (%d+)$"
    local run = dixis.start({ "run", "deploy.lua" }, { cwd = folder, env = { DATABASE_URL =
      ("postgresql://%s@127.0.0.1:%s/%s?sslmode=disable"):format(params.user, port, params.dbname) } })
    repeat until assert(proxy:read_line(60), "it never asked what became of the second migration") == "asked"
    run:kill "INT"
    local result = assert(run:wait())
    assert.equal(6, result.code, result.stderr)
    local finished = dixis.event(dixis.journal(folder), "run.finished")
    assert.equal("in_doubt", finished.outcome)
    assert.matches("whether 2_second was applied", finished.error.message)
    assert.equal("1_first t, 2_second t", ledger())
  end)

  for n = 4, 24, 5 do
    it("in a gate is no refusal, but a target that is out of reach: message " .. n, function()
      local result, events = deploy("message:" .. n)
      assert.equal(5, result.code, result.stdout)
      assert.is_truthy(dixis.event(events, "gate.refused"))
    end)
  end
end)
