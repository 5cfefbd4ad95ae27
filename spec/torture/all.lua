-- The whole crash suite, run by script/torture. DIXIS_TORTURE says which kinds; DIXIS_TORTURE_STEP thins out
-- those that go through all records or messages.

local backend = require "spec.torture.backend"
local clock = require "host.clock"
local confirm = require "spec.torture.confirm"
local crowd = require "spec.torture.crowd"
local cut = require "spec.torture.cut"
local kill = require "spec.torture.kill"
local lab = require "spec.torture.lab"
local process = require "host.process"
local restart = require "spec.torture.restart"
local server = require "spec.support.server"

local MIGRATIONS <const> = 50
local chosen <const> = process.getenv "DIXIS_TORTURE"
local step <const> = tonumber(process.getenv "DIXIS_TORTURE_STEP") or 1

-- So many moments of an undisturbed run, start-up and end included.
local function moments(made, count)
  local i = 0
  return function()
    i = i + 1
    if i <= count then return math.random() * made.seconds * 1.05 end
  end
end

local kinds <const> = {
  kill = function(made)
    for n = 1, made.lines, step do kill.at_record(made, n) end
    for seconds in moments(made, 200 // step) do kill.after(made, seconds) end
  end,
  backend = function(made)
    for seconds in moments(made, 100 // step) do backend.terminate(made, "main", seconds) end
    for seconds in moments(made, 50 // step) do backend.terminate(made, "lock", seconds) end
  end,
  cut = function(made)
    for n = 1, 2 do cut.at(made, "startup:" .. n) end
    for n = 1, 1200, 7 * step do cut.at(made, "message:" .. n, { may_miss = true }) end
    for n = 1, 1200, 11 * step do cut.at(made, "answer:" .. n, { may_miss = true }) end
    for n = 1, 50, 3 * step do
      for _, rule in ipairs { "before_commit", "after_commit", "with_commit" } do cut.at(made, rule .. ":" .. n) end
    end
    for n = 2, 50, 16 * step do
      cut.at(made, "silent_before:" .. n)
      cut.at(made, "silent_after:" .. n)
    end
    for _, rule in ipairs { "dead_before:9", "dead_after:9" } do cut.at(made, rule, { codes = { 6 } }) end
  end,
  crowd = function(made)
    for _ = 1, math.max(1, 6 // step) do
      crowd.at_once(made, 8, "60s")
      crowd.at_once(made, 8, "0s")
    end
  end,
}

local function wanted(name)
  return not chosen or (" " .. chosen .. " "):find(" " .. name .. " ", 1, true) ~= nil
end

if wanted "confirm" then
  describe("the gate that asks", function()
    it("confirm", function() assert(confirm.fuzz(1000000 // step) == 0) end)
  end)
end

describe("a deploy of " .. MIGRATIONS .. " migrations survives", function()
  local function try(name, admin, run)
    local begun = clock.now()
    local made = lab.new(admin, MIGRATIONS)
    run(made)
    local ok, summary = made:verdict()
    print(("%s: %s (%.0f s)"):format(name, summary, clock.now() - begun))
    made:close()
    assert(ok, summary)
  end

  for _, name in ipairs { "kill", "backend", "cut", "crowd" } do
    if wanted(name) then
      it(name, function() try(name, server.params(), kinds[name]) end)
    end
  end

  if wanted "restart" then
    it("restart", function()
      local cluster = restart.cluster()
      local ok, err = pcall(try, "restart", cluster.params, function(made)
        for seconds in moments(made, 60 // step) do restart.after(made, cluster, seconds) end
      end)
      cluster:close()
      assert(ok, err)
    end)
  end
end)
