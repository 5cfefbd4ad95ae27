-- `dixis history`, `show` and `verify` as their user meets them.
local book = require "spec.support.book"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local server = require "spec.support.server"

local folder

local function run(...)
  return dixis.run({ ... }, { cwd = folder })
end

setup(function() folder = book.project() end)
teardown(function() fs.remove(folder) end)

describe("a record", function()
  local url, journal, text

  setup(function()
    url = server.url(server.database())
    fs.remove(folder .. "/.dixis")
    local result = book.dixis(folder, url, { "run", "staging", "--set", "git=false", "--confirm", "DIXIS-STAGING-OK" })
    assert.equal(0, result.code, result.shown)
    journal = select(2, dixis.journal(folder))
    text = fs.read(journal)
  end)
  after_each(function() assert(fs.write(journal, text)) end)

  it("is listed", function()
    local result = run "history"
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.matches("^%d+%-%d+%-%d+%-%x+ +staging +succeeded +1 applied +[%d.]+ s +spec_%S+\n", result.stdout)
    local row = json.decode(run("history", "--output", "jsonl").stdout)
    assert.same({ "staging", "succeeded", 0, 1 }, { row.runbook, row.outcome, row.exit, row.applied })
  end)

  it("is listed newest first, as many as wanted", function()
    assert.equal(3, book.dixis(folder, nil, { "run", "staging" }).code)
    local all = dixis.lines(run("history").stdout)
    assert.equal(2, #all)
    assert.matches("refused", all[1])
    assert.same({ all[1] }, dixis.lines(run("history", "-n", "1").stdout))
    assert.equal(2, run("show", "2").code) -- fits both
    fs.remove(folder .. "/.dixis/runs/" .. all[1]:match "^%S+" .. ".jsonl")
  end)

  it("that does not exist is a usage error", function()
    for _, verb in ipairs { "show", "verify" } do
      assert.equal(2, run(verb, "nope").code)
      assert.equal(2, run(verb, "nope.jsonl").code)
      local result = run(verb, "last", "--journal", "nowhere")
      assert.equal(2, result.code)
      assert.matches("there are no runs in nowhere", result.stderr, 1, true)
    end
    assert.same({ 0, "no runs in nowhere\n" }, { run("history", "--journal", "nowhere").code,
      run("history", "--journal", "nowhere").stderr })
  end)

  it("is drawn again as it was shown, by name, a part of it, last, or path", function()
    local id = journal:match "([^/]+)%.jsonl$"
    local shown = run("show", "last")
    assert.same({ 0, "" }, { shown.code, shown.stderr })
    assert.matches("run " .. id, shown.stdout, 1, true)
    assert.matches("done: every criterion is green", shown.stdout, 1, true)
    for _, name in ipairs { id, id:sub(1, 15), id:sub(-4) } do assert.equal(shown.stdout, run("show", name).stdout) end
    assert.equal(0, run("show", journal).code)
    assert.equal(text, run("show", "last", "--output", "jsonl").stdout)
  end)

  it("is proved to be intact", function()
    local result = run("verify", "last")
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.matches("^intact: %d+ lines, last hash %x+, receipt fits\n$", result.stdout)
  end)

  it("with an edited line is broken at the next", function()
    assert(fs.write(journal, (text:gsub('"exit":0', '"exit":1', 1))))
    assert.equal(1, run("verify", "last").code) -- the last line: only the receipt knows
    local edited, n = text:gsub('"database":"spec', '"database":"prod', 1)
    assert.equal(1, n)
    local line = select(2, edited:sub(1, edited:find('"database":"prod', 1, true)):gsub("\n", "")) + 1
    assert(fs.write(journal, edited))
    local result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches(("broken: line %d of "):format(line + 1), result.stdout, 1, true)
  end)

  it("without one of its lines is broken there", function()
    local n = 0
    assert(fs.write(journal, (text:gsub("[^\n]*\n", function()
      n = n + 1
      return n == 5 and "" or nil
    end))))
    local result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches("broken: line 5 of ", result.stdout, 1, true)
  end)

  it("with a torn end is told by its receipt, and without one is intact up to there", function()
    assert(fs.write(journal, text:sub(1, -20)))
    local result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches("was written for a journal of %d+ lines", result.stdout)
    assert(fs.write(folder .. "/torn.jsonl", text:sub(1, -20)))
    result = run("verify", "./torn.jsonl")
    assert.equal(0, result.code)
    assert.matches("no receipt", result.stdout, 1, true)
    assert.matches("the last line was being written", result.stdout, 1, true)
    local shown = run("show", "./torn.jsonl")
    assert.equal(0, shown.code)
    assert.matches("This run has no end in its journal", shown.stderr, 1, true)
  end)

  it("with a changed receipt is broken", function()
    local path = journal:gsub("%.jsonl$", ".receipt.json")
    local receipt = fs.read(path)
    assert(fs.write(path, (receipt:gsub('"applied":1', '"applied":2'))))
    local result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches("broken: .* its digest does not fit", result.stdout)
    -- Also when the forger knows how the digest is made.
    local forged = json.decode(receipt)
    forged.digest, forged.journal.lines = nil, forged.journal.lines - 1
    forged.digest = digest.sha256(json.canonical(forged))
    assert(fs.write(path, json.encode(forged) .. "\n"))
    result = run("verify", "last")
    assert.equal(1, result.code)
    assert.matches("was written for a journal of", result.stdout, 1, true)
    assert(fs.write(path, receipt))
    assert.equal(0, run("verify", "last").code)
  end)

  it("that is no journal at all is broken at its first line", function()
    assert(fs.write(folder .. "/none.jsonl", "hello\n"))
    local result = run("verify", "./none.jsonl")
    assert.equal(1, result.code)
    assert.matches("broken: line 1 of", result.stdout, 1, true)
    assert(fs.write(folder .. "/none.jsonl", ""))
    assert.equal(1, run("verify", "./none.jsonl").code)
  end)
end)
