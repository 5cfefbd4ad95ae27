-- The workflows for a user's repository, what lints them, and what their action does.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local process = require "host.process"
local server = require "spec.support.server"

local env <const> = { PATH = process.getenv "PATH", HOME = "/tmp" }

local function lint(...)
  return assert(process.run({ "python3", "script/lint-workflows", ... }, { env = env }))
end

describe("the workflows", function()
  it("are all well", function()
    local paths = { "action.yml" }
    for _, entry in ipairs(assert(fs.list ".github/workflows")) do paths[#paths + 1] = ".github/workflows/" .. entry.name end
    assert.is_true(#paths >= 6)
    local result = lint(table.unpack(paths))
    assert.equal(0, result.code, result.stderr)
  end)

  it("are judged when they are not", function()
    local folder = assert(fs.mkdtemp "/tmp/dixis-workflow-")
    local good = assert(fs.read ".github/workflows/staging-migration.yml")
    local path = folder .. "/staging-migration.yml"
    for _, case in ipairs {
      { "apt%-get %-q update", "echo ${{ inputs.confirm }}; apt-get -q update", "run holds ${{ inputs.confirm }}" },
      { "apt%-get %-q update", "echo ${{ github.event.inputs.x }}", "run holds ${{ github.event.inputs.x }}" },
      { "checkout@v4", "checkout", "without a version" }, { "persist%-credentials: false", "fetch-depth: 1", "credentials" },
      { "  workflow_dispatch:", "  push:\n  workflow_dispatch:", "by hand alone" },
      { "      confirm:", "      sure:", "nobody is asked" },
      { "cancel%-in%-progress: false", "cancel-in-progress: true", "must not be cut off" },
      { "permissions:\n  contents: read\n", "", "permissions are not stated" }, { "timeout%-minutes: 120", "x: 1", "no timeout" },
      { "  workflow_dispatch:", "  pull_request_target:\n  workflow_dispatch:", "strangers" },
    } do
      local text, count = good:gsub(case[1], (case[2]:gsub("%%", "%%%%")), 1)
      assert.equal(1, count, case[1])
      assert(fs.write(path, text))
      local result = lint(path)
      assert.equal(1, result.code, case[3])
      assert.matches(case[3], result.stderr, 1, true)
    end
    assert(fs.write(path, good))
    assert.equal(0, lint(path).code)
    assert(fs.remove(folder))
  end)
end)

describe("the action", function()
  local folder, url

  before_each(function()
    folder = book.project()
    url = server.url(server.database())
    assert(process.run({ "git", "init", "-q" }, { cwd = folder, env = env }))
    book.write(folder, { gates = "{ gate.secret(), gate.reachable(), gate.confirm 'SPEC-OK' }", steps = "{ step.deploy() }",
      options = [[{ note = { type = "string", help = "a text" } }]] })
  end)
  after_each(function() fs.remove(folder) end)

  -- As the runner does it, with the binary of this run.
  local function run(inputs)
    local home = assert(fs.realpath ".")
    local given = { PATH = env.PATH, HOME = folder, LANG = "C.UTF-8", SPEC_URL = url, GITHUB_ACTIONS = "true", CI = "true",
      DIXIS_LIB = process.getenv "DIXIS_LIB", GITHUB_STEP_SUMMARY = folder .. "/.git/summary",
      GITHUB_OUTPUT = folder .. "/.git/output",
      BUILD = process.executable():match "([^/]+)/dixis$", INPUT_DIRECTORY = folder, INPUT_RUNBOOK = "book.lua" }
    for name, value in pairs(inputs) do given["INPUT_" .. name] = value end
    local result = assert(process.run({ "bash", home .. "/script/action", "run" },
      { cwd = folder, env = given, timeout = 120 }))
    return result, fs.read(folder .. "/.git/summary") or "", fs.read(folder .. "/.git/output") or ""
  end

  it("shows the plan, and then runs that plan and no other", function()
    local planned, summary, output = run { VERB = "plan" }
    assert.equal(0, planned.code, planned.stdout .. planned.stderr)
    local digest = output:match "^digest=(%x+)\n"
    assert.matches(digest, summary, 1, true)
    assert.matches("## Plan: A runbook of a spec", summary, 1, true)
    local other = run { CONFIRM = "SPEC-OK", PLAN = ("0"):rep(64) }
    assert.equal(3, other.code)
    local ran
    ran, summary, output = run { CONFIRM = "SPEC-OK\n", PLAN = digest }
    assert.equal(0, ran.code, ran.stdout .. ran.stderr)
    assert.matches("# A runbook of a spec 1: succeeded", summary, 1, true)
    assert.matches("\njournal=.dixis/runs/[%w-]+%.jsonl\nreceipt=.dixis/runs/", output)
    for _, ending in ipairs { "md", "json", "xml" } do assert.is_truthy(fs.stat(folder .. "/.dixis/report." .. ending)) end
  end)

  it("gives inputs as they are", function()
    local text <const> = [[$(touch owned) `touch owned`; touch owned && "'*]]
    local result = run { CONFIRM = text, SET = "note=" .. text }
    assert.equal(3, result.code, result.stdout .. result.stderr)
    assert.is_nil(fs.stat(folder .. "/owned"))
    assert.equal(text, dixis.event(dixis.journal(folder), "run.started").options.note)
    result = run { SET = [[note="two\nlines"]] }
    assert.equal(2, result.code)
    assert.matches("note holds what it may not", result.stderr, 1, true)
    result = run { RUNBOOK = "--help" }
    assert.equal(2, result.code, result.stdout)
  end)

  it("refuses without the phrase", function()
    assert.equal(3, run({ CONFIRM = "spec-ok" }).code)
    assert.equal(3, run({ CONFIRM = "" }).code)
  end)
end)
