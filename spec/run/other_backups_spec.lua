-- gate.snapshot and gate.external_backup: backups that dixis did not make.
local book = require "spec.support.book"
local clock = require "host.clock"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local elsewhere = require "dixis.backup.elsewhere"
local fields = require "dixis.backup.fields"
local fs = require "host.fs"
local json = require "dixis.json"
local server = require "spec.support.server"
local web = require "spec.support.web"

local function iso(seconds) return clock.iso(clock.wall() + seconds) end

describe("the time of a backup", function()
  it("is read as providers write it", function()
    local noon <const> = 1795262400 -- 2026-11-21 12:00:00 UTC
    for _, text in ipairs { "2026-11-21T12:00:00Z", "2026-11-21T12:00:00.123Z", "2026-11-21 12:00:00", "2026-11-21 12:00:00 UTC",
      "2026-11-21T14:00:00+02:00", "2026-11-21T14:00:00.5+0200", "2026-11-21 06:30:00 -05:30", "1795262400" } do
      assert.equal(noon, elsewhere.time(text) // 1, text)
    end
    assert.equal(noon, elsewhere.time(noon))
    assert.equal(noon, elsewhere.time(noon * 1000))
    assert.equal(951782400, elsewhere.time "2000-02-29T00:00:00Z")
    for _, text in ipairs { "", "yesterday", "2026-11-21", "2026-11-21T12:00:00 CET", "21.11.2026 12:00" } do
      assert.is_nil(elsewhere.time(text), text)
    end
    assert.is_nil(elsewhere.time(nil))
    assert.is_nil(elsewhere.time {})
  end)
end)

describe("a backup that dixis did not make", function()
  local folder, url
  setup(function()
    url = server.url(server.database "elsewhere")
    folder = book.project()
  end)
  teardown(function() fs.remove(folder) end)

  local function run(uses, gate, ...)
    book.write(folder, { uses = uses, gates = ('{ gate.reachable "5s", %s, gate.confirm "YES" }'):format(gate) })
    local result = book.dixis(folder, url, { "run", "book.lua", "--confirm", "YES", ... })
    result.shown = result.shown:gsub("\n +", " ")
    return result, (dixis.journal(folder))
  end

  local function refused(text, result, events)
    assert.equal(3, result.code, result.shown)
    assert.matches(text, result.shown, 1, true)
    assert.is_nil(dixis.event(events, "backup.confirmed"))
  end

  describe("as a snapshot", function()
    --- The gate with a command that prints the answer.
    local function told(answer, more)
      local path = folder .. "/answer"
      assert(fs.write(path, type(answer) == "table" and json.encode(answer) or answer))
      return run('{ exec = { "cat" } }', ('gate.snapshot { command = { "cat", "%s" }, %s }'):format(path, more or
        'json = { ["[0].Status"] = "available" }, made = "[0].CreatedAt", within = "2h", recovery = "30m"'))
    end

    it("is taken at the word of a command", function()
      local result, events = told { { Status = "available", CreatedAt = iso(-600) } }
      assert.equal(0, result.code, result.shown)
      assert.matches("there is one, 10 min 0%d s old", result.shown)
      local kept = dixis.event(events, "backup.confirmed")
      assert.same({ "snapshot", false, { seconds = 1800, measured = false } }, { kept.kind, kept.proven, kept.recovery })
    end)

    it("or of an address, with a token that shows nowhere", function()
      local site = web.start()
      local function asked(at, env)
        book.write(folder, { uses = ('{ net = { "%s" }, env = { "TOKEN" } }'):format(site.base),
          gates = ('{ gate.reachable "5s", gate.snapshot { url = "%s/echo", token = "TOKEN", headers = { ["X-At"] = "%s" }, '
            .. 'json = { ["headers.authorization"] = "Bearer canary-token" }, made = "headers.x-at", within = "1h" } }'):format(
            site.base, at) })
        local result = book.dixis(folder, url, { "run", "book.lua" }, env)
        return result, (dixis.journal(folder))
      end
      local result = asked(iso(-60), { TOKEN = "canary-token" })
      assert.equal(0, result.code, result.shown)
      local text = assert(fs.read(select(2, dixis.journal(folder))))
      assert.is_nil((text .. result.shown):find("canary", 1, true))
      result = asked(iso(-60), { TOKEN = "canary-other" })
      assert.equal(3, result.code)
      assert.is_nil(result.shown:find("canary-other", 1, true), result.shown)
      refused("TOKEN is not set", asked(iso(-60)))
      refused("is 1 h 01 min old", asked(iso(-3660), { TOKEN = "canary-token" }))
      site:close()
    end)

    it("or by a pattern, when the answer is not JSON", function()
      local more <const> = 'matches = "state=done", made = "at=(%S+)"'
      assert.equal(0, told("state=done at=" .. iso(-60) .. "\n", more).code)
      refused("does not match", told("state=going at=" .. iso(-60) .. "\n", more))
      refused("cannot be read", told("state=done\n", more))
    end)

    it("not when it is unfinished, old, from the future, or nothing tells of it", function()
      refused('[0].Status is "creating", not "available"', told { { Status = "creating", CreatedAt = iso(-600) } })
      refused("the snapshot is 3 h 00 min old, more than 2 h 00 min", told { { Status = "available", CreatedAt = iso(-10800) } })
      refused("is from the future", told { { Status = "available", CreatedAt = iso(3600) } })
      refused("cannot be read", told { { Status = "available", CreatedAt = "lately" } })
      refused("[0].Status is nothing", told {})
      refused("the answer is not JSON", told "oops")
      refused("ended with code 1", run('{ exec = { "false" } }',
        'gate.snapshot { command = { "false" }, matches = "x", made = "(x)" }'))
    end)
  end)

  describe("as a file of another tool", function()
    local path
    before_each(function()
      path = folder .. "/there/shop.bak"
      assert(fs.mkdir(folder .. "/there"))
      assert(fs.write(path, "contents"))
      assert(fs.write(path .. ".sha256", digest.sha256 "contents" .. "  shop.bak\n"))
    end)
    after_each(function() fs.remove(folder .. "/there") end)

    local function judged(more, uses)
      return run(uses or ('{ read = { "%s" }, exec = { "test" } }'):format(path),
        ('gate.external_backup { path = "%s", %s }'):format(path, more or 'proof = { "test", "-s" }'))
    end

    it("is fresh, whole and proven", function()
      local result, events = judged()
      assert.equal(0, result.code, result.shown)
      local kept = dixis.event(events, "backup.confirmed")
      assert.same({ "external", true, true, digest.sha256 "contents" },
        { kept.kind, kept.proven, kept.recovery.measured, kept.sha256 })
      assert.equal(path, dixis.event(events, "command.started").argv[3])
      local there <const> = path:match "^.*/"
      assert.equal(0, run(('{ read = { "%s" }, exec = { "test" } }'):format(there),
        ('gate.external_backup { path = "%s", proof = { "test", "-s" } }'):format(there)).code)
    end)

    it("not when it is empty, changed, old, gone, without a sum, or its proof fails", function()
      refused("the proof failed: test ended with code 1", judged 'proof = { "test", "-d" }')
      refused("is 0.", judged 'proof = { "test", "-s" }, within = "0s"')
      refused("and must be", judged(('proof = { "test", "-s" }, sha256 = "%s"'):format(("a"):rep(64))))
      assert(fs.write(path, "Contents"))
      refused("and must be", judged())
      assert(fs.remove(path .. ".sha256"))
      refused("nothing says what the SHA-256", judged())
      assert(fs.write(path, ""))
      refused("is empty", judged())
      assert(fs.remove(path))
      refused("there is no backup", judged())
    end)

    it("not without a proof, unless that is accepted in so many words", function()
      refused("nothing proves that", judged 'within = "1h"')
      refused("is not the phrase", judged 'unproven = "yes"')
      local result, events = judged(('unproven = "%s"'):format(fields.phrase))
      assert.equal(0, result.code, result.shown)
      assert.equal(fields.phrase, dixis.event(events, "backup.unproven").text)
      assert.is_false(dixis.event(events, "backup.confirmed").proven)
    end)
  end)
end)
