local fs = require "host.fs"
local locate = require "dixis.migrate.locate"

local base

local function path_of(path) return base .. "/" .. path end

local function write(path, data)
  assert(fs.mkdir(path_of(path):match "^(.*)/"))
  assert(fs.write(path_of(path), data))
end

local function failure(kind, value, err)
  assert.is_nil(value)
  assert.equal(kind, err.kind)
  return err
end

before_each(function() base = assert(fs.mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/dixis-locate-")) end)
after_each(function() assert(fs.remove(base)) end)

describe("finding the migrations folder", function()
  local function project(path) write(path .. "/20240101000000_a/migration.sql", "SELECT 1") end

  it("looks beside the project and in the usual places of monorepos", function()
    for _, place in ipairs { "prisma", "packages/db/prisma", "apps/web/prisma", "db/prisma", "server/prisma",
      "backend/prisma", "src/prisma" } do
      project(place .. "/migrations")
      assert.equal(path_of(place .. "/migrations"), locate.migrations(base))
      assert.equal(path_of(place .. "/migrations"), locate.migrations(base .. "/"))
      assert(fs.remove(path_of(place)))
    end
  end)

  it("does not choose between several", function()
    project "prisma/migrations"
    project "packages/a/prisma/migrations"
    project "packages/b/prisma/migrations"
    local err = failure("migrations", locate.migrations(base))
    for _, place in ipairs { "prisma", "packages/a/prisma", "packages/b/prisma" } do
      assert.matches(path_of(place .. "/migrations"), err.message, 1, true)
    end
    assert.is_string(err.hint)
  end)

  it("says so when there is none", function()
    write("prisma/migrations", "a file")
    local err = failure("migrations", locate.migrations(base))
    assert.matches(base, err.message, 1, true)
    assert.is_string(err.hint)
  end)

  it("honours the schema that package.json names", function()
    project "prisma/migrations"
    project "data/model/migrations"
    write("package.json", '{ "prisma": { "schema": "./data/model/schema.prisma" } }')
    assert.equal(path_of "data/model/migrations", locate.migrations(base))
    assert(fs.write(path_of "package.json", '{ "prisma": { "schema": "data/model/" } }'))
    assert.equal(path_of "data/model/migrations", locate.migrations(base))
    assert(fs.write(path_of "package.json", '{ "prisma": { "schema": "other/schema.prisma" } }'))
    local err = failure("migrations", locate.migrations(base))
    assert.matches("other/schema.prisma", err.message, 1, true)
  end)

  it("does not mind a package.json that says nothing of it", function()
    project "prisma/migrations"
    for _, text in ipairs { "not json", "[]", "{}", '{"prisma":1}', '{"prisma":{"seed":"x"}}', '"x"' } do
      assert(fs.write(path_of "package.json", text))
      assert.equal(path_of "prisma/migrations", locate.migrations(base))
    end
  end)

  it("reads what prisma.config.ts writes out", function()
    project "prisma/migrations"
    project "database/changes"
    for _, config in ipairs {
      'export default defineConfig({ schema: "a.prisma", migrations: { path: "database/changes" } })',
      "export default { migrations: { seed: 'tsx seed.ts', path: './database/changes/', }, } satisfies PrismaConfig",
      'export default defineConfig({\n  // migrations: { path: "elsewhere" },\n  "migrations": { /* path: "x" */ path: '
        .. 'path.join(__dirname, "database", "changes") } })',
      "module.exports = { views: { path: 'views' }, migrations: { path: `database/changes` } }",
    } do
      write("prisma.config.ts", config)
      assert.equal(path_of "database/changes", locate.migrations(base), config)
    end
  end)

  it("goes by the schema of prisma.config.ts where it names no folder", function()
    project "prisma/migrations"
    project "db/migrations"
    write("db/schema.prisma", "")
    write("package.json", '{ "prisma": { "schema": "prisma/schema.prisma" } }')
    write("prisma.config.mjs", 'export default { migrations: { seed: "x" }, schema: "db/schema.prisma" }')
    assert.equal(path_of "db/migrations", locate.migrations(base))
    assert.equal(path_of "db/schema.prisma", locate.schema(base, path_of "db/migrations"))
    write("prisma.config.mjs", 'export default { schema: path.join("db"), migrations: {} }')
    assert.equal(path_of "db/migrations", locate.migrations(base))
  end)

  it("refuses a folder that only JavaScript knows", function()
    project "prisma/migrations"
    write("prisma.config.ts", "export default { migrations: { path: process.env.MIGRATIONS ?? 'prisma/migrations' } }")
    local err = failure("migrations", locate.migrations(base))
    assert.matches("prisma.config.ts does not write out where the migrations are", err.message, 1, true)
    assert.matches("--set migrations=DIR", err.hint, 1, true)
    for _, expression in ipairs { "`${root}/migrations`", 'path.join(root, "migrations")', "'a' + 'b'", '"a\\x62"' } do
      write("prisma.config.ts", ("export default { migrations: { path: %s } }"):format(expression))
      err = failure("migrations", locate.migrations(base))
      assert.matches("does not write out", err.message, 1, true, expression)
    end
    write("prisma.config.ts", 'export default { migrations: { path: "gone" } }')
    assert.matches("no such folder", failure("migrations", locate.migrations(base)).message, 1, true)
  end)

  it("does not mind a prisma.config.ts that says nothing of it", function()
    project "prisma/migrations"
    for _, config in ipairs { "", "not a program {{{", "export default { datasource: { url: env('X') } }",
      "export default { schema: schemaOf(env) }", "// migrations: { path: 'x' }", 'const s = "schema: \\"x\\""' } do
      write("prisma.config.ts", config)
      assert.equal(path_of "prisma/migrations", locate.migrations(base), config)
    end
  end)
end)

describe("finding the schema", function()
  it("takes what is named for these migrations, or what lies beside them", function()
    write("prisma/migrations/1_a/migration.sql", "SELECT 1")
    assert.is_nil(locate.schema(base, path_of "prisma/migrations"))
    write("prisma/schema/a.prisma", "")
    assert.equal(path_of "prisma/schema", locate.schema(base, path_of "prisma/migrations"))
    write("prisma/schema.prisma", "")
    assert.equal(path_of "prisma/schema.prisma", locate.schema(base, path_of "prisma/migrations"))
    write("prisma.config.ts", 'export default { schema: "model/all.prisma", migrations: { path: "prisma/migrations" } }')
    write("model/all.prisma", "")
    assert.equal(path_of "model/all.prisma", locate.schema(base, path_of "prisma/migrations"))
    write("other/migrations/1_a/migration.sql", "SELECT 1")
    assert.is_nil(locate.schema(base, path_of "other/migrations"), "the schema of other migrations")
  end)
end)
