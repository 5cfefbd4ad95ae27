-- The command line as its user meets it: verbs, options, exit codes, `init` and `spec`.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local embed = require "host.embed"
local fs = require "host.fs"

local verbs <const> = { "run", "plan", "lint", "history", "show", "verify", "init", "spec" }

local folder

local function run(...)
  return dixis.run({ ... }, { cwd = folder })
end

setup(function() folder = book.project() end)
teardown(function() fs.remove(folder) end)

describe("dixis", function()
  it("without a verb says how it is used, and is a usage error", function()
    local result = run()
    assert.equal(2, result.code)
    assert.equal("", result.stdout)
    for _, verb in ipairs(verbs) do assert.matches("\n  " .. verb .. " +%l", result.stderr) end
  end)

  it("helps when asked, on stdout", function()
    for _, word in ipairs { "help", "--help", "-h" } do
      local result = run(word)
      assert.same({ 0, "" }, { result.code, result.stderr })
      assert.matches("^Usage: dixis VERB", result.stdout)
    end
  end)

  it("tells its version", function()
    local result = run "--version"
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.matches("^dixis %d+%.%d+%.%d+\n$", result.stdout)
  end)

  it("helps with each verb, and does nothing else", function()
    for _, verb in ipairs(verbs) do
      for _, flag in ipairs { "--help", "-h" } do
        local result = run(verb, flag)
        assert.same({ 0, "" }, { result.code, result.stderr }, verb .. " " .. flag)
        assert.matches("Usage: ", result.stdout)
        assert.matches(verb, result.stdout, 1, true)
      end
    end
    assert.is_nil(fs.stat(folder .. "/.dixis"))
  end)

  it("suggests the verb or option that was meant", function()
    for _, case in ipairs {
      { { "rnu", "staging" }, "unknown verb 'rnu' (did you mean 'run'?)" },
      { { "plans" }, "unknown verb 'plans' (did you mean 'plan'?)" },
      { { "lnit" }, "unknown verb 'lnit' (did you mean 'lint'?)" },
      { { "deploy" }, "unknown verb 'deploy' (known: history, init, lint, plan, run, show, spec, verify)" },
      { { "run", "staging", "--confrim", "x" }, "unknown option '--confrim' (did you mean '--confirm'?)" },
      { { "run", "staging", "--dry-run" }, "unknown option '--dry-run'" },
      { { "plan", "staging", "--ephemral" }, "unknown option '--ephemral' (did you mean '--ephemeral'?)" },
      { { "run" }, "missing argument 'runbook'" },
      { { "plan" }, "missing argument 'runbook'" },
      { { "show" }, "missing argument 'run'" },
      { { "verify" }, "missing argument 'run'" },
      { { "run", "staging", "prod" }, "too many arguments" },
      { { "history", "last" }, "too many arguments" },
      { { "run", "staging", "--output", "xml" }, "must be one of 'text', 'jsonl'" },
      { { "plan", "staging", "--output", "jsonl" }, "must be one of 'text', 'json'" },
      { { "lint", "--outptu", "json" }, "unknown option '--outptu' (did you mean '--output'?)" },
      { { "lint", "a", "b" }, "too many arguments" },
      { { "run", "staging", "--set" }, "option '--set' requires an argument" },
      { { "history", "-n", "x" }, "malformed argument 'x'" },
      { { "history", "-n", "1.5" }, "malformed argument '1.5'" },
      { { "spec", "--bogus" }, "unknown/bad flag: --bogus" },
    } do
      local result = run(table.unpack(case[1]))
      local what = table.concat(case[1], " ")
      assert.same({ 2, "" }, { result.code, result.stdout }, what)
      assert.matches(case[2], result.stderr, 1, true)
      assert.matches("^dixis: ", result.stderr)
    end
    assert.is_nil(fs.stat(folder .. "/.dixis"))
  end)

  it("refuses values of --set before anything is made", function()
    for _, case in ipairs {
      { "wait", "--set wait: must be NAME=VALUE" },
      { "=5", "--set =5: must be NAME=VALUE" },
      { "wiat=5s", "has no option 'wiat' (did you mean 'wait'?)" },
      { "nothing_like_it=1", "has no option 'nothing_like_it' (known: after, allow, app_log," },
      { "wait=soon", "must be a duration" },
      { "wait=", "must be a duration" },
      { "wait=-5s", "must be a duration" },
      { "git=maybe", "must be true or false" },
      { "health_url=localhost:3000", "must be an http:// or https:// address" },
      { "migrations=", "must not be empty" },
    } do
      for _, verb in ipairs { "run", "plan" } do
        local result = run(verb, "staging", "--set", case[1])
        assert.same({ 2, "" }, { result.code, result.stdout }, case[1])
        assert.matches(case[2], result.stderr, 1, true)
      end
    end
    assert.is_nil(fs.stat(folder .. "/.dixis"))
  end)
end)

describe("dixis init", function()
  local home

  before_each(function() home = assert(fs.mkdtemp "/tmp/dixis-init-") end)
  after_each(function() fs.remove(home) end)

  it("copies the runbooks, which then run, and keeps what is there", function()
    local result = dixis.run({ "init" }, { cwd = home })
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.equal(embed.text "runbooks/staging.lua", fs.read(home .. "/runbooks/staging.lua"))
    assert.equal(embed.text "runbooks/prod.lua", fs.read(home .. "/runbooks/prod.lua"))
    assert.equal("*\n", fs.read(home .. "/.dixis/.gitignore"))
    assert(fs.write(home .. "/runbooks/staging.lua", "return 1"))
    result = dixis.run({ "init", home }, { cwd = folder })
    assert.equal(0, result.code)
    assert.matches("kept     " .. home .. "/runbooks/staging.lua", result.stdout, 1, true)
    assert.equal("return 1", fs.read(home .. "/runbooks/staging.lua"))
    -- The copy comes before the built-in one, by its path and by its name.
    for _, ref in ipairs { "runbooks/staging.lua", "staging" } do
      result = dixis.run({ "plan", ref }, { cwd = home })
      assert.equal(2, result.code)
      assert.matches("runbooks/staging.lua: must return dixis.runbook", result.stderr, 1, true)
    end
  end)

  it("does not make the repository itself", function()
    local result = dixis.run({ "init", "nowhere" }, { cwd = home })
    assert.equal(2, result.code)
    assert.matches("the folder nowhere does not exist", result.stderr, 1, true)
    assert.is_nil(fs.stat(home .. "/nowhere"))
  end)

  it("says when a file is in the way", function()
    assert(fs.write(home .. "/runbooks", "a file"))
    local result = dixis.run({ "init" }, { cwd = home })
    assert.equal(1, result.code)
    assert.matches("runbooks", result.stderr, 1, true)
    assert.equal("a file", fs.read(home .. "/runbooks"))
  end)
end)

describe("dixis spec", function()
  it("tells by its exit code whether the specs passed", function()
    assert(fs.write(folder .. "/good_spec.lua", [[
      it("has primitives", function()
        require("host.clock").sleep(0.01)
        assert.equal("staging", require("dixis.loader").load("staging").name)
      end)]]))
    assert(fs.write(folder .. "/bad_spec.lua", [[it("fails", function() assert.equal(1, 2) end)]]))
    local result = run("spec", "good_spec.lua")
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.matches("1 success", result.stdout, 1, true)
    result = run("spec", "bad_spec.lua")
    assert.equal(1, result.code)
    assert.matches("1 failure", result.stdout, 1, true)
    assert.equal(1, run("spec", "no_such_spec.lua").code)
  end)
end)
