-- Whether a fact holds in the catalog: true, false, or what else there is to say of it ("invalid",
-- "differs", "unknown", "unseen", "renamed"), and in which way it does not.

local facts = require "dixis.migrate.effect_facts"
local sql = require "host.sql"

-- kind of fact -> function(catalog, fact, path, renamed types)
local tests = {}

function tests.relation(catalog, fact, path)
  local found = catalog:relation(path[1], path[2])
  if fact.want == false then return found == nil end
  if not found then return false end
  if fact.index and found.of ~= fact.of[2] and not (fact.of_before and found.of == fact.of_before[2]) then
    return "differs", "is no index of " .. fact.of[2]
  end
  if not found.valid then return "invalid" end
  if fact.vague then return "unknown" end
  return true
end

-- Of a table that is not there nothing was taken away.
local function column_of(catalog, path)
  local columns = catalog:columns(path[1], path[2])
  return columns ~= nil, columns and columns[path[3]]
end

function tests.column(catalog, fact, path)
  local there, column = column_of(catalog, path)
  if fact.want == false then return there and column == nil or not there and "unseen" end
  return column ~= nil
end

function tests.column_type(catalog, fact, path, renamed)
  local _, column = column_of(catalog, path)
  if not column then return false end
  local want = fact.want
  if column.type ~= want.name and renamed[want.name] == column.type then return "renamed" end
  local same = column.type == want.name and column.array == want.array
    and (want.mods == false or column.mods == want.mods)
  return same, not same and ("is %s%s%s"):format(column.type, column.mods and "(" .. column.mods .. ")" or "",
    column.array and "[]" or "") or nil
end

function tests.not_null(catalog, fact, path)
  local _, column = column_of(catalog, path)
  return column ~= nil and column.not_null == fact.want
end

function tests.default(catalog, fact, path)
  local _, column = column_of(catalog, path)
  if not column then return false end
  local expression = column.expression
  if fact.want == false then return expression == nil end
  if not expression then return false end
  local constant = fact.want.constant
  if not constant then return "unknown" end
  -- 'x'::text, '-1'::integer, (-1), 5, true
  local plain = expression:gsub("::[^']*$", "")
  if constant == facts.not_positive then
    local number = tonumber((plain:gsub("['()]", "")))
    return number ~= nil and number <= 0
  end
  return plain == constant or plain == "'" .. constant .. "'" or plain == "(" .. constant .. ")"
end

local function test_part(kind)
  return function(catalog, fact, path)
    if fact.want == false and not catalog:relation(path[1], path[2]) then return "unseen" end
    local found = catalog:part(kind, path[1], path[2], path[3])
    if fact.vague and found then return "unknown" end
    return (found ~= nil) == fact.want
  end
end
for _, kind in ipairs { "constraint", "primary", "trigger", "policy" } do tests[kind] = test_part(kind) end

function tests.validated(catalog, _, path)
  local found = catalog:part("constraint", path[1], path[2], path[3])
  return found ~= nil and found.valid
end

function tests.type(catalog, fact, path)
  return (catalog:type(path[1], path[2]) ~= nil) == fact.want
end

function tests.label(catalog, fact, path)
  local found = catalog:type(path[1], path[2])
  if not found then return false end
  for _, label in ipairs(found.labels) do
    if label == path[3] then return fact.want end
  end
  return not fact.want
end

function tests.labels(catalog, fact, path)
  local found = catalog:type(path[1], path[2])
  if not found then return false end
  if fact.loose then return true end
  local wanted, count = {}, 0
  for _, label in ipairs(fact.want) do wanted[label] = true end
  for _, label in ipairs(found.labels) do
    if wanted[label] then count = count + 1
    elseif not fact.extra[label] then return false, "has the value " .. sql.quote_literal(label) end
  end
  return count == #fact.want
end

tests["function"] = function(catalog, fact, path)
  local bodies = catalog:functions(path[1], path[2], math.tointeger(tonumber(path[3]))) or {}
  if fact.want == false then return #bodies == 0 end
  if #bodies > 0 and fact.vague then return "unknown" end
  if not fact.body then return #bodies > 0 end
  for _, body in ipairs(bodies) do
    if body == fact.body then return true end
  end
  return false, #bodies > 0 and "has another body" or nil
end

function tests.schema(catalog, fact, path) return catalog:schema(path[1]) == fact.want end
function tests.extension(catalog, fact, path) return catalog:extension(path[1]) == fact.want end

return tests
