-- Bad input gets a clear message and the right exit code, and has no effect.
local book = require "spec.support.book"
local clock = require "host.clock"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local full = require "spec.support.full"
local pg = require "host.pg"
local process = require "host.process"
local server = require "spec.support.server"

local canary <const> = "Zebra7Quagga" -- of passwords: must turn up nowhere
local folder, url

local function staging(...)
  return { "run", "staging", "--set", "git=false", "--set", "wait=1s", "--confirm", "DIXIS-STAGING-OK", ... }
end

local function go(arguments, env)
  return book.dixis(folder, url, arguments, env)
end

local function says(result, code, text)
  assert.equal(code, result.code, result.shown)
  assert.matches(text, result.shown, 1, true)
  return result
end

local function no_journal()
  assert.is_nil(fs.stat(folder .. "/.dixis"))
end

before_each(function() folder = book.project() end)
after_each(function() fs.remove(folder) end)

describe("a runbook that cannot be run", function()
  local function refused(text, words, name)
    assert(fs.write(folder .. "/bad.lua", text))
    for _, verb in ipairs { "plan", "run" } do
      local result = says(go { verb, name or "bad.lua" }, 2, words)
      assert.equal("", result.stdout)
    end
    no_journal()
  end

  it("because there is none", function()
    refused("", "no such runbook: stagin", "stagin")
    refused("", "no such runbook: runbooks/none.lua", "runbooks/none.lua")
    says(go { "run", "./staging" }, 2, "no such runbook")
    says(go { "run", "." }, 2, "cannot be read")
    says(go { "run", "" }, 2, "no such runbook")
  end)

  it("because of a syntax error, is told file and line", function()
    refused("return dixis.runbook {\n  name =\n}\n", "bad.lua:3: unexpected symbol near '}'")
  end)

  it("because it raises, is told file and line", function()
    refused("\nerror 'not today'", "bad.lua:2: not today")
    refused("\nlocal x = nil + 1", "bad.lua:2: attempt to perform arithmetic")
    refused("error { 'a table' }", "bad.lua")
  end)

  it("because it returns the wrong thing", function()
    refused("return { name = 'x' }", "must return dixis.runbook { ... }, but returns a table")
    refused("", "but returns a nil")
  end)

  it("because of an unknown key, with the one that was meant", function()
    refused("return dixis.extend('staging', { name = 'x', replce = {} })",
      "unknown field 'replce' (did you mean 'replace'?)")
    refused("return dixis.extend('staging', { name = 'x', insert = { { befor = 'deploy', dixis.step.status() } } })",
      "needs before = \"name\" or after = \"name\"")
    refused("return dixis.runbook { naem = 'x' }", "unknown field 'naem' (did you mean 'name'?)")
  end)

  it("because it never ends", function()
    assert(fs.write(folder .. "/bad.lua", "while true do end"))
    local result = dixis.run({ "plan", "bad.lua" }, { cwd = folder, timeout = 60 })
    assert.equal(2, result.code, result.stderr)
    assert.matches("bad.lua: does not come to its end", result.stderr, 1, true)
  end)

  it("because it eats all memory", function()
    assert(fs.write(folder .. "/bad.lua", "local t = 'x' while true do t = t .. t end"))
    local result = dixis.run({ "plan", "bad.lua" }, { cwd = folder, timeout = 60 })
    assert.equal(2, result.code, result.stderr)
    assert.matches("not enough memory", result.stderr, 1, true)
  end)
end)

