-- Windows: their times in a zone, through changes of the clocks, and what fits into them.
local clock = require "host.clock"
local window = require "dixis.window"

-- Seconds since 1970 of "2026-11-22T02:00Z".
local function utc(text)
  local low, high = 0, 253402300799
  while low < high do
    local middle = (low + high) // 2
    if clock.iso(middle):sub(1, 16) < text:sub(1, 16) then low = middle + 1 else high = middle end
  end
  return low
end

local function times(opens, closes, more)
  local given = { opens = opens, closes = closes, tz = "Europe/Athens" }
  for name, value in pairs(more or {}) do given[name] = value end
  return window.parse(given)
end

local function span(found)
  return found and { clock.iso(found.opens):sub(1, 16), clock.iso(found.closes):sub(1, 16) }
end

describe("a window", function()
  it("on a date", function()
    local given = times("2026-11-22 02:00", "2026-11-22 05:00")
    local wanted = { "2026-11-22T00:00", "2026-11-22T03:00" }
    assert.same(wanted, span(window.at(given, utc "2026-11-01T00:00Z")))
    assert.same(wanted, span(window.at(given, utc "2026-11-22T02:59Z")))
    assert.is_nil(window.at(given, utc "2026-11-22T03:00Z"))
  end)

  it("of every day, also over midnight", function()
    local nightly = times("02:00", "05:00")
    assert.same({ "2026-11-22T00:00", "2026-11-22T03:00" }, span(window.at(nightly, utc "2026-11-21T03:00Z")))
    assert.same({ "2026-11-22T00:00", "2026-11-22T03:00" }, span(window.at(nightly, utc "2026-11-22T01:00Z")))
    local late = times("22:00", "04:00")
    assert.same({ "2026-11-21T20:00", "2026-11-22T02:00" }, span(window.at(late, utc "2026-11-22T01:59Z")))
    assert.same({ "2026-11-22T20:00", "2026-11-23T02:00" }, span(window.at(late, utc "2026-11-22T02:00Z")))
  end)

  it("on some days of the week: those on which it opens", function()
    local weekend = times("22:00", "04:00", { weekdays = { "sat", "SUN" } })
    -- 2026-11-21 is a Saturday.
    assert.same({ "2026-11-21T20:00", "2026-11-22T02:00" }, span(window.at(weekend, utc "2026-11-18T12:00Z")))
    assert.same({ "2026-11-22T20:00", "2026-11-23T02:00" }, span(window.at(weekend, utc "2026-11-23T01:00Z")))
    assert.same({ "2026-11-28T20:00", "2026-11-29T02:00" }, span(window.at(weekend, utc "2026-11-23T02:00Z")))
  end)

  -- Athens, 2026-03-29: 03:00 is followed by 04:00.
  it("is the shorter one where its clocks skip an hour", function()
    local day = utc "2026-03-28T22:00Z"
    assert.same({ "2026-03-29T00:00", "2026-03-29T02:00" }, span(window.at(times("02:00", "05:00"), day)))
    local found = window.at(times("03:30", "05:00"), day)
    assert.same({ "2026-03-29T01:30", "2026-03-29T02:00" }, span(found))
    assert.same({ "03:30 is shown never on that day: it opens at 01:30 UTC" }, found.notes)
    assert.same({ "2026-03-29T00:00", "2026-03-29T00:30" }, span(window.at(times("02:00", "03:30"), day)))
    -- All of it is skipped: the next night's is the next.
    assert.same({ "2026-03-30T00:10", "2026-03-30T00:50" }, span(window.at(times("03:10", "03:50"), day)))
    assert.is_nil(window.at(times("2026-03-29 03:10", "2026-03-29 03:50"), day))
  end)

  -- Athens, 2026-10-25: 04:00 is followed by 03:00.
  it("is the shorter one where its clocks show an hour twice", function()
    local day = utc "2026-10-24T22:00Z"
    assert.same({ "2026-10-24T23:00", "2026-10-25T03:00" }, span(window.at(times("02:00", "05:00"), day)))
    assert.same({ "2026-10-25T01:30", "2026-10-25T03:00" }, span(window.at(times("03:30", "05:00"), day)))
    local found = window.at(times("02:00", "03:30"), day)
    assert.same({ "2026-10-24T23:00", "2026-10-25T00:30" }, span(found))
    assert.same({ "03:30 is shown twice on that day: it closes at 00:30 UTC" }, found.notes)
  end)

  it("does not depend on the zone where dixis runs", function()
    assert.same({ "2026-11-22T07:30", "2026-11-22T10:30" }, span(window.at(
      times("04:00", "07:00", { tz = "America/St_Johns" }), utc "2026-11-22T00:00Z")))
  end)

  it("refuses times, days and zones that are none", function()
    for _, case in ipairs {
      { "2:00", "05:00" }, { "24:00", "05:00" }, { "02:60", "05:00" }, { "2026-02-29 02:00", "2026-02-29 05:00" },
      { "2026-13-01 02:00", "2026-13-01 05:00" }, { "2026-11-22 02:00", "05:00" }, { "02:00", "" }, { "02:00 ", "05:00" },
      { "02:00", "05:00", { tz = "Athens" } }, { "02:00", "05:00", { weekdays = { "Saturday" } } },
      { "2026-11-22 02:00", "2026-11-22 05:00", { weekdays = { "sun" } } }, { "1969-01-01 00:00", "1969-01-02 00:00" },
    } do
      assert.has_error(function() times(table.unpack(case)) end)
    end
  end)
end)

