-- A secret that is easy to find again, in whatever form it turns up.

local digest = require "host.digest"
local fs = require "host.fs"

local canary = {}

-- Another one in each process: specs that run at the same time do not find each other's. Letters and digits stay
-- as they are in every way of quoting.
canary.core = "Kn4Ry" .. digest.random_hex(4)

--- The password around it has all that is awkward in URLs, files, JSON, SQL and shells.
canary.password = "p@:/\\" .. canary.core .. "'\"%& ü#1"

local function percent(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The password as it stands in a URL.
canary.encoded = percent(canary.password)

local function hex(text)
  return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- Of base64 only what does not depend on the bytes beside, for each of three places in a group.
local function base64_forms(text)
  local forms = {}
  for before = 0, 2 do
    local coded = digest.base64(("\0"):rep(before) .. text)
    forms[#forms + 1] = coded:sub((before * 8 + 5) // 6 + 1, (before + #text) * 8 // 6)
  end
  return forms
end

local needles <const> = { canary.core, canary.core:lower(), canary.core:upper(), hex(canary.core), hex(canary.core):upper() }
table.move(base64_forms(canary.core), 1, 3, #needles + 1, needles)

--- The first form of the secret in a text, with what stands around it.
---@param text string
---@return string? found
function canary.find(text)
  for _, needle in ipairs(needles) do
    local at = text:find(needle, 1, true)
    if at then return text:sub(math.max(1, at - 120), at + 120) end
  end
end

--- Raises when the secret is in the text.
---@param text string
---@param where string
function canary.absent(text, where)
  local found = canary.find(text)
  if found then error(("the secret is in %s: ...%s..."):format(where, found), 2) end
end

--- Raises when the secret is in the name or the content of a file below a folder.
---@param folder string
---@param skip? fun(path: string): boolean
---@return integer files  that were searched
function canary.absent_below(folder, skip)
  local count = 0
  for _, entry in ipairs(fs.list(folder) or {}) do
    local path = folder .. "/" .. entry.name
    if not (skip and skip(path)) then
      canary.absent(path, "the name of " .. path)
      if entry.type == "directory" then
        count = count + canary.absent_below(path, skip)
      elseif entry.type == "file" then
        local text = fs.read(path)
        if text then canary.absent(text, path) end
        count = count + (text and 1 or 0)
      end
    end
  end
  return count
end

-- The parent of a process, by its id; nil when it is gone.
local function parent_of(pid)
  local stat = fs.read(("/proc/%s/stat"):format(pid), 4096)
  return stat and stat:match "^.*%) %a (%d+)"
end

--- Arguments and environment of all that a process has started, and of what these have started.
---@param pid integer
---@return table<string, string>  program -> both
function canary.children(pid)
  local parents, found = {}, {}
  for _, entry in ipairs(fs.list "/proc") do
    if entry.name:match "^%d+$" then parents[entry.name] = parent_of(entry.name) end
  end
  local own = fs.read(("/proc/%d/cmdline"):format(pid))
  for one in pairs(parents) do
    local above = parents[one]
    while above and above ~= tostring(pid) do above = parents[above] end
    local argv = above and fs.read(("/proc/%s/cmdline"):format(one)) or ""
    -- A child that has not become its program yet still has all that its parent has.
    if argv ~= "" and argv ~= own then
      found[(argv:match "^[^\0]*")] = argv .. "\0" .. (fs.read(("/proc/%s/environ"):format(one)) or "")
    end
  end
  return found
end

return canary
