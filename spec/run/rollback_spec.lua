local book = require "spec.support.book"
local clock = require "host.clock"
local dixis = require "spec.support.dixis"
local fields = require "dixis.backup.fields"
local fs = require "host.fs"
local pg = require "host.pg"
local pg_tools = require "spec.support.pg_tools"
local process = require "host.process"
local server = require "spec.support.server"
local task = require "host.task"

local contents <const> = [[
  CREATE TABLE person (id serial PRIMARY KEY, name text);
  INSERT INTO person (name) SELECT 'x' || g FROM generate_series(1, 2000) g;
  CREATE TABLE note (id int PRIMARY KEY, text text); INSERT INTO note VALUES (1, 'a'), (2, 'b');
  CREATE VIEW names AS SELECT name FROM person; CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM person;
  GRANT SELECT ON person TO rollback_app; ALTER TABLE note OWNER TO rollback_app;
]]
local dress <const> = [[
  ALTER DATABASE %q SET dixis.environment = 'production';
  ALTER DATABASE %q SET search_path = "$user", public, "a, b""c";
  ALTER DATABASE %q SET default_statistics_target = 200;
  ALTER ROLE rollback_app IN DATABASE %q SET work_mem = '9MB';
  REVOKE CONNECT ON DATABASE %q FROM PUBLIC;
  GRANT CONNECT, TEMPORARY ON DATABASE %q TO rollback_app WITH GRANT OPTION;
  COMMENT ON DATABASE %q IS 'the shop''s';
  ALTER DATABASE %q CONNECTION LIMIT 42;
]]

