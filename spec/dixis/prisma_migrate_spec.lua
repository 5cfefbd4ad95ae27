-- What dixis expects of a database, against what Prisma Migrate makes: its SQL for each schema, as recorded with
-- spec/support/prisma_sql.mjs, is applied to an empty database, and there must be no difference. Where its engine is there
-- (prisma_agreement_spec.lua says how), the recording is proved.

local compare = require "dixis.prisma.compare"
local expect = require "dixis.prisma.expect"
local fs = require "host.fs"
local json = require "dixis.json"
local observe = require "dixis.prisma.observe"
local pg = require "host.pg"
local process = require "host.process"
local schema = require "dixis.prisma.schema"
local server = require "spec.support.server"

local folder <const> = "spec/fixtures/schemas/"
local recorded <const> = assert(json.decode((assert(fs.read(folder .. "migrate.json")))))

local paths <const> = {}
for path in pairs(recorded) do paths[#paths + 1] = path end
table.sort(paths)

-- PostgreSQL does not take what Prisma writes.
local refused <const> = {
  ["valid/default_function_of_a_list.prisma"] = "expression", ["valid/empty_texts_as_names.prisma"] = "zero%-length",
  ["valid/enum_like_a_table.prisma"] = "already exists", ["valid/enum_value_mapped_like_another.prisma"] = "duplicate key",
  ["valid/unsupported_unknown_length.prisma"] = "syntax error",
}

describe("the database that Prisma Migrate makes of", function()
  local conn

  lazy_setup(function()
    conn = assert(pg.connect(server.database()))
    assert(conn:script [[CREATE SCHEMA elsewhere; CREATE EXTENSION citext SCHEMA elsewhere;
      CREATE EXTENSION pg_trgm SCHEMA elsewhere; CREATE DOMAIN elsewhere.geometry AS text]])
  end)
  lazy_teardown(function() conn:close() end)
  before_each(function()
    assert(conn:script [[DROP SCHEMA IF EXISTS public, one, two CASCADE; CREATE SCHEMA public;
      SET search_path = public, elsewhere]])
  end)

  for _, path in ipairs(paths) do
    it(path, function()
      local model = assert(schema.parse((assert(fs.read(folder .. path))), path))
      local text = recorded[path]:gsub("geometry%(Point, 4326%)", "geometry")
      local made, err = conn:script(text)
      if refused[path] then return assert.matches(refused[path], err.message) end
      assert(made, err and err.message)
      local found = {}
      local wanted, actual = expect.catalog(model), assert(observe.catalog(conn, { "public", "one", "two" }))
      for _, difference in ipairs(compare.catalogs(wanted, actual)) do
        if difference.kind ~= "missing_view" then found[#found + 1] = difference.message end
      end
      assert.same({}, found)
      -- Every table, column and enum that is there was expected by its own name, and the other way round.
      for key, of in pairs(actual.tables) do assert.same(of.column_order, wanted.tables[key].column_order) end
      for key, of in pairs(actual.enums) do assert.same(of.labels, wanted.enums[key].labels) end
    end)
  end

  it("many schemas", function() assert.is_true(#paths >= 80) end)
end)

describe("Prisma's engine", function()
  local home <const> = process.getenv "DIXIS_PRISMA"
  local modules <const> = home and home .. "/node_modules"
  if not modules or not fs.stat(modules .. "/@prisma/schema-engine-wasm") then
    pending "not run: DIXIS_PRISMA does not name a folder with @prisma/schema-engine-wasm in its node_modules"
    return
  end

  it("makes what was recorded", function()
    local result = assert(process.run({ "node", fs.realpath "spec/support/prisma_sql.mjs", fs.realpath(modules),
      table.unpack(paths) }, { cwd = folder, env = { PATH = process.getenv "PATH" }, timeout = 300 }))
    assert.equal(0, result.code, result.stderr)
    assert.same(recorded, assert(json.decode(result.stdout)))
  end)
end)
