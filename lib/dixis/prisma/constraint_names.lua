-- What Prisma calls keys, indexes and foreign keys that have no name of their own. PostgreSQL's limit is 63 bytes.

local names = {}

local limit <const> = 63

--- The longest beginning of a text that is not longer than so many bytes and cuts no character.
---@param text string
---@param length integer
---@return string
function names.cut(text, length)
  if #text <= length then return text end
  while text:byte(length + 1) & 0xC0 == 0x80 do length = length - 1 end
  return text:sub(1, length)
end

--- What PostgreSQL makes of a name that is too long.
---@param name string
---@return string
function names.in_database(name)
  return names.cut(name, limit)
end

local function with_suffix(text, suffix)
  return names.cut(text, limit - #suffix) .. suffix
end

local function joined(table_name, fields)
  local parts <const> = { table_name }
  for i, field in ipairs(fields) do parts[i + 1] = field.column end
  return table.concat(parts, "_")
end

local function fields_of(key)
  local fields <const> = {}
  for i, part in ipairs(key.fields) do fields[i] = part.field end
  return fields
end

---@param model dixis.prisma.Model
---@param key dixis.prisma.Key
---@return string
function names.key(model, key)
  if key.map then return key.map end
  if key.kind == "id" then return with_suffix(model.table, "_pkey") end
  return with_suffix(joined(model.table, fields_of(key)), key.kind == "unique" and "_key" or "_idx")
end

---@param relation dixis.prisma.Relation  with a leading side
---@return string
function names.foreign_key(relation)
  local attribute <const> = relation.field.relation_attribute
  return attribute.map or with_suffix(joined(relation.model.table, attribute.fields or {}), "_fkey")
end

--- The table of an implicit many-to-many relation, and what belongs to it.
---@param relation dixis.prisma.Relation
---@return { table: string, primary_key: string, unique: string, index: string, a: string, b: string }
function names.join_table(relation)
  local first <const>, second <const> = relation.model.name, relation.other.name
  local name <const> = names.cut("_" .. (relation.name or first .. "To" .. second), limit)
  local short <const> = names.cut(name, limit - #"_A_fkey")
  return { table = name, primary_key = with_suffix(name, "_AB_pkey"), unique = with_suffix(name, "_AB_unique"),
    index = with_suffix(name, "_B_index"), a = short .. "_A_fkey", b = short .. "_B_fkey" }
end

return names
