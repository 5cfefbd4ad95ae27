-- What a change of type does to rows and indexes, and which functions are volatile, compared with a server.

local builtin = require "dixis.lint.builtin"
local locks = require "dixis.lint.hazard.locks"
local pg = require "host.pg"
local server = require "spec.support.server"
local sql = require "host.sql"
local types = require "dixis.lint.hazard.types"
local volatility = require "dixis.lint.hazard.volatility"

local json = require "dixis.json"

local of_columns <const> = { "smallint", "integer", "bigint", "real", "double precision", "numeric", "numeric(10,2)",
  "numeric(12,2)", "numeric(12,4)", "numeric(9,2)", "numeric(10,0)", "text", "character varying", "character varying(10)",
  "character varying(20)", "character(3)", "character(10)", "boolean", "date", "timestamp without time zone",
  "timestamp(0) without time zone", "timestamp(3) without time zone", "timestamp(6) without time zone",
  "timestamp with time zone",
  "timestamp(3) with time zone", "timestamp(6) with time zone", "time without time zone", "time(3) without time zone",
  "time with time zone", "interval", "interval(3)", "uuid", "json", "jsonb", "bytea", "inet", "cidr", "oid", "bit(3)",
  "bit(5)", "bit varying", "bit varying(5)", "bit varying(8)", "xml", "money", "text[]", "character varying(10)[]",
  "integer[]", "citext" }

