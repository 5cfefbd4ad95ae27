-- Makes the words of the vocabulary: typed constructors of gates, steps and checks.
--
-- A definition is what lib/dixis/gate/*.lua, step/*.lua, check/*.lua and notice/*.lua return:
--   type        the word itself, "confirm"
--   positional  the field that a lone string or list stands for
--   fields      name -> { type, required?, default?, help }
--   check(args)  raises a plain message when the fields do not go together
--   always      steps: also taken after a failure
--   leaves      "target": nothing is different after it. "plan": nothing but what it says itself. Else what was seen of
--               the target and the folder has to be looked at anew
--   deploys     steps: applies what the plan holds pending
--   foreign     its code is the runbook's, and is given no more than capabilities.lua allows
--   human       gates: a person answers; asked when nothing else can refuse any more
--   needs_plan  gates: the plan is made before
--   makes_target  gates: the target is not there before
--   uses(args)  what it touches: { env = {...}, exec = {...}, net = {...}, read = ..., write = ... }
--   describe(args)  one line for the plan
--   act(run, args)  the work; what it returns is said in engine.lua
--   before(run, args)  checks: the world before the first change: a note, what `act` is given of it, and true when there is
--               nothing to compare with
--   evidence(run, args)  gates: what it reads of the target for its decision; the plan's digest covers it
--   allowed(args)  gates: the differences that it lets through
--   again(run, args)  gates: judged once more when all gates are open; raises when it no longer holds

local duration = require "dixis.duration"
local near = require "dixis.near"
local refs = require "dixis.refs"

---@class dixis.Item
---@field kind "gate"|"step"|"check"|"notice"
---@field type string
---@field name string     unique in its runbook
---@field args table      may hold references
---@field when? any       run only when this is true
---@field deadline? any   seconds
---@field always? boolean steps: also after a failure
---@field definition table
local Item = {}
Item.__name = "dixis.item"
Item.__index = Item

local define = {}

---@param value any
---@return boolean
function define.is_item(value)
  return getmetatable(value) == Item
end

local common_fields <const> = {
  name = { type = "string", help = "what it is called in the record, and by before/after/replace" },
  when = { type = "any", help = "run only when this is true (an option)" },
  deadline = { type = "duration", help = "fail when it takes longer" },
}
local step_fields <const> = {
  always = { type = "boolean", help = "run it also after a failure or an interruption" },
}

---@param value any
---@param wanted string
---@return any value  converted
---@return string? problem
function define.convert(value, wanted)
  if wanted == "any" then return value end
  if refs.is_ref(value) then return value end
  if wanted == "duration" then
    local seconds = duration.parse(value)
    if seconds then return seconds end
    return nil, "must be a duration such as \"90s\" or \"5m\""
  elseif wanted == "integer" then
    local whole = math.tointeger(value)
    if whole then return whole end
    return nil, "must be a whole number"
  elseif wanted == "list" then
    if type(value) == "string" then value = { value } end
    if type(value) == "table" and (#value > 0 or next(value) == nil) then return value end
    return nil, "must be a list"
  elseif type(value) == wanted then
    return value
  end
  return nil, ("must be a %s, not a %s"):format(wanted, type(value))
end

--- Makes a function that runbooks call: what it raises as plain text is raised at the place of the call.
---@param fn function
---@return function
function define.entry(fn)
  return function(...)
    local results = table.pack(pcall(fn, ...))
    if results[1] then return table.unpack(results, 2, results.n) end
    error(results[2], type(results[2]) == "string" and 2 or 0)
  end
end

--- Checks a table against a description of its fields. Raises a plain message, for define.entry.
---@param what string     for messages: "gate.confirm"
---@param given table
---@param fields table<string, table>
---@return table
function define.check_fields(what, given, fields)
  local args = {}
  for key, value in pairs(given) do
    local field = fields[key]
    if not field then
      error(("%s: unknown field '%s'%s"):format(what, tostring(key), near.suggest(tostring(key), near.keys(fields))), 0)
    end
    local converted, problem = define.convert(value, field.type)
    if problem then error(("%s: field '%s' %s"):format(what, key, problem), 0) end
    args[key] = converted
  end
  for name, field in pairs(fields) do
    if args[name] == nil and field.required then
      error(("%s: field '%s' is missing (%s)"):format(what, name, field.help or field.type), 0)
    end
    if args[name] == nil then args[name] = field.default end
  end
  return args
end

-- { "a", "b", x = 1 } -> { [name] = { "a", "b" }, x = 1 }
local function with_list(given, name)
  local out = { [name] = table.move(given, 1, #given, 1, {}) }
  for key, value in pairs(given) do
    if math.type(key) ~= "integer" then out[key] = value end
  end
  return out
end

---@param kind "gate"|"step"|"check"|"notice"
---@param definition table
---@return fun(given?: string|table): dixis.Item
function define.constructor(kind, definition)
  local what = kind .. "." .. definition.type
  local fields = {}
  for name, field in pairs(common_fields) do fields[name] = field end
  if kind == "step" then
    for name, field in pairs(step_fields) do fields[name] = field end
  end
  for name, field in pairs(definition.fields or {}) do fields[name] = field end

  return define.entry(function(given)
    if given == nil then given = {} end
    if type(given) == "string" or refs.is_ref(given) then
      if not definition.positional then error(what .. " takes a table of fields", 0) end
      given = { [definition.positional] = given }
    elseif type(given) ~= "table" then
      error(("%s takes a table, not a %s"):format(what, type(given)), 0)
    elseif #given > 0 and definition.positional and fields[definition.positional].type == "list" then
      given = with_list(given, definition.positional)
    end
    local args = define.check_fields(what, given, fields)
    if definition.check then definition.check(args) end
    return setmetatable({
      kind = kind, type = definition.type, name = args.name or definition.type, args = args,
      when = args.when, deadline = args.deadline or definition.deadline,
      always = args.always or definition.always,
      definition = definition,
    }, Item)
  end)
end

return define
