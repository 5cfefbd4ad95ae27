local compare = require "dixis.prisma.compare"
local fs = require "host.fs"
local folder = require "dixis.migrate.folder"
local pg = require "host.pg"
local schema = require "dixis.prisma.schema"
local server = require "spec.support.server"

describe("a Prisma schema and a database", function()
  local conn

  before_each(function() conn = assert(pg.connect(server.database())) end)
  after_each(function() conn:close() end)

  local function differences(model, default_schema)
    local found = {}
    for i, difference in ipairs(compare.tables(model, assert(conn:query(compare.catalog_sql)), default_schema)) do
      found[i] = ("%s %s.%s %s.%s.%s :%d"):format(difference.what, difference.model, difference.field or "",
        difference.schema, difference.table, difference.column or "", difference.line)
    end
    return found
  end

  local function parse(body)
    return assert(schema.parse('datasource db {\n provider = "postgresql"\n}\n' .. body, "s.prisma"))
  end

  it("agree when the sample's migrations are applied", function()
    for _, migration in ipairs(assert(folder.read "examples/shop/prisma/migrations").migrations) do
      assert(conn:script(assert(folder.text(migration))))
    end
    local text = assert(fs.read "examples/shop/prisma/schema.prisma")
    assert.same({}, differences(assert(schema.parse(text, "s"))))

    assert(conn:script 'ALTER TABLE "Order" DROP COLUMN "publicToken"; DROP TABLE "RateLimit"')
    assert.same({
      "missing_column Order.publicToken public.Order.publicToken :45",
      "missing_table RateLimit. public.RateLimit. :100",
    }, differences(assert(schema.parse(text, "s"))))
  end)

  it("differ by tables and columns, with names of the database's own", function()
    assert(conn:script [[
      CREATE SCHEMA app; CREATE SCHEMA "pg""quoted";
      CREATE TABLE app.as_ (id int, "full name" text, gone int, tags text[]);
      ALTER TABLE app.as_ DROP COLUMN gone;
      CREATE TABLE public.b (); CREATE TABLE public."E" (id int) PARTITION BY LIST (id);
      CREATE VIEW public."D" AS SELECT 1 AS id;]])
    local model = parse [[
model A {
  id   Int      @id
  name String   @map("full name")
  gone Int
  tags String[]
  b    B        @relation(fields: [gone], references: [id])
  at   Unsupported("point")
  kind Kind
  @@map("as_")
  @@schema("app")
}
model B {
  id Int @id
  as A[]
  @@map("b")
}
model C {
  id Int @id
  @@ignore
}
model D {
  id Int @id
}
model E {
  id Int @id
}
enum Kind {
  X
}
]]
    assert.same({
      "missing_column A.gone app.as_.gone :7", "missing_column A.at app.as_.at :10",
      "missing_column A.kind app.as_.kind :11", "missing_column B.id public.b.id :16",
    }, differences(model))
  end)

  it("are compared in the target's own schema", function()
    assert(conn:script "CREATE SCHEMA shop; CREATE TABLE shop.\"A\" (id int); CREATE TABLE public.\"B\" (id int)")
    local model = parse "model A {\n id Int @id\n}\nmodel B {\n id Int @id\n @@schema(\"public\")\n}\n"
    assert.same({}, differences(model, "shop"))
    assert.same({ "missing_table A. public.A. :4" }, differences(model))
  end)

  it("say what differs in words", function()
    local model = parse "model A {\n id Int @id\n}\n"
    assert.equal('s.prisma:4: model A: there is no table "public"."A"', compare.tables(model, {})[1].message)
    assert.equal('s.prisma:5: field A.id: there is no column "id" in "public"."A"',
      compare.tables(model, { { schema = "public", table = "A" } })[1].message)
  end)
end)
