-- A backup as it lies on disk: a file (custom format) or a folder (directory format).

local digest = require "host.digest"
local errors = require "dixis.errors"
local fs = require "host.fs"
local tools = require "dixis.backup.tools"

local archive = {}

---@class dixis.ArchiveHeader
---@field database string
---@field server_version string  of the server that was backed up
---@field server_major integer
---@field tool_version string
---@field entries integer

---@param path string
---@return "custom"|"directory"
function archive.format(path)
  local stat = errors.check(fs.stat(path))
  return stat.type == "directory" and "directory" or "custom"
end

---@param path string
---@return integer bytes  0 when it is not there yet
function archive.size(path)
  local stat = fs.stat(path)
  if not stat then return 0 end
  if stat.type ~= "directory" then return stat.size end
  local total = 0
  for _, entry in ipairs(fs.list(path) or {}) do
    local inner = fs.stat(path .. "/" .. entry.name)
    total = total + (inner and inner.size or 0)
  end
  return total
end

--- SHA-256 of the file; of a folder that of its list of sums, as `LC_ALL=C sha256sum * | sha256sum` in it gives.
---@async
---@param path string
---@return string hex
function archive.sha256(path)
  if archive.format(path) == "custom" then return errors.check(digest.sha256_file(path)) end
  local list = digest.sha256_new()
  for _, entry in ipairs(errors.check(fs.list(path))) do
    if entry.type ~= "file" then
      errors.raise("failed", ("%s/%s is not a file of a backup"):format(path, entry.name))
    end
    list:update(("%s  %s\n"):format(errors.check(digest.sha256_file(path .. "/" .. entry.name)), entry.name))
  end
  return list:hex()
end

--- Gives it another name; never one that is there already.
---@param from string
---@param to string
function archive.rename(from, to)
  if fs.stat(to) then errors.raise("failed", to .. " is there already") end
  errors.check(fs.rename(from, to))
end

--- What the archive says of itself; raises when pg_restore cannot read its table of contents.
---@async
---@param run dixis.Run
---@param programs dixis.BackupTools
---@param path string
---@return dixis.ArchiveHeader
function archive.header(run, programs, path)
  local ok, result = pcall(tools.run, run, { programs.restore, "--list", path })
  if not ok then
    local err = errors.from(result)
    if err.kind ~= "failed" then error(err, 0) end
    errors.raise("failed", ("%s is not a backup that pg_restore %s can read: %s"):format(path, programs.version, err.message))
  end
  local function field(name) return result.stdout:match("\n; +" .. name .. ": ([^\n]*)") or "" end
  local server = field "Dumped from database version"
  return {
    database = field "dbname", server_version = server:match "^%S+" or "?",
    server_major = math.tointeger(tonumber(server:match "^%d+")) or 0,
    tool_version = field "Dumped by pg_dump version":match "^%S+" or "?",
    entries = math.tointeger(tonumber(field "TOC Entries")) or 0,
  }
end

--- Reads all of it, as a restore would, and keeps nothing: truncation and damage in compressed data show here.
---@async
---@param run dixis.Run
---@param programs dixis.BackupTools
---@param path string
function archive.read(run, programs, path)
  tools.run(run, { programs.restore, "--file=/dev/null", path })
end

return archive
