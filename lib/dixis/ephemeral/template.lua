-- The server's programs, and a data directory that initdb made once: copying it takes a fraction of the time.

local clock = require "host.clock"
local digest = require "host.digest"
local errors = require "dixis.errors"
local fs = require "host.fs"
local process = require "host.process"

local template = {}

local private <const> = tonumber("700", 8)
-- A folder that initdb works in and that is older than this was left behind.
local abandoned_seconds <const> = 600

-- Ours, in the data directory.
local version_file <const> = "/dixis_version"

template.superuser = "postgres"

local function has_server(folder)
  return process.which(folder .. "/postgres") and process.which(folder .. "/initdb") and folder
end

--- Debian's folders of several versions, newest first.
local function versioned_folders()
  local found = {}
  for _, entry in ipairs(fs.list("/usr/lib/postgresql") or {}) do
    if entry.name:match("^%d+$") then found[#found + 1] = tonumber(entry.name) end
  end
  table.sort(found, function(a, b) return a > b end)
  for i, version in ipairs(found) do found[i] = ("/usr/lib/postgresql/%d/bin"):format(version) end
  return found
end

--- The folder of postgres and initdb.
---@async
---@param given? string
---@return string folder  raises kind "not_found" when there is none
function template.programs(given)
  if given then
    if has_server(given) then return given end
    errors.raise("not_found", ("there are no PostgreSQL server programs in %s"):format(given))
  end
  local on_path <const> = process.which("postgres")
  local real <const> = on_path and fs.realpath(on_path)
  if real and has_server(real:match("^(.*)/")) then return real:match("^(.*)/") end
  local config <const> = process.run { "pg_config", "--bindir" }
  local told <const> = config and config.stdout:match("^[^\n]+")
  if told and has_server(told) then return told end
  for _, folder in ipairs(versioned_folders()) do
    if has_server(folder) then return folder end
  end
  errors.raise("not_found", "there are no PostgreSQL server programs (postgres, initdb) here",
    { hint = "apt-get install postgresql" })
end

--- What a person needs of a program's output.
---@param text string
---@param count integer
---@return string
function template.last_lines(text, count)
  local lines = {}
  for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return table.concat(lines, "\n", math.max(1, #lines - count + 1))
end

---@async
---@return string version  "15.18"
local function ask_version(bin)
  local result <const> = errors.check(process.run { bin .. "/postgres", "--version" })
  local version <const> = result.stdout:match("PostgreSQL%) ([%w.]+)")
  if version then return version end
  errors.raise("os", ("%s/postgres does not tell its version: %s"):format(bin, template.last_lines(result.stderr, 3)))
end

---@async
local function initdb(bin, folder)
  local result, err = process.run({
    bin .. "/initdb", "-D", folder, "-U", template.superuser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
    "--wal-segsize=1", "--no-sync", "--no-instructions",
  }, { die_with_parent = "KILL", timeout = 100, cwd = "/" })
  if result and result.code == 0 then
    errors.check(fs.create(folder .. version_file, ask_version(bin)))
    return
  end
  local output <const> = err and err.message or template.last_lines(result.stderr, 8)
  local hint <const> = output:find("No space left", 1, true) and "free some disk space" or nil
  errors.raise("os", "initdb failed: " .. output, { hint = hint })
end

--- Templates are told apart by the program that made them; asking it for its version costs more than all else here.
local function identity(bin)
  local stat <const> = errors.check(fs.stat(bin .. "/postgres"))
  return digest.sha256(("%s %d %f"):format(bin, stat.size, stat.mtime)):sub(1, 16)
end

--- Our folder for templates, or nil when there is none that only we can write to.
local function cache_folder()
  local _, uid = process.user()
  local base = process.getenv("XDG_CACHE_HOME")
  local home <const> = process.getenv("HOME")
  if not base and home then base = home .. "/.cache" end
  local path <const> = base and base .. "/dixis" or "/var/tmp/dixis-" .. uid
  fs.mkdir(path, private)
  local stat <const> = fs.stat(path, true)
  -- In /var/tmp somebody else may have made it first.
  if stat and stat.type == "directory" and stat.uid == uid and stat.mode & 0x3f == 0 then return path end
end

local function remove_abandoned(cache, now)
  for _, entry in ipairs(fs.list(cache) or {}) do
    local path = cache .. "/" .. entry.name
    local stat = entry.name:match("^new%-") and fs.stat(path, true)
    if stat and now - stat.mtime > abandoned_seconds then fs.remove(path) end
  end
end

---@async
---@param cache string
---@param bin string
---@return string folder  a data directory that nobody starts
local function cached(cache, bin)
  local ready <const> = ("%s/postgresql-%s"):format(cache, identity(bin))
  if not fs.stat(ready .. "/PG_VERSION") then
    remove_abandoned(cache, clock.wall())
    local new <const> = errors.check(fs.mkdtemp(cache .. "/new-"))
    local ok, err = pcall(initdb, bin, new)
    -- Whoever was first has made the same.
    if ok and not fs.rename(new, ready) and not fs.stat(ready .. "/PG_VERSION") then
      ok, err = false, errors.new("os", "cannot write to " .. cache)
    end
    fs.remove(new)
    if not ok then error(err, 0) end
  end
  return ready
end

--- Makes a fresh data directory at `folder`.
---@async
---@param bin string
---@param folder string  must not exist
---@return string version  of the server
function template.make(bin, folder)
  local cache <const> = cache_folder()
  if cache then
    errors.check(fs.copy_tree(cached(cache, bin), folder))
  else
    initdb(bin, folder)
  end
  return errors.check(fs.read(folder .. version_file))
end

return template
