-- The phrase is compared byte for byte, however it comes. script/torture confirm tries a million.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local phrases = require "spec.support.phrases"
local process = require "host.process"

local PHRASE <const> = "DIXIS-PROD-OK"
local near <const> = phrases.near(PHRASE)

local folder

setup(function()
  folder = book.project()
  -- Asks again and again, as no real gate does, and counts what is accepted.
  book.write(folder, { gates = [[{ gate.custom { name = "asked", open = function(run)
    local accepted, refused = 0, 0
    repeat
      local ok, note = pcall(run.confirm, "]] .. PHRASE .. [[")
      if ok then accepted = accepted + 1 else refused = refused + 1 end
    until ok or note.message and note.message:find "nobody is there" or refused == run.options.most
    return false, ("accepted %d, refused %d"):format(accepted, refused)
  end } }]], options = [[{ most = { type = "integer", default = 1, help = "questions" } }]] })
end)
teardown(function() fs.remove(folder) end)

local env <const> = { SPEC_URL = "postgresql://nobody@127.0.0.1:1/x" }

describe("what is not the phrase", function()
  it("is more than five hundred texts", function() assert.is_true(#near > 500, tostring(#near)) end)

  it("is refused in the gate, for any phrase", function()
    for _, phrase in ipairs { PHRASE, "DIXIS-STAGING-OK", "shop_prod" } do
      assert.is_true((phrases.ask(phrase, phrase)))
      for _, answer in ipairs(phrases.near(phrase)) do
        local opened, err = phrases.ask(phrase, answer)
        assert.is_false(opened, ("%q was accepted for %s"):format(answer, phrase))
        assert.equal("refused", err.kind)
      end
    end
  end)

  it("is refused in the gate, also when it is random", function()
    math.randomseed(20251010)
    for _ = 1, 20000 do
      local answer = phrases.random(PHRASE)
      assert.is_false((phrases.ask(PHRASE, answer)), ("%q"):format(answer))
    end
  end)

  it("is refused by --confirm", function()
    local tried = 0
    for i = 1, #near, #near // 40 do
      if not near[i]:find "\0" then
        tried = tried + 1
        local result = dixis.run({ "run", "book.lua", "--confirm=" .. near[i] }, { cwd = folder, env = env })
        assert.equal(3, result.code, ("%q: %s"):format(near[i], result.stdout .. result.stderr))
        assert.matches("accepted 0, refused 1", result.stdout, 1, true)
      end
    end
    assert.is_true(tried >= 30)
    local result = dixis.run({ "run", "book.lua", "--confirm=" .. PHRASE }, { cwd = folder, env = env })
    assert.matches("accepted 1, refused 0", result.stdout, 1, true)
  end)

  it("comes by no pipe, not even when it is right", function()
    local child <const> = { PATH = process.getenv "PATH", HOME = process.getenv "HOME", DIXIS_LIB = process.getenv "DIXIS_LIB",
      SPEC_URL = env.SPEC_URL }
    for _, input in ipairs { PHRASE .. "\n", PHRASE, (PHRASE .. "\n"):rep(100), "\n", "y\n", "", PHRASE .. "\0\n" } do
      local result = assert(process.run({ process.executable(), "run", "book.lua" },
        { cwd = folder, env = child, input = input }))
      assert.equal(3, result.code)
      assert.matches("accepted 0, refused 1", result.stdout, 1, true)
    end
  end)

  it("is refused at a terminal", function()
    local actions, typed = {}, 0
    local function type_line(text)
      actions[#actions + 1] = "expect:to go on: "
      actions[#actions + 1] = "send:" .. (text .. "\n"):gsub(".", function(c) return ("\\x%02x"):format(c:byte()) end)
    end
    for _, text in ipairs(near) do
      -- Control characters edit the line; a terminal's line has an end.
      if not text:find "[%c]" and #text < 1000 and typed < 260 then
        typed = typed + 1
        type_line(text)
      end
    end
    assert.is_true(typed == 260, tostring(typed))
    type_line(PHRASE)
    local argv = { "python3", fs.cwd() .. "/spec/support/pty.py" }
    table.move(actions, 1, #actions, #argv + 1, argv)
    table.move({ "--", process.executable(), "run", "book.lua", "--set", "most=100000" }, 1, 6, #argv + 1, argv)
    local result = assert(process.run(argv, { cwd = folder, timeout = 120, env = { LANG = "C.UTF-8", TERM = "xterm",
      PATH = process.getenv "PATH", HOME = process.getenv "HOME", DIXIS_LIB = process.getenv "DIXIS_LIB",
      SPEC_URL = env.SPEC_URL } }))
    assert.matches(("accepted 1, refused %d"):format(typed), (result.stdout:gsub("%s+", " ")), 1, true)
  end)
end)
