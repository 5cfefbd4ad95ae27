-- The native types (@db.X) that Prisma has for PostgreSQL.

local natives = {}

---@class dixis.prisma.NativeType
---@field scalar string       the Prisma type that it goes with
---@field sql string          as format_type() says it, with %s where its modifiers stand
---@field parameters integer  how many it may have
---@field absent? string      what stands for %s without parameters, where that is not nothing

---@type table<string, dixis.prisma.NativeType>
natives.types = {
  SmallInt = { scalar = "Int", sql = "smallint", parameters = 0 },
  Integer = { scalar = "Int", sql = "integer", parameters = 0 },
  Oid = { scalar = "Int", sql = "oid", parameters = 0 },
  BigInt = { scalar = "BigInt", sql = "bigint", parameters = 0 },
  Decimal = { scalar = "Decimal", sql = "numeric%s", parameters = 2 },
  Money = { scalar = "Decimal", sql = "money", parameters = 0 },
  Real = { scalar = "Float", sql = "real", parameters = 0 },
  DoublePrecision = { scalar = "Float", sql = "double precision", parameters = 0 },
  Text = { scalar = "String", sql = "text", parameters = 0 },
  Citext = { scalar = "String", sql = "citext", parameters = 0 },
  VarChar = { scalar = "String", sql = "character varying%s", parameters = 1 },
  Char = { scalar = "String", sql = "character%s", parameters = 1, absent = "(1)" },
  Bit = { scalar = "String", sql = "bit%s", parameters = 1, absent = "(1)" },
  VarBit = { scalar = "String", sql = "bit varying%s", parameters = 1 },
  Inet = { scalar = "String", sql = "inet", parameters = 0 },
  Uuid = { scalar = "String", sql = "uuid", parameters = 0 },
  Xml = { scalar = "String", sql = "xml", parameters = 0 },
  Boolean = { scalar = "Boolean", sql = "boolean", parameters = 0 },
  ByteA = { scalar = "Bytes", sql = "bytea", parameters = 0 },
  Timestamp = { scalar = "DateTime", sql = "timestamp%s without time zone", parameters = 1 },
  Timestamptz = { scalar = "DateTime", sql = "timestamp%s with time zone", parameters = 1 },
  Time = { scalar = "DateTime", sql = "time%s without time zone", parameters = 1 },
  Timetz = { scalar = "DateTime", sql = "time%s with time zone", parameters = 1 },
  Date = { scalar = "DateTime", sql = "date", parameters = 0 },
  Json = { scalar = "Json", sql = "json", parameters = 0 },
  JsonB = { scalar = "Json", sql = "jsonb", parameters = 0 },
}

--- What a field of a Prisma type has without an attribute.
natives.defaults = {
  String = "text", Boolean = "boolean", Int = "integer", BigInt = "bigint", Float = "double precision",
  Decimal = "numeric(65,30)", DateTime = "timestamp(3) without time zone", Json = "jsonb", Bytes = "bytea",
}

--- A non-negative integer of 32 bits, as Prisma takes it.
---@param text string
---@return integer?
function natives.count(text)
  local number <const> = text:find "^%+?%d+$" and math.tointeger(tonumber(text))
  return number and number < 2 ^ 32 and number or nil
end

--- The parameters of a native type; nil when they are none.
---@param native dixis.prisma.NativeType
---@param texts string[]
---@return integer[]?
function natives.parameters(native, texts)
  local numbers <const> = {}
  if native.parameters == 0 or #texts == 0 then return numbers end
  if #texts ~= native.parameters then return nil end
  for i, text in ipairs(texts) do
    numbers[i] = natives.count(text)
    if not numbers[i] then return nil end
  end
  return numbers
end

--- What is wrong with parameters that are numbers.
---@param name string
---@param numbers integer[]
---@return string?
function natives.problem(name, numbers)
  local first <const>, second <const> = numbers[1], numbers[2]
  if not first then return nil end
  if name == "Decimal" then
    if second > first then return "the scale must not be larger than the precision" end
    if first == 0 or first > 1000 then return "the precision must be between 1 and 1000" end
  elseif name == "Bit" or name == "VarBit" then
    if first == 0 then return "the length must be positive" end
  elseif natives.types[name].scalar == "DateTime" and first > 6 then
    return "the precision must be between 0 and 6"
  end
end

--- The type as format_type() says it.
---@param name string
---@param numbers integer[]
---@return string
function natives.format(name, numbers)
  local native <const> = natives.types[name]
  local modifier <const> = #numbers == 0 and (native.absent or "") or "(" .. table.concat(numbers, ",") .. ")"
  return (native.sql:gsub("%%s", (modifier:gsub("%%", "%%%%"))))
end

return natives