describe("the target's variable", function()
  -- Every form in which a password could be read.
  local function assert_hidden(result)
    local texts = { result.stdout, result.stderr }
    for _, entry in ipairs(fs.list(folder .. "/.dixis/runs") or {}) do
      texts[#texts + 1] = fs.read(folder .. "/.dixis/runs/" .. entry.name)
    end
    assert.is_true(#texts >= 3, "there is no journal")
    local hex = canary:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    local percent = canary:gsub(".", function(c) return ("%%%02X"):format(c:byte()) end)
    local base64 = process.run({ "base64", "-w0" }, { input = canary }).stdout
    for _, text in ipairs(texts) do
      for _, form in ipairs { canary, hex, hex:upper(), percent, percent:lower(), base64:sub(1, 12),
        canary:reverse(), canary:sub(1, 5), canary:sub(-6) } do
        assert.is_nil(text:find(form, 1, true), form .. " in " .. text)
      end
    end
  end

  local function refused(words)
    local result = says(go(staging()), 3, words)
    assert.matches("DATABASE_URL_STAGING", result.shown, 1, true)
    assert.matches("Nothing was changed", result.shown, 1, true)
    assert_hidden(result)
  end

  it("is missing or empty", function()
    for _, value in ipairs { false, "" } do
      url = value or nil
      says(go(staging()), 3, "DATABASE_URL_STAGING is not set")
    end
  end)

  it("has an unencoded character in its password", function()
    for _, char in ipairs { "@", "/", "?", "#", ":", "%" } do
      url = ("postgresql://app:%s%s%s@db.example.org:5432/shop"):format(canary, char, canary)
      refused "is not a usable URL"
    end
    url = ("postgresql://app:%s@%s/shop@db.example.org/shop"):format(canary, canary)
    refused "unencoded"
  end)

  it("has another scheme, or none", function()
    for _, start in ipairs { "mysql://", "postgresq://", "http://", "", "postgresql:/", "jdbc:postgresql://" } do
      url = ("%sapp:%s@db.example.org:5432/shop"):format(start, canary)
      refused "is not a usable URL"
    end
  end)

  it("was pasted with something around it", function()
    for _, form in ipairs { '"%s"', " %s", "%s\n", "'%s'", "psql %s", "DATABASE_URL=%s", "\u{200B}%s" } do
      url = form:format(("postgresql://app:%s@db.example.org:5432/shop"):format(canary))
      refused "is not a usable URL"
    end
  end)

  it("has Prisma's own parameters, which are understood", function()
    local params = server.database()
    url = server.url(params)
    url = url .. (url:find("?", 1, true) and "&" or "?")
      .. "schema=public&connection_limit=5&pool_timeout=2&pgbouncer=true&statement_cache_size=0&socket_timeout=10"
    says(go(staging()), 0, "done: every criterion is green")
  end)

  it("has a parameter that nobody knows", function()
    url = server.url(server.database()) .. "&conection_limit=5"
    says(go(staging()), 3, "did you mean 'connection_limit'")
  end)

  it("names a schema that does not exist, which is not made", function()
    local params = server.database()
    url = server.url(params) .. "&schema=nowhere"
    says(go(staging()), 3, "the schema 'nowhere' does not exist")
    assert.is_nil(book.snapshot(server.url(params)):find("nowhere", 1, true))
  end)

  it("has a wrong password", function()
    local params = server.tcp()
    params.password = canary
    url = server.url(params)
    refused = function(words) assert_hidden(says(go(staging()), 3, words)) end
    refused "check user and password"
    params.password = canary .. "@ /%:" -- in its encoded forms, too
    url = server.url(params)
    refused "check user and password"
    params.password = nil
    url = server.url(params)
    says(go(staging()), 3, "password")
  end)

  it("names a database that does not exist, which is not made", function()
    local params = server.tcp()
    params.dbname = "nothing_of_that_name"
    url = server.url(params)
    says(go(staging()), 3, "dixis never creates a database")
    local conn <close> = assert(pg.connect(server.tcp()))
    assert.equal(0, assert(conn:query "SELECT count(*) FROM pg_database WHERE datname LIKE 'nothing%'")[1][1])
  end)

  it("names a server that does not answer", function()
    local begun = clock.now()
    for _, address in ipairs { "127.0.0.1:1", "no-such-host.invalid:5432", "localhost:5432/x?host=/nonexistent" } do
      url = ("postgresql://app:%s@%s"):format(canary, address:find("/", 1, true) and address or address .. "/shop")
      local result = says(go(staging()), 5, "gave up after")
      assert.matches("the target could not be reached", result.stdout, 1, true)
      assert.matches("Nothing was changed", result.stdout, 1, true)
      assert_hidden(result)
    end
    assert.is_true(clock.now() - begun < 60)
  end)
end)

describe("the migrations folder", function()
  local before

  before_each(function()
    url = server.url(server.database())
    before = book.snapshot(url)
  end)

  local function refused(words, ...)
    says(go(staging(...)), 3, words)
    says(go { "plan", "staging", ... }, 3, words)
    assert.equal(before, book.snapshot(url))
  end

  it("is missing", function()
    assert(fs.remove(folder .. "/prisma"))
    refused "there is no prisma/migrations in"
    refused("there is no migrations folder elsewhere", "--set", "migrations=elsewhere")
  end)

  it("is empty", function()
    assert(fs.remove(folder .. "/prisma/migrations"))
    assert(fs.mkdir(folder .. "/prisma/migrations"))
    refused "has no migrations"
  end)

  it("holds a folder without migration.sql", function()
    assert(fs.mkdir(folder .. "/prisma/migrations/20250102000000_later"))
    refused "no migration.sql in 20250102000000_later"
    refused "--set allow=no_script"
  end)

  it("holds a migration that ends its own transaction", function()
    local file = folder .. "/prisma/migrations/20250101000000_init/migration.sql"
    assert(fs.write(file, "SELECT 1;\nCOMMIT;\nSELECT 2;\n"))
    refused "migration.sql:2: controls its transaction itself (COMMIT)"
  end)

  it("is for another database", function()
    assert(fs.write(folder .. "/prisma/migrations/migration_lock.toml", 'provider = "mysql"\n'))
    refused "says the provider is 'mysql'"
    refused "--set allow=provider"
    -- One word does not let the other thing through.
    refused("says the provider is 'mysql'", "--set", "allow=no_script")
  end)

  it("is there, but the named schema is not", function()
    refused("the schema none.prisma does not exist", "--set", "schema=none.prisma")
  end)
end)

describe("a phrase", function()
  it("that is not the very one is refused", function()
    url = server.url(server.database())
    local before = book.snapshot(url)
    for name, phrase in pairs {
      empty = "", wrong = "DIXIS-PROD-OK", lower = "dixis-staging-ok", mixed = "DIXIS-STAGING-Ok",
      space_before = " DIXIS-STAGING-OK", space_after = "DIXIS-STAGING-OK ", tab = "DIXIS-STAGING-OK\t",
      newline = "DIXIS-STAGING-OK\n", return_ = "DIXIS-STAGING-OK\r", beginning = "DIXIS-STAGING-O",
      more = "DIXIS-STAGING-OK!", quoted = "'DIXIS-STAGING-OK'", cyrillic = "D\u{0406}XIS-STAGING-OK",
      cyrillic_o = "DIXIS-STAGING-\u{041E}K", full_width = "\u{FF24}IXIS-STAGING-OK", dash = "DIXIS\u{2010}STAGING-OK",
      en_dash = "DIXIS\u{2013}STAGING\u{2013}OK", zero_width = "DIXIS-\u{200B}STAGING-OK",
      bom = "\u{FEFF}DIXIS-STAGING-OK",
      no_break = "DIXIS-STAGING-OK\u{A0}", combining = "DIXIS-STAGING-OK\u{301}", latin1 = "DIXIS-STAGING-OK\xA0",
      doubled = "DIXIS-STAGING-OKDIXIS-STAGING-OK", underscore = "DIXIS_STAGING_OK",
    } do
      local result = go { "run", "staging", "--set", "git=false", "--confirm", phrase }
      assert.equal(3, result.code, name .. ": " .. result.shown)
      assert.matches("the phrase is not DIXIS-STAGING-OK", result.stdout, 1, true)
    end
    assert.equal(before, book.snapshot(url))
    assert.equal(0, go(staging()).code)
  end)
end)

describe("a second run", function()
  it("is told who is going on, and changes nothing", function()
    url = server.url(server.database())
    local slow = book.project { ["20250101000000_slow"] = "SELECT pg_sleep(60);\n" }
    local first = dixis.start(staging(), { cwd = slow, env = { DATABASE_URL_STAGING = url } })
    local id
    local until_when = clock.now() + 30
    repeat
      clock.sleep(0.05)
      id = fs.stat(slow .. "/.dixis/runs") and dixis.event(dixis.journal(slow), "migration.started")
        and dixis.journal(slow)[1].run
    until id or clock.now() > until_when
    assert.is_string(id)
    local result = says(go(staging("--set", "lock_wait=0s")), 4, "another migration run holds the lock")
    assert.matches("dixis run " .. id, result.stdout, 1, true)
    assert.matches("Nothing was changed", result.stdout, 1, true)
    first:kill "INT"
    assert.equal(130, first:wait().code)
    first:close()
    assert.equal(0, go(staging("--set", "lock_wait=5s")).code)
    fs.remove(slow)
  end)
end)

describe("a record that cannot be kept", function()
  local before

  before_each(function()
    url = server.url(server.database())
    before = book.snapshot(url)
  end)
  after_each(function() assert.equal(before, book.snapshot(url)) end)

  it("because a file is in the way", function()
    assert(fs.write(folder .. "/.dixis", "a file"))
    says(go(staging()), 3, "a run without a record does not begin")
    assert.equal("a file", fs.read(folder .. "/.dixis"))
  end)

  it("because the folder cannot be written", function()
    for _, where in ipairs { "/proc/runs", "/proc", "/dev/null" } do
      says(go(staging("--journal", where)), 3, "a run without a record does not begin")
    end
  end)

  it("because the disk is full", function()
    full.disk(0, function(mount)
      local result = go(staging("--journal", mount))
      assert.equal(3, result.code, result.shown)
      assert.matches("no space left", result.shown, 1, true)
    end)
  end)

  it("because the disk becomes full before anything is changed", function()
    full.disk(1, function(mount) -- one block is left: enough for the beginning of a journal
      local result = go(staging("--journal", mount))
      assert.equal(3, result.code, result.shown)
      assert.matches("no space left", result.shown, 1, true)
    end)
  end)
end)

describe("a secret in a URL", function()
  it("does not change the digest of its plan, nor get into it", function()
    local params = server.tcp()
    url = server.url(params)
    local shown = says(go { "plan", "staging" }, 0, "digest").shown
    assert.is_nil(shown:find(params.password, 1, true))
    assert.is_nil(shown:find(digest.sha256(params.password):sub(1, 12), 1, true))
  end)
end)
