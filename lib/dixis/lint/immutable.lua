-- What an index and a generated column cannot be computed by: what gives another value at another time, or in another
-- session. Only what is certain is said: many functions are one or the other by the types of their arguments.

local coerce = require "dixis.lint.coerce"
local find = require "dixis.lint.find"
local grouping = require "dixis.lint.grouping"
local node = require "dixis.lint.node"
local value = require "dixis.lint.value"

local immutable = {}

local changing <const> = {}
for name in ([[array_to_json array_to_string clock_timestamp concat concat_ws current_setting currval format gen_random_uuid
  json_build_array json_build_object jsonb_build_array jsonb_build_object lastval nextval now random row_to_json setval
  statement_timestamp timeofday to_char to_date to_json to_jsonb to_number transaction_timestamp]]):gmatch "%S+" do
  changing[name] = true
end

-- With one argument, they take the session's text search configuration.
local by_configuration <const> = { to_tsvector = true, to_tsquery = true, plainto_tsquery = true, phraseto_tsquery = true,
  websearch_to_tsquery = true }
-- Of a timestamptz, they depend on the session's time zone.
local by_zone <const> = { date_trunc = true, date_part = true, extract = true }

local times <const> = { date = true, timestamp = true, time = true, timestamptz = true, timetz = true }

-- The type of an expression, as pg_type names it; "enum" for any enum.
local function type_of(context, relation, tree)
  local given <const> = value.of(context, tree, function(fields) return relation.columns[node.text(fields[#fields]) or ""] end)
  local key <const> = given and given.key
  if not key or coerce.element(key) then return nil end
  return type(key) == "string" and key or "enum"
end

local function of_conversion(from, to)
  if not from or to == from then return nil end
  if from == "timestamptz" and times[to] and to ~= "timetz" then
    return "a timestamptz gets another value by the session's time zone"
  end
  if from == "enum" and (to == "text" or to == "varchar") then return "the text of an enum's value can be renamed" end
  if times[from] and (to == "text" or to == "varchar") then return "the text of a time depends on the session's settings" end
end

local function of_call(context, relation, call)
  local schema <const>, name <const> = node.name(call.funcname)
  local made <const> = context.model:functions(schema, name)
  if made then
    local _, only <const> = next(made)
    if next(made, next(made)) or only.volatility ~= "volatile" or not find.stands(context, only) then return nil end
    return ('the function "%s" is not declared IMMUTABLE'):format(name)
  end
  if schema and schema ~= "pg_catalog" then return nil end
  local arguments <const> = call.args or {}
  if changing[name] or by_configuration[name] and #arguments == 1 then return ("%s() is not immutable"):format(name) end
  -- A conversion may be written as a call.
  if times[name] and #arguments == 1 then return of_conversion(type_of(context, relation, arguments[1]), name) end
  if by_zone[name] and #arguments == 2 and type_of(context, relation, arguments[2]) == "timestamptz" then
    return ("%s() of a timestamptz depends on the session's time zone"):format(name)
  end
end

local function of_cast(context, relation, cast)
  local _, to <const> = node.name(cast.typeName.names)
  return not cast.typeName.arrayBounds and of_conversion(type_of(context, relation, cast.arg), to) or nil
end

--- Reports a query, or an aggregate, where there can be none.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param tree any
---@param what string  "a default", "a CHECK"
function immutable.no_query(context, relation, tree, what)
  local found = false
  node.walk(tree, function(kind)
    found = found or kind == "SubLink"
    return not found
  end)
  if not found then return grouping.one_row(context, tree, what) end
  context:report("not-immutable", { object = find.full(relation.schema, relation.name),
    message = ('%s of "%s" cannot hold a query'):format(what, relation.name), fix = "a function can ask it, or a trigger" })
end

--- Reports what keeps an expression from being computed once and kept.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param tree any
---@param what string  "an index", "a generated column"
function immutable.check(context, relation, tree, what)
  local reason
  node.walk(tree, function(kind, body)
    if reason then return false end
    if kind == "FuncCall" then
      reason = of_call(context, relation, body)
    elseif kind == "TypeCast" then
      reason = of_cast(context, relation, body)
    elseif kind == "SQLValueFunction" then
      reason = "what it asks for is another value later"
    end
  end)
  if not reason then return end
  context:report("not-immutable", { object = find.full(relation.schema, relation.name),
    message = ("%s of \"%s\" cannot be computed by this: %s"):format(what, relation.name, reason),
    fix = "use what gives the same for the same arguments always, as to_tsvector('simple', ...) or ... AT TIME ZONE 'UTC'" })
end

return immutable
