local clock = require "host.clock"
local task = require "host.task"

describe("clock", function()
  it("measures with a clock that only goes on", function()
    local last = clock.now()
    for _ = 1, 1000 do
      local now = clock.now()
      assert.is_true(now >= last)
      last = now
    end
  end)

  it("sleeps at least as long as told, beside other tasks", function()
    local began = clock.now()
    local children = {}
    for i = 1, 50 do children[i] = task.spawn(function() clock.sleep(0.05) end) end
    for _, child in ipairs(children) do assert.is_true((child:join())) end
    local took = clock.now() - began
    assert.is_true(took >= 0.049 and took < 2, took)
    assert.equal(0, select("#", clock.sleep(0)))
  end)

  it("refuses to sleep for no time at all", function()
    for _, seconds in ipairs { -1, 1e9, 0 / 0, math.huge, "x" } do
      assert.has_error(function() clock.sleep(seconds) end)
    end
    assert.has_error(function() clock.sleep() end)
  end)

  it("knows the time of day", function()
    assert.is_true(math.abs(clock.wall() - os.time()) < 5)
  end)

  it("writes times as ISO 8601, cut to milliseconds", function()
    assert.equal("1970-01-01T00:00:00.000Z", clock.iso(0))
    assert.equal("2026-11-21T02:31:00.123Z", clock.iso(1795228260.1239))
    assert.equal("2024-02-29T23:59:59.999Z", clock.iso(1709251199.9999))
    assert.equal("9999-12-31T23:59:59.000Z", clock.iso(253402300799))
    for _, seconds in ipairs { -1, 253402300800, 0 / 0 } do
      assert.has_error(function() clock.iso(seconds) end)
    end
    local now <const> = clock.iso()
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", now)
    local hour, minute, second = now:match "T(%d+):(%d+):(%d+)"
    local apart = (hour * 3600 + minute * 60 + second - os.time()) % 86400
    assert.is_true(apart < 5 or apart > 86395, now)
  end)

  it("writes the local time with its offset", function()
    local fs = require "host.fs"
    local home = assert(fs.mkdtemp("/tmp/dixis-clock-"))
    assert(fs.write(home .. "/child_spec.lua", [[
      it("x", function()
        local clock = require "host.clock"
        assert.equal(os.getenv "WANTED", clock.iso(1795228260.5, true))
        assert.equal("2026-11-21T02:31:00.500Z", clock.iso(1795228260.5))
      end)]]))
    for zone, wanted in pairs {
      ["EET-2"] = "2026-11-21T04:31:00.500+02:00",
      ["NST3:30"] = "2026-11-20T23:01:00.500-03:30",
      ["NPT-5:45"] = "2026-11-21T08:16:00.500+05:45",
      ["UTC0"] = "2026-11-21T02:31:00.500+00:00",
    } do
      local ok = os.execute(("TZ=%s WANTED=%s %s spec %s/child_spec.lua >%s/out 2>&1")
        :format(zone, wanted, fs.realpath "/proc/self/exe", home, home))
      assert.is_true(ok, fs.read(home .. "/out"))
    end
    assert(fs.remove(home))
  end)

  it("knows the offsets of time zones, before and after their clocks are changed", function()
    -- Athens: EET until 2026-03-29 01:00 UTC, then EEST until 2026-10-25 01:00 UTC.
    assert.equal(7200, clock.offset("Europe/Athens", 1774745999))
    assert.equal(10800, clock.offset("Europe/Athens", 1774746000))
    assert.equal(10800, clock.offset("Europe/Athens", 1792889999.9))
    assert.equal(7200, clock.offset("Europe/Athens", 1792890000))
    assert.equal(0, clock.offset("UTC", 1792890000))
    assert.equal(20700, clock.offset("Asia/Kathmandu", 1792890000))
    assert.equal(-12600, clock.offset("America/St_Johns", 1795228260))
    -- Beyond the table of the file, by its rule.
    assert.equal(10800, clock.offset("Europe/Athens", 4089000000))
  end)

  it("leaves the own time zone alone", function()
    local before <const> = clock.iso(1795228260, true)
    clock.offset("Asia/Kathmandu", 1795228260)
    assert.equal(before, clock.iso(1795228260, true))
  end)

  it("refuses what is no time zone, which the C library takes for UTC", function()
    for _, zone in ipairs { "Europe/Atlantis", "", "../zoneinfo/UTC", "/usr/share/zoneinfo/UTC", "zone.tab", "Europe",
      ("x"):rep(4000), "EET-2" } do
      local offset, err = clock.offset(zone, 0)
      assert.is_nil(offset, zone)
      assert.equal("no_zone", err.kind)
    end
    assert.has_error(function() clock.offset("UTC", -1) end)
    assert.has_error(function() clock.offset("UTC") end)
  end)
end)
