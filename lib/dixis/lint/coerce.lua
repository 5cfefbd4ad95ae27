-- Which values PostgreSQL takes where another type is wanted: pg_cast, and the rules beside it.

local builtin = require "dixis.lint.builtin"
local casts = require "dixis.lint.builtin_casts"
local types = require "dixis.lint.types"

local coerce = {}

-- A type's key: the name of a builtin one, "_name" for its array; an enum itself, and one table for the array of each.
---@alias dixis.lint.Key string|dixis.lint.Object|{ element: dixis.lint.Object }

---@alias dixis.lint.Level
---| "implicit"    an argument, an operand
---| "assignment"  a value for a column
---| "explicit"    a cast that is written

local ranks <const> = { implicit = 1, assignment = 2, explicit = 3 }

local category_of <const>, preferred <const> = {}, {}
for category in ("ABDGINRSTUVZ"):gmatch "." do
  for mark, name in builtin.entry(casts.categories, category):gmatch "(!?)(%S+)" do
    category_of[name] = category
    if mark ~= "" then preferred[name] = true end
  end
end

-- from -> to -> rank
local known <const> = {}

local function conversions(from)
  if known[from] then return known[from] end
  local found <const> = {}
  for level, rank in pairs(ranks) do
    for to in (builtin.entry(casts[level], from) or ""):gmatch "%S+" do found[to] = rank end
  end
  known[from] = found
  return found
end

local arrays <const> = setmetatable({}, { __mode = "k" })
local serials <const> = { smallint = "int2", integer = "int4", bigint = "int8" }
-- A row, and what a function can be about without having a value.
local no_values <const> = { record = true, void = true, unknown = true, trigger = true, cstring = true, internal = true }

-- Arrays that are types of their own.
local vectors <const> = { int2vector = "int2", oidvector = "oid" }

--- The array of a type.
---@param key dixis.lint.Key
---@return dixis.lint.Key?  nil: there is none
function coerce.array(key)
  if type(key) == "string" then return key:sub(1, 1) ~= "_" and "_" .. key or nil end
  if key.element then return nil end
  arrays[key] = arrays[key] or { element = key }
  return arrays[key]
end

--- What an array is of; nil: it is none.
---@param key dixis.lint.Key
---@return dixis.lint.Key?
function coerce.element(key)
  if type(key) == "string" then return key:sub(1, 1) == "_" and key:sub(2) or vectors[key] end
  return key.element
end

--- The key of a type; nil: it is not known, or is one whose rules are its maker's.
---@param model dixis.lint.Model
---@param of dixis.lint.Type
---@return dixis.lint.Key?
function coerce.key(model, of)
  local object <const> = of.user
  if object then
    if object.cause or not model:certain(object) then return nil end
    if object.kind == "domain" then return not of.array and object.base and coerce.key(model, object.base) or nil end
    return object.kind == "enum" and (of.array and coerce.array(object) or object) or nil
  end
  if of.serial then return serials[of.text] end
  local name <const> = of.builtin and of.text and of.name
  if not name or no_values[name] or name:find "^any" then return nil end
  return of.array and "_" .. name or name
end

--- The type of a key.
---@param key dixis.lint.Key
---@return dixis.lint.Type
function coerce.type(key)
  local element <const> = coerce.element(key)
  local base <const> = element or key
  if type(base) ~= "string" then return { user = base, array = element ~= nil, schema = base.schema, name = base.name } end
  return types.builtin(base, element ~= nil)
end

--- How a type is written.
---@param key dixis.lint.Key
---@return string
function coerce.said(key) return types.text(coerce.type(key)) or tostring(key) end

--- The kind of a type, as in pg_type.
---@param key dixis.lint.Key
---@return string
function coerce.category(key)
  if coerce.element(key) then return "A" end
  if type(key) ~= "string" then return "E" end
  return category_of[key] or key:find "^any" and "P" or "U"
end

--- Is it the type of its kind that PostgreSQL prefers?
---@param key dixis.lint.Key
---@return boolean
function coerce.preferred(key) return preferred[key] or false end

--- Does PostgreSQL take the one for the other?
---@param from dixis.lint.Key
---@param to dixis.lint.Key
---@param level dixis.lint.Level
---@return boolean
function coerce.can(from, to, level)
  if from == to then return true end
  local rank <const> = type(from) == "string" and conversions(from)[to]
  if rank then return rank <= ranks[level] end
  local a <const>, b <const> = coerce.element(from), coerce.element(to)
  if a and b then return coerce.can(a, b, level) end
  -- Through text.
  return ranks[level] >= ranks.assignment and coerce.category(to) == "S"
    or level == "explicit" and coerce.category(from) == "S"
end

--- Can values of a type be ordered by a collation?
---@param key dixis.lint.Key
---@return boolean
function coerce.collates(key) return coerce.category(coerce.element(key) or key) == "S" end

--- The type that values of several become together, as in CASE, UNION and ARRAY; nil: there is none.
---@param keys dixis.lint.Key[]  one or more
---@return dixis.lint.Key?
function coerce.common(keys)
  local common = keys[1]
  for _, key in ipairs(keys) do
    if key ~= common then
      if coerce.category(key) ~= coerce.category(common) then return nil end
      if not coerce.preferred(common) and coerce.can(common, key, "implicit") and not coerce.can(key, common, "implicit") then
        common = key
      end
    end
  end
  for _, key in ipairs(keys) do
    if not coerce.can(key, common, "implicit") then return nil end
  end
  return common
end

return coerce
