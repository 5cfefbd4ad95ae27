-- Operator classes and index methods: which of them Prisma takes for which fields.

local natives = require "dixis.prisma.natives"

local operators = {}

-- Families of BRIN classes: the word they begin with, their kinds, the native types they are for, and the Prisma type
-- that they are for when a field has no native type.
local brin <const> = {
  { "Bit", "MinMax", "Bit" }, { "VarBit", "MinMax", "VarBit" }, { "Bpchar", "Bloom MinMax", "Char" },
  { "Date", "Bloom MinMax MinMaxMulti", "Date" }, { "Float4", "Bloom MinMax MinMaxMulti", "Real" },
  { "Float8", "Bloom MinMax MinMaxMulti", "DoublePrecision", "Float" },
  { "Inet", "Inclusion Bloom MinMax MinMaxMulti", "Inet" }, { "Int2", "Bloom MinMax MinMaxMulti", "SmallInt" },
  { "Int4", "Bloom MinMax MinMaxMulti", "Integer", "Int" }, { "Int8", "Bloom MinMax MinMaxMulti", "BigInt", "BigInt" },
  { "Numeric", "Bloom MinMax MinMaxMulti", "Decimal", "Decimal" }, { "Oid", "Bloom MinMax MinMaxMulti", "Oid" },
  { "Bytea", "Bloom MinMax", "ByteA", "Bytes" }, { "Text", "Bloom MinMax", "Text VarChar", "String" },
  { "Timestamp", "Bloom MinMax MinMaxMulti", "Timestamp", "DateTime" },
  { "TimestampTz", "Bloom MinMax MinMaxMulti", "Timestamptz" }, { "Time", "Bloom MinMax MinMaxMulti", "Time" },
  { "TimeTz", "Bloom MinMax MinMaxMulti", "Timetz" }, { "Uuid", "Bloom MinMax MinMaxMulti", "Uuid" },
}

-- `default` are the methods of which a class is the one that is taken without being named.
local classes <const> = {
  InetOps = { sql = "inet_ops", methods = { Gist = true, SpGist = true }, default = { SpGist = true } },
  JsonbOps = { sql = "jsonb_ops", methods = { Gin = true }, default = { Gin = true } },
  JsonbPathOps = { sql = "jsonb_path_ops", methods = { Gin = true }, default = {} },
  ArrayOps = { sql = "array_ops", methods = { Gin = true }, default = { Gin = true } },
  TextOps = { sql = "text_ops", methods = { SpGist = true }, default = { SpGist = true } },
}
local brin_natives <const>, brin_scalars <const> = {}, { String = true, DateTime = true }
local words <const> = { Bloom = "bloom", MinMax = "minmax", MinMaxMulti = "minmax_multi", Inclusion = "inclusion" }
for _, family in ipairs(brin) do
  local of <const> = {}
  for native in family[3]:gmatch "%a+" do of[native], brin_natives[native] = true, true end
  if family[4] then brin_scalars[family[4]] = true end
  for kind in family[2]:gmatch "%a+" do
    local is_default <const> = kind == "Inclusion" or kind == "MinMax" and family[1] ~= "Inet"
    classes[family[1] .. kind .. "Ops"] = { sql = family[1]:lower() .. "_" .. words[kind] .. "_ops", methods = { Brin = true },
      natives = of, scalar = family[4], default = { Brin = is_default } }
  end
end

---@param name string
---@return boolean
function operators.known(name)
  return classes[name] ~= nil
end

--- The operator class in SQL; nil where it is the one that is taken anyway.
---@param key_field dixis.prisma.KeyField
---@param method? string  of the index, "Gin"
---@return string?
function operators.sql(key_field, method)
  local ops <const> = key_field.ops
  if not ops then return nil end
  if ops.raw then return ops.raw end
  local class <const> = classes[ops.name]
  return not class.default[method] and class.sql or nil
end

-- Each says whether a field of that kind can be indexed so; `native` is the name of its native type.
local fits <const> = {}

function fits.Gist(field, native, class)
  if native or class then return native == "Inet" and class == "InetOps" end
  return field.type == "String"
end

function fits.Gin(field, native, class)
  if class == "ArrayOps" then return field.list end
  if class == "JsonbOps" or class == "JsonbPathOps" then
    return native == "JsonB" or not native and field.type == "Json"
  end
  return not class and (field.list or native == "JsonB" or not native and field.type == "Json")
end

function fits.SpGist(field, native, class)
  if native == "Inet" then return not class or class == "InetOps" end
  if class and class ~= "TextOps" then return false end
  if native then return native == "Text" or native == "VarChar" or native == "Char" end
  return field.type == "String"
end

function fits.Brin(field, native, class)
  if native then return brin_natives[native] and (not class or classes[class].natives[native]) end
  if class then return classes[class].scalar ~= nil and classes[class].scalar == field.type end
  return brin_scalars[field.type]
end

--- Checks what an index says about methods and operator classes.
---@param model dixis.prisma.Model  while it is read
---@param key dixis.prisma.Key
function operators.check(model, key)
  local source <const> = model.source
  local method <const> = key.method or "BTree"
  for _, part in ipairs(key.fields) do
    local field <const>, ops <const> = part.field, part.ops
    local native <const> = field.native and natives.types[field.native.name] and field.native.name
    if native == "Xml" then source:fail(field.at, "PostgreSQL has no indexes on xml") end
    if ops and ops.name and not classes[ops.name].methods[method] then
      source:fail(key.at, ("the operator class %s is not for indexes of type %s"):format(ops.name, method))
    end
    if fits[method] and not (ops and ops.raw) then
      local unsupported <const> = field.unsupported and not (ops and ops.name)
      if not unsupported and not fits[method](field, native, ops and ops.name) then
        source:fail(key.at, ("the field '%s' cannot be in an index of type %s%s"):format(field.name, method,
          ops and " with " .. ops.name or " without an operator class"))
      end
    end
  end
  if method == "SpGist" and #key.fields ~= 1 then source:fail(key.at, "an index of type SpGist has one field") end
end

return operators
