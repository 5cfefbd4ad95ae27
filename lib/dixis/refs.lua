-- Values that a runbook names now and a run fills in: dixis.option "wait", dixis.target "database".

local near = require "dixis.near"

local refs = {}

local Ref = {}
Ref.__name = "dixis.ref"
Ref.__index = Ref

function Ref:__tostring()
  return ("%s %q"):format(self.source, self.name)
end

--- The facts of a target that a runbook may refer to.
refs.target_facts = { "database", "host", "port", "user", "schema", "environment" }

---@param name string  a key of the runbook's `options`
---@return table
function refs.option(name)
  if type(name) ~= "string" then error("dixis.option needs the name of an option", 2) end
  return setmetatable({ source = "option", name = name }, Ref)
end

---@param name "database"|"host"|"port"|"user"|"schema"|"environment"
---@return table
function refs.target(name)
  for _, fact in ipairs(refs.target_facts) do
    if fact == name then return setmetatable({ source = "target", name = name }, Ref) end
  end
  error(("dixis.target: unknown fact '%s'%s"):format(name, near.suggest(tostring(name), refs.target_facts)), 2)
end

---@param value any
---@return boolean
function refs.is_ref(value)
  return getmetatable(value) == Ref
end

--- The value with every reference in it replaced; `lookup(source, name)` gives what it stands for.
---@param value any
---@param lookup fun(source: string, name: string): any
---@return any
function refs.resolve(value, lookup)
  if refs.is_ref(value) then return lookup(value.source, value.name) end
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = refs.resolve(item, lookup) end
  return out
end

--- Calls fn for every reference in the value.
---@param value any
---@param fn fun(ref: table)
function refs.each(value, fn)
  if refs.is_ref(value) then
    fn(value)
  elseif type(value) == "table" then
    for _, item in pairs(value) do refs.each(item, fn) end
  end
end

return refs
