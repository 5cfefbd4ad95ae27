local config = require "dixis.lint.config"
local fs = require "host.fs"
local suppress = require "dixis.lint.suppress"

describe("the config file of lint", function()
  local folder, path

  before_each(function()
    folder = assert(fs.mkdtemp "/tmp/dixis-lint-")
    path = folder .. "/dixis-lint.json"
  end)
  after_each(function() fs.remove(folder) end)

  local function read(text)
    assert(fs.write(path, text))
    return config.read(path)
  end

  it("says how bad a rule is, everywhere or in some migrations; the last word counts", function()
    local entries = read [[{ "rules": [
      { "rule": "missing-table", "severity": "warning", "because": "made by hand" },
      { "rule": "missing-table", "severity": "off", "because": "old", "paths": ["2023*", "2024????000000_x"] } ],
      "ignore": [ { "paths": ["2020.*"], "because": "before our time" } ] }]]
    local function of(rule, migration) return config.severity(entries, { rule = rule, migration = migration }) end
    assert.equal("warning", of("missing-table", "20250101000000_a"))
    assert.equal("off", of("missing-table", "20230101000000_a"))
    assert.equal("off", of("missing-table", "20241231000000_x"))
    assert.equal("warning", of("missing-table", "20241231000000_xy"))
    assert.is_nil(of("missing-column", "20230101000000_a"))
    assert.equal("off", of("missing-column", "2020.anything"))
    assert.is_nil(of("missing-column", "2020-anything")) -- a dot is a dot
    table.move(config.overrides { "missing-table=note" }, 1, 1, #entries + 1, entries)
    assert.equal("note", of("missing-table", "20230101000000_a"))
  end)

  for name, case in pairs {
    ["no JSON"] = { "{", "is not JSON" },
    ["a list"] = { "[1]", "must be an object" },
    ["an unknown key"] = { '{ "rule": [] }', "unknown key 'rule' (did you mean 'rules'?)" },
    ["an unknown key of an entry"] = { '{ "rules": [ { "rules": "missing-table" } ] }', "rules[1]: unknown key 'rules'" },
    ["an unknown rule"] = { '{ "rules": [ { "rule": "mising-table" } ] }',
      "there is no rule 'mising-table' (did you mean 'missing-table'?)" },
    ["an unknown severity"] = { '{ "rules": [ { "rule": "missing-table", "severity": "eror" } ] }',
      "the severity 'eror' is none of" },
    ["no reason"] = { '{ "rules": [ { "rule": "missing-table", "severity": "off" } ] }', '"because" is missing' },
    ["an empty reason"] = { '{ "ignore": [ { "paths": ["x"], "because": " " } ] }', '"because" is missing' },
    ["ignoring everything"] = { '{ "ignore": [ { "because": "x" } ] }', '"paths" is missing' },
    ["paths that are none"] = { '{ "ignore": [ { "because": "x", "paths": "2023*" } ] }', '"paths" must be a list' },
  } do
    it("is refused for " .. name, function()
      local ok, err = pcall(read, case[1])
      assert.is_false(ok)
      assert.equal("usage", err.kind)
      assert.matches(path, err.message, 1, true)
      assert.matches(case[2], err.message, 1, true)
    end)
  end

  it("is found beside the migrations or above, and not outside of the repository", function()
    assert(fs.mkdir(folder .. "/repo/app/prisma/migrations"))
    assert(fs.write(path, "{}"))
    local migrations = folder .. "/repo/app/prisma/migrations"
    assert.equal(path, config.find(migrations))
    assert(fs.mkdir(folder .. "/repo/.git"))
    assert.is_nil(config.find(migrations))
    for _, place in ipairs { "/repo", "/repo/app", "/repo/app/prisma" } do
      assert(fs.write(folder .. place .. "/dixis-lint.json", "{}"))
      assert.equal(folder .. place .. "/dixis-lint.json", config.find(migrations))
    end
  end)
end)

describe("a comment for lint", function()
  local function read(text)
    local told = {}
    local found = suppress.read(text, function(rule, line, message)
      told[#told + 1] = ("%s %d %s"):format(rule, line, message)
    end)
    local names = {}
    for i, entry in ipairs(found) do names[i] = ("%s:%d"):format(entry.rule, entry.line) end
    return table.concat(names, " "), table.concat(told, "\n")
  end

  it("switches rules off, with a reason", function()
    assert.same({ "missing-table:2", "" }, { read "SELECT 1;\n  -- dixis-lint: off missing-table because it is made by hand\n" })
    assert.same({ "missing-table:1 missing-column:1", "" },
      { read "-- dixis-lint: off missing-table, missing-column because of the old system\r\n" })
  end)

  it("does not count without a reason, for an unknown rule, or as something else", function()
    for text, told in pairs {
      ["-- dixis-lint: off missing-table"] = "gives no reason",
      ["-- dixis-lint: off missing-table because "] = "gives no reason",
      ["-- dixis-lint: off mising-table because x"] = "there is no rule 'mising-table' (did you mean 'missing-table'?)",
      ["-- dixis-lint: ignore missing-table because x"] = "no exception that dixis knows",
    } do
      local names, problem = read(text)
      assert.equal("", names)
      assert.matches("invalid-suppression 1 ", problem, 1, true)
      assert.matches(told, problem, 1, true)
    end
  end)

  it("is a line of its own", function()
    assert.same({ "", "" }, { read "SELECT 1; -- dixis-lint: off missing-table because x" })
    assert.same({ "", "" }, { read "SELECT 'dixis-lint:';" })
  end)
end)
