-- The model that lint builds is the catalog that the server has afterwards.

local compare = require "dixis.prisma.compare"
local fs = require "host.fs"
local history = require "spec.support.history"
local observe = require "dixis.prisma.observe"

local function scripts_of(folder)
  local scripts <const> = {}
  for _, entry in ipairs(assert(fs.list(folder))) do
    if entry.type == "directory" then scripts[entry.name] = assert(fs.read(folder .. "/" .. entry.name .. "/migration.sql")) end
  end
  return scripts
end

local function messages(differences)
  local list <const> = {}
  for i, difference in ipairs(differences) do list[i] = difference.kind .. " " .. difference.message end
  return list
end

-- Both ways: what only one of them has is "missing" one way.
local function assert_same(scripts)
  local result <const> = history.lint(scripts)
  assert.same({}, history.apply(history.in_order(scripts)))
  local connection <const> = history.connection()
  local observed <const> = assert(observe.catalog(connection))
  connection:close()
  local modelled <const> = result.model:catalog()
  assert.same({}, messages(compare.catalogs(observed, modelled)))
  assert.same({}, messages(compare.catalogs(modelled, observed)))
end

describe("lint's model", function()
  it("is what the shop's migrations make", function()
    assert_same(scripts_of "examples/shop/prisma/migrations")
    assert_same(scripts_of "spec/fixtures/saga/4/migrations")
  end)

  it("has types, defaults, keys and enums as the server says them", function()
    assert_same { [[
      CREATE SCHEMA app;
      CREATE TYPE "Role" AS ENUM ('a', 'b');
      CREATE TYPE app.kind AS ENUM ('x');
      ALTER TYPE "Role" ADD VALUE 'c' AFTER 'a';
      ALTER TYPE "Role" RENAME VALUE 'b' TO 'd';
      CREATE TABLE everything (
        id bigserial PRIMARY KEY, a varchar(10) NOT NULL DEFAULT 'x', b char(3), c numeric(10, 2) DEFAULT 1.50, d numeric(5),
        e decimal, f timestamp(3) DEFAULT now(), g timestamptz(6), h time(2), i date, j boolean NOT NULL DEFAULT false, k real,
        l double precision, m smallint, n bytea, o jsonb DEFAULT '{}', p uuid DEFAULT gen_random_uuid(), q text[] DEFAULT '{}',
        r "Role" NOT NULL DEFAULT 'a', s app.kind[], t interval, u bit(4), v varbit(5), w inet, x xml, y "char", z money,
        aa int GENERATED ALWAYS AS IDENTITY, ab int GENERATED ALWAYS AS (m * 2) STORED, ac timestamp, ad timetz,
        ae int DEFAULT -1, af text DEFAULT ('a' || 'b') NOT NULL, ag oid, ah bpchar, ai text COLLATE "C" DEFAULT 'it''s');
      CREATE TABLE app."Child" (id serial, "everythingId" bigint REFERENCES everything ON DELETE CASCADE, x int UNIQUE,
        CONSTRAINT "Child_pkey" PRIMARY KEY (id, x), FOREIGN KEY ("everythingId") REFERENCES everything (id) ON UPDATE SET NULL);
      CREATE INDEX ON app."Child" ("everythingId" DESC, x);
      CREATE UNIQUE INDEX named ON everything USING btree (a, b);
      CREATE INDEX gin_one ON everything USING gin (o jsonb_path_ops);
      CREATE INDEX ON everything (lower(a));
      CREATE VIEW v AS SELECT id, a FROM everything;
    ]], [[
      DROP VIEW v;
      ALTER TABLE everything ALTER a TYPE varchar(20), ALTER b SET NOT NULL, ALTER c DROP DEFAULT, DROP COLUMN d,
        ADD COLUMN new int NOT NULL DEFAULT 5, ALTER f SET DEFAULT CURRENT_TIMESTAMP;
      ALTER TABLE everything RENAME COLUMN k TO kk;
      ALTER TABLE everything RENAME TO "All";
      ALTER TYPE app.kind RENAME TO sort;
      ALTER TABLE app."Child" SET SCHEMA public;
      ALTER TABLE "Child" RENAME CONSTRAINT "Child_x_key" TO unique_x;
      ALTER INDEX gin_one RENAME TO gin_two;
      DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 'All' AND column_name = 'more')
        THEN ALTER TABLE "All" ADD COLUMN more text; END IF; END $$;
      CREATE TABLE gone (id int); DROP TABLE gone;
    ]] }
  end)
end)
