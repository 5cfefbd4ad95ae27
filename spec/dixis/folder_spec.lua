local digest = require "host.digest"
local folder = require "dixis.migrate.folder"
local fs = require "host.fs"

local base, count

local function path_of(path) return base .. "/" .. path end

local function write(path, data)
  assert(fs.mkdir(path_of(path):match "^(.*)/"))
  assert(fs.create(path_of(path), data))
end

local function names(found)
  local list = {}
  for i, migration in ipairs(found.migrations) do list[i] = migration.name end
  return list
end

local function failure(kind, value, err)
  assert.is_nil(value)
  assert.equal(kind, err.kind)
  return err
end

before_each(function()
  base = assert(fs.mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/dixis-folder-"))
  count = 0
end)

after_each(function() fs.remove(base) end)

describe("reading a migrations folder", function()
  local function migrations(list)
    for _, name in ipairs(list) do
      count = count + 1
      write("m/" .. name .. "/migration.sql", "SELECT " .. count)
    end
  end

  it("gives each migration's place and checksum", function()
    write("m/20240101000000_init/migration.sql", "SELECT 1;\r\n")
    write("m/20240102000000_empty/migration.sql", "")
    write("m/migration_lock.toml", '# comment\r\nprovider = "postgresql"\r\n')
    local found = assert(folder.read(path_of "m"))
    assert.equal("postgresql", found.provider)
    assert.same({
      name = "20240101000000_init", dir = path_of "m/20240101000000_init",
      file = path_of "m/20240101000000_init/migration.sql", checksum = digest.sha256 "SELECT 1;\r\n",
      revision = fs.revision(path_of "m/20240101000000_init/migration.sql"),
    }, found.migrations[1])
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", found.migrations[2].checksum)
    assert.equal("SELECT 1;\r\n", folder.text(found.migrations[1]))
  end)

  it("reads the sample project in order", function()
    local found = assert(folder.read "examples/shop/prisma/migrations")
    assert.same({
      "20251005000000_init", "20251005120000_add_producer_image", "20251006000000_add_orderitem_snapshots",
      "20251007000412_events_notifications_outbox", "20251007003019_notifications_sentAt_error",
      "20251007003457_notifications_attempts_backoff_dedup", "20251010000000_add_order_public_token",
    }, names(found))
  end)

  it("sorts as localeCompare does", function()
    local wanted = {
      ".hidden", "20240101000000_a", "20240101000000_ab", "20240101000000_aB", "20240101000000_Ab",
      "20240101000000_B", "20240101000000_init", "20240101000000-b", "20240101000000.x", "20240101000000+x",
      "202401010000001", "20240101000000a", "20240102000000_a", "9_x", "a b", "a_b", "a-b", "a1", "ab", "Ab", "notes",
    }
    local shuffled = table.move(wanted, 1, #wanted, 1, {})
    table.sort(shuffled, function(a, b) return a:reverse() < b:reverse() end)
    migrations(shuffled)
    assert.same(wanted, names(assert(folder.read(path_of "m"))))
  end)

  it("counts only real directories", function()
    migrations { "20240101000000_a" }
    write("m/README.md", "text")
    write("elsewhere/migration.sql", "SELECT 1")
    assert(os.execute(("ln -s ../elsewhere '%s'"):format(path_of "m/20240102000000_link")))
    assert.same({ "20240101000000_a" }, names(assert(folder.read(path_of "m"))))
  end)

  it("hashes broken UTF-8 as Prisma does", function()
    local cases = {
      ["a\xffb"] = "a\u{FFFD}b", ["\xc3"] = "\u{FFFD}", ["\xe2\x82"] = "\u{FFFD}", ["\xe2\x82x"] = "\u{FFFD}x",
      ["\xf0\x9f\x98"] = "\u{FFFD}", ["\xc0\xaf"] = "\u{FFFD}\u{FFFD}", ["\xed\xa0\x80"] = "\u{FFFD}\u{FFFD}\u{FFFD}",
      ["\xf4\x90\x80\x80"] = ("\u{FFFD}"):rep(4), ["\xe0\x80\x80"] = ("\u{FFFD}"):rep(3),
      ["caf\xe9 \xe9"] = "caf\u{FFFD} \u{FFFD}",
      ["\xf0\x90\x80é\xf1\x80\x80\xff"] = "\u{FFFD}é\u{FFFD}\u{FFFD}",
    }
    for raw, decoded in pairs(cases) do
      count = count + 1
      write(("u%d/1/migration.sql"):format(count), raw)
      local found = assert(folder.read(path_of("u" .. count)))
      assert.equal(digest.sha256(decoded), found.migrations[1].checksum)
        assert.equal(decoded, folder.text(found.migrations[1]))
    end
  end)

  it("names the directories without a script", function()
    migrations { "20240101000000_a" }
    assert(fs.mkdir(path_of "m/20240102000000_b"))
    assert(fs.mkdir(path_of "m/20240103000000_c/migration.sql"))
    local err = failure("migrations", folder.read(path_of "m"))
    assert.matches("no migration.sql in 20240102000000_b, 20240103000000_c of ", err.message, 1, true)
    assert.is_string(err.hint)
  end)

  it("tells a missing folder from an empty one", function()
    local missing = failure("migrations", folder.read(path_of "m"))
    assert(fs.mkdir(path_of "m"))
    local empty = failure("migrations", folder.read(path_of "m"))
    assert.matches("^there is no migrations folder", missing.message)
    assert.matches("has no migrations$", empty.message)
    assert.is_string(missing.hint)
    assert.is_string(empty.hint)
  end)

  it("refuses another provider, spelt as Prisma wants it", function()
    migrations { "20240101000000_a" }
    for line, named in pairs { ['provider = "sqlite"'] = "sqlite", ["provider = 'postgresql'"] = "'postgresql'",
      ['provider = "postgres"'] = "postgres", ["# nothing"] = "none" } do
      fs.remove(path_of "m/migration_lock.toml")
      write("m/migration_lock.toml", "# x\n" .. line)
      local err = failure("migrations", folder.read(path_of "m"))
      assert.matches("'" .. named .. "'", err.message, 1, true)
    end
    fs.remove(path_of "m/migration_lock.toml")
    assert.is_nil(assert(folder.read(path_of "m")).provider)
  end)

  it("notices a script that changed after it was read", function()
    migrations { "20240101000000_a" }
    local migration = assert(folder.read(path_of "m")).migrations[1]
    assert.equal("SELECT 1", folder.text(migration))
    assert(fs.write(migration.file, "SELECT 2"))
    local err = failure("changed", folder.text(migration))
    assert.matches(migration.file, err.message, 1, true)
    assert(fs.remove(migration.file))
    failure("migrations", folder.text(migration))
  end)

  it("reads thousands without keeping their texts", function()
    local script = ("-- text\n"):rep(512)
    for i = 1, 2000 do
      local dir = path_of(("m/%014d_x"):format(i))
      assert(fs.mkdir(dir))
      local file <close> = assert(io.open(dir .. "/migration.sql", "w"))
      assert(file:write(script))
    end
    collectgarbage()
    local before = collectgarbage "count"
    local found = assert(folder.read(path_of "m"))
    collectgarbage()
    assert.equal(2000, #found.migrations)
    assert.is_true(collectgarbage "count" - before < 3000)
  end)
end)
