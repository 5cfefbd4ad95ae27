-- Scripts that try to escape atomicity, to mislead the bookkeeping or to confuse the splitter. Each is deployed
-- by the real binary between two innocent migrations, on a database of its own, and then database, ledger, record
-- and exit code must tell one story:
--   applied: all of it is there, with one finished row of the right checksum; so is the migration after it
--   failed:  nothing of it is there, and no row; with `steps`, what its row counts is there, and no more
--   lost:    the same, when the script ended a connection of the run; may be tried again
--   refused: nothing at all was run
--   in_doubt: the record says that a person must look
-- The migration after one that was applied runs with untouched settings, in the right schema, under the run lock; what
-- failed left the database exactly as it was, so the next run meets nothing of it.

local digest = require "host.digest"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"
local task = require "host.task"

local files <const> = { "alone", "bytes", "copy_psql", "large", "ledger", "newer", "quoting", "sessions", "settings",
  "transactions" }

-- Four hundred journals need not wait for a disk.
local place <const> = fs.stat "/dev/shm" and "/dev/shm" or "/tmp"

local first <const> = [[
CREATE SCHEMA elsewhere;
CREATE TABLE t (id int PRIMARY KEY, note text);
INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE INDEX t_note ON t (note);
CREATE TABLE u (a int);
CREATE TYPE mood AS ENUM ('ok');
CREATE MATERIALIZED VIEW mv AS SELECT * FROM t;
CREATE UNIQUE INDEX mv_id ON mv (id);
CREATE TABLE part (x int) PARTITION BY RANGE (x);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO u VALUES (1); COMMIT; END $$;
CREATE PROCEDURE rolls_back() LANGUAGE plpgsql AS $$ BEGIN ROLLBACK; INSERT INTO u VALUES (1); END $$;
CREATE FUNCTION configures(name text, value text) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_catalog.set_config(name, value, false); RETURN 1; END $$;
CREATE FUNCTION moves() RETURNS int LANGUAGE sql AS $$ SELECT public.configures('search_path', 'elsewhere') $$;
CREATE TABLE defaulted (a int DEFAULT moves());
CREATE TABLE audited (a int);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.moves(); RETURN NEW; END $$;
CREATE TRIGGER audit BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION audit();
GRANT CREATE, USAGE ON SCHEMA elsewhere TO corpus;
]]

-- What the session is when the next migration runs, kept for comparison with an undisturbed one.
local after <const> = [[
CREATE TABLE later (id int);
CREATE TABLE state AS
  SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session' AND name !~ '^transaction_'
  UNION ALL SELECT 'users', current_user || ' ' || session_user
  UNION ALL SELECT 'prepared', name FROM pg_catalog.pg_prepared_statements
    WHERE name NOT IN ('dixis_applied', 'dixis_transaction')
  UNION ALL SELECT 'cursor', name FROM pg_catalog.pg_cursors
  UNION ALL SELECT 'channel', c FROM pg_catalog.pg_listening_channels() c
  UNION ALL SELECT 'temporary', relname FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema()
  UNION ALL SELECT 'lock', objid || CASE WHEN pid = pg_catalog.pg_backend_pid() THEN ' ours' ELSE '' END
    FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND 72707369 IN (classid, objid)
     AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database());
]]

