-- The small modules that hold values: near, duration, json, secrets, words.
local duration = require "dixis.duration"
local json = require "dixis.json"
local near = require "dixis.near"
local secrets = require "dixis.secrets"
local words = require "dixis.words"

describe("near", function()
  it("finds the meant name", function()
    assert.equal("deploy", near.find("deplyo", { "status", "deploy" }))
    assert.equal("deploy", near.find("Deploy", { "status", "deploy" }))
    assert.is_nil(near.find("zzzzzz", { "status", "deploy" }))
  end)

  it("lists what is known when nothing is near", function()
    assert.equal(" (known: a, b)", near.suggest("zzzzzz", { "b", "a" }))
    assert.equal(" (did you mean 'confirm'?)", near.suggest("comfirm", { "confirm" }))
    assert.equal(" (known: b)", near.suggest("x", { "b" }))
  end)
end)

describe("duration", function()
  it("reads what people write", function()
    for text, seconds in pairs { ["90"] = 90, ["90s"] = 90, ["5m"] = 300, ["1h30m"] = 5400, ["7d"] = 604800,
      ["250ms"] = 0.25, ["1.5h"] = 5400 } do
      assert.equal(seconds, duration.parse(text), text)
    end
    assert.equal(2.5, duration.parse(2.5))
  end)

  it("refuses anything else", function()
    for _, text in ipairs { "", "m", "5 m", "5x", "-5", "5m!", "1e9", "five" } do
      assert.is_nil(duration.parse(text), text)
    end
    assert.is_nil(duration.parse(-1))
    assert.is_nil(duration.parse(true))
  end)

  it("shows what people read", function()
    assert.equal("0.004 s", duration.show(0.004))
    assert.equal("12.3 s", duration.show(12.34))
    assert.equal("4 min 05 s", duration.show(245))
    assert.equal("2 h 10 min", duration.show(7800))
  end)
end)

describe("json", function()
  it("writes the same text for the same value", function()
    local one = json.canonical { b = 1, a = { 1, { d = "x", c = true } }, e = {} }
    assert.equal('{"a":[1,{"c":true,"d":"x"}],"b":1,"e":{}}', one)
    assert.equal(one, json.canonical(json.decode(one)))
  end)

  it("says what is not JSON instead of raising", function()
    local value, message = json.decode "{"
    assert.is_nil(value)
    assert.is_string(message)
  end)
end)

describe("secrets", function()
  it("takes a secret out in every form of it", function()
    local found = secrets.new()
    found:add "p@ss/w:rd"
    local cleaned = found:clean "a p@ss/w:rd b p%40ss%2Fw%3Ard c p%40ss%2fw%3ard"
    assert.equal("a *** b *** c ***", cleaned)
  end)

  it("cleans tables through and through, and leaves the original alone", function()
    local found = secrets.new()
    found:add "canary-1"
    local given = { x = { "canary-1", 7, true }, y = "n" }
    assert.same({ x = { "***", 7, true }, y = "n" }, found:clean_all(given))
    assert.equal("canary-1", given.x[1])
  end)

  it("masks the longer of two overlapping secrets whole", function()
    local found = secrets.new()
    found:add "abcd"
    found:add "abcdefgh"
    assert.equal("***", found:clean "abcdefgh")
  end)

  it("does not mask what is too short to be hidden", function()
    local found = secrets.new()
    found:add "a"
    assert.equal("banana", found:clean "banana")
  end)
end)

describe("words", function()
  it("knows one from several", function()
    assert.equal("0 rows", words.count(0, "row"))
    assert.equal("1 row", words.count(1, "row"))
    assert.equal("1 row", words.all(1, "row"))
    assert.equal("all 2 rows", words.all(2, "row"))
    assert.equal("2 criteria", words.count(2, "criterion", "criteria"))
    assert.equal("1 of 1 criterion is", words.of(1, 1, "criterion", "criteria") .. " " .. words.are(1))
    assert.equal("1 of 7 criteria is", words.of(1, 7, "criterion", "criteria") .. " " .. words.are(1))
    assert.equal("0 of 2 statements are", words.of(0, 2, "statement") .. " " .. words.are(0))
  end)
end)