describe("what fits into a window", function()
  local given = times("2026-11-22 02:00", "2026-11-22 05:00") -- 00:00 to 03:00 UTC
  local function judge(now, load)
    load.allow = load.allow or {}
    local ok, found, no_return, note = pcall(window.judge, given, load, utc(now))
    if ok then return clock.iso(no_return):sub(12, 16), note end
    assert.equal("refused", found.kind, tostring(found))
    return nil, found.message
  end

  it("is work that ends while there is still time for the way back", function()
    assert.equal("02:30", (judge("2026-11-22T00:00Z", { high = 7200, recovery = 1800 })))
    assert.equal("02:30", (judge("2026-11-22T00:30Z", { high = 7200, recovery = 1800 })))
    local none, why = judge("2026-11-22T00:31Z", { high = 7200, recovery = 1800 })
    assert.is_nil(none)
    assert.matches("it does not fit: up to 2 h 00 min of work and 30 min 00 s for the way back", why, 1, true)
    assert.matches("2026-11-22 05:00 (Europe/Athens)", why, 1, true)
  end)

  it("says the point of no return in the window's own zone", function()
    local _, note = judge("2026-11-22T00:00Z", { high = 60, recovery = 1800 })
    assert.matches("open until 2026-11-22 05:00 (Europe/Athens); point of no return 2026-11-22 04:30", note, 1, true)
  end)

  it("is nothing before it opens and after it closes", function()
    local _, early = judge("2026-11-21T23:59Z", { high = 0, recovery = 0 })
    assert.matches("the window is closed: it opens at 2026-11-22 02:00 (Europe/Athens), in 1 min 00 s", early, 1, true)
    local _, late = judge("2026-11-22T03:00Z", { high = 0, recovery = 0 })
    assert.matches("over", late)
  end)

  it("is nothing of which nobody knows how long it takes, unless that is allowed", function()
    assert.matches("how long the pending migrations take", select(2, judge("2026-11-22T00:00Z", { recovery = 1 })))
    assert.matches("how long the way back takes", select(2, judge("2026-11-22T00:00Z", { high = 1 })))
    assert.equal("03:00", (judge("2026-11-22T00:00Z", { allow = { unknown_forecast = true, unknown_recovery = true } })))
    assert.equal("02:00", (judge("2026-11-22T00:00Z", { recovery = 3600, allow = { unknown_forecast = true } })))
  end)
end)