-- Everything that is in the database, as lines.
local inventory <const> = [[
SET search_path = pg_catalog;
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
  SELECT format('class %s %s %s %s %s', oid::regclass, relkind, relowner, reloptions, relacl) AS line
    FROM pg_class WHERE oid >= 16384
  UNION ALL SELECT format('column %s %s %s %s', attrelid::regclass, attname, atttypid::regtype, attnotnull)
    FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0
  UNION ALL SELECT format('function %s %s', oid::regprocedure, md5(prosrc)) FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT format('type %s %s', oid::regtype, typtype) FROM pg_type WHERE oid >= 16384
  UNION ALL SELECT format('label %s %s', enumtypid::regtype, enumlabel) FROM pg_enum
  UNION ALL SELECT format('schema %s %s %s', nspname, nspowner, nspacl) FROM pg_namespace
    WHERE nspname !~ '^pg_(toast_)?temp'
  UNION ALL SELECT format('trigger %s %s', tgrelid::regclass, tgname) FROM pg_trigger
  UNION ALL SELECT format('rule %s %s', ev_class::regclass, rulename) FROM pg_rewrite WHERE ev_class >= 16384
  UNION ALL SELECT format('constraint %s %s', conrelid::regclass, conname) FROM pg_constraint WHERE oid >= 16384
  UNION ALL SELECT format('index %s %s', indexrelid::regclass, indisvalid) FROM pg_index WHERE indexrelid >= 16384
  UNION ALL SELECT format('extension %s', extname) FROM pg_extension
  UNION ALL SELECT format('event trigger %s', evtname) FROM pg_event_trigger
  UNION ALL SELECT format('operator %s', oid::regoperator) FROM pg_operator WHERE oid >= 16384
  UNION ALL SELECT format('comment %s %s', objoid, md5(description)) FROM pg_description WHERE objoid >= 16384
  UNION ALL SELECT format('setting %s', setconfig) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL SELECT format('prepared %s', gid) FROM pg_prepared_xacts WHERE database = current_database()
  UNION ALL SELECT format('data %s %s', oid::regclass,
      md5(query_to_xml('TABLE ' || oid::regclass, true, true, '')::text))
    FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'm')
) AS lines]]

-- As a condition; bare names stand for relations that are there, indexes being valid.
local function condition(there)
  if not there then return "true" end
  if not there:find "^[%w_. ]+$" then
    return (there:gsub("valid(%b())",
      "coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass%1), false)"))
  end
  local parts = {}
  for name in there:gmatch "%S+" do
    parts[#parts + 1] = ("(to_regclass('%s') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_index "
      .. "WHERE indexrelid = to_regclass('%s') AND NOT indisvalid))"):format(name, name)
  end
  return table.concat(parts, " AND ")
end

