-- What lint proposes for what the schema file has and no migration makes: it makes just that.

local fs = require "host.fs"
local history = require "spec.support.history"

local HEAD <const> = 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n'

local MODELS <const> = HEAD .. [[
enum Role {
  USER
  ADMIN
  @@map("role")
}
enum Kind {
  A
  B @map("it's b")
}
model User {
  id    Int     @id @default(autoincrement())
  email String  @unique
  name  String? @db.VarChar(20)
  role  Role    @default(USER)
  roles Role[]
  kind  Kind    @default(B)
  spot  Unsupported("point")?
  made  DateTime @default(now())
  teamId BigInt?
  team  Team?   @relation(fields: [teamId], references: [id], onDelete: Cascade)
  tags  Tag[]
  @@index([name, made(sort: Desc)])
}
model Team {
  id    BigInt @id @default(autoincrement())
  total Decimal @default(0)
  users User[]
  @@map("the teams")
}
model Tag {
  id    String @id @default(cuid())
  users User[]
}
]]

local ORDER <const> = { "missing-enum", "missing-label", "missing-field", "missing-model", "missing-model-unique",
  "missing-model-index", "missing-relation" }

local function lint(scripts)
  local path <const> = assert(fs.mkdtemp "/tmp/dixis-repair-")
  assert(fs.write(path .. "/schema.prisma", MODELS))
  local result <const> = history.lint(scripts, { schema = path .. "/schema.prisma" })
  fs.remove(path)
  return result
end

local function repairs(result)
  local found <const> = {}
  for _, rule in ipairs(ORDER) do
    for _, finding in ipairs(result.findings) do
      if finding.rule == rule then found[#found + 1] = assert(finding.fix_sql, finding.message) end
    end
  end
  return found
end

describe("lint, about what no migration makes:", function()
  it("the proposals make all of it", function()
    local scripts <const> = { [[
      CREATE TYPE role AS ENUM ('USER');
      CREATE TABLE "User" (id SERIAL, CONSTRAINT "User_pkey" PRIMARY KEY (id));
    ]] }
    local found <const> = repairs(lint(scripts))
    assert.equal(1 + 1 + 8 + 3 + 1 + 1 + 1, #found)
    table.move(found, 1, #found, 2, scripts)
    local _, missed, alarms, said = history.hold(scripts)
    assert.same({}, said)
    assert.same({}, missed)
    assert.same({}, alarms)
    local left <const> = {}
    for _, finding in ipairs(lint(scripts).findings) do
      if finding.migration == nil then left[#left + 1] = finding.message end
    end
    assert.same({}, left)
  end)

  it("they are written as Prisma writes them", function()
    local found <const> = table.concat(repairs(lint { "CREATE TABLE \"User\" (id SERIAL PRIMARY KEY);" }), "\n")
    assert.is_truthy(found:find('CREATE TYPE "role" AS ENUM (\'USER\', \'ADMIN\');', 1, true), found)
    assert.is_truthy(found:find('ADD COLUMN "kind" "Kind" NOT NULL DEFAULT', 1, true), found)
    assert.is_truthy(found:find('CREATE INDEX "User_name_made_idx" ON "User"("name", "made" DESC);', 1, true), found)
  end)
end)
