-- Receipts that must not open production, each on its own: refused, and the target is as it was, byte for byte.
local book = require "spec.support.book"
local clock = require "host.clock"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local pg = require "host.pg"
local proof = require "dixis.proof"
local server = require "spec.support.server"
local signature = require "dixis.signature"
local store = require "dixis.store"

local KEY <const>, FOREIGN <const> = digest.new_key(), digest.new_key()
local PUBLIC <const> = digest.public_key(KEY)
local INIT <const> = "20250101000000_init"

local folder, url, staging, genuine, before

local function env(more)
  local made = { DIXIS_SIGNING_KEY = KEY, STAGING_URL = staging }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

-- The same runbook for both databases, but for its gate.
local function runbook(name, environment, gate)
  assert(fs.write(folder .. "/" .. name, ([[
local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option
return dixis.runbook {
  name = "%s", version = "1", title = "A runbook of a spec", audit = true, sign = { env = "DIXIS_SIGNING_KEY" },
  target = { env = "SPEC_URL", environment = "%s" }, uses = { env = { "DIXIS_SIGNING_KEY", "STAGING_URL" } },
  options = { receipt = { type = "path", help = "a receipt" }, key = { type = "string", default = "%s", help = "public key" } },
  gates = { gate.secret(), gate.reachable { wait = 5 }, gate.lock(), gate.history(), %s gate.confirm "YES" },
  steps = { step.stamp(), step.deploy() },
  criteria = { check.migrations_applied() },
}]]):format(environment, environment, PUBLIC, gate)))
end

local function run(arguments, more)
  return book.dixis(folder, url, { "run", "prod.lua", "--confirm", "YES", table.unpack(arguments) }, env(more))
end

local function refused(text, result)
  assert.equal(3, result.code, result.shown)
  assert.matches(text, result.shown, 1, true)
  assert.matches("Nothing was changed", result.shown, 1, true)
  assert.equal(before, book.snapshot(url))
end

-- As one who knows how receipts are made would write it.
local function sealed(changes, key)
  local made = json.decode(genuine)
  made.signature, made.digest = nil, nil
  for path, value in pairs(changes) do
    local at, last = made, path:match "[^.]+$"
    for name in path:gmatch "([^.]+)%." do at = at[name] end
    at[last] = value
  end
  made = json.decode(json.encode(made))
  local form = proof.form(made)
  made.digest = digest.sha256(form)
  if key then made.signature = signature.make(key, form) end
  return made
end

local function put(content, name)
  local path = ("%s/%s.receipt.json"):format(folder, name or "given")
  assert(fs.write(path, type(content) == "table" and json.encode(content) or content))
  return "receipt=" .. path
end

local function migration(name) return ("%s/prisma/migrations/%s"):format(folder, name) end

setup(function()
  folder = book.project()
  staging, url = server.url(server.database "staging"), server.url(server.database "prod")
  runbook("staging.lua", "staging", "")
  runbook("prod.lua", "production", [[gate.staging_green { receipt = option "receipt", public_key = option "key",
    from_env = "STAGING_URL" },]])
  local made = book.dixis(folder, staging, { "run", "staging.lua", "--confirm", "YES" }, env())
  assert.equal(0, made.code, made.shown)
  genuine = assert(fs.read(folder .. "/" .. made.shown:match "receipt  (%S+)"))
  before = book.snapshot(url)
end)
teardown(function() fs.remove(folder) end)

