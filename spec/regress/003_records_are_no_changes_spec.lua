-- In a repository without `dixis init`, the first run left .dixis/ as an untracked folder. The production
-- runbook, which demands a work tree without uncommitted changes, then refused because of its own journal.
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local process = require "host.process"
local store = require "dixis.store"

local runbook <const> = [[
local gate, step = dixis.gate, dixis.step
return dixis.runbook {
  name = "clean", version = "1", title = "a clean work tree",
  target = { env = "DATABASE_URL_CLEAN", environment = "clean" },
  uses = { exec = { "git" } },
  gates = { gate.git { clean = true }, gate.secret() },
  steps = { step.identity() }, criteria = {},
}
]]

describe("the records of a run", function()
  local folder

  before_each(function()
    folder = dixis.project { git = false }
    assert(fs.write(folder .. "/clean.lua", runbook))
    local env = { PATH = process.getenv "PATH", HOME = "/tmp" }
    assert.equal(0, process.run({ "git", "init", "-q" }, { cwd = folder, env = env }).code)
    dixis.commit(folder)
  end)
  after_each(function() fs.remove(folder) end)

  local function git_gate(...)
    dixis.run({ "run", "clean.lua", ... }, { cwd = folder })
    for event in store.events(store.find(select(2, ...) or folder .. "/.dixis/runs", "last")) do
      if event.name == "git" and event.type ~= "gate.started" then return event.type end
    end
  end

  it("are not changes of the project", function()
    assert.equal("gate.opened", git_gate())
    assert.equal("gate.opened", git_gate())
  end)

  it("do not hide what is one", function()
    assert(fs.write(folder .. "/new", ""))
    assert.equal("gate.refused", git_gate())
  end)

  it("do not bring files into a folder that somebody else named", function()
    assert(fs.mkdir(folder .. "/mine"))
    git_gate("--journal", folder .. "/mine")
    assert.is_nil(fs.stat(folder .. "/mine/.gitignore"))
    assert.is_nil(fs.stat(folder .. "/.dixis"))
  end)
end)
