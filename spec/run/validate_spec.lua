-- step.validate in a run: what is red, and what is only shown.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local pg = require "host.pg"
local server = require "spec.support.server"

local schema <const> = [[
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}

model Note {
  id   Int    @id
  text String @default("none")

  @@index([text])
  @@map("note")
}
]]

describe("validate", function()
  local folder, params, conn

  before_each(function()
    folder = book.project { ["20250101000000_init"] = [[
      CREATE TABLE note (id int NOT NULL, text text NOT NULL DEFAULT 'none', CONSTRAINT note_pkey PRIMARY KEY (id));
      CREATE INDEX note_text_idx ON note (text);]] }
    assert(fs.write(folder .. "/prisma/schema.prisma", schema))
    params = server.database()
    conn = assert(pg.connect(params))
  end)
  after_each(function()
    conn:close()
    fs.remove(folder)
  end)

  local function run(fields)
    local name = book.write(folder, { steps = ("{ step.deploy(), step.validate { %s } }"):format(fields or ""),
      criteria = "{ check.schema_valid() }", gates = "{ dixis.gate.secret(), dixis.gate.reachable(), dixis.gate.lock(), "
        .. "dixis.gate.history() }" })
    return book.dixis(folder, server.url(params), { "run", name })
  end

  it("is green when the target is what the file says", function()
    local result = run()
    assert.equal(0, result.code, result.shown)
    assert.matches("validate +schema is valid: the target has 1 table as it says", result.shown)
    assert.same({ 1, 0, 0 }, (function(event) return { event.tables, event.red, event.others } end)(
      dixis.event(dixis.journal(folder), "schema.compared")))
  end)

  it("shows what the client does not mind, and is red about it when strict", function()
    assert.equal(0, run().code)
    assert(conn:script "DROP INDEX note_text_idx; ALTER TABLE note ALTER text SET DEFAULT 'x', ADD more int")
    local result = run()
    assert.equal(0, result.code, result.shown)
    for _, text in ipairs { "schema.prisma:8: public.note.text: should be DEFAULT 'none', is DEFAULT 'x'",
      "schema.prisma:10: public.note.note_text_idx: the index (text) is missing",
      "the column (integer) is not in the schema file", "3 differences that the client does not mind" } do
      assert.matches(text, (result.shown:gsub("\n +", " ")), 1, true)
    end
    result = run "strict = true"
    assert.equal(1, result.code, result.shown)
    assert.matches("schema_valid +3 differences", result.shown)
    assert.matches("note_text_idx", result.shown, 1, true)
  end)

  it("is red about what the client fails on", function()
    assert.equal(0, run().code)
    assert(conn:script "ALTER TABLE note ALTER text DROP DEFAULT, ALTER text TYPE int USING 1")
    local result = run()
    assert.equal(1, result.code, result.shown)
    assert.matches("schema.prisma:8: public.note.text: should be text, is integer; made in "
      .. "prisma/migrations/20250101000000_init/migration.sql:1", (result.shown:gsub("\n +", " ")), 1, true)
    assert.matches("schema_valid +1 difference", result.shown)
  end)

  it("is red about a file that is not valid, with the place", function()
    assert(fs.write(folder .. "/prisma/schema.prisma", (schema:gsub('"none"', "1"))))
    local result = run()
    assert.equal(1, result.code, result.shown)
    assert.matches("schema.prisma:8:15: a String expected, but this is 1", (result.shown:gsub("\n +", " ")), 1, true)
  end)
end)
