-- The project's own word on lint: dixis-lint.json, and --rule. Each exception there gives its reason.
--
--   { "rules":  [ { "rule": "NAME", "severity": "off|note|warning|error", "because": "...", "paths": ["2024*"] } ],
--     "ignore": [ { "paths": ["2023*"], "because": "..." } ] }

local errors = require "dixis.errors"
local fs = require "host.fs"
local json = require "dixis.json"
local near = require "dixis.near"
local rules = require "dixis.lint.rules"

local config = {}

config.file_name = "dixis-lint.json"

---@class dixis.lint.ConfigEntry
---@field rule? string      nil: all rules
---@field severity string   "off" | "note" | "warning" | "error"
---@field because? string
---@field paths? string[]   globs of migrations' names; nil: everywhere

local severities <const> = { off = true, note = true, warning = true, error = true }

local function check_rule(where, name)
  if rules.all[name] then return end
  errors.raise("usage", ("%s: there is no rule '%s'%s"):format(where, tostring(name),
    near.suggest(tostring(name), near.keys(rules.all))))
end

local function check_severity(where, severity)
  if severities[severity] then return end
  errors.raise("usage", ("%s: the severity '%s' is none of off, note, warning, error%s"):format(where, tostring(severity),
    near.find(tostring(severity), near.keys(severities)) and near.suggest(tostring(severity), near.keys(severities)) or ""))
end

local function check_keys(where, value, known)
  if type(value) ~= "table" or #value > 0 then errors.raise("usage", where .. ": must be an object") end
  for key in pairs(value) do
    if not known[key] then
      errors.raise("usage", ("%s: unknown key '%s'%s"):format(where, tostring(key),
        near.suggest(tostring(key), near.keys(known))))
    end
  end
end

local function check_reason(where, because)
  if type(because) == "string" and because:find "%S" then return end
  errors.raise("usage", where .. ": \"because\" is missing: say why, for whoever reads this next")
end

local function check_paths(where, paths)
  if paths == nil then return end
  if type(paths) == "table" then
    local all_text = #paths > 0
    for _, path in ipairs(paths) do all_text = all_text and type(path) == "string" end
    if all_text then return end
  end
  errors.raise("usage", where .. ": \"paths\" must be a list of migrations' names; * stands for anything")
end

local function each(where, list, fn)
  if list == nil then return end
  if type(list) ~= "table" or #list == 0 and next(list) then errors.raise("usage", where .. ": must be a list") end
  for i, entry in ipairs(list) do fn(("%s[%d]"):format(where, i), entry) end
end

--- Reads a config file; raises a usage error that says where it is wrong.
---@param path string
---@return dixis.lint.ConfigEntry[]
function config.read(path)
  local text, err = fs.read(path, 4 << 20)
  if not text then errors.raise("usage", ("%s cannot be read: %s"):format(path, err.message)) end
  local value, problem = json.decode(text)
  if not value then errors.raise("usage", ("%s is not JSON: %s"):format(path, problem)) end
  local entries <const> = {}
  check_keys(path, value, { rules = true, ignore = true })
  each(path .. ": rules", value.rules, function(where, entry)
    check_keys(where, entry, { rule = true, severity = true, because = true, paths = true })
    check_rule(where, entry.rule)
    check_severity(where, entry.severity)
    check_reason(where, entry.because)
    check_paths(where, entry.paths)
    entries[#entries + 1] = entry
  end)
  each(path .. ": ignore", value.ignore, function(where, entry)
    check_keys(where, entry, { paths = true, because = true })
    check_reason(where, entry.because)
    check_paths(where, entry.paths)
    if not entry.paths then errors.raise("usage", where .. ": \"paths\" is missing") end
    entries[#entries + 1] = { severity = "off", because = entry.because, paths = entry.paths }
  end)
  return entries
end

--- The config file of a project: beside the migrations, or in a folder above up to the repository's.
---@param migrations string
---@return string? path
function config.find(migrations)
  local real, here = fs.realpath(migrations), fs.cwd()
  while real and real ~= "" do
    local path = real .. "/" .. config.file_name
    if fs.stat(path) then return here and path:sub(1, #here + 1) == here .. "/" and path:sub(#here + 2) or path end
    if fs.stat(real .. "/.git") then return nil end
    real = real:match "^(.*)/"
  end
end

--- "NAME=SEVERITY" of --rule.
---@param given string[]
---@return dixis.lint.ConfigEntry[]
function config.overrides(given)
  local entries <const> = {}
  for i, text in ipairs(given) do
    local name, severity = text:match "^([^=]+)=(.*)$"
    if not name then errors.raise("usage", ("--rule %s: must be NAME=SEVERITY"):format(text)) end
    check_rule("--rule", name)
    check_severity("--rule " .. name, severity)
    entries[i] = { rule = name, severity = severity }
  end
  return entries
end

local function glob(pattern)
  return "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function covers(entry, finding)
  if entry.rule and entry.rule ~= finding.rule then return false end
  if not entry.paths then return true end
  local name = finding.migration or finding.file or ""
  for _, path in ipairs(entry.paths) do
    if name:find(glob(path)) then return true end
  end
  return false
end

--- What the entries say of a finding; the last that covers it counts.
---@param entries dixis.lint.ConfigEntry[]
---@param finding dixis.lint.Finding
---@return string? severity
function config.severity(entries, finding)
  for i = #entries, 1, -1 do
    if covers(entries[i], finding) then return entries[i].severity end
  end
end

return config
