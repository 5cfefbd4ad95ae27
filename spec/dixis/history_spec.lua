local digest = require "host.digest"
local folder = require "dixis.migrate.folder"
local fs = require "host.fs"
local history = require "dixis.migrate.history"

-- The sum as old versions of Prisma wrote it: {:x} for each byte.
local function unpadded(sum)
  return (sum:gsub("(%x)(%x)", function(high, low) return high == "0" and low or high .. low end))
end

describe("history.compare", function()
  local home, migrations

  local function write(name, text)
    assert(fs.mkdir(home .. "/" .. name))
    assert(fs.write(home .. "/" .. name .. "/migration.sql", text))
  end

  local function read()
    migrations = assert(folder.read(home)).migrations
    return migrations
  end

  --- A row of the ledger: finished, unless told otherwise.
  local function row(name, changes)
    local made = { name = name, finished = true, rolled_back = false, steps = 1, id = "id-" .. name, ours = false,
      checksum = digest.sha256(fs.read(("%s/%s/migration.sql"):format(home, name)) or "gone") }
    for key, value in pairs(changes or {}) do made[key] = value end
    return made
  end

  local function compare(...)
    local found = history.compare(read(), { ... })
    local pending, problems = {}, {}
    for i, migration in ipairs(found.pending) do pending[i] = migration.name end
    for i, problem in ipairs(found.problems) do
      problems[i] = problem.kind .. " " .. problem.name
      assert.is_true(#problem.message > 0 and #problem.hint > 0)
    end
    return { applied = found.applied, pending = pending, problems = problems }, found
  end

  before_each(function()
    home = assert(fs.mkdtemp "/tmp/dixis-history-")
    write("1_a", "CREATE TABLE a (x int);\n")
    write("2_b", "CREATE TABLE b (x int);\n")
    write("3_c", "CREATE TABLE c (x int);\n")
  end)
  after_each(function() assert(fs.remove(home)) end)

  it("finds all pending where nothing is recorded", function()
    assert.same({ applied = 0, pending = { "1_a", "2_b", "3_c" }, problems = {} }, compare())
  end)

  it("tells a renamed one from one that is gone", function()
    local sum = digest.sha256(fs.read(home .. "/3_c/migration.sql"))
    local found = compare(row "1_a", row "2_b", row("3_old", { checksum = sum }), row "0_gone")
    assert.same({ "renamed 3_old", "missing 0_gone" }, found.problems)
  end)

  it("goes on after what is applied", function()
    assert.same({ applied = 2, pending = { "3_c" }, problems = {} }, compare(row "1_a", row "2_b"))
    assert.same({ applied = 3, pending = {}, problems = {} }, compare(row "1_a", row "2_b", row "3_c"))
  end)

  it("does not mind the order in which rows come", function()
    assert.same({ applied = 3, pending = {}, problems = {} }, compare(row "3_c", row "1_a", row "2_b"))
  end)

  it("stops at one that never finished, wherever its file is", function()
    assert.same({ applied = 1, pending = { "3_c" }, problems = { "failed 2_b" } },
      compare(row "1_a", row("2_b", { finished = false, steps = 0 })))
    assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = { "failed 0_gone" } },
      compare(row("0_gone", { finished = false, steps = 0 }), row "1_a"))
  end)

  it("does not hold one that is rolled back against anybody", function()
    assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = {} },
      compare(row "1_a", row("2_b", { finished = false, rolled_back = true })))
    assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = {} },
      compare(row "1_a", row("2_b", { finished = true, rolled_back = true })))
    assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = {} },
      compare(row("0_gone", { finished = false, rolled_back = true }), row "1_a"))
  end)

  it("takes what was rolled back and then applied as applied", function()
    local old = row("2_b", { finished = false, rolled_back = true, checksum = ("0"):rep(64) })
    assert.same({ applied = 2, pending = { "3_c" }, problems = {} }, compare(row "1_a", old, old, row "2_b"))
  end)

  it("stops when it was rolled back and then failed again", function()
    assert.same({ applied = 1, pending = { "3_c" }, problems = { "failed 2_b" } },
      compare(row "1_a", row("2_b", { finished = false, rolled_back = true }), row("2_b", { finished = false })))
  end)

  -- Prisma refuses to go on in such a ledger too: any row counts that is neither finished nor rolled back.
  it("stops at an unfinished row beside a finished one", function()
    for _, rows in ipairs {
      { row "1_a", row("2_b", { finished = false }), row "2_b" },
      { row "1_a", row "2_b", row("2_b", { finished = false }) },
    } do
      local found = compare(table.unpack(rows))
      assert.equal(2, found.applied)
      assert.same({ "failed 2_b" }, found.problems)
    end
  end)

  it("names what is recorded twice", function()
    assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = { "doubled 1_a" } },
      compare(row "1_a", row "1_a"))
  end)

  it("goes on with one that dixis began statement by statement", function()
    local begun = row("2_b", { finished = false, ours = true, steps = 1 })
    local summary, found = compare(row "1_a", begun)
    assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = {} }, summary)
    assert.equal(begun, found.resume["2_b"])
  end)

  it("does not go on in a file that was changed meanwhile", function()
    local begun = row("2_b", { finished = false, ours = true, steps = 1 })
    write("2_b", "CREATE TABLE b (x bigint);\n")
    assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = { "edited 2_b" } }, compare(row "1_a", begun))
  end)

  it("sees a file that was changed after it had been applied", function()
    local before <const> = row "1_a"
    local text <const> = "CREATE TABLE a (x int);"
    for _, changed in ipairs { text .. " \n", text, text:lower() .. "\n", "" } do
      write("1_a", changed)
      assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = { "edited 1_a" } }, compare(before))
    end
  end)

  it("takes a checksum in capitals, or none, as another one", function()
    assert.same({ "edited 1_a" }, compare(row("1_a", { checksum = row("1_a").checksum:upper() })).problems)
    assert.same({ "edited 1_a" }, compare(row("1_a", { checksum = "" })).problems)
  end)

  it("sees a migration that is in the database only", function()
    assert.same({ applied = 1, pending = { "2_b", "3_c" }, problems = { "missing 2_gone" } },
      compare(row "1_a", row "2_gone"))
  end)

  it("sees one that is older than what is applied", function()
    assert.same({ applied = 2, pending = { "2_b" }, problems = { "out_of_order 2_b" } }, compare(row "1_a", row "3_c"))
    assert.same({ applied = 1, pending = { "1_a", "2_b" }, problems = { "out_of_order 1_a", "out_of_order 2_b" } },
      compare(row "3_c"))
  end)

  it("names all that is wrong, not only the first", function()
    local edited = row("1_a", { checksum = ("1"):rep(64) })
    local found = compare(row "0_gone", edited, row "3_c")
    assert.same({ "2_b" }, found.pending)
    assert.same({ "edited 1_a", "out_of_order 2_b", "missing 0_gone" }, found.problems)
  end)

  describe("line endings", function()
    local unix <const>, windows <const>, mixed <const> = "a;\nb;\n", "a;\r\nb;\r\n", "a;\r\nb;\n"

    local function problems(file, recorded)
      write("1_a", file)
      return compare(row("1_a", { checksum = recorded })).problems
    end

    it("of either sort are the same script", function()
      assert.same({}, problems(unix, digest.sha256(windows)))
      assert.same({}, problems(windows, digest.sha256(unix)))
      assert.same({}, problems(mixed, digest.sha256(mixed)))
      assert.same({}, problems(mixed, digest.sha256(windows)))
    end)

    it("that were mixed when it was applied are not guessed", function()
      assert.same({ "edited 1_a" }, problems(unix, digest.sha256(mixed)))
      assert.same({ "edited 1_a" }, problems(windows, digest.sha256(mixed)))
    end)

    it("fit a checksum without leading zeros too", function()
      local text = unix
      while #unpadded(digest.sha256(text)) == 64 do text = text .. "\n" end
      local old <const> = unpadded(digest.sha256(text))
      assert.same({}, problems(text, old))
      assert.same({}, problems(text:gsub("\n", "\r\n"), old))
      assert.same({ "edited 1_a" }, problems(text .. "-- more\n", old))
      assert.same({ "edited 1_a" }, problems(text, old:sub(1, -2)))
    end)
  end)
end)
