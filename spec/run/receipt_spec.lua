-- What a receipt says, that it is signed, and the record of runs in the target itself.
local book = require "spec.support.book"
local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local json = require "dixis.json"
local pg = require "host.pg"
local process = require "host.process"
local proof = require "dixis.proof"
local server = require "spec.support.server"
local store = require "dixis.store"
local task = require "host.task"

local KEY <const> = digest.new_key()

local folder, params, url, conn

local template <const> = {
  options = '{ audit = { type = "boolean", default = true, help = "record" } }',
  more = 'audit = dixis.option "audit", sign = { env = "DIXIS_SIGNING_KEY" },',
  uses = '{ env = { "DIXIS_SIGNING_KEY" } }',
  gates = '{ gate.secret(), gate.reachable { wait = 5 }, gate.lock(), gate.history(), gate.confirm "YES" }',
  steps = "{ step.stamp(), step.deploy() }",
  criteria = "{ check.migrations_applied(), check.sql { name = 'fine', query = 'SELECT true' } }",
}

local function runbook(fields)
  local text = { "local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option", "return dixis.runbook {",
    'name = "spec", version = "1.2", title = "A runbook of a spec", target = { env = "SPEC_URL", environment = "spec" },' }
  for _, name in ipairs { "options", "uses", "gates", "steps", "criteria" } do
    text[#text + 1] = ("%s = %s,"):format(name, fields and fields[name] or template[name])
  end
  text[#text + 1] = (fields and fields.more or template.more) .. "\n}\n"
  assert(fs.write(folder .. "/book.lua", table.concat(text, "\n")))
end

local function go(arguments, env, fields)
  runbook(fields)
  return book.dixis(folder, url, { "run", "book.lua", "--confirm", "YES", table.unpack(arguments or {}) }, env)
end

local function succeeds(result)
  assert.equal(0, result.code, result.shown)
  return result
end

local function row() return assert(conn:query "SELECT * FROM dixis.run ORDER BY started DESC LIMIT 1")[1] end
local function rows() return assert(conn:query "SELECT count(*) FROM dixis.run")[1][1] end
local function no_record() return assert(conn:query "SELECT to_regnamespace('dixis') IS NULL")[1][1] end

local function newest()
  local events, path = dixis.journal(folder)
  return proof.read(store.receipt_path(path)), events, path
end

before_each(function()
  folder, params = book.project(), server.database()
  url = server.url(params)
  conn = assert(pg.connect(params))
end)
after_each(function()
  conn:close()
  fs.remove(folder)
end)

describe("a receipt", function()
  it("says all that happened", function()
    dixis.commit(folder)
    runbook { gates = template.gates:gsub("gate.secret%(%)", "%0, gate.git()"), uses = '{ exec = { "git" } }', more = "" }
    dixis.commit(folder)
    succeeds(book.dixis(folder, url, { "run", "book.lua", "--confirm", "YES" }, { GITHUB_ACTOR = "somebody" }))
    local receipt, events = newest()
    local target = dixis.event(events, "target.identified").target
    assert.same({ "succeeded", 0, "spec", false, true, 1 },
      { receipt.outcome, receipt.exit, receipt.environment, receipt.ephemeral, receipt.deploys, receipt.applied })
    assert.same({ name = "spec", version = "1.2", digest = dixis.event(events, "run.started").runbook.digest }, receipt.runbook)
    for _, name in ipairs { "database", "database_oid", "system_identifier", "timeline", "major", "replica", "host", "port",
      "user" } do
      assert.equal(target[name], receipt.target[name], name)
    end
    local plan = dixis.event(events, "plan.computed")
    assert.same({ target.server_version, plan.digest, plan.migrations_digest },
      { receipt.server_version, receipt.plan, receipt.migrations_digest })
    local applied = dixis.event(events, "migration.applied")
    assert.same({ { name = applied.name, checksum = dixis.event(events, "migration.started").checksum,
      seconds = applied.seconds, statements = 1 } }, receipt.migrations)
    assert.same({ { name = "migrations_applied", verdict = "green" }, { name = "fine", verdict = "green" } }, receipt.criteria)
    assert.same({ { gate = "confirm", phrase = "YES", by = "--confirm" } }, receipt.confirmed)
    assert.same({ commit = dixis.event(events, "git.identified").commit, branch = "main", dirty = false }, receipt.git)
    local finished = dixis.event(events, "run.finished")
    assert.same(finished.phases, receipt.phases)
    assert.same({ head = receipt.journal.head, lines = #events }, receipt.journal)
    assert.is_true(receipt.started <= receipt.finished)
    assert.same({ (process.user()), process.hostname(), { GITHUB_ACTOR = "somebody" } }, { receipt.by, receipt.host, receipt.ci })
    assert.is_nil(receipt.signature)
  end)

  it("says what became of each criterion and migration of a failed run", function()
    assert(fs.mkdir(folder .. "/prisma/migrations/20260101000000_bad"))
    assert(fs.write(folder .. "/prisma/migrations/20260101000000_bad/migration.sql", "SELECT * FROM nowhere;\n"))
    local result = go({}, nil, { criteria = [[{ check.sql { name = "red", query = "SELECT false" },
      check.sql { name = "not_asked", query = "SELECT true", when = option "never" } }]],
      options = '{ never = { type = "boolean", default = false, help = "x" } }', more = "" })
    assert.equal(1, result.code)
    local receipt = newest()
    assert.same({ "failed", 1, 1 }, { receipt.outcome, receipt.exit, #receipt.migrations })
    assert.same({ { name = "red", verdict = "red" }, { name = "not_asked", verdict = "skipped" } }, receipt.criteria)
  end)

  it("is signed when there is a key, as PEM or in base64 on one line, and the key shows nowhere", function()
    local one_line = assert(process.run({ "base64", "-w0" }, { input = KEY, env = { PATH = process.getenv "PATH" } })).stdout
    local public = folder .. "/staging.pub"
    assert(fs.write(public, digest.public_key(KEY)))
    for _, given in ipairs { KEY, one_line } do
      local result = succeeds(go({}, { DIXIS_SIGNING_KEY = given }))
      local receipt, _, journal = newest()
      assert.same({ "ed25519", digest.public_key(KEY) }, { receipt.signature.algorithm, receipt.signature.key })
      assert.is_true(digest.verify(receipt.signature.key, proof.form(receipt), receipt.signature.value))
      local everything = result.shown .. fs.read(journal) .. fs.read(store.receipt_path(journal))
        .. row().receipt .. assert(conn:query "SELECT string_agg(r::text, ' ') FROM dixis.run r")[1][1]
      for line in (KEY .. one_line):gmatch "[%w+/=]+" do
        if #line > 30 then assert.is_nil(everything:find(line, 1, true)) end
      end
      local verified = dixis.run({ "verify", "last", "--public-key", public }, { cwd = folder })
      assert.equal(0, verified.code, verified.stdout)
      assert.matches("receipt fits, signed with " .. digest.public_key(KEY), verified.stdout, 1, true)
    end
  end)

  it("is verified by openssl, over what its page says is signed", function()
    succeeds(go({}, { DIXIS_SIGNING_KEY = KEY }))
    local _, _, journal = newest()
    local script <const> = [[
import base64, hashlib, json, subprocess, sys
receipt = json.load(open(sys.argv[1]))
digest, signature = receipt.pop("digest"), receipt.pop("signature")
form = open(sys.argv[2], "rb").read()
assert json.loads(form) == receipt
assert list(json.loads(form)) == sorted(receipt) and b'": ' not in form
assert hashlib.sha256(form).hexdigest() == digest
open(sys.argv[2] + ".sig", "wb").write(base64.b64decode(signature["value"]))
open(sys.argv[2] + ".pub", "wb").write(base64.b64decode(signature["key"]))
print(subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", sys.argv[2] + ".pub", "-rawin",
    "-in", sys.argv[2], "-sigfile", sys.argv[2] + ".sig"], capture_output=True, text=True).stdout)
]]
    assert(fs.write(folder .. "/form", proof.form((newest()))))
    local result = assert(process.run({ "python3", "-c", script, store.receipt_path(journal), folder .. "/form" },
      { env = { PATH = process.getenv "PATH" } }))
    assert.equal(0, result.code, result.stderr)
    assert.matches("Verified Successfully", result.stdout, 1, true)
  end)

  it("can be demanded to be signed before anything begins", function()
    local before = book.snapshot(url)
    local result = go({}, nil, { more = 'sign = { env = "DIXIS_SIGNING_KEY", required = true },' })
    assert.equal(3, result.code, result.shown)
    assert.matches("DIXIS_SIGNING_KEY is not set", result.shown, 1, true)
    assert.equal(before, book.snapshot(url))
  end)

  it("is verified where it is alone, and must be signed when a key is given", function()
    succeeds(go())
    local _, _, journal = newest()
    local path, public = folder .. "/x.receipt.json", folder .. "/public"
    assert(fs.write(path, fs.read(store.receipt_path(journal))))
    assert(fs.write(public, digest.public_key(KEY)))
    local function verify(...) return dixis.run({ "verify", ... }, { cwd = folder }) end
    assert.matches("^intact: the receipt of %S+, no journal beside it\n$", verify(path).stdout)
    for _, arguments in ipairs { { path }, { "last" } } do
      local result = verify(arguments[1], "--public-key", public)
      assert.equal(1, result.code)
      assert.matches("^broken: the receipt %S+ is not signed", result.stdout)
    end
    assert(fs.write(public, KEY))
    for _, file in ipairs { public, "nowhere", "book.lua" } do
      assert.equal(2, verify("last", "--public-key", file).code)
    end
    assert.equal(0, verify(store.receipt_path(journal)).code)
    assert(fs.write(journal, (fs.read(journal):gsub('"YES', '"yes', 1))))
    assert.equal(1, verify(store.receipt_path(journal)).code)
  end)
end)

describe("the record in the target", function()
  it("has a row for each run, also for one that had nothing to do", function()
    succeeds(go({}, { DIXIS_SIGNING_KEY = KEY }))
    local receipt, events, journal = newest()
    local found = row()
    for name, value in pairs { run = receipt.run, runbook = "spec", version = "1.2", environment = "spec", plan = receipt.plan,
      migrations = receipt.migrations_digest, who = receipt.by, host = receipt.host, outcome = "succeeded", exit = 0,
      applied = 1, journal_head = receipt.journal.head } do
      assert.equal(value, found[name], name)
    end
    assert.same({ { gate = "confirm", phrase = "YES", by = "--confirm" } }, json.decode(found.phrases))
    assert.equal(fs.read(store.receipt_path(journal)), found.receipt .. "\n")
    assert.is_true(dixis.event(events, "audit.started").seq < dixis.event(events, "stamp.started").seq)
    succeeds(go())
    assert.equal(2, rows())
    assert.same({ "succeeded", 0 }, { row().outcome, row().applied })
    assert.is_false(dixis.event((select(2, newest())), "run.finished").changed)
  end)

  it("says how a run failed", function()
    assert(fs.mkdir(folder .. "/prisma/migrations/20260101000000_bad"))
    assert(fs.write(folder .. "/prisma/migrations/20260101000000_bad/migration.sql", "SELECT * FROM nowhere;\n"))
    assert.equal(1, go().code)
    assert.same({ "failed", 1, 1 }, { row().outcome, row().exit, row().applied })
    assert.equal("failed", json.decode(row().receipt).outcome)
  end)

  it("is not there after a refusal, a failure before the first change, or without the option", function()
    local before = book.snapshot(url)
    runbook()
    assert.equal(3, book.dixis(folder, url, { "run", "book.lua", "--confirm", "no" }).code)
    assert.equal(before, book.snapshot(url))
    assert.equal(1, go({}, nil, { steps = "{ step.custom { name = 'x', run = function() error() end }, step.deploy() }" }).code)
    assert.equal(before, book.snapshot(url))
    succeeds(go { "--set", "audit=false" })
    assert.is_true(no_record())
    succeeds(go({}, nil, { more = "" }))
    assert.is_true(no_record())
    succeeds(go { "--ephemeral" })
    assert.is_true(no_record())
  end)

  it("is there before a statement of a runbook's own code, also inside of its transaction", function()
    local result = go({}, nil, { steps = [[{ step.custom { name = "mine", run = function(run)
      assert(run.db:value "SELECT to_regnamespace('dixis') IS NULL")
      pcall(run.db.transaction, run.db, function()
        run.db:exec "CREATE TABLE mine (id int)"
        assert(run.db:value "SELECT count(*) FROM dixis.run WHERE outcome IS NULL" == 1)
        error "taken back"
      end)
      return tostring(run.db:value "SELECT to_regclass('mine')")
    end } }]], criteria = "{}" })
    succeeds(result)
    assert.equal(1, rows())
    assert.matches("mine +nil", result.shown)
  end)

  it("does not fail a run of a role that may not make it, and says what it lacks", function()
    local role = "limited_" .. params.dbname
    assert(conn:script(("CREATE ROLE %s LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO %s"):format(role, role)))
    params.user = role
    url = server.url(params)
    local result = succeeds(go({}, nil, { steps = "{ step.deploy() }" }))
    assert.matches("this run is not on record in the target: permission denied", result.shown, 1, true)
    assert.matches("CREATE SCHEMA dixis AUTHORIZATION " .. role, result.shown, 1, true)
    local _, events = newest()
    assert.equal("42501", dixis.event(events, "audit.failed").error.sqlstate)
    assert.is_true(no_record())
    assert(conn:query(('CREATE SCHEMA dixis AUTHORIZATION "%s"'):format(role)))
    succeeds(go({}, nil, { steps = "{ step.deploy() }" }))
    assert.equal(1, rows())
    assert(conn:script(('DROP OWNED BY "%s" CASCADE'):format(role)))
  end)

  it("does not fail a run when its table is another's, is locked, or loses the row", function()
    assert(conn:script "CREATE SCHEMA dixis; CREATE TABLE dixis.run (id int)")
    assert.matches("not on record in the target", succeeds(go()).shown, 1, true)
    assert(conn:script "DROP TABLE dixis.run")
    succeeds(go())
    assert(conn:script [[CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER lose BEFORE UPDATE ON dixis.run FOR EACH ROW EXECUTE FUNCTION public.lose()]])
    assert.matches("of dixis.run is gone", succeeds(go()).shown, 1, true)
    assert(conn:script "DROP FUNCTION public.lose CASCADE; BEGIN; LOCK dixis.run")
    assert.matches("not on record in the target", succeeds(go()).shown, 1, true)
    assert(conn:query "ROLLBACK")
  end)

  it("is made once when several runs come at the same time", function()
    runbook { gates = '{ gate.secret(), gate.reachable { wait = 5 } }', steps = "{ step.identity() }", criteria = "{}" }
    local running = {}
    for i = 1, 8 do
      running[i] = task.spawn(function()
        return book.dixis(folder, url, { "run", "book.lua", "--journal", "runs" .. i })
      end)
    end
    for i = 1, 8 do
      local ok, result = running[i]:join()
      assert.is_true(ok)
      assert.is_nil(succeeds(result).shown:find("not on record", 1, true), result.shown)
    end
    assert.equal(8, rows())
  end)

  it("is no business of a schema file, nor of the ledger's schema", function()
    assert(fs.write(folder .. "/prisma/schema.prisma", [[
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
model note {
  id   Int     @id
  text String?
}
]]))
    local result = succeeds(go({}, nil, { steps = "{ step.deploy(), step.validate() }", criteria = "{ check.schema_valid() }" }))
    assert.equal(1, rows())
    assert.is_nil(result.shown:find("dixis.run", 1, true), result.shown)
    local again = succeeds(go({}, nil, { steps = "{ step.deploy(), step.validate() }", criteria = "{ check.schema_valid() }" }))
    assert.is_nil(again.shown:find("dixis.run", 1, true), again.shown)
    assert.equal(2, rows())
  end)

  it("leaves a schema dixis alone that is the application's", function()
    assert(conn:query "CREATE SCHEMA dixis")
    url = url .. (url:find("?", 1, true) and "&" or "?") .. "schema=dixis"
    assert.matches("the schema dixis is the application's own", succeeds(go()).shown, 1, true)
    assert.is_true(assert(conn:query "SELECT to_regclass('dixis.run') IS NULL")[1][1])
  end)
end)

describe("dixis history --target", function()
  local function history(...)
    return book.dixis(folder, url, { "history", "--target", "SPEC_URL", ... })
  end

  it("reads the record back, newest first, and changes nothing", function()
    succeeds(go())
    succeeds(go())
    local before = book.snapshot(url)
    local text = history()
    assert.equal(0, text.code, text.shown)
    local first, second = text.stdout:match "^([^\n]+)\n([^\n]+)\n$"
    assert.matches("0 applied", first, 1, true)
    assert.matches("1 applied", second, 1, true)
    assert.matches(("%s@%s"):format((process.user()), process.hostname()), first, 1, true)
    local found = json.decode((history("--output", "jsonl", "-n", "1").stdout))
    local receipt = newest()
    assert.same({ receipt.run, "spec", "succeeded", 0, receipt.plan, receipt.journal.head, params.dbname }, { found.run,
      found.runbook, found.outcome, found.exit, found.plan, found.journal_head, found.database })
    assert.equal(before, book.snapshot(url))
  end)

  it("shows a run that was killed as unfinished", function()
    succeeds(go())
    assert(conn:query "UPDATE dixis.run SET outcome = NULL, finished = NULL, exit = NULL, applied = NULL, seconds = NULL")
    assert.matches("unfinished", history().stdout, 1, true)
  end)

  it("shows nothing that is a command to the terminal", function()
    succeeds(go())
    assert(conn:query "UPDATE dixis.run SET who = E'\\x1b[2J', host = E'a\\nb'")
    assert.is_nil(history().stdout:find("\27", 1, true))
  end)

  it("says when there is nothing, no variable, no address, or no server", function()
    local nothing = history()
    assert.same({ 0, "" }, { nothing.code, nothing.stdout })
    assert.matches("no runs are on record", nothing.stderr, 1, true)
    assert.equal(2, dixis.run({ "history", "--target", "NOT_SET" }, { cwd = folder }).code)
    url = "nonsense"
    assert.equal(2, history().code)
    url = "postgresql://u:hidden99@127.0.0.1:1/x"
    local unreachable = history()
    assert.equal(5, unreachable.code)
    assert.is_nil(unreachable.shown:find("hidden99", 1, true))
  end)
end)
