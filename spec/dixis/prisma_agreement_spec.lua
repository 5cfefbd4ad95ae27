-- dixis and Prisma's own validator on the same schemas. What Prisma says was recorded (spec/support/prisma_verdicts.mjs), so
-- that it needs not be there. Where it is, it is asked, about variants of the schemas too:
--   V=7.1.1-3.c2990dca591cba766e3b7ef5d9e8a84796e47ab7   (that of prisma@6.19.3)
--   npm install --ignore-scripts @prisma/prisma-schema-wasm@$V @prisma/schema-engine-wasm@$V
--   DIXIS_PRISMA=(the folder with that node_modules) script/test spec/dixis/prisma_agreement_spec.lua

local fs = require "host.fs"
local json = require "dixis.json"
local process = require "host.process"
local schema = require "dixis.prisma.schema"
local variants = require "spec.support.prisma_variants"

local folder <const> = "spec/fixtures/schemas/"
local verdicts <const> = assert(json.decode((assert(fs.read(folder .. "verdicts.json")))))

-- Prisma names the block, dixis the line in it.
local nearer <const> = { ["invalid/property_without_a_value.prisma"] = 3, ["invalid/relation_mode_unknown.prisma"] = 4 }

local function files(kind)
  local found = {}
  for _, entry in ipairs(assert(fs.list(folder .. kind))) do found[#found + 1] = kind .. "/" .. entry.name end
  return found
end

local function read(path) return (assert(fs.read(folder .. path))) end

local function contains(list, wanted)
  for _, item in ipairs(list) do
    if math.tointeger(item) == wanted then return true end
  end
  return false
end

describe("a schema that Prisma takes", function()
  local list <const> = files "valid"
  for _, path in ipairs(list) do
    it(path, function()
      assert.is_true(verdicts[path])
      assert(schema.parse(read(path), path))
    end)
  end

  it("is one of many", function() assert.is_true(#list >= 80) end)
end)

describe("a schema that Prisma refuses", function()
  local list <const> = files "invalid"
  for _, path in ipairs(list) do
    it(path, function()
      local found, err = schema.parse(read(path), path)
      assert.is_nil(found)
      assert.same({ "schema", path }, { err.kind, err.file })
      assert.is_true(nearer[path] == err.line or contains(verdicts[path], err.line),
        ("%s:%d:%d: %s"):format(path, err.line, err.column, err.message))
    end)
  end

  it("is one of many", function() assert.is_true(#list >= 100) end)
end)

describe("Prisma's validator", function()
  local home <const> = process.getenv "DIXIS_PRISMA"
  local modules <const> = home and home .. "/node_modules"
  if not modules or not fs.stat(modules .. "/@prisma/prisma-schema-wasm") then
    pending "not run: DIXIS_PRISMA does not name a folder with @prisma/prisma-schema-wasm in its node_modules"
    return
  end

  local function node(input, ...)
    local result = assert(process.run({ "node", fs.realpath "spec/support/prisma_verdicts.mjs", fs.realpath(modules), ... },
      { cwd = folder, env = { PATH = process.getenv "PATH" }, timeout = 300, input = input }))
    assert.equal(0, result.code, result.stderr)
    return assert(json.decode(result.stdout))
  end

  it("says what was recorded", function()
    local list = files "invalid"
    table.move(files "valid", 1, #files "valid", #list + 1, list)
    assert.same(verdicts, node(nil, table.unpack(list)))
  end)

  it("agrees on thousands of variants", function()
    local good = {}
    for i, path in ipairs(files "valid") do good[i] = read(path) end
    local texts = variants.of(good, 4000, 20251121)
    for i, said in ipairs(node(json.encode(texts), "--variants")) do
      if said ~= json.null then
        local found, err = schema.parse(texts[i], "variant")
        assert.equal(said == true, found ~= nil, (err and ("%d: %s\n"):format(err.line, err.message) or "") .. texts[i])
      end
    end
  end)
end)
