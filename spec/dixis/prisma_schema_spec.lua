local fs = require "host.fs"
local schema = require "dixis.prisma.schema"

local head <const> = 'datasource db {\n  provider = "postgresql"\n}\n'

local function parse(text) return assert(schema.parse(head .. text, "s.prisma")) end

-- Where and why a text is refused; lines count after the datasource.
local function failure(text)
  local model, err = schema.parse(head .. text, "s.prisma")
  assert.is_nil(model)
  assert.same({ "schema", "s.prisma" }, { err.kind, err.file })
  return err.message, err.line - 3, err.column, err.hint
end

local function model(body) return parse("model A {\n" .. body .. "\n}\n").models[1] end

describe("a Prisma schema", function()
  it("is read from a file", function()
    local found = assert(schema.load "examples/shop/prisma/schema.prisma")
    local names = {}
    for i, one in ipairs(found.models) do names[i] = one.name end
    assert.same({ "Producer", "Product", "Order", "OrderItem", "Event", "Notification", "RateLimit" }, names)
    assert.same({ "db", "postgresql", 7 }, { found.datasource.name, found.datasource.provider, found.datasource.line })
    local item = found.models[4]
    assert.same({ "OrderItem", 59 }, { item.table, item.line })
    local order, product = item.fields[3], item.fields[5]
    assert.same({ "order", true, false }, { order.name, order.relation, order.optional })
    assert.same({ "product", "Product", true, true },
      { product.name, product.type, product.relation, product.optional })
    assert.equal("examples/shop/prisma/schema.prisma", item.file)
  end)

  it("has fields of every kind", function()
    local fields = parse([[
model A {
  id    BigInt   @id @default(autoincrement()) // comment
  name  String?  @map("full_name") @db.VarChar(200)
  tags  String[] @default(["a", "b"])
  role  Role     @default(USER)
  place Unsupported("circle")?
  b     B        @relation(fields: [bId], references: [id], onDelete: Cascade, map: "x")
  bId   Int
  bs    B[]      @relation("other")
}
model B {
  id Int @id
  as A[]
  a2 A[] @relation("other")
}
enum Role {
  USER @map("user") // comment
  ADMIN
  @@map("roles")
}
]])
    local seen = {}
    for i, field in ipairs(fields.models[1].fields) do
      seen[i] = table.concat({ field.name, field.column, field.type or "-", field.unsupported or "-",
        field.optional and "?" or "", field.list and "[]" or "", field.relation and "relation" or "",
        field.enum and "enum" or "", field.line - 3 }, " ")
    end
    assert.same({
      "id id BigInt -     2", "name full_name String - ?    3", "tags tags String -  []   4",
      "role role Role -    enum 5", "place place - circle ?    6", "b b B -   relation  7",
      "bId bId Int -     8", "bs bs B -  [] relation  9",
    }, seen)
    local role = fields.enums[1]
    assert.same({ "Role", "roles", "user", "ADMIN" },
      { role.name, role.type, role.values[1].value, role.values[2].value })
  end)

  it("keeps defaults, native types and keys", function()
    local read = model('  id Decimal @id @default(-1.5) @db.Decimal(10, 2)\n'
      .. '  s String @default("a\\"b\\\\c\\n\\u00e9") @unique(map: "u")\n'
      .. '  @@index([id(sort: Desc), s(ops: raw("x"))], map: "i", type: Brin)\n')
    local id, s = read.fields[1], read.fields[2]
    assert.same({ "-1.5", "Decimal", { 10, 2 } }, { id.default.value, id.native.name, id.native.parameters })
    assert.equal('a"b\\c\né', s.default.value)
    assert.same({ "id", id }, { read.primary_key.kind, read.primary_key.fields[1].field })
    local unique, index = read.indexes[1], read.indexes[2]
    assert.same({ "unique", "u", s }, { unique.kind, unique.map, unique.fields[1].field })
    assert.same({ "index", "i", "Brin", "Desc", "x" },
      { index.kind, index.map, index.method, index.fields[1].sort, index.fields[2].ops.raw })
  end)

  it("has models with other names, schemas and none of the client's business", function()
    local found = model '  id Int @id\n  @@map("as")\n  @@ignore\n'
    assert.same({ "A", "as", true }, { found.name, found.table, found.ignored })
    assert.equal("bs", model('  id Int @id\n  @@map(name: "bs")').table)
    local other = parse('generator g {\n provider = "x"\n previewFeatures = ["views"]\n a = ["b", "c"]\n d = env("E")\n}\n'
      .. "view V {\n  id Int\n}\n")
    assert.same({ 0, 1, "V" }, { #other.models, #other.views, other.views[1].name })
    local inside = assert(schema.parse('datasource db {\n provider = "postgresql"\n schemas = ["a", "b"]\n}\n'
      .. 'model A {\n id Int @id\n @@schema("b")\n}', "s"))
    assert.equal("b", inside.models[1].schema)
  end)

  it("does not keep the URL", function()
    local found = assert(schema.parse('datasource db {\n provider = "postgres"\n url = "postgresql://u:canary@h/d"\n'
      .. ' schemas = ["a", "b"]\n}', "s"))
    assert.same({ name = "db", provider = "postgres", schemas = { "a", "b" }, relation_mode = "foreignKeys", file = "s",
      line = 1 }, found.datasource)
  end)

  it("is written in many ways", function()
    for _, text in ipairs {
      "model A {\n id Int @id\n}", "model A {\r\n id Int @id\r\n}\r\n", "model A{\nid Int@id\n}",
      "model\tA\t{\n\tid\tInt\t@id\n}\n",
      "// x\n/* y\n */ model A { // z\n // a\n\n id Int @id // b\n /// c\n /* d */ x Int /* e */\n} // f",
      "model A {\n id Int @ id @default (1)\n}", "model model {\n model Int @id\n enum String\n type Int ?\n}",
      "model Ä {\n ü_1 Int @id()\n}\nmodel B {\n id Int @id\n} enum E {\n A\n}\n",
    } do
      assert.is_true(#parse(text).models > 0)
    end
  end)

  it("is refused where it is malformed, with the place", function()
    for text, place in pairs {
      ["model A { id Int @id }\n"] = "'}' 1 22", ["model A\n{\n}\n"] = "'{' 1 8",
      ["junk\n"] = "model, enum 1 1",
      ["model A {\n id Int @id }\n"] = "end of the line 2 12", ["model A {\n id\n}\n"] = "type 2 4",
      ["model A {\n id Int @\n}\n"] = "attribute 2 10", ["model A {\n id Int @id @default(1\n}\n"] = "')' 2 23",
      ["model A {\n é Int @default(\"ü)\n}\n"] = "closing quote 2 20",
      ["model A {\n id Int @default([1 2])\n}"] = "']' 2 21",
      ["model A {\n s String @default(\"a\\q\")\n}\n"] = "escape 2 22", ["model A {\n id Int[\n}"] = "end of the line 2 8",
      ["model A {\n id Int @id\n"] = "'}' 2 11", ["enum E {\n A,\n}"] = "end of the line 2 3",
      ["/* x\n"] = "no end 1 1", ["generator g {\n a\n}"] = "'=' 2 3", ["generator g {\n a =\n}"] = "value 2 5",
      ["model A {\n id Int @map(name: )\n}"] = "no value 2 14", ["model {\n}"] = "name of the model 1 7",
      ["model A {\n x Unsupported(circle)\n}"] = "quotes 2 16", ["model A {\n id Int @id;\n}"] = "end of the line 2 12",
      ["model A {\n id: Int\n}"] = "no ':' 2 4", ["type T = String"] = "'{' 1 8",
      ["model A {\n id Int! @id\n}"] = "without '!' 2 8", ["model A {\n id [Int]\n}"] = "Type[] 2 5",
      ["model A {\n id Int[]?\n}"] = "optional 2 10", ["model A {\n @@index([a,\n b])\n}"] = "one line 2 12",
    } do
      local wanted, line, column = place:match "^(.*) (%d+) (%d+)$"
      local message, found_line, found_column = failure(text)
      assert.same({ tonumber(line), tonumber(column) }, { found_line, found_column }, text)
      assert.matches(wanted, message, 1, true)
    end
  end)

  it("is refused where it has no meaning, with the place", function()
    for text, place in pairs {
      ["model A {\n id int @id\n}"] = "'int' is neither 2 5",
      ["model A {\n id Int\n id Int\n}"] = "'id' is already 3 2",
      ["model A {\n id Int\n}\nenum A {\n X\n}"] = "'A' is already 4 1", ["enum E {\n A\n A\n}"] = "'A' is already 3 2",
      ["model String {\n id Int\n}"] = "built-in 1 1",
      ["model A-b {\n id Int\n}"] = "'-' 1 1", ["model A {\n 1d Int\n}"] = "digit 2 2",
      ["type T {\n x Int\n}"] = "composite 1 1",
      ["datasource b {\n provider = \"postgresql\"\n}"] = "already a datasource 1 1", ["enum E {\n}"] = "no values 1 1",
      ["model A {\n id Int @id\n @@map(\"x\")\n}\nmodel x {\n id Int @id\n}"] = "already that of 'x' 3 2",
    } do
      local wanted, line, column = place:match "^(.*) (%d+) (%d+)$"
      local message, found_line, found_column = failure(text)
      assert.same({ tonumber(line), tonumber(column) }, { found_line, found_column }, text)
      assert.matches(wanted, message, 1, true)
    end
    assert.equal("did you mean 'Int'?", select(4, failure "model A {\n id int\n}"))
    assert.equal("did you mean 'Status'?", select(4, failure "model A {\n id Statuss\n}\nenum Status {\n A\n}"))
  end)

  it("needs a PostgreSQL datasource", function()
    local _, err = schema.parse("model A {\n id Int @id\n}", "s")
    assert.matches("no datasource", err.message)
    for text, said in pairs {
      ['provider = "mysql"'] = "'mysql'", ['url = "x"'] = "no provider", ["provider = x"] = "text",
    } do
      _, err = schema.parse("\ndatasource db {\n  " .. text .. "\n}", "s")
      assert.matches(said, err.message, 1, true)
      assert.is_true(err.line >= 2)
    end
  end)

  it("must be text", function()
    local _, err = schema.parse(head .. "// \xff", "s")
    assert.same({ 4, 4 }, { err.line, err.column })
    _, err = schema.parse("\u{FEFF}" .. head, "s")
    assert.matches("byte order mark", err.message)
    _, err = schema.parse(head .. "model A {\n id Int @x(" .. ("["):rep(100000) .. ")\n}", "s")
    assert.equal("schema", err.kind)
  end)

  it("is read fast when it is long", function()
    local parts = {}
    for i = 1, 2000 do parts[i] = ("model M%d {\n  id Int @id\n  other String? @map(\"x\") // y\n}\n"):format(i) end
    assert.equal(2000, #parse(table.concat(parts)).models)
  end)
end)

describe("a Prisma schema in a folder", function()
  local base
  before_each(function() base = assert(fs.mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/dixis-schema-")) end)
  after_each(function() fs.remove(base) end)

  local function write(name, text)
    assert(fs.mkdir((base .. "/" .. name):match "^(.*)/"))
    assert(fs.write(base .. "/" .. name, text))
  end

  it("is all its files together", function()
    write("base.prisma", head)
    write("a.prisma", "model A {\n id Int @id\n e E\n}\n")
    write("more/e.prisma", "enum E {\n X\n}\n")
    write("notes.txt", "not a schema")
    local found = assert(schema.load(base))
    assert.same({ "A", true, base .. "/a.prisma" },
      { found.models[1].name, found.models[1].fields[2].enum, found.models[1].file })
    write("more/b.prisma", "\nmodel A {\n id Int @id\n}\n")
    local _, err = schema.load(base)
    assert.same({ base .. "/more/b.prisma", 2 }, { err.file, err.line })
  end)

  it("is what is around a schema.prisma that means nothing alone", function()
    write("schema.prisma", head)
    assert.same({}, assert(schema.load(base .. "/schema.prisma")).models)
    write("models/a.prisma", "model A {\n id Int @id\n b B?\n}\n")
    write("migrations/x.prisma", "junk")
    write("node_modules/x.prisma", "junk")
    local _, err = schema.load(base)
    assert.same({ base .. "/models/a.prisma", 3 }, { err.file, err.line })
    write("models/b.prisma", "model B {\n id Int @id\n aId Int @unique\n a A @relation(fields: [aId], references: [id])\n}\n")
    assert.equal(2, #assert(schema.load(base .. "/schema.prisma")).models)
    -- A file that is whole by itself is all there is.
    write("schema.prisma", head .. "model C {\n id Int @id\n}\n")
    assert.equal(1, #assert(schema.load(base .. "/schema.prisma")).models)
    write("schema.prisma", head .. "model C {\n id Nope @id\n}\n")
    _, err = schema.load(base .. "/schema.prisma")
    assert.same({ base .. "/schema.prisma", 5 }, { err.file, err.line })
  end)

  it("says what is missing", function()
    local _, err = schema.load(base)
    assert.matches("no %*.prisma file", err.message)
    _, err = schema.load(base .. "/none.prisma")
    assert.same({ "schema", base .. "/none.prisma" }, { err.kind, err.file })
  end)
end)
