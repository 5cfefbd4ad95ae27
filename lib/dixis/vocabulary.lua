-- The words that a runbook is written with: the `dixis` table of its environment.
-- Adding a word is adding a file to gate/, step/, check/ or notice/ and a line here.

local define = require "dixis.define"
local refs = require "dixis.refs"

local vocabulary = {}

local words <const> = {
  gate = {
    "adoptable", "backup", "backup_tool", "clinic_green", "confirm", "custom", "environment", "external_backup", "git",
    "history", "lock", "people", "reachable", "resolvable", "restorable", "restored", "role", "scratch", "secret",
    "snapshot", "staging_green", "window",
  },
  step = {
    "adopt", "backup", "command", "custom", "deploy", "diagnose", "examine", "generate", "http", "identity", "lint",
    "maintenance_off", "maintenance_on", "notice", "resolve", "restore", "sql", "stamp", "status", "swap", "validate",
  },
  check = {
    "command", "custom", "http", "latency", "log", "migrations_applied", "no_errors", "recorded", "restored",
    "schema_up_to_date", "schema_valid", "sound", "sql",
  },
  notice = { "command", "mail", "webhook" },
}

--- Every definition, for the reference page and its spec: kind -> list.
---@return table<string, table[]>
function vocabulary.definitions()
  local out = {}
  for kind, names in pairs(words) do
    out[kind] = {}
    for i, name in ipairs(names) do out[kind][i] = require("dixis." .. kind .. "." .. name) end
  end
  return out
end

local function lazy_words(kind)
  local known = {}
  for _, name in ipairs(words[kind]) do known[name] = true end
  return setmetatable({}, {
    __index = function(self, name)
      if not known[name] then
        local near = require "dixis.near"
        error(("unknown %s '%s'%s"):format(kind, tostring(name), near.suggest(tostring(name), words[kind])), 2)
      end
      local constructor = define.constructor(kind, require("dixis." .. kind .. "." .. name))
      rawset(self, name, constructor)
      return constructor
    end,
    __newindex = function() error("the vocabulary cannot be changed; write gate.custom, step.custom or check.custom", 2) end,
    __metatable = false,
  })
end

local shared = { gate = lazy_words "gate", step = lazy_words "step", check = lazy_words "check",
  notice = lazy_words "notice" }

--- The `dixis` table for one runbook file.
---@param extend fun(parent: string, changes: table): table
---@return table
function vocabulary.new(extend)
  local runbook = require "dixis.runbook"
  return {
    gate = shared.gate,
    step = shared.step,
    check = shared.check,
    notice = shared.notice,
    option = refs.option,
    target = refs.target,
    runbook = define.entry(runbook.new),
    extend = define.entry(extend),
  }
end

return vocabulary
