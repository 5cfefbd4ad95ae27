-- The shop on two servers of its own, staging and production, where production has customers' data. Commands are
-- lines of shell, as a person types them. With DIXIS_DEMO, a folder, all of it happens there and is shown.

local dixis = require "spec.support.dixis"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"
local tty = require "host.tty"

local LAST <const> = "20251010000000_add_order_public_token"

-- Two producers share a name, which nobody has forbidden so far.
local customers <const> = [[
  INSERT INTO "Producer" (id, slug, name, region, "updatedAt")
    SELECT 'p' || g, 'producer-' || g, 'Producer ' || least(g, 19), 'region ' || g % 5, now() FROM generate_series(1, 20) g;
  INSERT INTO "Product" (id, "producerId", title, unit, price, "updatedAt")
    SELECT 'a' || g, 'p' || 1 + g % 20, 'Product ' || g, 'kg', g % 90 + 0.5, now() FROM generate_series(1, 200) g;
  INSERT INTO "Order" (id, "buyerName", "buyerPhone", total, "updatedAt")
    SELECT 'o' || g, 'Buyer ' || g, '555 ' || g, g % 300, now() FROM generate_series(1, 5000) g;
  INSERT INTO "OrderItem" (id, "orderId", "productId", qty, "titleSnap", "priceSnap")
    SELECT 'i' || g, 'o' || 1 + g % 5000, 'a' || 1 + g % 200, 1 + g % 3, 'as sold', g % 90 FROM generate_series(1, 10000) g;
]]

---@class spec.Journey
---@field folder string      the project
---@field staging table      pg.connect parameters
---@field production table   the same
local Journey = {}
Journey.__index = Journey

local demo <const> = process.getenv "DIXIS_DEMO"

--- Text for the person who watches.
---@param text string
function Journey.say(text)
  if demo then tty.write("stdout", text .. "\n") end
end

local function database(name)
  local started = assert(ephemeral.start { memory = true, tcp = true })
  local admin <close> = assert(pg.connect(started.tcp_params))
  assert(admin:query("CREATE DATABASE " .. name))
  started.tcp_params.dbname = name
  return started, started.tcp_params
end

-- What both databases have from earlier releases: all migrations but the last.
local function deploy_earlier(self, root)
  local scripts <const> = {}
  for _, entry in ipairs(assert(fs.list(self.folder .. "/prisma/migrations"))) do
    if entry.name:match "^%d" and entry.name < LAST then
      scripts[entry.name] = assert(fs.read(("%s/prisma/migrations/%s/migration.sql"):format(self.folder, entry.name)))
    end
  end
  local earlier <const> = migrations.project(scripts, root)
  for _, params in ipairs { self.staging, self.production } do
    local result = migrations.deploy(earlier, params)
    assert(result.code == 0, result.stdout .. result.stderr)
  end
end

---@async
---@return spec.Journey
function Journey.start()
  local self <const> = setmetatable({}, Journey)
  self.root = demo or assert(fs.mkdtemp "/tmp/dixis-journey-")
  self.folder = self.root .. "/shop"
  assert(fs.mkdir(self.folder))
  for _, name in ipairs { "prisma", "runbooks" } do -- and no journals, which may be another user's
    assert(fs.copy_tree("examples/shop/" .. name, self.folder .. "/" .. name))
  end
  dixis.commit(self.folder)
  self.servers = {}
  self.servers[1], self.staging = database "shop_staging"
  self.servers[2], self.production = database "shop"
  deploy_earlier(self, self.root)
  self.query(self.production, customers)
  return self
end

--- Where it happens, for people.
---@return string
function Journey:where()
  local function line(name, params)
    return ("  %-22s postgresql://%s:***@%s:%d/%s"):format(name, params.user, params.host, params.port, params.dbname)
  end
  return table.concat({ "The sample shop, and two private PostgreSQL servers; production has 5000 orders.", "",
    line("DATABASE_URL_STAGING", self.staging), line("DATABASE_URL_PROD", self.production), "" }, "\n")
end

function Journey:stop()
  for _, started in ipairs(self.servers) do assert(started:stop()) end
  assert(fs.remove(self.root))
end

--- A script, and the result of its last statement.
---@async
---@param params table
---@param script string
---@return host.pg.Result
function Journey.query(params, script)
  local conn <close> = assert(pg.connect(params))
  return assert(conn:script(script))
end

--- Runs a line of shell in the project, where `dixis` is this one.
---@async
---@param line string
---@param code integer  what it must end with
---@return string shown  all that it printed
function Journey:type(line, code)
  self.say("$ " .. line .. "\n")
  local env <const> = dixis.environment {
    PATH = process.executable():match "^(.*)/" .. ":" .. process.getenv "PATH",
    DATABASE_URL_STAGING = server.url(self.staging), DATABASE_URL_PROD = server.url(self.production),
  }
  local result <const> = assert(process.run({ "/bin/sh", "-c", line }, {
    cwd = self.folder, env = env, timeout = 120, on_output = demo and tty.write or nil,
  }))
  self.say ""
  local shown <const> = result.stdout .. result.stderr
  assert(result.code == code, ("exit %s instead of %d: %s\n%s"):format(result.code or result.signal, code, line,
    demo and "" or shown))
  return shown
end

--- The next release: its migrations, the schema edited, all committed.
---@param scripts table<string, string>
---@param edits table<string, string>  pattern -> replacement
function Journey:release(scripts, edits)
  for name, text in pairs(scripts) do migrations.write(self.folder, name, text) end
  local path <const> = self.folder .. "/prisma/schema.prisma"
  local text = assert(fs.read(path))
  for pattern, replacement in pairs(edits) do
    local edited, count = text:gsub(pattern, replacement)
    assert(count == 1, pattern)
    text = edited
  end
  assert(fs.write(path, text))
  dixis.commit(self.folder)
end

return Journey
