-- The environment of a runbook's code: the harmless half of Lua, the vocabulary, and nothing else.

local near = require "dixis.near"

local sandbox = {}

local function copy(library, without)
  local out = {}
  for name, value in pairs(library) do out[name] = value end
  for _, name in ipairs(without or {}) do out[name] = nil end
  return out
end

-- Methods of strings are found through this metatable: a runbook must not change it for everybody.
local string_metatable <const> = getmetatable("")
if string_metatable then string_metatable.__metatable = false end

local absent <const> = {
  print = "use run.log", require = "use dixis.extend", os = "use run.clock, run.exec or run.env",
  io = "use run.file", load = "runbooks are text files", dofile = "use dixis.extend",
  coroutine = "the code of a step is sequential", debug = "there is no debugger in a runbook",
  loadfile = "use dixis.extend", package = "use dixis.extend", collectgarbage = "memory is looked after",
}

---@param dixis table  the vocabulary
---@return table env
function sandbox.environment(dixis)
  local env = {
    assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next, pairs = pairs,
    pcall = pcall, rawequal = rawequal, rawget = rawget, rawlen = rawlen, rawset = rawset, select = select,
    setmetatable = setmetatable, tonumber = tonumber, tostring = tostring, type = type, xpcall = xpcall,
    _VERSION = _VERSION,
    math = copy(math), string = copy(string, { "dump" }), table = copy(table), utf8 = copy(utf8),
    dixis = dixis,
  }
  env._G = env
  return setmetatable(env, {
    __index = function(_, name)
      if absent[name] then
        error(("'%s' is not available in a runbook: %s"):format(name, absent[name]), 2)
      end
      local known = {}
      for key in pairs(env) do known[#known + 1] = key end
      local found = type(name) == "string" and near.find(name, known)
      error(("unknown name '%s'%s"):format(tostring(name), found and (" (did you mean '%s'?)"):format(found) or ""), 2)
    end,
    __newindex = function(_, name)
      error(("'%s' must be local: runbooks have no global variables"):format(tostring(name)), 2)
    end,
    __metatable = false,
  })
end

return sandbox
