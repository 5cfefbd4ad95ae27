local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fields = require "dixis.backup.fields"
local fs = require "host.fs"
local json = require "dixis.json"
local pg = require "host.pg"
local pg_tools = require "spec.support.pg_tools"
local process = require "host.process"
local server = require "spec.support.server"
local store = require "dixis.store"
local task = require "host.task"

local contents <const> = [[
  CREATE EXTENSION citext;
  CREATE TABLE person (id serial PRIMARY KEY, name citext);
  INSERT INTO person (name) SELECT 'x' || g FROM generate_series(1, 3000) g;
  CREATE TABLE part (id int, day date) PARTITION BY RANGE (day);
  CREATE TABLE part_2020 PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
  INSERT INTO part VALUES (1, '2020-02-02');
  CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); ALTER TABLE parent ADD COLUMN c int;
  CREATE VIEW names AS SELECT name FROM person;
  CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM person;
  CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$ BEGIN -- one
    RETURN 1; END $$;
  GRANT SELECT ON person TO backup_reader; ALTER TABLE parent OWNER TO backup_reader;
  SELECT lo_create(0);
]]

describe("gate.backup", function()
  local folder, params, url, conn, before
  local bins = {}

  setup(function()
    local admin = assert(pg.connect(server.params()))
    assert(admin:query "CREATE ROLE backup_reader LOGIN")
    admin:close()
    params = server.database "backup"
    url, conn = server.url(params), assert(pg.connect(params))
    assert(conn:script(contents))
    before = book.snapshot(url)
    folder = book.project()
  end)
  teardown(function()
    conn:close()
    fs.remove(folder)
  end)
  after_each(function()
    for i = #bins, 1, -1 do fs.remove(table.remove(bins, i)) end
    fs.remove(folder .. "/.dixis")
  end)

  --- A run of a runbook whose last gate is gate.backup with these fields (Lua text).
  local function run(given, env, target)
    book.write(folder, {
      uses = '{ exec = { "pg_dump", "pg_restore" }, env = { "SCRATCH_URL" } }',
      gates = ('{ gate.reachable "5s", gate.backup { %s } }'):format(given or ""),
    })
    local result = book.dixis(folder, target or url, { "run", "book.lua" }, env)
    return result, (dixis.journal(folder))
  end

  local function bin(given)
    bins[#bins + 1] = pg_tools.folder(given)
    return ('bin = "%s"'):format(bins[#bins])
  end

  local function kept()
    local names = {}
    for i, entry in ipairs(fs.list(folder .. "/.dixis/backups") or {}) do names[i] = entry.name end
    return table.concat(names, " ")
  end

  --- It refused, with these words, and left the target as it was.
  local function refused(text, result, events)
    assert.equal(3, result.code, result.shown)
    assert.matches(text, result.shown:gsub("\n +", " "), 1, true)
    assert.is_nil(dixis.event(events, "backup.proven"))
    assert.is_nil(dixis.event(events, "step.started"))
    assert.equal(before, book.snapshot(url))
    assert.is_nil(kept():find(".partial", 1, true))
    assert.is_nil(kept():find("[%x]%.dump") or kept():find("[%x]%.dir"), kept())
  end

  it("backs up, reads it back, restores it elsewhere and says how long that takes", function()
    local result, events = run()
    assert.equal(0, result.code, result.shown)
    local proven = dixis.event(events, "backup.proven")
    assert.matches("/backup_%d+%-[%d-]+%-%x+%.dump$", proven.path)
    assert.equal(384, fs.stat(proven.path).mode)
    assert.equal(448, fs.stat(folder .. "/.dixis/backups").mode)
    assert.same({ true, "custom", 4, 3001 }, { proven.proven, proven.format, proven.tables, proven.total })
    assert.same({ ["public.person"] = 3000, ["public.part_2020"] = 1, ["public.parent"] = 0, ["public.child"] = 0,
      ["large objects"] = 1 }, proven.rows)
    assert.is_true(proven.recovery.measured and proven.recovery.seconds > 0)
    assert.matches("restored into a throw%-away PostgreSQL " .. pg_tools.real():match "%d+" .. "%.", result.stdout)
    local sum = assert(process.run({ "sha256sum", proven.path }, { env = { PATH = process.getenv "PATH" } }))
    assert.equal(sum.stdout:match "^%x+", proven.sha256)
    assert.matches("· a backup is written, SHA-256 " .. proven.sha256, result.stdout, 1, true)
    local receipt = json.decode(assert(fs.read(store.receipt_path(select(2, dixis.journal(folder))))))
    assert.same({ proven.sha256, true, proven.recovery.seconds },
      { receipt.backup.sha256, receipt.backup.proven, receipt.recovery.seconds })
    assert.equal(before, book.snapshot(url))
    assert.is_nil(dixis.event(events, "leftovers.found"))
  end)

  it("tells the half of a backup that a killed run has left", function()
    local half = folder .. "/.dixis/backups/backup_1-killed.partial"
    assert(fs.mkdir(folder .. "/.dixis/backups"))
    assert(fs.write(half, "PGDMP"))
    local result, events = run()
    assert.equal(0, result.code, result.shown)
    assert.same({ ("rm -r '%s'"):format(half) }, dixis.event(events, "leftovers.found").commands)
    assert.matches("\n +rm %-r '/", result.stdout)
    assert.is_table(fs.stat(half))
  end)

  it("shows before anybody is asked how long the way back takes", function()
    book.write(folder, { uses = '{ exec = { "pg_dump", "pg_restore" } }',
      gates = '{ gate.reachable "5s", gate.backup(), gate.confirm "YES" }' })
    local result = book.dixis(folder, url, { "run", "book.lua" })
    assert.equal(3, result.code)
    assert.matches("the way back takes about", result.shown, 1, true)
    local events, path = dixis.journal(folder)
    assert.equal("confirm", dixis.event(events, "gate.refused").name)
    -- A refusal leaves it where it is, and says so: at the end, in the record and in a report.
    local made = dixis.event(events, "backup.proven")
    local last = result.shown:match "journal .*"
    assert.matches(("backup   %s\n"):format(made.path), last, 1, true)
    assert.matches("[%d.]+ kB, proven; this run does not need it: keep it, or delete it", last)
    assert.same({ { path = made.path, size = made.size, proven = true } }, dixis.event(events, "run.finished").backups)
    for _, format in ipairs { "markdown", "json" } do
      local text = require("dixis.report." .. format).render(path)
      assert.matches(made.path, text, 1, true)
    end
  end)

  it("of a database that is written to: what came meanwhile is neither in the dump nor missed", function()
    local stop, written = false, 0
    local writer = task.spawn(function()
      local busy = assert(pg.connect(params))
      while not stop do
        assert(busy:query "INSERT INTO part SELECT g, '2020-03-03' FROM generate_series(1, 20) g")
        assert(busy:query "DELETE FROM person WHERE id = (SELECT max(id) FROM person)")
        written = written + 1
        clock.sleep(0.001)
      end
      busy:close()
    end)
    local result, events = run('format = "directory", jobs = 2')
    stop = true
    assert(writer:join())
    assert.equal(0, result.code, result.shown)
    assert.is_true(written > 2)
    local proven = dixis.event(events, "backup.proven")
    assert.equal(0, (proven.rows["public.part_2020"] - 1) % 20)
    assert(conn:script "DELETE FROM part WHERE day = '2020-03-03'; TRUNCATE person RESTART IDENTITY")
    assert(conn:query "INSERT INTO person (name) SELECT 'x' || g FROM generate_series(1, 3000) g")
    before = book.snapshot(url)
    -- The sum of a folder is one that a shell can compute.
    local sum = assert(process.run({ "sh", "-c", "cd \"$1\" && LC_ALL=C sha256sum * | sha256sum", "sh", proven.path },
      { env = { PATH = process.getenv "PATH" } }))
    assert.equal(sum.stdout:match "^%x+", proven.sha256)
    assert.matches("%.dir$", proven.path)
  end)

  describe("refuses a dump that is", function()
    local after <const> = '"$real" "$@" || exit; '
    local flip <const> = 'python3 -c \'import sys; p, at = sys.argv[1], sys.argv[2]; d = bytearray(open(p, "rb").read());'
      .. ' i = d.index(at.encode()) if not at.isdigit() else len(d) * int(at) // 100; d[i] ^= 1; open(p, "wb").write(d)\' '
      .. '"$file" '
    for name, case in pairs {
      ["truncated"] = { after .. 'truncate -s -200 "$file"', "pg_restore ended with code 1" },
      ["truncated in its table of contents"] = { after .. 'truncate -s 900 "$file"', "is not a backup that pg_restore" },
      ["empty"] = { after .. ': > "$file"', "is not a backup that pg_restore" },
      ["not one"] = { 'echo "SELECT 1;" > "$file"', "is not a backup that pg_restore" },
      ["flipped in its first bytes"] = { after .. flip .. "0", "is not a backup that pg_restore" },
      ["flipped in its data"] = { after .. flip .. "90", "pg_restore ended with code 1" },
      ["flipped in a table's name"] = { after .. flip .. "'TABLE public.person ('", "backup" },
      ["flipped in a view"] = { after .. flip .. "'SELECT person.name'", "backup" },
      ["of a newer format"] = { after .. 'printf "\\x63" | dd of="$file" bs=1 seek=6 conv=notrunc status=none',
        "unsupported version (1.99)" },
      ["of another database"] = { 'args=(); for a; do case $a in --dbname=*) a=--dbname=postgres ;; --snapshot=*) continue ;; '
        .. 'esac; args+=("$a"); done; exec "$real" "${args[@]}"', "is of the database 'postgres'" },
      ["half made"] = { 'head -c 5000 /dev/zero > "$file"; echo "pg_dump: error: the disk is gone" >&2; exit 1',
        "pg_dump ended with code 1: the disk is gone" },
    } do
      it(name, function()
        -- The schema is asked for first.
        refused(case[2], run(bin { dump = 'case " $* " in *" --schema-only "*) exec "$real" "$@" ;; esac; ' .. case[1] }))
      end)
    end
  end)

  describe("refuses when", function()
    it("pg_dump is older than the server, or not there", function()
      refused("no pg_dump and pg_restore of PostgreSQL", run(bin { version = "12.3" }))
      refused("no pg_dump and pg_restore of PostgreSQL", run 'bin = "/nowhere"')
    end)

    it("the folder cannot be made, or has no room", function()
      refused("the backup folder /proc/backups cannot be made", run 'folder = "/proc/backups"')
      refused("may be needed", run "space = 1000000000")
      local small <const> = assert(fs.mkdtemp "/tmp/dixis-small-")
      local mounted = process.run({ "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small },
        { env = { PATH = process.getenv "PATH" } })
      if mounted and mounted.code == 0 then
        refused("1.0 MB free", run(('folder = "%s"'):format(small)))
        assert.equal(0, process.run({ "umount", small }, { env = { PATH = process.getenv "PATH" } }).code)
      end
      fs.remove(small)
    end)

    it("the role may not read all of it", function()
      refused("permission denied", run("", {}, (url:gsub("//[^@]*@", "//backup_reader@"))))
    end)

    it("format or jobs make no sense", function()
      refused("custom or directory, not 'plain'", run 'format = "plain"')
      refused("a number from 1 to 64, not '0'", run "jobs = 0")
    end)

    it("the copy has other rows, or another schema; also with the phrase", function()
      local phrase <const> = (', unproven = "%s"'):format(fields.phrase)
      local psql <const> = '"$real" "$@" || exit; restores "$@" || exit 0; ' .. pg_tools.real()
        .. '/psql -qX "${connect[@]}" -c "%s"'
      refused("public.person has 2999 rows, and its source had 3000",
        run(bin { restore = psql:format "DELETE FROM person WHERE id = 7" } .. phrase))
      refused("not in the copy: CREATE VIEW public.names AS",
        run(bin { restore = psql:format "DROP VIEW names" } .. phrase))
      assert.matches(".unproven.dump", kept(), 1, true)
    end)

    it("the file is another one after the proof", function()
      refused("was changed while it was proven",
        run(bin { restore = '"$real" "$@" || exit; if restores "$@"; then printf x >> "$file"; fi' }))
    end)

    it("it cannot be restored, unless that is accepted in so many words", function()
      local broken <const> = bin { restore = 'if restores "$@"; then echo \'pg_restore: error: could not execute query: '
        .. 'ERROR:  extension "postgis" is not available\' >&2; exit 1; fi; exec "$real" "$@"' }
      local result, events = run(broken)
      refused('could not be restored: pg_restore ended with code 1', result, events)
      assert.matches("install the extension postgis here", result.shown:gsub("\n +", " "), 1, true)
      assert.matches(fields.phrase, result.shown:gsub("\n +", " "), 1, true)
      for _, phrase in ipairs { "yes", fields.phrase:lower(), fields.phrase .. " ", fields.phrase:sub(1, -2) } do
        refused("is not the phrase", run(('%s, unproven = "%s"'):format(broken, phrase)))
      end
      result, events = run(('%s, unproven = "%s"'):format(broken, fields.phrase))
      assert.equal(0, result.code, result.shown)
      local accepted = dixis.event(events, "backup.unproven")
      assert.equal(fields.phrase, accepted.text)
      assert.is_false(accepted.proven)
      assert.matches("%.unproven%.dump$", accepted.path)
      assert.is_table(fs.stat(accepted.path))
      assert.matches("nobody has restored", result.shown, 1, true)
    end)

    it("there is no place to restore it", function()
      refused("there is no server to restore the backup into", run 'proof_folder = "/nowhere"')
    end)
  end)

  describe("on a named scratch server", function()
    local function databases(admin)
      return assert(admin:query "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database")[1][1]
    end

    it("restores into a database that is gone afterwards, and not on the target's own server", function()
      local scratch = server.tcp()
      local admin = assert(pg.connect(scratch))
      local result, events = run('scratch = "SCRATCH_URL"', { SCRATCH_URL = server.url(scratch) })
      assert.equal(0, result.code, result.shown)
      assert.matches("restored into postgres on 127.0.0.1", result.stdout, 1, true)
      assert.matches("^dixis_proof_%x+$", dixis.event(events, "proof.started").database)
      assert.equal("postgres template0 template1", databases(admin))
      assert(fs.remove(folder .. "/.dixis"))
      refused("names the target's own server", run('scratch = "SCRATCH_URL"', { SCRATCH_URL = url }))
      refused("the scratch server", run('scratch = "SCRATCH_URL"', { SCRATCH_URL = "postgresql://u:p@127.0.0.1:1/x" }))
      refused("is not a usable URL", run('scratch = "SCRATCH_URL"', { SCRATCH_URL = "nonsense" }))
      admin:close()
    end)

    it("leaves nothing there when it is interrupted", function()
      local scratch = server.tcp()
      local admin = assert(pg.connect(scratch))
      local waiting <const> = folder .. "/waiting"
      book.write(folder, { uses = '{ exec = { "pg_dump", "pg_restore" }, env = { "SCRATCH_URL" } }',
        gates = ('{ gate.reachable "5s", gate.backup { scratch = "SCRATCH_URL", %s } }'):format(
          bin { restore = ('if restores "$@"; then touch %s; sleep 100; fi; exec "$real" "$@"'):format(waiting) }) })
      local handle = dixis.start({ "run", "book.lua" }, { cwd = folder,
        env = { SPEC_URL = url, SCRATCH_URL = server.url(scratch) } })
      local limit = clock.now() + 60
      while not fs.stat(waiting) and clock.now() < limit do clock.sleep(0.02) end
      assert.is_truthy(databases(admin):find("dixis_proof_", 1, true))
      handle:kill "INT"
      local result = assert(handle:wait())
      assert.equal(130, result.code, result.stdout .. result.stderr)
      assert.equal("postgres template0 template1", databases(admin))
      assert.matches("^backup_%d+%-[%w-]+%.unproven%.dump$", kept())
      assert.matches("backup   " .. fs.realpath(folder) .. "/.dixis/backups/" .. kept(), result.stdout, 1, true)
      assert.matches("kB, never restored; this run does not need it", result.stdout, 1, true)
      admin:close()
    end)
  end)
end)
