-- Prisma's own command line and dixis on one database, in turn. Its engine in JavaScript is used, which needs no
-- download beside the packages:
--   npm install --ignore-scripts prisma@6.19.3 @prisma/adapter-pg@6.19.3
--   DIXIS_PRISMA=(the folder with that node_modules) script/test spec/run/prisma_spec.lua

local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"

local config <const> = [[
import { defineConfig } from "prisma/config";
import { PrismaPg } from "@prisma/adapter-pg";
import Result from "pg/lib/result.js";

// The adapter does not know the types "char" (18) and "name" (19), for which the engine asks: it is told "text" (25).
const addFields = Result.prototype.addFields;
Result.prototype.addFields = function (fields) {
  for (const field of fields) if (field.dataTypeID === 18 || field.dataTypeID === 19) field.dataTypeID = 25;
  return addFields.call(this, fields);
};

export default defineConfig({
  experimental: { adapter: true },
  engine: "js",
  schema: "prisma/schema.prisma",
  adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL }),
});
]]

local home <const> = process.getenv "DIXIS_PRISMA"

describe("with Prisma's command line", function()
  if not home then
    pending "not run: DIXIS_PRISMA does not name a folder with Prisma in its node_modules"
    return
  end

  local params, conn, folder

  local function command(...)
    return assert(process.run({ home .. "/node_modules/.bin/prisma", ... }, {
      cwd = folder, timeout = 120, env = {
        PATH = process.getenv "PATH", HOME = folder, DATABASE_URL = server.url(params), CHECKPOINT_DISABLE = "1",
        -- Anything that is there keeps it from downloading engines that it will not use.
        PRISMA_QUERY_ENGINE_LIBRARY = "/bin/true", PRISMA_SCHEMA_ENGINE_BINARY = "/bin/true",
      },
    }))
  end

  local function prisma(...) return command("migrate", ...) end

  local function deploy()
    return dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false", "--set", "generate=false" },
      { cwd = folder, env = { DATABASE_URL_STAGING = server.url(params) } })
  end

  local function value(sql) return assert(conn:query(sql))[1][1] end

  local function succeeds(result, text)
    assert.equal(0, result.code, result.stdout .. result.stderr)
    if text then assert.is_truthy(result.stdout:find(text, 1, true), result.stdout) end
  end

  before_each(function()
    params = server.database "prisma"
    conn = assert(pg.connect(params))
    folder = dixis.project { git = false }
    assert(fs.write(folder .. "/prisma.config.ts", config))
    assert(process.run({ "ln", "-s", assert(fs.realpath(home)) .. "/node_modules", folder .. "/node_modules" }).code == 0)
  end)
  after_each(function()
    conn:close()
    assert(fs.remove(folder))
  end)

  it("they continue each other's work", function()
    succeeds(deploy())
    succeeds(prisma "status", "Database schema is up to date!")
    succeeds(prisma "deploy", "No pending migrations to apply.")

    migrations.write(folder, "20260101000000_by_prisma", "CREATE TABLE by_prisma (id int);\n")
    assert.equal(1, prisma("status").code)
    succeeds(prisma "deploy", "All migrations have been successfully applied.")
    succeeds(deploy(), "no pending migrations")

    migrations.write(folder, "20260102000000_by_dixis", "CREATE TABLE by_dixis (id int);\r\n")
    succeeds(deploy(), "20260102000000_by_dixis")
    succeeds(prisma "status", "Database schema is up to date!")
    assert.equal(9, value "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL")
  end)

  it("Prisma does not see the record of runs", function()
    local function seen()
      local result = command("db", "pull", "--print")
      succeeds(result, "model ")
      return result.stdout
    end
    succeeds(dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK", "--set", "git=false", "--set", "generate=false",
      "--set", "audit=false" }, { cwd = folder, env = { DATABASE_URL_STAGING = server.url(params) } }))
    local before = seen()
    succeeds(deploy())
    assert.equal(1, value "SELECT count(*) FROM dixis.run")
    assert.equal(before, seen())
    assert.is_nil(before:find("dixis", 1, true))
  end)

  it("dixis goes on in a database that Prisma began", function()
    local shop <const> = folder .. "/prisma/migrations"
    assert(fs.rename(shop, folder .. "/shop"))
    migrations.write(folder, "20240101000000_first", "CREATE TABLE first (id int);\n")
    succeeds(prisma "deploy", "All migrations have been successfully applied.")
    for _, entry in ipairs(fs.list(folder .. "/shop")) do
      assert(fs.rename(folder .. "/shop/" .. entry.name, shop .. "/" .. entry.name))
    end
    succeeds(deploy())
    assert.equal(8, value "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL")
    succeeds(prisma "status", "Database schema is up to date!")
  end)

  it("neither goes on after the other has failed, until it is resolved", function()
    succeeds(deploy())
    local name <const> = "20260101000000_bad"
    migrations.write(folder, name, "CREATE TABLE a (id int);\nSELECT * FROM nowhere;\n")
    assert.equal(1, prisma("deploy").code)
    local result = deploy()
    assert.equal(3, result.code, result.stdout)
    assert.is_truthy(result.stdout:find(name, 1, true), result.stdout)
    assert(conn:query "DROP TABLE IF EXISTS a")
    succeeds(prisma("resolve", "--rolled-back", name))
    assert(conn:query "CREATE TABLE nowhere (id int)")
    succeeds(deploy(), name)
    succeeds(prisma "status", "Database schema is up to date!")

    local second <const> = "20260102000000_stepwise"
    migrations.write(folder, second, "CREATE TABLE b (id int);\nCREATE INDEX CONCURRENTLY i ON b (missing);\n")
    assert.equal(1, deploy().code)
    local refused = prisma "deploy"
    assert.equal(1, refused.code)
    assert.is_truthy(refused.stderr:find("P3009", 1, true), refused.stderr)
    succeeds(prisma("resolve", "--applied", second))
    succeeds(deploy(), "no pending migrations")
  end)
end)
