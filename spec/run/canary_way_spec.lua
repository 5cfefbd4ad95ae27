-- A secret on the whole way to production and back: in nothing that is printed, kept or put into the target, and in
-- no argument or environment of a program that is started meanwhile.
local book = require "spec.support.book"
local canary = require "spec.support.canary"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local pg = require "host.pg"
local server = require "spec.support.server"
local web = require "spec.support.web"

describe("on the whole way to production and back", function()
  local cluster, site, shop, staging, production

  setup(function()
    cluster = assert(ephemeral.start { tcp = true, password = canary.password,
      settings = { log_connections = "on", log_statement = "all" } })
    site = web.start()
  end)
  teardown(function()
    site:close()
    assert(cluster:stop())
  end)

  -- Runs, looks at every program that is started meanwhile, and for the secret in all that came of it.
  local programs = {}
  local function run(code, ...)
    local arguments <const> = { ... }
    local handle = dixis.start(arguments, { cwd = shop, env = {
      DATABASE_URL_STAGING = server.url(staging), DATABASE_URL_PROD = server.url(production), TMPDIR = shop .. "/.git/tmp",
      DIXIS_WEBHOOK_URL = site:keep(500) .. "&token=" .. canary.core,
      GITHUB_ACTIONS = "true", GITHUB_STEP_SUMMARY = shop .. "/.git/summary", GITHUB_OUTPUT = shop .. "/.git/output",
    } })
    while handle:running() do
      for program, text in pairs(canary.children(handle.pid)) do
        programs[program:match "[^/]*$"] = true
        canary.absent(text, "arguments or environment of " .. program)
      end
      clock.sleep(0.002)
    end
    local result = assert(handle:wait())
    local what <const> = "dixis " .. table.concat(arguments, " ")
    canary.absent(result.stdout .. result.stderr, what)
    assert.equal(code, result.code, what .. "\n" .. result.stdout .. result.stderr)
    return result.stdout
  end

  local function database(name)
    local conn = assert(pg.connect(cluster.params))
    assert(conn:query("CREATE DATABASE " .. name))
    conn:close()
    local params = {}
    for key, value in pairs(cluster.tcp_params) do params[key] = value end
    params.dbname = name
    return params
  end

  before_each(function()
    shop = dixis.project()
    assert(fs.mkdir(shop .. "/.git/tmp"))
    staging, production = database "canary_staging", database "canary_production"
  end)
  after_each(function()
    assert.is_true(canary.absent_below(shop) > 20)
    canary.absent(assert(fs.read(cluster.params.host .. "/log")), "the server's log")
    assert(fs.remove(shop))
  end)

  it("nothing shows it: clinic, staging, plan, production, rehearsal, rollback, history", function()
    run(0, "lint", "--target", "DATABASE_URL_PROD")
    run(0, "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false")
    run(0, "plan", "prod", "--set", "git=false")
    run(0, "run", "prod", "--confirm", "DIXIS-PROD-OK", "--confirm", production.dbname, "--set", "git=false",
      "--report", "r.json", "--report", "r.md", "--report", "r.xml")
    run(0, "run", "clinic", "--set", "schema_from=DATABASE_URL_PROD")
    run(0, "run", "rehearse", "--set", "git=false")
    run(0, "history", "--target", "DATABASE_URL_PROD", "--output", "jsonl")
    canary.absent(book.snapshot(server.url(production)), "what is in the target")
    run(0, "run", "rollback", "--confirm", "DIXIS-ROLLBACK-OK", "--confirm", production.dbname)
    run(0, "verify", "last")
    -- Those that live for long; a quick one may have been missed.
    for _, name in ipairs { "postgres", "dixis" } do assert.is_true(programs[name], name .. " was not seen") end
    assert.is_true(#fs.read(shop .. "/.git/summary") > 1000)
  end)
end)
