-- People are told how a run goes, beside it, by webhook, mail and program; a notice that fails fails nothing.
local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local pg = require "host.pg"
local post = require "spec.support.post"
local process = require "host.process"
local server = require "spec.support.server"
local web = require "spec.support.web"

local folder, url, params, site, office

setup(function() site, office = web.start(), post.start { tls = "starttls" } end)
teardown(function()
  site:close()
  office:close()
end)
before_each(function()
  folder = book.project()
  params = server.database()
  url = server.url(params)
end)
after_each(function()
  fs.remove(folder)
  site:kept()
end)

local function write(notices, more)
  local fields = { steps = "{ step.deploy() }", notices = "{" .. notices .. "}",
    uses = '{ env = { "HOOK", "SMTP" }, exec = { "sh" } }' }
  for name, value in pairs(more or {}) do fields[name] = value end
  book.write(folder, fields)
  local path = folder .. "/book.lua"
  assert(fs.write(path, (fs.read(path):gsub("local gate", "local notice = dixis.notice\nlocal gate", 1))))
end

local function run(notices, more, env)
  write(notices, more)
  return book.dixis(folder, url, { "run", "book.lua" }, env), (dixis.journal(folder))
end

local function said()
  local texts = {}
  for i, body in ipairs(site:kept()) do texts[i] = json.decode(body).text end
  return texts
end

local hook <const> = [[notice.webhook { env = "HOOK" }]]

