-- Where backups are kept, and whether they fit.

local digest = require "host.digest"
local errors = require "dixis.errors"
local fs = require "host.fs"

local folder = {}

local PRIVATE <const> = tonumber("700", 8)

---@param run dixis.Run
---@param given? string
---@return string
function folder.of(run, given)
  return given or (run.settings.journal_dir:gsub("/[^/]*/?$", "") .. "/backups")
end

--- Makes the folder when it is not there; refuses when it cannot be written.
---@param path string
function folder.check(path)
  local ok, err = fs.mkdir(path, PRIVATE)
  if not ok then errors.refuse(("the backup folder %s cannot be made: %s"):format(path, err.message)) end
  local probe = path .. "/.probe-" .. digest.random_hex(4)
  ok, err = fs.create(probe, "")
  fs.remove(probe)
  if not ok then errors.refuse(("the backup folder %s cannot be written: %s"):format(path, err.message)) end
end

--- Bytes for people.
---@param bytes number
---@return string
function folder.size_text(bytes)
  if bytes >= 1e9 then return ("%.1f GB"):format(bytes / 1e9) end
  if bytes >= 1e5 then return ("%.1f MB"):format(bytes / 1e6) end
  return ("%.1f kB"):format(bytes / 1e3)
end

--- Refuses when a place has less room than is needed.
---@param path string
---@param needed number  bytes
---@param what string    "the backup folder"
---@param hint string
function folder.demand_space(path, needed, what, hint)
  local free = errors.check(fs.free_space(path))
  if free >= needed then return end
  errors.refuse(("%s %s has %s free, and %s may be needed"):format(what, path, folder.size_text(free),
    folder.size_text(needed)), hint)
end

return folder
