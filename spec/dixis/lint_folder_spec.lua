local book = require "spec.support.book"
local folder = require "dixis.migrate.folder"
local fs = require "host.fs"
local lint_folder = require "dixis.lint.folder"
local process = require "host.process"
local rules = require "dixis.lint.rules"

describe("lint of the folder", function()
  local made

  -- The rules that fire on a folder with these migrations, and with what `change` does to it.
  local function check(migrations, change)
    made = book.project(migrations)
    local path = made .. "/prisma/migrations"
    if not fs.stat(path .. "/migration_lock.toml") then
      assert(fs.write(path .. "/migration_lock.toml", 'provider = "postgresql"\n'))
    end
    if change then change(path) end
    local findings = lint_folder.check(assert(folder.read(path, lint_folder.allow)))
    assert.same(findings, lint_folder.check(assert(folder.list(path, lint_folder.allow))))
    local names = {}
    for i, finding in ipairs(findings) do
      names[i] = finding.rule
      assert.equal(rules.all[finding.rule].severity, finding.severity)
      assert.equal("folder", rules.all[finding.rule].group)
      assert.is_truthy(finding.message:find "%S" and finding.fix:find "%S" and finding.file:find(path, 1, true))
    end
    table.sort(names)
    return table.concat(names, " "), findings
  end

  after_each(function() fs.remove(made) end)

  local sql <const> = "CREATE TABLE t (id int);\n"
  local ordinary <const> = { ["20250101000000_init"] = sql, ["20250102000000_more"] = "SELECT 1;\n" }

  it("says nothing of an ordinary one", function()
    assert.equal("", (check(ordinary)))
    fs.remove(made)
    assert.equal("", (check { ["0_init"] = sql, ["20250102000000_more"] = sql })) -- Prisma's own advice for a baseline
  end)

  it("knows a directory without a script, and the file that was meant", function()
    assert.equal("missing-script", (check(ordinary, function(path) assert(fs.mkdir(path .. "/20250103000000_none")) end)))
    fs.remove(made)
    local names, findings = check(ordinary, function(path)
      assert(fs.rename(path .. "/20250102000000_more/migration.sql", path .. "/20250102000000_more/migration.sql.txt"))
    end)
    assert.equal("missing-script", names)
    assert.matches("rename migration.sql.txt", findings[1].fix, 1, true)
  end)

  it("knows what Prisma does not see", function()
    for file, wanted in pairs {
      ["20250101000000_init/Migration.sql"] = "unseen-file", ["20250101000000_init/migration.sql.txt"] = "unseen-file",
      ["fix.sql"] = "unseen-file", ["20250101000000_init/20250103000000_inner/migration.sql"] = "unseen-folder",
      -- Innocent: Prisma's documentation itself puts the first beside.
      ["20250101000000_init/down.sql"] = "", ["20250101000000_init/README.md"] = "", ["README.md"] = "",
      ["20250101000000_init/data/rows.csv"] = "",
    } do
      local names = check(ordinary, function(path)
        assert(fs.mkdir((path .. "/" .. file):match "^(.*)/"))
        assert(fs.write(path .. "/" .. file, sql))
      end)
      assert.equal(wanted, names, file)
      fs.remove(made)
    end
    assert.equal("unseen-folder", (check(ordinary, function(path)
      assert(process.run { "ln", "-s", "20250101000000_init", path .. "/20250103000000_link" })
    end)))
  end)

  it("knows names without a timestamp, and two of one second", function()
    assert.equal("no-timestamp", (check { ["20250101000000_init"] = sql, ["add_more"] = sql }))
    fs.remove(made)
    assert.equal("", (check { ["20250101000000_init"] = sql, ["20250101000001_"] = sql, ["20250101000002"] = sql }))
    fs.remove(made)
    assert.equal("doubled-timestamp", (check { ["20250101000000_a"] = sql, ["20250101000000_b"] = sql }))
  end)

  it("knows orders that differ between tools", function()
    -- Prisma sorts letters without their case; bytes do not.
    assert.equal("doubled-timestamp sort-order", (check { ["20250101000000_B"] = sql, ["20250101000000_a"] = sql }))
    fs.remove(made)
    assert.equal("no-timestamp no-timestamp sort-order", (check { ["10_b"] = sql, ["9_a"] = sql }))
  end)

  it("knows a missing lock file, and one for another database", function()
    assert.equal("missing-lock-file", (check(ordinary, function(path) fs.remove(path .. "/migration_lock.toml") end)))
    fs.remove(made)
    for _, text in ipairs { 'provider = "sqlite"\n', "provider = 'postgresql'\n", "# nothing\n" } do
      assert.equal("wrong-provider", (check(ordinary, function(path) assert(fs.write(path .. "/migration_lock.toml", text)) end)))
      fs.remove(made)
    end
  end)

  it("knows a migration without statements", function()
    for text, wanted in pairs { [""] = "empty-migration", ["-- This is an empty migration.\n"] = "empty-migration",
      ["/* a\nb */ ;\n"] = "empty-migration", ["-- one\nSELECT 1;\n"] = "" } do
      assert.equal(wanted, (check { ["20250101000000_init"] = sql, ["20250102000000_x"] = text }), text)
      fs.remove(made)
    end
  end)

  it("finds the folder that is meant", function()
    made = book.project(ordinary)
    local path = made .. "/prisma/migrations"
    assert.equal(path, lint_folder.locate(made))
    assert.equal(path, lint_folder.locate(path .. "/"))
    assert.equal(path, lint_folder.locate(made .. "/prisma"))
    assert.is_nil((lint_folder.locate(path .. "/20250101000000_init")))
  end)
end)