describe("runbooks/rollback.lua", function()
  local admin
  local folders = {}

  local function value(sql, ...) return assert(admin:query(sql, { ... }))[1][1] end

  local function databases()
    return value "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate"
  end

  -- Owner, rights, settings, limit and comment, as text; not the oid.
  local function look_of(name)
    return value([[SELECT concat_ws(' ', pg_get_userbyid(datdba), encoding, datcollate, datctype, datconnlimit, datallowconn,
        datistemplate, (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(datacl) a),
        (SELECT string_agg(setrole::regrole || ':' || c, ',' ORDER BY setrole::regrole::text, c)
           FROM pg_db_role_setting, unnest(setconfig) c WHERE setdatabase = d.oid), shobj_description(oid, 'pg_database'))
      FROM pg_database d WHERE datname = $1]], name)
  end

  local function oid_of(name) return value("SELECT max(oid::int8) FROM pg_database WHERE datname = $1", name) end

  --- A database with contents, backed up by a run in a project of its own.
  local function backed_up(gate_fields)
    local params = server.database "shop"
    local conn = assert(pg.connect(params))
    assert(conn:script(contents))
    assert(conn:script((dress:gsub("%%q", '"' .. params.dbname .. '"'))))
    conn:close()
    local made = { params = params, name = params.dbname, url = server.url(params), folder = book.project() }
    folders[#folders + 1] = made.folder
    book.write(made.folder, { uses = '{ exec = { "pg_dump", "pg_restore" } }',
      gates = ('{ gate.reachable "5s", gate.backup { %s } }'):format(gate_fields or "") })
    local result = book.dixis(made.folder, made.url, { "run", "book.lua" })
    assert.equal(0, result.code, result.shown)
    local events, journal = dixis.journal(made.folder)
    made.backup = dixis.event(events, "backup.proven") or dixis.event(events, "backup.unproven")
    made.journal = made.folder .. "/made.jsonl"
    assert(fs.rename(journal, made.journal))
    return made
  end

  local function arguments(made, ...)
    return { "run", "rollback", "--set", "record=" .. made.journal, "--confirm", "DIXIS-ROLLBACK-OK", "--confirm", made.name,
      ... }
  end

  local function run(made, given, env)
    env = env or {}
    env.DATABASE_URL_PROD = env.DATABASE_URL_PROD or made.url
    env.DATABASE_URL_STAGING = ""
    local result = book.dixis(made.folder, nil, given, env)
    result.shown = result.shown:gsub("\n +", " ")
    return result, (dixis.journal(made.folder))
  end

  setup(function()
    admin = assert(pg.connect(server.params()))
    assert(admin:script [[CREATE ROLE rollback_app LOGIN; CREATE ROLE rollback_weak LOGIN;
      CREATE ROLE rollback_half LOGIN CREATEDB]])
  end)
  teardown(function()
    admin:close()
    for _, folder in ipairs(folders) do fs.remove(folder) end
  end)

  describe("brings the target back", function()
    it("while the application writes, keeps the broken one, and makes the new one like it", function()
      local made = backed_up 'format = "directory", jobs = 2'
      local look, old = look_of(made.name), oid_of(made.name)
      local conn = assert(pg.connect(made.params))
      assert(conn:script [[INSERT INTO person (name) VALUES ('late'); DROP TABLE note;
        CREATE TABLE public.later AS SELECT 1 AS a]])
      conn:close()
      local stop, cut = false, 0
      local writer = task.spawn(function()
        while not stop do
          local busy = pg.connect(made.params)
          while busy and not stop and busy:query "INSERT INTO public.person (name) VALUES ('busy')" do clock.sleep(0.002) end
          if busy then busy:close() end
          cut = cut + 1
          clock.sleep(0.002)
        end
      end)
      local result, events = run(made, arguments(made, "--set", "jobs=2"))
      stop = true
      assert(writer:join())
      assert.equal(0, result.code, result.shown)
      assert.is_true(cut > 1)
      assert.matches("public.person: 2000 rows then, %d+ now", result.shown)
      assert.matches("public.note: 2 rows then, the table is gone now", result.shown, 1, true)
      assert.matches("public.later: not there then, 1 row now", result.shown, 1, true)

      local swapped = dixis.event(events, "swap.finished")
      assert.matches("^" .. made.name .. "_broken_[%w_]+$", swapped.kept_as)
      assert.equal(look, look_of(made.name))
      assert.equal(look, look_of(swapped.kept_as))
      assert.equal(old, oid_of(swapped.kept_as))
      assert.equal("postgres " .. made.name .. " " .. swapped.kept_as, (databases():gsub(" shop_%d+_broken_%S+$", "%0")))
      local restored = assert(pg.connect(made.params))
      assert.equal(2, assert(restored:query "SELECT count(*) FROM note")[1][1])
      assert.equal(0, assert(restored:query "SELECT count(*) FROM person WHERE name = 'late'")[1][1])
      assert.is_true(assert(restored:query "SELECT reltuples = 2 FROM pg_class WHERE relname = 'note'")[1][1])
      restored:close()
      assert.equal(0, dixis.run({ "verify", "last" }, { cwd = made.folder }).code)
      assert.is_true(dixis.event(events, "run.finished").changed)
      for _, name in ipairs { made.name, swapped.kept_as } do assert(admin:query("DROP DATABASE " .. name)) end
    end)

    it("when it lets nobody in, or is not there any more", function()
      local made = backed_up()
      local look = look_of(made.name)
      assert(admin:query(("ALTER DATABASE %s ALLOW_CONNECTIONS false"):format(made.name)))
      local result, events = run(made, arguments(made))
      assert.equal(0, result.code, result.shown)
      assert.matches("nobody is let into " .. made.name, result.shown, 1, true)
      assert.matches("is not known", result.shown, 1, true)
      assert.equal(look, look_of(made.name))
      assert(admin:query("DROP DATABASE " .. dixis.event(events, "swap.finished").kept_as))

      assert(admin:query("DROP DATABASE " .. made.name))
      result = run(made, arguments(made))
      assert.equal(0, result.code, result.shown)
      assert.matches("the database is gone", result.shown, 1, true)
      assert.equal(look, look_of(made.name))
      assert(admin:query("DROP DATABASE " .. made.name))
    end)

    it("by its owner, who is no superuser, while others are connected", function()
      assert(admin:script "CREATE ROLE rollback_owner LOGIN CREATEDB; GRANT pg_signal_backend TO rollback_owner")
      assert(admin:query "CREATE DATABASE owned OWNER rollback_owner")
      local made = { name = "owned", folder = book.project(), params = server.params() }
      folders[#folders + 1] = made.folder
      made.params.dbname, made.params.user = "owned", "rollback_owner"
      made.url = server.url(made.params)
      local conn = assert(pg.connect(made.params))
      assert(conn:script [[
        CREATE EXTENSION citext; COMMENT ON EXTENSION citext IS 'ours';
        CREATE SCHEMA more; CREATE TYPE more.mood AS ENUM ('good', 'bad'); CREATE TABLE more.moods (mood more.mood PRIMARY KEY);
        ALTER DEFAULT PRIVILEGES IN SCHEMA more GRANT SELECT ON TABLES TO rollback_app;
        CREATE TABLE t (a citext); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t TO rollback_app USING (true);
        INSERT INTO t VALUES ('x'); CREATE PUBLICATION told FOR TABLE t; GRANT SELECT ON t TO rollback_app;
        CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM t; ALTER DATABASE owned SET work_mem = '5MB']])
      conn:close()
      local look = look_of "owned"
      book.write(made.folder, { uses = '{ exec = { "pg_dump", "pg_restore" } }',
        gates = '{ gate.reachable "5s", gate.backup() }' })
      local backup = book.dixis(made.folder, made.url, { "run", "book.lua" })
      assert.equal(0, backup.code, backup.shown)
      made.journal = select(2, dixis.journal(made.folder))
      -- A superuser's setting, as the stamp is one, must not stop the way back.
      assert(admin:query "ALTER DATABASE owned SET dixis.environment = 'production'")
      made.params.user = "rollback_app"
      local other = assert(pg.connect(made.params))
      local result = run(made, arguments(made))
      other:close()
      assert.equal(0, result.code, result.shown)
      assert.matches("1 session ended", result.shown, 1, true)
      local _, told = result.shown:gsub(
        "a superuser does it afterwards: ALTER DATABASE owned SET dixis.environment TO 'production'", "")
      assert.equal(2, told, result.shown)
      assert.equal(look, look_of "owned")
      for name in databases():gmatch "owned%S*" do assert(admin:query("DROP DATABASE " .. name)) end
    end)

    it("or not, when the connection is lost at the swap's COMMIT: the server is asked whose name it is", function()
      local made = backed_up()
      local look, there = look_of(made.name), databases()
      for rule, case in pairs {
        ["before_commit:1"] = { code = 5, outcome = "unreachable" }, ["after_commit:1"] = { code = 0, outcome = "succeeded" },
        ["dead_after:1"] = { code = 6, outcome = "in_doubt" },
      } do
        local old = oid_of(made.name)
        local proxy = assert(process.start({ "python3", "spec/support/cut_proxy.py",
          ("%s/.s.PGSQL.%d"):format(made.params.host, made.params.port), rule }, { die_with_parent = "KILL" }))
        local port = assert(proxy:read_line(20)):match "^port (%d+)$"
        local handle = dixis.start(arguments(made), { cwd = made.folder, env = { DATABASE_URL_PROD =
          ("postgresql://%s@127.0.0.1:%s/%s?sslmode=disable"):format(made.params.user, port, made.name) } })
        assert.equal("fired", proxy:read_line(60))
        if case.code == 6 then proxy:close() end -- nobody answers any more
        local result = assert(handle:wait())
        proxy:close()
        assert.equal(case.code, result.code, rule .. result.stdout .. result.stderr)
        local events = dixis.journal(made.folder)
        assert.same({ case.outcome, case.code ~= 5 },
          { dixis.event(events, "run.finished").outcome, dixis.event(events, "run.finished").changed }, rule)
        local names = dixis.event(events, "swap.started")
        if case.code == 5 then
          assert.equal(old, oid_of(made.name))
          assert(admin:query("DROP DATABASE " .. names.restored))
        else
          assert.equal(old, oid_of(names.kept_as))
          assert(admin:query("DROP DATABASE " .. names.kept_as))
        end
        assert.equal(there, databases())
        assert.equal(look, look_of(made.name))
      end
      assert(admin:query("DROP DATABASE " .. made.name))
    end)

    it("by the command that a production run prints when it goes red", function()
      local folder = dixis.project()
      folders[#folders + 1] = folder
      local staging, prod = server.database "staging", server.database "prod"
      local env = { DATABASE_URL_STAGING = server.url(staging), DATABASE_URL_PROD = server.url(prod) }
      assert.equal(0, dixis.run({ "run", "staging", "--confirm", "DIXIS-STAGING-OK" }, { cwd = folder, env = env }).code)
      -- What staging did not know of.
      local conn = assert(pg.connect(prod))
      assert(conn:script "CREATE SCHEMA kept; CREATE TABLE kept.t AS SELECT 1 AS a; CREATE TABLE \"Notification\" (id int)")
      local red = dixis.run({ "run", "prod", "--set", "allow=baseline", "--confirm", "DIXIS-PROD-OK", "--confirm", prod.dbname },
        { cwd = folder, env = env })
      assert.equal(1, red.code, red.stdout)
      assert(conn:query "DROP TABLE IF EXISTS kept.t")
      conn:close()
      local command = assert(red.stdout:match "dixis (run rollback [^\n]*)", red.stdout)
      local given = {}
      for word in command:gmatch "%S+" do given[#given + 1] = word:gsub("'", "") end
      for _, word in ipairs { "--confirm", "DIXIS-ROLLBACK-OK", "--confirm", prod.dbname } do given[#given + 1] = word end
      local back = dixis.run(given, { cwd = folder, env = env })
      assert.equal(0, back.code, back.stdout)
      conn = assert(pg.connect(prod))
      assert.equal(1, assert(conn:query "SELECT a FROM kept.t")[1][1])
      assert.is_nil(assert(conn:query "SELECT to_regclass('_prisma_migrations')")[1][1])
      conn:close()
    end)
  end)

  describe("refuses", function()
    local made, before, there
    local bins = {}

    setup(function()
      made = backed_up()
      before, there = book.snapshot(made.url), databases()
    end)
    teardown(function() assert(admin:query("DROP DATABASE " .. made.name .. " WITH (FORCE)")) end)
    after_each(function()
      for i = #bins, 1, -1 do fs.remove(table.remove(bins, i)) end
      fs.remove(made.folder .. "/damaged")
    end)

    local function untouched()
      assert.equal(before, book.snapshot(made.url))
      assert.equal(there, databases())
    end

    local function refused(text, result, events, exit)
      assert.equal(exit or 3, result.code, result.shown)
      assert.matches(text, result.shown, 1, true)
      assert.is_nil(dixis.event(events, "step.started"))
      assert.is_false(dixis.event(events, "run.finished").changed)
      untouched()
    end

    --- A copy of the backup in another folder, under its own name, after a change of its bytes.
    local function damaged(change)
      local path = made.folder .. "/damaged/" .. made.backup.path:match "[^/]+$"
      assert(fs.mkdir(made.folder .. "/damaged"))
      assert(fs.write(path, change(assert(fs.read(made.backup.path)))))
      return path
    end

    local function flip(data, at)
      return data:sub(1, at - 1) .. string.char(data:byte(at) ~ 1) .. data:sub(at + 1)
    end

    for name, case in pairs {
      ["truncated"] = { function(data) return data:sub(1, -2) end, "bytes, and its record says" },
      ["empty"] = { function() return "" end, "has 0 bytes" },
      ["longer"] = { function(data) return data .. "\0" end, "bytes, and its record says" },
      ["flipped in its first byte"] = { function(data) return flip(data, 1) end, "was changed: its SHA-256 is" },
      ["flipped in its contents"] = { function(data) return flip(data, 1500) end, "was changed: its SHA-256 is" },
      ["flipped in its middle"] = { function(data) return flip(data, #data // 2) end, "was changed: its SHA-256 is" },
      ["flipped in its last byte"] = { function(data) return flip(data, #data) end, "was changed: its SHA-256 is" },
      ["no backup"] = { function(data) return ("x"):rep(#data) end, "was changed: its SHA-256 is" },
    } do
      it("a backup that is " .. name, function()
        refused(case[2], run(made, arguments(made, "--set", "backup=" .. damaged(case[1]))))
      end)
    end

    --- The backup, changed, under a name that no journal knows; accepted by its sum and the phrase.
    local function foreign(change)
      local path = made.folder .. "/damaged/foreign.dump"
      assert(fs.mkdir(made.folder .. "/damaged"))
      assert(fs.write(path, change(assert(fs.read(made.backup.path)))))
      local sum = require("host.digest").sha256_file(path)
      return arguments(made, "--set", "backup=" .. path, "--set", "sha256=" .. sum, "--set", "unproven_backup=" .. fields.phrase)
    end

    it("one that pg_restore cannot read", function()
      refused("is not a backup that pg_restore", run(made, foreign(function() return "SELECT 1;\n" end)))
      refused("unsupported version (1.99)", run(made, foreign(function(data) return data:sub(1, 6) .. "\x63" .. data:sub(8) end)))
    end)

    it("one of a newer server, or of another database, by its own word", function()
      local version <const> = value "SHOW server_version"
      refused("is of PostgreSQL 99", run(made, foreign(function(data)
        return (data:gsub(version:match "^%d+" .. "(%.[%w.]+ %()", "99%1", 1))
      end)))
      refused("is a backup of 'xxxx", run(made, foreign(function(data)
        return (data:gsub(made.name, ("x"):rep(#made.name), 1))
      end)))
    end)

    it("one that no journal knows, without its sum, with another, or without the phrase", function()
      local path = made.folder .. "/damaged/foreign.dump"
      local given = foreign(function(data) return data .. "\0" end)
      refused("no journal knows the backup", run(made, arguments(made, "--set", "backup=" .. path)))
      refused("was never restored", run(made, arguments(made, "--set", "backup=" .. path, "--set", "sha256=" .. ("a"):rep(64))))
      refused("was changed: its SHA-256 is", run(made, arguments(made, "--set", "backup=" .. path, "--set",
        "sha256=" .. ("a"):rep(64), "--set", "unproven_backup=" .. fields.phrase)))
      given[#given] = "unproven_backup=" .. fields.phrase .. "!"
      refused("is not the phrase", run(made, given))
    end)

    it("one that is not there, and none at all", function()
      refused("there is no backup /nowhere", run(made, arguments(made, "--set", "backup=/nowhere")))
      refused("there is no journal", run(made, { "run", "rollback", "--set", "record=/nowhere" }))
      refused("no journal knows of a backup of " .. made.name, run(made, { "run", "rollback" }))
      assert(fs.rename(made.backup.path, made.backup.path .. ".away"))
      local result, events = run(made, arguments(made))
      assert(fs.rename(made.backup.path .. ".away", made.backup.path))
      refused("is gone", result, events)
    end)

    it("a record that was changed", function()
      local text = assert(fs.read(made.journal))
      local path = made.folder .. "/changed.jsonl"
      assert(fs.write(path, (text:gsub('"public.note":2', '"public.note":3', 1))))
      refused("is not as it was written", run(made, arguments({ journal = path, name = made.name })))
    end)

    it("the backup of another database", function()
      local other = server.database "other"
      local result = run(made, { "run", "rollback", "--set", "record=" .. made.journal, "--set", "backup=" .. made.backup.path },
        { DATABASE_URL_PROD = server.url(other) })
      assert.equal(3, result.code)
      assert.matches(("is a backup of the database '%s', not of '%s'"):format(made.name, other.dbname), result.shown, 1, true)
      assert(admin:query("DROP DATABASE " .. other.dbname))
      untouched()
    end)

    it("names that are taken or too long, and the database that it works from", function()
      refused("there is a database postgres already", run(made, arguments(made, "--set", "keep_as=postgres")))
      refused("is longer than 63 bytes", run(made, arguments(made, "--set", "keep_as=" .. ("x"):rep(64))))
      refused("is the database from which it would be renamed", run(made, arguments(made, "--set", "maintenance=" .. made.name)))
    end)

    it("a role that may not do it all", function()
      local function as(role) return { DATABASE_URL_PROD = (made.url:gsub("//[^@]*@", "//" .. role .. "@")) } end
      refused("may not create or rename databases", run(made, arguments(made), as "rollback_weak"))
      refused("may not set what is set for rollback_app", run(made, arguments(made), as "rollback_half"))
      assert(admin:query "ALTER ROLE rollback_half CREATEROLE")
      refused("may not give objects to their owner", run(made, arguments(made), as "rollback_half"))
      local conn = assert(pg.connect(made.params))
      refused("may not end 1 session of", run(made, arguments(made), as "rollback_half"))
      conn:close()
    end)

    it("while a migration run is going on in the target", function()
      local conn = assert(pg.connect(made.params))
      assert(conn:query "SELECT pg_advisory_lock(72707369)")
      local result, events = run(made, arguments(made))
      conn:close()
      refused("a migration run is going on in", result, events, 4)
    end)

    it("without its own phrase and the name", function()
      local function asked(...) return { "run", "rollback", "--set", "record=" .. made.journal, ... } end
      refused("the phrase is not DIXIS-ROLLBACK-OK", run(made, asked("--confirm", "DIXIS-PROD-OK", "--confirm", made.name)))
      refused("the phrase is not " .. made.name, run(made, asked("--confirm", "DIXIS-ROLLBACK-OK", "--confirm", "postgres")))
      refused("this runbook asks for 2 confirmations", run(made, asked("--confirm", "DIXIS-ROLLBACK-OK")))
      refused("no terminal, and no --confirm", run(made, asked()))
    end)

    it("a target that is stamped as another environment's", function()
      assert(admin:query(("ALTER DATABASE %s SET dixis.environment = 'staging'"):format(made.name)))
      local result = run(made, arguments(made))
      assert(admin:query(("ALTER DATABASE %s SET dixis.environment = 'production'"):format(made.name)))
      assert.equal(3, result.code)
      assert.matches("the target is stamped 'staging'", result.shown, 1, true)
    end)

    it("tools that are not there", function()
      refused("no pg_dump and pg_restore", run(made, arguments(made, "--set", "pg_bin=/nowhere")))
    end)

    describe("and leaves the target as it was when", function()
      local function with_restore(shell)
        bins[1] = pg_tools.folder { restore = shell }
        return run(made, arguments(made, "--set", "pg_bin=" .. bins[1]))
      end

      local function failed(text, result, events)
        assert.equal(1, result.code, result.shown)
        assert.matches(text, result.shown, 1, true)
        assert.is_table(dixis.event(events, "restore.dropped"))
        assert.is_false(dixis.event(events, "run.finished").changed)
        untouched()
      end

      it("the restore fails", function()
        failed("the disk is gone", with_restore('if restores "$@"; then "$real" "$@"; '
          .. 'echo "pg_restore: error: the disk is gone" >&2; exit 1; fi; exec "$real" "$@"'))
      end)

      it("what was restored has other rows or another schema than the record", function()
        local psql <const> = 'if restores "$@"; then "$real" "$@" && exec ' .. pg_tools.real()
          .. '/psql -qX "${connect[@]}" -c "%s"; fi; exec "$real" "$@"'
        failed("public.note has 3 rows, and its source had 2", with_restore(psql:format "INSERT INTO note VALUES (9)"))
        failed("only in the copy: CREATE TABLE public.more", with_restore(psql:format "CREATE TABLE more (a int)"))
      end)

      it("the file is swapped after it was looked at", function()
        local copy <const> = assert(fs.read(made.backup.path))
        local result, events = with_restore(
          'if restores "$@"; then "$real" "$@"; printf x >> "$file"; exit 0; fi; exec "$real" "$@"')
        assert(fs.write(made.backup.path, copy))
        failed("was changed while it was restored", result, events)
      end)

      it("the swap fails: both names stay, people get in again, and the restored one is kept", function()
        bins[1] = pg_tools.folder { restore = 'if restores "$@"; then "$real" "$@" && exec ' .. pg_tools.real()
          .. '/psql -qX "${connect[@]}" -c "CREATE DATABASE taken_meanwhile"; fi; exec "$real" "$@"' }
        local result, events = run(made, arguments(made, "--set", "pg_bin=" .. bins[1], "--set", "keep_as=taken_meanwhile"))
        assert.equal(1, result.code, result.shown)
        assert.matches("the databases could not be swapped", result.shown, 1, true)
        assert.is_false(dixis.event(events, "run.finished").changed)
        assert(admin:query "DROP DATABASE taken_meanwhile")
        assert(admin:query("DROP DATABASE " .. dixis.event(events, "restore.finished").database))
        untouched()
      end)

      for _, signal in ipairs { "INT", "KILL" } do
        it("it is ended by SIG" .. signal .. " halfway", function()
          local waiting = made.folder .. "/waiting"
          fs.remove(waiting)
          bins[1] = pg_tools.folder { restore =
            ('if restores "$@"; then "$real" "$@"; touch %s; sleep 100; fi; exec "$real" "$@"'):format(waiting) }
          local handle = dixis.start(arguments(made, "--set", "pg_bin=" .. bins[1]), { cwd = made.folder,
            env = { DATABASE_URL_PROD = made.url } })
          local limit = clock.now() + 60
          while not fs.stat(waiting) and clock.now() < limit do clock.sleep(0.02) end
          local name = dixis.event(dixis.journal(made.folder), "restore.started").database
          assert.is_truthy(databases():find(name, 1, true))
          handle:kill(signal)
          local result = assert(handle:wait())
          if signal == "INT" then
            assert.equal(130, result.code, result.stdout)
            assert.is_false(dixis.event(dixis.journal(made.folder), "run.finished").changed)
          else
            -- Nobody was left to drop it: the next run says so.
            local after = run(made, { "run", "rollback", "--set", "record=" .. made.journal })
            assert.matches(("an earlier run left %s: DROP DATABASE"):format(name), after.shown, 1, true)
            assert(admin:query(('DROP DATABASE "%s" WITH (FORCE)'):format(name)))
          end
          untouched()
        end)
      end
    end)
  end)
end)
