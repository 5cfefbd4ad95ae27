-- Which functions give another value for each row. ADD COLUMN ... DEFAULT calls what is not volatile once, and stores
-- the value in the catalog; a volatile one has to be called for each row, which is then written anew.
-- spec/lint/hazard_types_spec.lua compares the lists with pg_proc.

local builtin = require "dixis.lint.builtin"
local node = require "dixis.lint.node"

local volatility = {}

--- Those of PostgreSQL that are; all others that a default can call are not.
volatility.volatile = {}
for word in ([[clock_timestamp current_query currval gen_random_uuid lastval nextval random setseed set_config setval
  timeofday]]):gmatch "%S+" do
  volatility.volatile[word] = true
end

--- Of extensions that are seen often.
volatility.known = {
  uuid_generate_v1 = true, uuid_generate_v1mc = true, uuid_generate_v4 = true, gen_random_bytes = true, gen_salt = true,
  uuid_generate_v3 = false, uuid_generate_v5 = false, uuid_nil = false, digest = false, hmac = false,
  uuid_generate_v7 = true, gen_ulid = true, nanoid = true, cuid = true, ulid_generate = true,
}

-- Whether a function of the migrations is volatile (nil: not known), and whether there is one.
local function declared(context, schema, name)
  local found <const> = context.model:functions(schema, name)
  local answer
  for _, made in pairs(found or {}) do
    if made.volatility == "volatile" then return true end
    if made.volatility == nil then return nil, true end
    answer = false
  end
  return answer, answer ~= nil
end

---@param context dixis.lint.Hazards
---@param call table  FuncCall
---@return boolean? volatile  nil: not known
---@return string name
local function judge(context, call)
  local schema <const>, name <const> = node.name(call.funcname)
  if schema == nil or schema == "pg_catalog" then
    if volatility.volatile[name] then return true, name end
    if builtin.has(name) then return false, name end
  end
  local told <const>, found <const> = declared(context, schema, name)
  if found or told then return told, name end
  return volatility.known[name], name
end

--- The first call in an expression that is volatile, or that may be.
---@param context dixis.lint.Hazards
---@param expression table
---@return string? name    of the function; nil: each row gets the same value
---@return boolean? sure   false: it is not known how the function is declared
---@return integer? at
function volatility.find(context, expression)
  local found, sure, at
  node.walk(expression, function(kind, body)
    if kind ~= "FuncCall" or sure then return end
    local volatile <const>, name <const> = judge(context, body)
    if volatile or (volatile == nil and not found) then
      found, sure, at = name, volatile == true, body.location
    end
  end)
  return found, sure, at
end

return volatility
