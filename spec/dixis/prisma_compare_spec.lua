local catalog = require "dixis.prisma.catalog"
local compare = require "dixis.prisma.compare"
local expect = require "dixis.prisma.expect"
local folder = require "dixis.migrate.folder"
local fs = require "host.fs"
local observe = require "dixis.prisma.observe"
local pg = require "host.pg"
local schema = require "dixis.prisma.schema"
local server = require "spec.support.server"

local head <const> = 'datasource db {\n provider = "postgresql"\n}\n'

local function parse(body) return assert(schema.parse(head .. body, "s.prisma")) end

-- "severity kind object :line", in the order in which they are reported.
local function short(differences)
  local found = {}
  for i, difference in ipairs(differences) do
    found[i] = ("%s %s %s :%s"):format(difference.severity, difference.kind, difference.object,
      difference.line and math.tointeger(difference.line) or "-")
  end
  return found
end

local function sorted(list)
  table.sort(list)
  return list
end

describe("a Prisma schema and a database", function()
  local conn

  before_each(function() conn = assert(pg.connect(server.database())) end)
  after_each(function() conn:close() end)

  local function differences(model, default_schema)
    return compare.catalogs(expect.catalog(model, default_schema),
      assert(observe.catalog(conn, default_schema and { default_schema } or nil)))
  end

  it("agree when the sample's migrations are applied", function()
    for _, migration in ipairs(assert(folder.read "examples/shop/prisma/migrations").migrations) do
      assert(conn:script(assert(folder.text(migration))))
    end
    local model = assert(schema.parse(assert(fs.read "examples/shop/prisma/schema.prisma"), "s"))
    assert.same({}, short(differences(model)))

    assert(conn:script 'ALTER TABLE "Order" DROP COLUMN "publicToken"; DROP TABLE "RateLimit"')
    assert.same({
      "error missing_column public.Order.publicToken :45", "error missing_table public.RateLimit :100",
      "error missing_unique public.Order.Order_publicToken_key :45",
      "warning missing_index public.Order.Order_publicToken_idx :54",
    }, sorted(short(differences(model))))
  end)

  local body <const> = [[
model A {
  id    Int      @id @default(autoincrement())
  name  String   @map("full name") @db.VarChar(20)
  price Decimal? @default(1.50)
  at    DateTime @default(now())
  kind  Kind     @default(X)
  tags  String[] @default(["a"])
  bId   String   @unique
  b     B        @relation(fields: [bId], references: [id])
  cs    B[]      @relation("cs")
  @@index([name, at(sort: Desc)])
  @@map("as")
}
model B {
  id String @id @db.Uuid
  a  A?
  as A[]    @relation("cs")
}
enum Kind {
  X
  Y @map("y y")
}
]]
  local ddl <const> = [[
    CREATE TYPE "Kind" AS ENUM ('X', 'y y');
    CREATE TABLE "as" (
      id SERIAL NOT NULL, "full name" VARCHAR(20) NOT NULL, price DECIMAL(65,30) DEFAULT 1.5,
      at TIMESTAMP(3) NOT NULL DEFAULT now(), kind "Kind" NOT NULL DEFAULT 'X', tags TEXT[] DEFAULT '{a}', "bId" TEXT NOT NULL,
      CONSTRAINT "as_pkey" PRIMARY KEY (id));
    CREATE TABLE "B" (id UUID NOT NULL, CONSTRAINT "B_pkey" PRIMARY KEY (id));
    CREATE TABLE "_cs" ("A" INTEGER NOT NULL, "B" UUID NOT NULL, CONSTRAINT "_cs_AB_pkey" PRIMARY KEY ("A", "B"));
    CREATE INDEX "_cs_B_index" ON "_cs" ("B");
    CREATE INDEX "as_full name_at_idx" ON "as" ("full name", at DESC);
    CREATE UNIQUE INDEX "as_bId_key" ON "as" ("bId");
    ALTER TABLE "_cs" ADD CONSTRAINT "_cs_A_fkey" FOREIGN KEY ("A") REFERENCES "as" (id) ON DELETE CASCADE ON UPDATE CASCADE;
    ALTER TABLE "_cs" ADD CONSTRAINT "_cs_B_fkey" FOREIGN KEY ("B") REFERENCES "B" (id) ON DELETE CASCADE ON UPDATE CASCADE;]]

  -- A column and what it refers to must have one type: the body's foreign key is only there where it can be.
  local function whole() return parse((body:gsub('@id @db.Uuid', "@id"))) end
  local foreign_key <const> = [[ALTER TABLE "as" ADD CONSTRAINT "as_bId_fkey" FOREIGN KEY ("bId") REFERENCES "B" (id)
    ON DELETE RESTRICT ON UPDATE CASCADE;]]
  local function make() assert(conn:script((ddl:gsub("UUID", "TEXT")) .. foreign_key)) end

  it("agree in everything that Prisma would make", function()
    make()
    assert.same({}, short(differences(whole())))
  end)

  for what, case in pairs {
    ["a table"] = { 'DROP TABLE "as" CASCADE', "error missing_table public.as :4",
      "warning missing_foreign_key public._cs._cs_A_fkey :13" },
    ["a column"] = { 'ALTER TABLE "as" DROP price', "error missing_column public.as.price :7" },
    ["a type"] = { 'ALTER TABLE "as" ALTER price TYPE text', "error type public.as.price :7" },
    ["a length"] = { 'ALTER TABLE "as" ALTER "full name" TYPE text', "warning type public.as.full name :6" },
    ["NOT NULL"] = { 'ALTER TABLE "as" ALTER kind DROP NOT NULL', "error nullability public.as.kind :9" },
    ["NOT NULL of a list"] = { 'ALTER TABLE "as" ALTER tags SET NOT NULL' },
    ["a default"] = { 'ALTER TABLE "as" ALTER price SET DEFAULT 2', "warning default public.as.price :7" },
    ["a sequence"] = { 'ALTER TABLE "as" ALTER id DROP DEFAULT', "error default public.as.id :5" },
    ["an identity"] = { 'ALTER TABLE "as" ALTER id DROP DEFAULT, ALTER id ADD GENERATED BY DEFAULT AS IDENTITY' },
    ["an enum's value"] = { "ALTER TYPE \"Kind\" RENAME VALUE 'y y' TO 'z'",
      "error missing_label public.Kind :22", "note extra_label public.Kind :22" },
    ["an enum"] = { 'ALTER TABLE "as" ALTER kind DROP DEFAULT, ALTER kind TYPE text; DROP TYPE "Kind"',
      "error type public.as.kind :9", "warning default public.as.kind :9", "error missing_enum public.Kind :22" },
    ["a primary key"] = { 'ALTER TABLE "_cs" DROP CONSTRAINT "_cs_AB_pkey"', "error missing_primary_key public._cs :13" },
    ["the unique index of an old relation"] = {
      'ALTER TABLE "_cs" DROP CONSTRAINT "_cs_AB_pkey"; CREATE UNIQUE INDEX "_cs_AB_unique" ON "_cs" ("A", "B")' },
    ["a primary key's name"] = { 'ALTER TABLE "as" RENAME CONSTRAINT as_pkey TO p', "warning primary_key_name public.as :5" },
    ["a unique"] = { 'DROP INDEX "as_bId_key"', "error missing_unique public.as.as_bId_key :11" },
    ["a unique that is partial"] = { [[DROP INDEX "as_bId_key"; CREATE UNIQUE INDEX "as_bId_key" ON "as" ("bId") WHERE id > 1]],
      "error index public.as.as_bId_key :11" },
    ["a unique's column"] = { 'DROP INDEX "as_bId_key"; CREATE UNIQUE INDEX "as_bId_key" ON "as" (id)',
      "error index public.as.as_bId_key :11" },
    ["a unique that has a column more"] = { 'DROP INDEX "as_bId_key"; CREATE UNIQUE INDEX "as_bId_key" ON "as" ("bId", id)',
      "error index public.as.as_bId_key :11" },
    ["a unique's expression"] = { 'DROP INDEX "as_bId_key"; CREATE UNIQUE INDEX "as_bId_key" ON "as" (lower("bId"))',
      "error index public.as.as_bId_key :11" },
    ["a unique's order"] = { 'DROP INDEX "as_bId_key"; CREATE UNIQUE INDEX "as_bId_key" ON "as" ("bId" DESC)',
      "warning index public.as.as_bId_key :11" },
    ["a unique constraint instead of an index"] = {
      'DROP INDEX "as_bId_key"; ALTER TABLE "as" ADD CONSTRAINT "as_bId_key" UNIQUE ("bId")' },
    ["an index"] = { 'DROP INDEX "as_full name_at_idx"', "warning missing_index public.as.as_full name_at_idx :14" },
    ["an index's order"] = {
      'DROP INDEX "as_full name_at_idx"; CREATE INDEX "as_full name_at_idx" ON "as" ("full name", at)',
      "warning index public.as.as_full name_at_idx :14" },
    ["an index's name"] = { 'ALTER INDEX "as_full name_at_idx" RENAME TO i',
      "warning index_name public.as.as_full name_at_idx :14" },
    ["an index's operator class"] = {
      'DROP INDEX "as_full name_at_idx"; CREATE INDEX "as_full name_at_idx" ON "as" ("full name" text_pattern_ops, at DESC)',
      "warning index public.as.as_full name_at_idx :14" },
    ["a foreign key"] = { 'ALTER TABLE "as" DROP CONSTRAINT "as_bId_fkey"',
      "warning missing_foreign_key public.as.as_bId_fkey :12" },
    ["a foreign key's action"] = { [[ALTER TABLE "as" DROP CONSTRAINT "as_bId_fkey";
      ALTER TABLE "as" ADD CONSTRAINT "as_bId_fkey" FOREIGN KEY ("bId") REFERENCES "B" (id)]],
      "warning foreign_key public.as.as_bId_fkey :12" },
    ["a foreign key's name"] = { 'ALTER TABLE "as" RENAME CONSTRAINT "as_bId_fkey" TO f',
      "warning foreign_key_name public.as.as_bId_fkey :12" },
    ["more than it says"] = { [[CREATE TABLE more (id int); CREATE TYPE e AS ENUM ('a'); CREATE VIEW v AS SELECT 1 AS x;
        ALTER TABLE "B" ADD more int, ADD gen int GENERATED ALWAYS AS (1) STORED; CREATE INDEX i ON "B" (more);
        CREATE INDEX j ON "B" (lower(id)); CREATE INDEX k ON "B" (id) WHERE id > '']],
      "note extra_column public.B.gen :17", "note extra_column public.B.more :17", "note extra_index public.B.i :17",
      "note extra_enum public.e :-", "note extra_table public.more :-" },
    ["a column that must be written"] = { 'ALTER TABLE "B" ADD more int NOT NULL', "error extra_column public.B.more :17" },
  } do
    it("differ in " .. what, function()
      make()
      assert(conn:script(case[1]))
      assert.same(sorted(table.move(case, 2, #case, 1, {})), sorted(short(differences(whole()))))
    end)
  end

  it("are compared in the target's own schema, and across schemas", function()
    assert(conn:script 'CREATE SCHEMA shop; CREATE TABLE shop."A" (id int PRIMARY KEY); CREATE TABLE public."B" (id int)')
    assert.same({}, short(differences(parse "model A {\n id Int @id\n}\n", "shop")))
    local found = differences(parse "model A {\n id Int @id\n}\n")
    assert.equal("error missing_table public.A :4", short(found)[1])
    assert.equal("public.A: the table is missing", found[1].message)
  end)

  it("may have partial indexes, as in Prisma 7", function()
    local function partial(where)
      return assert(schema.parse('generator g {\n provider = "x"\n previewFeatures = ["partialIndexes"]\n}\n' .. head
        .. ("model A {\n id Int @id\n s String @unique(where: %s)\n @@index([s], where: %s)\n}\n"):format(where, where), "s"))
    end
    assert(conn:script [[CREATE TABLE "A" (id int PRIMARY KEY, s text NOT NULL);
      CREATE UNIQUE INDEX "A_s_key" ON "A" (s) WHERE s <> 'x' AND id > 1;
      CREATE INDEX "A_s_idx" ON "A" (s) WHERE s <> 'x' AND id > 1]])
    assert.same({}, short(differences(partial [[raw("\"s\" <> 'x' AND (id > 1)")]])))
    assert.same({}, short(differences(partial "{ s: { not: \"x\" } }")))
    assert.same({ "warning index public.A.A_s_key :10", "warning index public.A.A_s_idx :11" },
      short(differences(partial [[raw("s <> 'y'")]])))
    local _, err = schema.parse(head .. 'model A {\n id Int @id\n @@index([id], where: raw("id > 1"))\n}', "s")
    assert.same({ 6, "'index' has no argument 'where'" }, { err.line, err.message })
  end)

  it("are told with what caused it", function()
    make()
    assert(conn:script 'ALTER TABLE "as" ALTER price TYPE text')
    local expected, actual = expect.catalog(whole()), assert(observe.catalog(conn))
    local found = compare.catalogs(expected, actual, { origin = function(object)
      return object == "public.as.price" and "2_text" or nil
    end })
    assert.same({ "2_text", "public.as.price: should be numeric(65,30), is text" }, { found[1].migration, found[1].message })
  end)

  it("are not told apart by what is unknown", function()
    local expected, actual = expect.catalog(whole()), catalog.new()
    actual.unknown = true
    assert.same({}, short(compare.catalogs(expected, actual)))
    local unknown = catalog.UNKNOWN
    actual.unknown = nil
    actual.tables["public.as"] = unknown
    actual.tables["public._cs"] = { schema = "public", name = "_cs", columns = unknown, column_order = {}, primary_key = unknown,
      indexes = unknown, foreign_keys = unknown }
    actual.tables["public.B"] = { schema = "public", name = "B", column_order = { "id" }, indexes = {}, foreign_keys = {},
      columns = { id = { name = "id", type = unknown, nullable = unknown, default = unknown } },
      primary_key = { name = unknown, columns = unknown } }
    actual.enums["public.Kind"] = { schema = "public", name = "Kind", labels = unknown }
    assert.same({}, short(compare.catalogs(expected, actual)))
  end)

  it("leave out what is not the project's own", function()
    assert(conn:script [[CREATE EXTENSION citext; CREATE SCHEMA dixis; CREATE TABLE dixis.x (id int);
      CREATE TABLE _prisma_migrations (id int); CREATE TABLE p (id int) PARTITION BY LIST (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE c (x citext)]])
    local found = assert(observe.catalog(conn))
    local names = {}
    for name in pairs(found.tables) do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "public.c", "public.p" }, names)
    assert.is_true(catalog.same_type("citext", found.tables["public.c"].columns.x.type))
    assert.same({}, assert(observe.catalog(conn, { "other", 'q"\\uoted' })).tables)
    assert.equal("idle", conn:status())
  end)
end)

describe("two types", function()
  for _, case in ipairs {
    { "timestamp(6) with time zone", "timestamp with time zone", true },
    { "timestamp with time zone", "timestamp(3) with time zone", true },
    { "timestamp(3) without time zone", "timestamp without time zone", false },
    { "timestamp(3) without time zone", "timestamp(3) with time zone", false },
    { "time(6) without time zone[]", "time without time zone[]", true },
    { "time without time zone", "time without time zone[]", false },
    { "citext", "ext.citext", true }, { "text", "citext", false }, { "numeric", "numeric(65,30)", false },
    { 'a."E"', 'b."E"', false }, { catalog.UNKNOWN, "text", true }, { "text", catalog.UNKNOWN, true },
  } do
    it(("%s and %s"):format(case[1], case[2]), function() assert.equal(case[3], catalog.same_type(case[1], case[2])) end)
  end
end)

describe("two defaults", function()
  for _, case in ipairs {
    { "now()", "CURRENT_TIMESTAMP", "timestamp(3) without time zone", true }, { "'x'", "'x'::text", "text", true },
    { "CURRENT_TIMESTAMP(3)", "pg_catalog.now()", "timestamp with time zone", true },
    { "nextval('a'::regclass)", "nextval('public.\"b\"'::regclass)", "integer", true },
    { "1.50", "1.5", "numeric(65,30)", true }, { "-1", "'-1'::integer", "integer", true }, { "-1", "-2", "integer", false },
    { "0", "00", "integer", true }, { "0", "- 0", "integer", true }, { "true", "'t'", "boolean", true },
    { "ARRAY['a', 'b,c']::TEXT[]", [['{a,"b,c"}']], "text[]", true }, { "ARRAY[]::text[]", "'{}'::text[]", "text[]", true },
    { "ARRAY[1, 2]::bigint[]", "ARRAY[(1)::bigint, (2)::bigint]", "bigint[]", true },
    { [['{"a": [1, 2]}']], [['{"a":[1,2]}'::jsonb]], "jsonb", true }, { "'{}'", "'[]'", "jsonb", false },
    { "'2020-01-01T00:00:00Z'", "'2020-01-01 00:00:00'::timestamp without time zone", "timestamp(3) without time zone", true },
    { "gen_random_uuid()", "(gen_random_uuid())::text", "text", true },
    { "gen_random_uuid()", "uuid_generate_v4()", "uuid", false },
    { "'A'", [['A'::public."E"]], 'public."E"', true }, { "'a'", "'b'", "text", false }, { "f(1)", "f(2)", "integer", false },
    { "lower('A')", "LOWER('A'::text)", "text", true }, { "1 +", "1 +", "integer", true }, { "1 +", "2 +", "integer", false },
  } do
    it(("%s and %s"):format(case[1], case[2]), function()
      assert.equal(case[4], catalog.same_default(case[1], case[2], case[3]))
      assert.equal(case[4], catalog.same_default(case[2], case[1], case[3]))
    end)
  end

  it("that are missing or unknown", function()
    assert.is_false(catalog.same_default("1", nil, "integer"))
    assert.is_true(catalog.same_default(nil, nil, "integer"))
    assert.is_true(catalog.same_default("1", catalog.UNKNOWN, "integer"))
  end)
end)