describe("a receipt", function()
  -- By hand, with a digest that fits and the right signature: what it says is enough to refuse it.
  for what, case in pairs {
    ["of another environment"] = { { environment = "production" }, "is for production" },
    ["of a failed run"] = { { outcome = "failed", exit = 1 }, "did not succeed" },
    ["of a refused run"] = { { outcome = "refused", exit = 3 }, "did not succeed" },
    ["of a run that says both"] = { { exit = 1 }, "did not succeed" },
    ["of a throw-away server"] = { { ephemeral = true }, "was a rehearsal on a throw-away server" },
    ["of a runbook that deploys nothing"] = { { deploys = false }, "is of a runbook that applies no migrations" },
    ["for other migrations"] = { { migrations_digest = ("a"):rep(64) }, "is for other migrations" },
    ["for no migrations"] = { { migrations_digest = "" }, "is for other migrations" },
    ["of an older PostgreSQL"] = { { ["target.major"] = 11 }, "ran on PostgreSQL 11, the target is" },
    ["of a newer PostgreSQL"] = { { ["target.major"] = 99 }, "ran on PostgreSQL 99, the target is" },
    ["of eight days ago"] = { { finished = clock.wall() - 8 * 86400 }, "is 8 days old, more than 7 days" },
    ["of 1970"] = { { finished = 0 }, "days old" },
    ["of tomorrow"] = { { finished = clock.wall() + 86400 }, "is from the future" },
    ["with a number that is none"] = { { finished = "soon" }, "is not a receipt of dixis" },
    ["with half a major version"] = { { ["target.major"] = 15.5 }, "is not a receipt of dixis" },
    ["with a major version as text"] = { { ["target.major"] = "15" }, "is not a receipt of dixis" },
    ["without a target"] = { { target = json.null }, "is not a receipt of dixis" },
    ["without a runbook"] = { { runbook = "staging" }, "is not a receipt of dixis" },
    ["of nobody's run"] = { { run = 7 }, "is not a receipt of dixis" },
  } do
    it(what, function()
      refused(case[2], run { "--set", put(sealed(case[1], KEY)) })
    end)
  end

  for what, case in pairs {
    ["that is not there"] = { nil, "cannot be read" },
    ["that is empty"] = { "", "is not a receipt" },
    ["that is half there"] = { function() return genuine:sub(1, #genuine // 2) end, "is not a receipt" },
    ["without its last byte"] = { function() return (genuine:gsub("}%s*$", "")) end, "is not a receipt" },
    ["that is no JSON"] = { "green", "is not a receipt" },
    ["that is a list"] = { function() return "[" .. genuine .. "]" end, "is not a receipt" },
    ["that is null"] = { "null", "is not a receipt" },
    ["that is an empty object"] = { "{}", "is not a receipt" },
    ["that is deep"] = { ("["):rep(5000) .. ("]"):rep(5000), "is not a receipt" },
    ["with an endless date"] = { function() return (genuine:gsub('"finished":[%d.]+', '"finished":1e999')) end, "receipt" },
    ["with a date that is no number"] = { function()
      return (genuine:gsub('"finished":[%d.]+', '"finished":NaN'))
    end, "receipt" },
    ["without a digest"] = { function() return (genuine:gsub('"digest":"%x+"', '"digest":null')) end, "its digest does not fit" },
    ["with a field twice"] = { function() return (genuine:gsub("^{", '{"outcome":"failed",')
      :gsub('"outcome":"succeeded"', '"outcome":"in_doubt"')) end, "its digest does not fit" },
    ["that is a journal"] = { function()
      return fs.read((store.find(folder .. "/.dixis/runs", "last")))
    end, "is not a receipt" },
    ["that is binary"] = { "\0\1\2\xFF", "is not a receipt" },
  } do
    it(what, function()
      local content = case[1]
      if type(content) == "function" then content = content() end
      refused(case[2], run { "--set", content and put(content) or "receipt=nowhere.json" })
    end)
  end

  for what, case in pairs {
    ["that is not signed"] = { function() return sealed {} end, "is not signed" },
    ["that another key has signed"] = { function() return sealed({}, FOREIGN) end, "is signed with another key" },
    ["with the right key's name and another's signature"] = { function()
      local made = sealed({}, FOREIGN)
      made.signature.key = PUBLIC
      return made
    end, "has a signature that does not fit" },
    ["with the signature of another receipt"] = { function()
      local made = sealed { applied = 2 }
      made.signature = json.decode(genuine).signature
      return made
    end, "has a signature that does not fit" },
    ["with another algorithm"] = { function()
      local made = sealed({}, KEY)
      made.signature.algorithm = "none"
      return made
    end, "has a signature that cannot be read" },
    ["with an empty signature"] = { function()
      local made = sealed({}, KEY)
      made.signature.value = ""
      return made
    end, "has a signature that does not fit" },
    ["with a word as its signature"] = { function()
      local made = sealed {}
      made.signature = "signed"
      return made
    end, "has a signature that cannot be read" },
  } do
    it(what, function() refused(case[2], run { "--set", put(case[1]()) }) end)
  end
end)

-- A run looks at all of a folder and takes the first that is good: none of them is.
describe("of each field of a receipt a changed one", function()
  local function variants(seal)
    local there = folder .. "/variants"
    assert(fs.mkdir(there))
    local count = 0
    for name, value in pairs(json.decode(genuine)) do
      if not (seal and (name == "digest" or name == "signature")) then
        local changed
        if type(value) == "table" then
          changed = { "changed" }
        elseif type(value) == "number" then
          changed = value + 1
        elseif type(value) == "boolean" then
          changed = not value
        else
          changed = value .. "x"
        end
        local made = seal and sealed { [name] = changed } or json.decode(genuine)
        if seal then made.signature = json.decode(genuine).signature else made[name] = changed end
        assert(fs.write(("%s/%s.receipt.json"):format(there, name), json.encode(made)))
        count = count + 1
      end
    end
    return there, count
  end

  for how, seal in pairs { ["as it is"] = false, ["with a digest that fits"] = true } do
    it("is refused " .. how, function()
      local there, count = variants(seal)
      assert.is_true(count > 20)
      finally(function() fs.remove(there) end)
      refused("there is no green staging run", run { "--set", "receipt=" .. there })
    end)
  end

  it("is refused by `dixis verify` too", function()
    local public = folder .. "/staging.pub"
    assert(fs.write(public, PUBLIC))
    for _, seal in ipairs { false, true } do
      local there = variants(seal)
      for _, entry in ipairs(fs.list(there)) do
        local ok, receipt = pcall(proof.read, there .. "/" .. entry.name)
        assert.is_true(not ok or signature.why_not(receipt, proof.form(receipt), PUBLIC) ~= nil, entry.name)
      end
      local result = dixis.run { "verify", there .. "/outcome.receipt.json", "--public-key", public }
      assert.equal(1, result.code)
      assert.matches("^broken: ", result.stdout)
      assert(fs.remove(there))
    end
  end)
end)

describe("the folder is another one than staging had:", function()
  for what, change in pairs {
    ["a migration was edited"] = function()
      assert(fs.write(migration(INIT) .. "/migration.sql", "CREATE TABLE note (id bigint PRIMARY KEY, text text);\n"))
    end,
    ["a migration was added"] = function()
      assert(fs.mkdir(migration "20260101000000_more"))
      assert(fs.write(migration "20260101000000_more" .. "/migration.sql", "CREATE TABLE more (id int);\n"))
    end,
    ["a migration was renamed"] = function() assert(fs.rename(migration(INIT), migration "20250101000000_start")) end,
  } do
    it(what, function()
      assert(fs.copy_tree(folder .. "/prisma", folder .. "/kept"))
      finally(function()
        assert(fs.remove(folder .. "/prisma"))
        assert(fs.rename(folder .. "/kept", folder .. "/prisma"))
      end)
      change()
      refused("is for other migrations", run {})
    end)
  end
end)

describe("the database of staging", function()
  local conn
  -- Nothing is in the folder: only the database is left.
  setup(function()
    conn = assert(pg.connect(require("dixis.target.url").parse(staging).params))
    assert(fs.rename(folder .. "/.dixis", folder .. "/runs"))
  end)
  teardown(function()
    conn:close()
    fs.remove(folder .. "/.dixis")
    assert(fs.rename(folder .. "/runs", folder .. "/.dixis"))
  end)

  local function with(sql, fn)
    assert(conn:script("ALTER TABLE dixis.run RENAME TO kept; CREATE TABLE dixis.run AS SELECT * FROM dixis.kept; " .. sql))
    finally(function() assert(conn:script "DROP TABLE IF EXISTS dixis.run; ALTER TABLE dixis.kept RENAME TO run") end)
    fn()
  end

  for what, case in pairs {
    ["has a changed one"] = { [[UPDATE dixis.run SET receipt = replace(receipt::text, '"seconds":', '"seconds":1')::json]],
      "its digest does not fit" },
    ["has one that is no receipt"] = { "UPDATE dixis.run SET receipt = '{}'", "is not a receipt" },
    ["has none yet"] = { "UPDATE dixis.run SET receipt = NULL", "there is no green staging run" },
    ["has no runs"] = { "DELETE FROM dixis.run", "there is no green staging run" },
    ["has never been migrated"] = { "DROP TABLE dixis.run", "there is no green staging run" },
    ["has another table of this name"] = { "ALTER TABLE dixis.run DROP COLUMN receipt", "cannot be asked for receipts" },
  } do
    it(what, function()
      with(case[1], function() refused(case[2], run {}) end)
    end)
  end

  it("has one that is not signed", function()
    with("SELECT", function()
      assert(conn:query("UPDATE dixis.run SET receipt = $1::json", { json.encode(sealed {}) }))
      refused("is not signed", run {})
    end)
  end)

  it("cannot be reached, is not named, or is no address", function()
    refused("STAGING_URL cannot be asked for receipts", run({}, { STAGING_URL = "postgresql://u:hidden99@127.0.0.1:1/x" }))
    refused("there is no green staging run", run({}, { STAGING_URL = "" }))
    local result = run({}, { STAGING_URL = "nonsense://hidden99" })
    refused("STAGING_URL is not a usable URL", result)
    assert.is_nil(result.shown:find("hidden99", 1, true))
  end)
end)

describe("the key in the runbook", function()
  for what, case in pairs {
    ["is no key"] = { "green", "it is not an Ed25519 public key" },
    ["is a private one"] = { KEY, "it is not an Ed25519 public key" },
    ["is another one"] = { digest.public_key(FOREIGN), "is signed with another key" },
  } do
    it(what, function() refused(case[2], run { "--set", "key=" .. case[1] }) end)
  end
end)

describe("the key to sign with", function()
  for what, key in pairs { ["is no key"] = "green", ["is a public one"] = PUBLIC, ["is torn"] = KEY:sub(1, 60) } do
    it(what, function()
      local result = run({}, { DIXIS_SIGNING_KEY = key })
      refused("DIXIS_SIGNING_KEY does not hold a key to sign with", result)
      assert.is_nil(result.shown:find(key, 1, true))
    end)
  end
end)

it("and the genuine one opens, from a file, a folder and the database", function()
  local there = folder .. "/there"
  assert(fs.mkdir(there))
  assert(fs.write(there .. "/x.receipt.json", genuine))
  assert(fs.write(there .. "/y.receipt.json", "{}"))
  local function opens(arguments)
    local result = book.dixis(folder, url, { "run", "prod.lua", "--confirm", "NO", table.unpack(arguments) }, env())
    refused("the phrase is not YES", result)
    assert.matches("✓ staging_green", result.shown, 1, true)
  end
  opens { "--set", "receipt=" .. there .. "/x.receipt.json" }
  opens { "--set", "receipt=" .. there }
  opens { "--journal", "elsewhere" }
  assert.equal(0, run({}).code)
end)
