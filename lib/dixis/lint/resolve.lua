-- Which function or operator a call means: PostgreSQL's rules (its documentation, "Type Conversion").

local coerce = require "dixis.lint.coerce"

local resolve = {}

-- An argument: the key of its type; a constant in quotes, whose type depends on what takes it; or not known.
resolve.LITERAL = "LITERAL"
resolve.UNKNOWN = false

local LITERAL <const>, UNKNOWN <const> = resolve.LITERAL, resolve.UNKNOWN

local function param(candidate, i)
  return candidate.params[i] or candidate.variadic and candidate.params[#candidate.params]
end

local array_of <const> = { anyarray = "anyelement", anycompatiblearray = "anycompatible" }

-- The last parameter of a variadic function is written as an array, but for "any".
local function type_of_param(candidate, i)
  local found <const> = param(candidate, i)
  if not candidate.variadic or i < #candidate.params or found == "any" then return found end
  return array_of[found] or coerce.element(found) or found
end

local function is_any(wanted) return type(wanted) == "string" and wanted:find "^any" ~= nil end

local function takes_count(candidate, count)
  if candidate.variadic then return count >= candidate.needed end
  return count >= candidate.needed and count <= #candidate.params
end

local function has(args, what)
  for _, key in ipairs(args) do
    if key == what then return true end
  end
  return false
end

-- ---- Types that stand for any ------------------------------------------------------------------

local element_of <const> = { anyelement = true, anynonarray = true, anyenum = true }
local compatible <const> = { anycompatible = true, anycompatiblenonarray = true }

-- What the argument says about the element; false: it does not fit.
local function element(wanted, key)
  if array_of[wanted] then return coerce.element(key) or false end
  if wanted == "anynonarray" or wanted == "anycompatiblenonarray" then return not coerce.element(key) and key end
  if wanted == "anyenum" then return coerce.category(key) == "E" and key end
  return key
end

local of_range <const> = { anyrange = true, anymultirange = true, anycompatiblerange = true, anycompatiblemultirange = true }
local compatible_range <const> = { anycompatiblerange = true, anycompatiblemultirange = true }
local bounds <const> = { int4 = "int4", int8 = "int8", num = "numeric", ts = "timestamp", tstz = "timestamptz", date = "date" }

-- What a range, or several, is of; nil: it is none.
local function bound(key)
  local name <const> = type(key) == "string" and (key:match "^(.+)multirange$" or key:match "^(.+)range$")
  return name and bounds[name] or nil
end

-- The types that the elements of both families are here; false: the arguments do not fit.
local function generic(candidate, args)
  local same, together, fixed, enum = nil, {}, nil, nil
  for i, key in ipairs(args) do
    local wanted <const> = type_of_param(candidate, i)
    if wanted == "anyenum" and key == LITERAL then enum = true end
    if of_range[wanted] and key ~= UNKNOWN and key ~= LITERAL then
      local found <const> = bound(key)
      local several <const> = found and key:find "multirange$" ~= nil
      if not found or several ~= (wanted:find "multirange$" ~= nil) then return false end
      if compatible_range[wanted] then
        together[#together + 1], fixed = found, found
      elseif same and same ~= found then
        return false
      else
        same = found
      end
    elseif (array_of[wanted] or element_of[wanted] or compatible[wanted]) and key ~= UNKNOWN and key ~= LITERAL then
      local found <const> = element(wanted, key)
      if not found then return false end
      if compatible[wanted] or wanted == "anycompatiblearray" then
        together[#together + 1] = found
      elseif same and same ~= found then
        return false
      else
        same = found
      end
    end
  end
  local common <const> = #together > 0 and coerce.common(together)
  if common == nil or fixed and common ~= fixed then return false end
  -- NULL alone does not say which enum.
  if enum and not same and not has(args, UNKNOWN) then return false end
  return { anyelement = same, anycompatible = common or nil }
end

local function actual(wanted, elements)
  if array_of[wanted] then
    local found <const> = elements[array_of[wanted]]
    return found and coerce.array(found)
  end
  if element_of[wanted] then return elements.anyelement end
  if compatible[wanted] then return elements.anycompatible end
  if is_any(wanted) or wanted == "record" then return nil end
  return wanted
end

-- ---- Candidates --------------------------------------------------------------------------------

local function fits(candidate, args)
  for i, key in ipairs(args) do
    local wanted <const> = type_of_param(candidate, i)
    if key ~= UNKNOWN and key ~= LITERAL and not is_any(wanted) and not coerce.can(key, wanted, "implicit") then
      return false
    end
  end
  return generic(candidate, args) and true or false
end

-- Those of a list for which a count is highest.
local function best(list, count)
  local kept, most = {}, -1
  for _, candidate in ipairs(list) do
    local found <const> = count(candidate)
    if found > most then kept, most = {}, found end
    if found == most then kept[#kept + 1] = candidate end
  end
  return kept
end

local function count_exact(args, with_preferred)
  return function(candidate)
    local count = 0
    for i, key in ipairs(args) do
      local wanted <const> = type_of_param(candidate, i)
      if key ~= LITERAL and (wanted == key or with_preferred and coerce.preferred(wanted)
        and coerce.category(wanted) == coerce.category(key)) then count = count + 1 end
    end
    return count
  end
end

-- The kind of type that a constant in quotes is taken for; nil: the candidates differ.
local function literal_category(list, i)
  local category, has_preferred, differs
  for _, candidate in ipairs(list) do
    local wanted <const> = type_of_param(candidate, i)
    local found <const> = coerce.category(wanted)
    if not category then
      category, has_preferred = found, coerce.preferred(wanted)
    elseif found == category then
      has_preferred = has_preferred or coerce.preferred(wanted)
    elseif found == "S" then
      category, has_preferred = found, coerce.preferred(wanted)
    else
      differs = true
    end
  end
  if differs and category ~= "S" then return nil end
  return category, has_preferred
end

local function by_category(list, args)
  local wanted <const>, kept <const> = {}, {}
  for i, key in ipairs(args) do
    if key == LITERAL then
      local category <const>, has_preferred <const> = literal_category(list, i)
      if not category then return list end
      wanted[i] = { category = category, preferred = has_preferred }
    end
  end
  for _, candidate in ipairs(list) do
    local ok = true
    for i, of in pairs(wanted) do
      local found <const> = type_of_param(candidate, i)
      ok = ok and coerce.category(found) == of.category and (not of.preferred or coerce.preferred(found))
    end
    if ok then kept[#kept + 1] = candidate end
  end
  return #kept > 0 and kept or list
end

-- When all others are of one type, a constant in quotes is taken for that too.
local function by_others(list, args)
  local other
  for _, key in ipairs(args) do
    if key ~= LITERAL then
      if other and other ~= key then return list end
      other = key
    end
  end
  if not other then return list end
  local all <const>, kept <const> = {}, {}
  for i = 1, #args do all[i] = other end
  for _, candidate in ipairs(list) do
    if fits(candidate, all) then kept[#kept + 1] = candidate end
  end
  return #kept == 1 and kept or list
end

local function choose(list, args)
  for _, candidate in ipairs(list) do
    local exact = #candidate.params == #args and not candidate.variadic
    for i, key in ipairs(args) do exact = exact and candidate.params[i] == key end
    if exact then return { candidate } end
  end
  list = best(list, count_exact(args, false))
  if #list > 1 then list = best(list, count_exact(args, true)) end
  if #list > 1 and has(args, LITERAL) then list = by_category(list, args) end
  if #list > 1 and has(args, LITERAL) then list = by_others(list, args) end
  return list
end

---@class dixis.lint.Resolved
---@field none? boolean       no function takes these
---@field params? (dixis.lint.Key|nil)[]   the types that it takes here, as far as they are known
---@field result? dixis.lint.Key           nil: not known

local function of_candidate(candidate, args)
  local elements <const> = generic(candidate, args)
  local params <const> = {}
  for i in ipairs(args) do params[i] = elements and actual(type_of_param(candidate, i), elements) or nil end
  return { params = params, result = elements and actual(candidate.result, elements) or nil }
end

-- What all give, when which of them is meant is not known.
local function of_many(list)
  local result <const> = list[1].result
  for _, candidate in ipairs(list) do
    if candidate.result ~= result or candidate.set then return {} end
  end
  return { result = not is_any(result) and result ~= "record" and result or nil }
end

--- Chooses among functions.
---@param candidates dixis.lint.Candidate[]
---@param args (dixis.lint.Key|false)[]
---@return dixis.lint.Resolved
function resolve.call(candidates, args)
  local list = {}
  for _, candidate in ipairs(candidates) do
    if takes_count(candidate, #args) and fits(candidate, args) then list[#list + 1] = candidate end
  end
  if #list == 0 then return { none = true } end
  if #list > 1 and not has(args, UNKNOWN) then list = choose(list, args) end
  return #list == 1 and of_candidate(list[1], args) or of_many(list)
end

local function operator(candidates, args)
  local other <const> = args[1] == LITERAL and args[2] or args[2] == LITERAL and args[1]
  if other and other ~= LITERAL then
    for _, candidate in ipairs(candidates) do
      if #candidate.params == 2 and candidate.params[1] == other and candidate.params[2] == other then
        return of_candidate(candidate, { other, other })
      end
    end
  end
  return resolve.call(candidates, args)
end

-- The same operators stand between the same types again and again: candidates -> types -> Resolved
local chosen <const> = setmetatable({}, { __mode = "k" })

--- Chooses among operators: a constant in quotes beside a value is first taken for one of the same type.
---@param candidates dixis.lint.Candidate[]
---@param args (dixis.lint.Key|false)[]   one or two
---@return dixis.lint.Resolved
function resolve.operator(candidates, args)
  local left <const>, right <const> = args[1], args[2] == nil and "" or args[2]
  if type(left) ~= "string" or type(right) ~= "string" then return operator(candidates, args) end
  local known <const>, types <const> = chosen[candidates] or {}, left .. " " .. right
  chosen[candidates] = known
  known[types] = known[types] or operator(candidates, args)
  return known[types]
end

return resolve