describe("a change of type", function()
  local connection

  lazy_setup(function()
    connection = assert(pg.connect(server.database "types"))
    assert(connection:query "CREATE EXTENSION citext")
  end)

  local function files()
    local row <const> = assert(connection:query [[SELECT pg_relation_filenode(c.oid)::text AS heap,
      (SELECT string_agg(pg_relation_filenode(indexrelid)::text, ' ') FROM pg_index WHERE indrelid = c.oid) AS index
      FROM pg_class c WHERE c.oid = 't'::regclass]])[1]
    return row.heap, row.index
  end

  -- What the server does; nil when it refuses.
  local function asked(to)
    assert(connection:query "SAVEPOINT change")
    local heap <const>, index <const> = files()
    local ok = connection:query(("ALTER TABLE t ALTER c TYPE %s USING c::%s"):format(to, to))
    local answer
    if ok then
      local heap_now <const>, index_now <const> = files()
      answer = heap ~= heap_now and "rewrite" or index ~= index_now and "indexes" or "nothing"
    end
    assert(connection:query "ROLLBACK TO SAVEPOINT change")
    return answer
  end

  for zone, meaning in pairs { UTC = "indexes", ["Europe/Berlin"] = "rewrite" } do
    it("writes what the server writes, at " .. zone, function()
      assert(connection:query(("SET timezone = '%s'"):format(zone)))
      local wrong, pairs_seen = {}, 0
      for _, from in ipairs(of_columns) do
        assert(connection:query "BEGIN")
        assert(connection:query("CREATE TABLE t (c " .. from .. ")"))
        assert(connection:query "SAVEPOINT index")
        local indexed <const> = connection:query "CREATE INDEX ON t (c)"
        if not indexed then assert(connection:query "ROLLBACK TO SAVEPOINT index") end
        for _, to in ipairs(of_columns) do
          local real <const> = asked(to)
          local said = types.change(from, to)
          if said == "timezone" then said = meaning end
          if said == "indexes" and not indexed then said = "nothing" end
          if real and real ~= said then wrong[#wrong + 1] = ("%s -> %s: %s, not %s"):format(from, to, real, said) end
          pairs_seen = pairs_seen + (real and 1 or 0)
        end
        assert(connection:query "ROLLBACK")
      end
      assert.same({}, wrong)
      assert.is_true(pairs_seen > 500)
    end)
  end
end)

describe("volatile functions", function()
  it("are those of the server that a default can call", function()
    local connection <const> = assert(pg.connect(server.database "volatile"))
    -- A default takes and gives values of columns; what manages the server does not belong into one.
    local rows <const> = assert(connection:query [[
      SELECT DISTINCT proname FROM pg_proc
      WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v' AND prokind = 'f' AND NOT proretset
        AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype, 'void'::regtype)
        AND proname !~ '^(amvalidate|currtid|plpgsql_|pg_|lo|binary_upgrade|gin_|brin_|txid_|xml|ts_)'
        AND proname !~ '^(table|query|schema|cursor|database)_to_']])
    local missing <const> = {}
    for _, row in ipairs(rows) do
      if builtin.has(row.proname) and not volatility.volatile[row.proname] then missing[#missing + 1] = row.proname end
    end
    table.sort(missing)
    assert.same({}, missing)
    for name in pairs(volatility.volatile) do
      local rows_of <const> = assert(connection:query(
        "SELECT bool_and(provolatile = 'v')::text FROM pg_proc WHERE proname = $1", { name }))
      assert.equal("true", rows_of[1][1], name)
    end
    connection:close()
  end)
end)

describe("locks of ALTER TABLE", function()
  local forms <const> = {
    "ADD COLUMN x integer", "DROP COLUMN b", "ALTER COLUMN b SET DEFAULT 1", "ALTER COLUMN b DROP DEFAULT",
    "ALTER COLUMN b SET NOT NULL", "ALTER COLUMN a DROP NOT NULL", "ALTER COLUMN b SET STATISTICS 10",
    "ALTER COLUMN b SET (n_distinct = 5)", "ALTER COLUMN b RESET (n_distinct)", "ALTER COLUMN c SET STORAGE EXTERNAL",
    "ALTER COLUMN c SET COMPRESSION pglz", "ALTER COLUMN b TYPE bigint", "ADD CHECK (b > 0) NOT VALID", "ADD CHECK (b > 0)",
    "ADD FOREIGN KEY (b) REFERENCES other", "ADD FOREIGN KEY (b) REFERENCES other NOT VALID", "ADD UNIQUE (b)",
    "VALIDATE CONSTRAINT waiting", "DROP CONSTRAINT waiting", "SET (fillfactor = 70)", "RESET (fillfactor)",
    "SET (autovacuum_enabled = off)", "CLUSTER ON t_pkey", "SET WITHOUT CLUSTER", "DISABLE TRIGGER ALL", "ENABLE TRIGGER ALL",
    "DISABLE TRIGGER fires", "ENABLE ALWAYS TRIGGER fires", "ENABLE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY",
    "SET UNLOGGED", "SET ACCESS METHOD heap", "REPLICA IDENTITY FULL", "OWNER TO CURRENT_USER",
    "ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY", "ADD COLUMN y integer REFERENCES other",
    "SET (fillfactor = 70), DISABLE TRIGGER ALL", "VALIDATE CONSTRAINT waiting, ADD COLUMN x integer",
  }

  it("are those that the server takes", function()
    local connection <const> = assert(pg.connect(server.database "locks"))
    for _, text in ipairs {
      "CREATE TABLE other (id integer PRIMARY KEY)", "CREATE TABLE t (a integer NOT NULL, b integer, c text)",
      "ALTER TABLE t ADD CONSTRAINT t_pkey UNIQUE (a)", "ALTER TABLE t ADD CONSTRAINT waiting CHECK (b > 1) NOT VALID",
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
      "CREATE TRIGGER fires BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()" } do
      assert(connection:query(text))
    end
    for _, form in ipairs(forms) do
      local text <const> = "ALTER TABLE t " .. form
      local said <const> = locks.of_commands(json.decode(assert(sql.parse(text))[1].tree).cmds)
      assert(connection:query "BEGIN")
      local oid <const> = assert(connection:query "SELECT 't'::regclass::oid::text")[1][1]
      assert(connection:query(text))
      local held <const> = {}
      for _, row in ipairs(assert(connection:query(
        "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = $1::oid", { oid }))) do
        held[row.mode:gsub("Lock$", ""):gsub("(%l)(%u)", "%1 %2"):upper()] = true
      end
      assert(connection:query "ROLLBACK")
      assert.is_true(held[said], form .. ": " .. said)
      local strongest
      for _, mode in ipairs(locks.modes) do
        if held[mode] then strongest = mode end
      end
      assert.equal(strongest, said, form)
    end
    connection:close()
  end)
end)