describe("notices", function()
  it("tell of beginning and end by webhook", function()
    local result, events = run(hook, nil, { HOOK = site:keep() })
    assert.equal(0, result.code, result.shown)
    local texts = said()
    assert.equal(2, #texts)
    assert.matches("*[spec] Maintenance has begun: A runbook of a spec*\n", texts[1], 1, true)
    assert.matches("Pending migrations: 1", texts[1], 1, true)
    assert.matches("migrations applied: 1", texts[2], 1, true)
    assert.matches("Thank you for your patience", texts[2], 1, true)
    assert.is_truthy(dixis.event(events, "notice.sent"))
    assert.equal("run.finished", events[#events].type)
  end)

  it("tell of a failure: what, and whether anything was changed", function()
    local bad = folder .. "/prisma/migrations/20250102000000_bad"
    assert(fs.mkdir(bad))
    assert(fs.write(bad .. "/migration.sql", "SELECT * FROM nowhere;\n"))
    local result = run(hook, { people = [[{ decision_maker = { name = "Decider", phone = "1" },
      contacts = { { name = "Caller", role = "on call", phone = "2" } } }]] }, { HOOK = site:keep() })
    assert.equal(1, result.code)
    local text = said()[2]
    assert.matches("ended without success", text, 1, true)
    assert.matches("nowhere", text, 1, true)
    assert.matches("The database was changed; migrations applied: 1.", text, 1, true)
    assert.matches("Decision maker: Decider, 1.\non call: Caller, 2\n", text, 1, true)
  end)

  it("say nothing of a run that was refused, nor where they are off", function()
    local result = run(hook, { gates = "{ gate.secret(), gate.reachable(), gate.confirm 'YES' }" }, { HOOK = site:keep() })
    assert.equal(3, result.code)
    assert.same({}, said())
    local _, events = run(hook)
    assert.equal("HOOK is not set", dixis.event(events, "notice.skipped").reason)
  end)

  it("speak Greek", function()
    run([[notice.webhook { env = "HOOK", language = "el", moments = { "succeeded" } }]], nil, { HOOK = site:keep() })
    local texts = said()
    assert.equal(1, #texts)
    assert.matches("Η συντήρηση ολοκληρώθηκε με επιτυχία", texts[1], 1, true)
    assert.matches("Ευχαριστούμε για την υπομονή σας", texts[1], 1, true)
  end)

  it("go out by mail, with a subject in any script", function()
    local result = run(([[notice.mail { env = "SMTP", from = "dixis@localhost", to = "a@localhost, b@localhost", ca = %q,
      language = "el", moments = { "started" } }]]):format(office.ca), nil, { SMTP = office:url "user:p%40ss%20word@" })
    assert.equal(0, result.code, result.shown)
    local mails = office:mails()
    local mail = mails[#mails]
    assert.same({ "a@localhost", "b@localhost" }, mail.to)
    local reader = [[
import email, email.policy, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
assert not mail.defects, mail.defects
assert mail["date"].datetime and mail["message-id"]
sys.stdout.buffer.write((mail["subject"] + "\n" + mail.get_content()).encode())]]
    local read = assert(process.run({ "python3", "-c", reader }, { env = { PATH = process.getenv "PATH" }, input = mail.text }))
    assert.equal(0, read.code, read.stderr)
    assert.matches("^%[spec%] Η συντήρηση ξεκίνησε: A runbook of a spec\n", read.stdout)
    assert.matches("ξεκίνησε στη βάση " .. params.dbname, read.stdout, 1, true)
  end)

  it("are given to a program", function()
    local result = run([[notice.command { "sh", "-c", 'echo "$DIXIS_NOTICE_MOMENT: $DIXIS_NOTICE_SUBJECT" >>told; cat >>told' }]])
    assert.equal(0, result.code, result.shown)
    local told = fs.read(folder .. "/told")
    assert.matches("^started: %[spec%] Maintenance has begun: A runbook of a spec\nA runbook of a spec has begun", told)
    assert.matches("\nsucceeded: ", told, 1, true)
  end)

  it("fail nothing, and are recorded", function()
    local result, events = run([[notice.webhook { env = "HOOK" },
      notice.mail { name = "nobody", env = "SMTP", from = "a@localhost", to = { "b@localhost" } },
      notice.command { "sh", "-c", "echo no >&2; exit 3" }]],
      nil, { HOOK = site:keep(500) .. "&token=s3cret", SMTP = "smtp://user:s3cret@127.0.0.1:1" })
    assert.equal(0, result.code, result.shown)
    local failed = {}
    for _, event in ipairs(events) do
      if event.type == "notice.failed" and event.moment == "succeeded" then failed[event.name] = event.error.message end
    end
    assert.matches("it answered 500", failed.webhook, 1, true)
    assert.matches("smtp://127.0.0.1:1", failed.nobody, 1, true)
    assert.matches("ended with code 3: no", failed.command, 1, true)
    assert.matches("the notice webhook was not sent, and the run goes on", result.shown, 1, true)
    assert.not_matches("s3cret", result.shown, 1, true)
  end)

  it("do not hold the run up", function()
    local began = clock.now()
    local result, events = run([[notice.webhook { env = "HOOK", deadline = "500ms" }]], nil, { HOOK = site.base .. "/slow?s=60" })
    assert.equal(0, result.code, result.shown)
    assert.is_true(clock.now() - began < 40)
    local order = {}
    for _, event in ipairs(events) do
      if event.type == "notice.failed" or event.type == "migration.applied" then order[#order + 1] = event.type end
    end
    assert.equal("migration.applied", order[1])
    assert.same({ "notice.failed", "notice.failed" }, { order[2], order[3] })
  end)

  it("tell of a long wait, of what still goes on, and only once of success", function()
    local conn = assert(pg.connect(params))
    assert(conn:query "CREATE TABLE busy (id int)")
    assert(fs.write(folder .. "/prisma/migrations/20250101000000_init/migration.sql", "ALTER TABLE busy ADD COLUMN a int;\n"))
    assert(conn:query "BEGIN")
    assert(conn:query "LOCK TABLE busy")
    write([[notice.webhook { env = "HOOK", every = "100ms" }]], { gates = "{ gate.secret(), gate.reachable() }",
      steps = [[{ step.deploy { lock_timeout = "60s" } }]], watch = [[{ after = "200ms", every = "50ms" }]] })
    local handle = dixis.start({ "run", "book.lua" }, { cwd = folder, env = { SPEC_URL = url, HOOK = site:keep() } })
    local until_time <const> = clock.now() + 60
    while not (fs.read(site.folder .. "/kept") or ""):find("takes longer", 1, true) do
      assert(clock.now() < until_time and handle:running(), "nobody is told of the wait")
      clock.sleep(0.02)
    end
    assert(conn:query "COMMIT")
    conn:close()
    local result = assert(handle:wait())
    assert.equal(0, result.code, result.stdout .. result.stderr)
    local count = {}
    for _, text in ipairs(said()) do
      local word = text:match "Maintenance (%a+ %a+)"
      count[word] = (count[word] or 0) + 1
      if word == "takes longer" then assert.matches("20250101000000_init waits for ", text, 1, true) end
      if word == "goes on" then assert.matches("Now: deploy", text, 1, true) end
    end
    assert.same({ 1, 1, 1 }, { count["has begun"], count["takes longer"], count["is over"] })
    assert.is_true((count["goes on"] or 0) >= 1)
  end)

  it("tell of an interruption too", function()
    assert(fs.write(folder .. "/prisma/migrations/20250101000000_init/migration.sql", "SELECT pg_sleep(600);\n"))
    write(hook)
    local handle = dixis.start({ "run", "book.lua" }, { cwd = folder, env = { SPEC_URL = url, HOOK = site:keep() } })
    local until_time <const> = clock.now() + 60
    local conn = assert(pg.connect(params))
    while #assert(conn:query [[SELECT FROM pg_stat_activity WHERE datname = current_database()
      AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()]]) == 0 do
      assert(clock.now() < until_time and handle:running(), "the migration did not begin")
      clock.sleep(0.02)
    end
    conn:close()
    handle:kill "INT"
    assert.equal(130, assert(handle:wait()).code)
    local texts = said()
    assert.matches("interrupted", texts[#texts], 1, true)
    assert.matches("migrations applied: 0.", texts[#texts], 1, true) -- the ledger was made
  end)

  it("are checked when the runbook is loaded", function()
    for notices, message in pairs {
      [ [[notice.webhook { env = "OTHER" }]] ] = "uses env OTHER, which the runbook does not declare",
      [ [[notice.webhook { env = "HOOK", language = "fr" }]] ] = "unknown value 'fr'",
      [ [[notice.webhook { env = "HOOK", moments = { "startd" } }]] ] = "did you mean 'started'?",
      [ [[dixis.check.no_errors()]] ] = "notices are made with notice.*",
      [ [[notice.pigeon {}]] ] = "unknown notice 'pigeon'",
    } do
      write(notices)
      local result = book.dixis(folder, url, { "plan", "book.lua" })
      assert.equal(2, result.code, message .. result.shown)
      assert.matches(message, result.shown, 1, true)
    end
  end)
end)

describe("the runbook announce", function()
  it("tells of a window, and changes nothing", function()
    assert(fs.write(folder .. "/announce.lua", [[return dixis.extend("announce", { name = "announce", people = {
      decision_maker = { name = "Decider", phone = "1" }, contacts = { { name = "Caller", phone = "2" } } } })]]))
    local before = book.snapshot(url)
    local arguments <const> = { "run", "announce.lua", "--confirm", "DIXIS-ANNOUNCE", "--set", "window=tomorrow at 2" }
    local result = book.dixis(folder, nil, arguments, { DATABASE_URL_PROD = url, DIXIS_WEBHOOK_URL = site:keep() })
    assert.equal(0, result.code, result.shown)
    local text = said()[1]
    assert.matches("is planned for tomorrow at 2.", text, 1, true)
    assert.matches("pending migrations: 1", text, 1, true)
    assert.equal(before, book.snapshot(url))
    result = book.dixis(folder, nil, arguments, { DATABASE_URL_PROD = url })
    assert.equal(1, result.code)
    assert.matches("there is nobody to tell: webhook: DIXIS_WEBHOOK_URL is not set", result.shown, 1, true)
  end)
end)
