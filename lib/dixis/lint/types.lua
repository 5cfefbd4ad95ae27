-- Types as they are written, said as format_type() would with an empty search_path.

local node = require "dixis.lint.node"
local sql = require "host.sql"

local types = {}

local long_names <const> = {
  int2 = "smallint", int4 = "integer", int8 = "bigint", float4 = "real", float8 = "double precision", bool = "boolean",
  varchar = "character varying", bpchar = "character", varbit = "bit varying", int = "integer",
}
local with_time <const> = {
  timestamp = "timestamp%s without time zone", timestamptz = "timestamp%s with time zone",
  time = "time%s without time zone", timetz = "time%s with time zone",
}
local serials <const> = { serial = "integer", serial4 = "integer", bigserial = "bigint", serial8 = "bigint",
  smallserial = "smallint", serial2 = "smallint" }

-- All types of pg_catalog up to PostgreSQL 18, but for arrays and the rows of catalogs.
local builtin <const> = {}
for name in ([[aclitem any anyarray anycompatible anycompatiblearray anycompatiblemultirange anycompatiblenonarray
  anycompatiblerange anyelement anyenum anymultirange anynonarray anyrange bit bool box bpchar bytea char cid cidr circle
  cstring date datemultirange daterange event_trigger fdw_handler float4 float8 gtsvector index_am_handler inet int2
  int2vector int4 int4multirange int4range int8 int8multirange int8range internal interval json jsonb jsonpath
  language_handler line lseg macaddr macaddr8 money name numeric nummultirange numrange oid oidvector path point polygon
  record refcursor regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure
  regrole regtype table_am_handler text tid time timestamp timestamptz timetz trigger tsm_handler tsmultirange tsquery
  tsrange tstzmultirange tstzrange tsvector txid_snapshot unknown uuid varbit varchar void xid xid8 xml
  ]]):gmatch "%S+" do builtin[name] = true end

---@param name string
---@return boolean
function types.is_builtin(name)
  return builtin[name] or name:find "^pg_" ~= nil or (name:sub(1, 1) == "_" and builtin[name:sub(2)] or false)
end

-- The constants in parentheses behind a type's name; false when they are no plain numbers.
local function modifiers(list)
  local found <const> = {}
  for i, value in ipairs(list or {}) do
    local constant <const> = value.A_Const
    if not constant or not constant.ival then return false end
    found[i] = ("%d"):format(constant.ival.ival or 0)
  end
  return found
end

local function builtin_text(name, list, all)
  if name == "interval" then
    if not all then return "interval" end
    if #all == 1 and all[1] == "32767" then return "interval" end
    if #all == 2 and all[1] == "32767" then return ("interval(%s)"):format(all[2]) end
    return #all == 0 and "interval" or false
  end
  if list == false then return false end
  local inside <const> = #list > 0 and "(" .. table.concat(list, ",") .. ")" or ""
  if with_time[name] then return with_time[name]:format(inside) end
  if name == "numeric" and #list == 1 then return ("numeric(%s,0)"):format(list[1]) end
  -- "char" in quotes is another type than char.
  if name == "char" then return '"char"' end
  if name == "bpchar" and #list == 0 then return "bpchar" end
  return (long_names[name] or name) .. inside
end

---@class dixis.lint.Type
---@field text? string|false  as format_type() says, of builtin ones; false: not known
---@field builtin? boolean     it is no type of a user's
---@field serial? boolean     with a sequence of its own
---@field array? boolean
---@field user? dixis.lint.Object   the enum, domain, composite or table that it is
---@field schema? string
---@field name string
---@field why? "missing"|"unknown"|"no_schema"  it is not builtin and was not found

local with_modifiers <const> = { bpchar = true, char = true, varchar = true, numeric = true, bit = true, varbit = true,
  interval = true, time = true, timetz = true, timestamp = true, timestamptz = true }

--- May something in parentheses be behind the type's name? True also when that is not known.
---@param type dixis.lint.Type
---@return boolean
function types.takes_modifiers(type)
  if type.user then return type.user.kind ~= "enum" end
  return not type.builtin and not type.serial or with_modifiers[type.name] or false
end

local function builtin_type(name, array, typmods)
  if name:sub(1, 1) == "_" and builtin[name:sub(2)] then name, array = name:sub(2), true end
  local list <const> = modifiers(typmods)
  local text <const> = builtin_text(name, list, list)
  return { text = text and (array and text .. "[]" or text), array = array, name = name, builtin = true }
end

--- A builtin type by its name in pg_type.
---@param name string
---@param array boolean
---@return dixis.lint.Type
function types.builtin(name, array) return builtin_type(name, array) end

-- Those without modifiers are nearly all columns': made once.
local plain <const> = {}

--- What a type's name means; nobody changes what it returns.
---@param model dixis.lint.Model
---@param type_name table   a TypeName
---@return dixis.lint.Type
function types.read(model, type_name)
  local schema, name = node.name(type_name.names)
  local array = type_name.arrayBounds ~= nil
  if type_name.pct_type then return { text = false, name = name, builtin = true } end
  if not schema and serials[name] then return { text = serials[name], serial = true, name = name } end
  local found, why
  -- pg_catalog comes first, unless the search_path says otherwise.
  if schema == "pg_catalog" or not schema and types.is_builtin(name) then
    if array or type_name.typmods then return builtin_type(name, array, type_name.typmods) end
    plain[name] = plain[name] or builtin_type(name, false)
    return plain[name]
  end
  found, why = model:type(schema, name)
  if not found and name:sub(1, 1) == "_" then
    local element <const> = model:type(schema, name:sub(2)) or model:relation(schema, name:sub(2))
    if element then found, array = element, true end
  end
  if not found then
    local relation <const> = model:relation(schema, name)
    if relation and relation.kind ~= "index" and relation.kind ~= "sequence" then found = relation end
  end
  if not found then return { text = false, array = array, name = name, schema = schema, why = why } end
  return { array = array, name = name, schema = schema, user = found }
end

-- Types that PostgreSQL can compare with each other.
local families <const> = {}
for family, list in pairs { number = { "smallint", "integer", "bigint", "numeric", "real", "double precision", "oid" },
  text = { "text", "character varying", "character", "bpchar", "name" }, uuid = { "uuid" }, boolean = { "boolean" },
  time = { "timestamp without time zone", "timestamp with time zone", "date" }, json = { "json", "jsonb" },
  bytea = { "bytea" }, interval = { "interval" } } do
  for _, name in ipairs(list) do families[name] = family end
end

--- What a builtin type, or an array of it, can be compared with; nil: not known.
---@param type dixis.lint.Type
---@return string?
function types.family(type)
  local text <const> = (type.builtin or type.serial) and type.text
  return text and families[(text:gsub("%(.-%)", ""):gsub("%[%]$", ""))] or nil
end

--- The type's name now: those of users may have been renamed since.
---@param type dixis.lint.Type
---@return string|false
function types.text(type)
  if not type.user then return type.text end
  local text <const> = sql.quote_identifier(type.user.schema) .. "." .. sql.quote_identifier(type.user.name)
  return type.array and text .. "[]" or text
end

return types