describe("the corpus", function()
  local template, before, undisturbed, count
  local untouched -- the last script left the database as the template is: the next one may have it
  local conn, folder, params, server_version

  local function connect(to)
    if conn then conn:close() end
    conn = assert(pg.connect(to))
  end
  local function drop()
    if conn then conn:close() end
    conn = nil
  end
  local function value(sql)
    local result, err = conn:query(sql)
    return assert(result, err and err.message)[1][1]
  end
  local function snapshot() return assert(conn:script(inventory))[1][1] end

  --- The rows of the ledger of a migration: finished ones and others, with checksum.
  local function rows_of(name)
    local list = {}
    local found = assert(conn:query([[
      SELECT checksum, finished_at IS NOT NULL AS finished, applied_steps_count AS steps, logs,
             rolled_back_at IS NOT NULL AS rolled_back
        FROM public._prisma_migrations WHERE migration_name = $1]], { name }))
    for i, row in ipairs(found) do list[i] = row end
    return list
  end

  local function available(extension)
    connect(params)
    local found = value(("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = '%s')"):format(extension))
    drop()
    return found
  end

  -- The next database is made, and the one before the last removed, while a script is deployed.
  local ahead, used
  local function make(name, old)
    local admin <close> = assert(pg.connect(server.params()))
    if old then admin:query(('DROP DATABASE IF EXISTS "%s" WITH (FORCE)'):format(old)) end
    assert(admin:query(('CREATE DATABASE "%s" TEMPLATE "%s"'):format(name, template.dbname)))
    return name
  end

  local function fresh()
    local ok, name = ahead:join()
    assert(ok, name)
    count = count + 1
    ahead = task.spawn(make, ("corpus_%d"):format(count + 1), used)
    params = server.params()
    params.dbname, used = name, name
  end

  local function state()
    return value "SELECT string_agg(concat_ws(' ', name, setting), E'\\n' ORDER BY name, setting) FROM public.state"
  end

  setup(function()
    count = 0
    local admin = assert(pg.connect(server.params()))
    assert(admin:query "DROP ROLE IF EXISTS corpus")
    assert(admin:query "CREATE ROLE corpus")
    admin:close()
    template = server.database "corpus_template"
    connect(template)
    server_version = conn:server_version()
    drop()
    folder = migrations.project({ ["1_first"] = first }, place)
    local result = migrations.deploy(folder, template)
    assert(result.code == 0, result.stdout)
    connect(template)
    before = snapshot()
    drop()
    ahead = task.spawn(make, "corpus_1")
    fresh()
    migrations.write(folder, "3_after", after)
    assert(migrations.deploy(folder, params).code == 0)
    connect(params)
    undisturbed = state()
    drop()
    assert(undisturbed:find("lock 72707369", 1, true), undisturbed)
    assert(fs.remove(folder))
  end)

  before_each(function()
    if not untouched then fresh() end
    untouched = false
    folder = migrations.project({ ["1_first"] = first, ["3_after"] = after }, place)
  end)
  after_each(function()
    drop()
    assert(fs.remove(folder))
  end)

  teardown(function() ahead:join() end)

  --- The migration after it ran where and as it should.
  local function check_after(result)
    assert.equal(undisturbed, state(), result.stdout)
    assert.equal("public",
      value "SELECT string_agg(relnamespace::regnamespace::text, ' ') FROM pg_class WHERE relname = 'later'")
    local rows = rows_of "3_after"
    assert.equal(1, #rows)
    assert.is_true(rows[1].finished)
    assert.equal(digest.sha256(after), rows[1].checksum)
  end

  --- What the record says is what the database says.
  local function check_record(events)
    local applied = {}
    for _, event in ipairs(events) do
      if event.type == "migration.applied" then applied[event.name] = true end
    end
    for _, name in ipairs { "2_case", "3_after" } do
      local finished = false
      for _, row in ipairs(rows_of(name)) do finished = finished or row.finished and not row.rolled_back end
      assert.equal(finished, applied[name] or false, "record and ledger of " .. name)
    end
    return dixis.event(events, "run.finished")
  end

  local function checksum() return dixis.event(dixis.journal(folder), "migration.started").checksum end

  local judge <const> = {}

  function judge.applied(case, result, events)
    assert.equal(0, result.code, result.stdout)
    local finished = 0
    for _, row in ipairs(rows_of "2_case") do
      if row.finished and not row.rolled_back then
        finished = finished + 1
        assert.equal(checksum(), row.checksum)
        assert.equal(1, row.steps)
        assert.is_nil(row.logs)
      end
    end
    assert.equal(1, finished)
    assert.is_true(value("SELECT " .. condition(case[4])), case[4])
    check_record(events)
    check_after(result)
  end

  local function nothing_left(result)
    assert.equal(before, snapshot(), result.stdout)
    assert.same({}, rows_of "2_case")
    untouched = true
  end

  function judge.failed(case, result, events, exit)
    assert.equal(exit or 1, result.code, result.stdout)
    assert.is_nil(result.stdout:find("internal", 1, true), result.stdout)
    local finished = check_record(events)
    assert.is_true(value "SELECT to_regclass('public.later') IS NULL")
    if case.leaves then
      assert.is_true(value("SELECT " .. condition(case[4])), case[4])
    elseif case.steps then
      local rows = rows_of "2_case"
      assert.equal(1, #rows)
      assert.is_false(rows[1].finished)
      assert.equal(case.steps, rows[1].steps)
      assert.is_true(value("SELECT " .. condition(case[4])), case[4])
      assert.is_true(finished.changed)
    else
      nothing_left(result)
      assert.is_false(finished.changed)
    end
  end

  -- As far as dixis can tell it was the network, or somebody who may be gone the next time.
  function judge.lost(case, result, events) judge.failed(case, result, events, 5) end

  function judge.refused(_, result, events)
    assert.equal(3, result.code, result.stdout)
    assert.is_false(check_record(events).changed)
    nothing_left(result)
  end

  function judge.in_doubt(_, result, events)
    assert.equal(6, result.code, result.stdout)
    assert.is_true(dixis.event(events, "run.finished").changed)
  end

  for _, file in ipairs(files) do
    describe(file:gsub("_", " "), function()
      local names = {}
      for _, case in ipairs(require("spec.corpus." .. file)) do
        assert(not names[case[1]], case[1])
        names[case[1]] = true
        it(("%s: %s"):format(case[1], case[2]), function()
          migrations.write(folder, "2_case", type(case[3]) == "function" and case[3]() or case[3])
          if case.extension and not available(case.extension) then
            untouched = true
            return pending(case.extension .. " is not installed with this server")
          elseif case.since and case.since * 10000 <= server_version then
            untouched = true
            return pending "this server knows what the parser does not"
          end
          local result, events = migrations.deploy(folder, params)
          connect(params)
          judge[case[2]](case, result, events)
        end)
      end
    end)
  end
end)
