-- The migrations folder of a Prisma project: which migrations it has, in Prisma's order.
-- Only checksums are kept: ten thousand migrations stay small, and what runs is read again and verified.

local digest = require "host.digest"
local errors = require "dixis.errors"
local fs = require "host.fs"

local folder = {}

---@class dixis.Migration
---@field name string      of its directory
---@field dir string
---@field file string      the migration.sql
---@field checksum string  as Prisma records it
---@field revision integer  of the file when it was read, see fs.revision
---@field mode string      as in dixis.Script, once it is planned
---@field statements? integer  likewise

---@class dixis.Folder
---@field path string
---@field migrations dixis.Migration[]
---@field provider? string  of migration_lock.toml
---@field missing string[]  directories without a script
---@field beside? table<string, host.fs.Entry[]>  what is in directories that have more, or less, than a script
---@field texts? table<string, string>  scripts by name, as many as were asked for
---@field let_through { kind: string, name: string, message: string, hint: string }[]  what would be refused otherwise

local function failure(message, hint)
  return nil, errors.new("migrations", message, { hint = hint })
end

-- Prisma decodes a script before it hashes it: every broken sequence becomes U+FFFD, one for each
-- longest beginning of a character (what TextDecoder does).
local function decode(text)
  local _, bad = utf8.len(text)
  if not bad then return text end
  local parts, from = {}, 1
  while bad do
    local lead, second = text:byte(bad, bad + 1)
    local wanted = lead >= 0xF0 and lead <= 0xF4 and 4 or lead >= 0xE0 and lead < 0xF0 and 3
      or lead >= 0xC2 and lead < 0xE0 and 2 or 1
    local low = lead == 0xE0 and 0xA0 or lead == 0xF0 and 0x90 or 0x80
    local high = lead == 0xED and 0x9F or lead == 0xF4 and 0x8F or 0xBF
    local last = bad
    if wanted > 1 and second and second >= low and second <= high then
      last = bad + 1
      while last - bad + 1 < wanted and text:find("^[\x80-\xBF]", last + 1) do last = last + 1 end
    end
    parts[#parts + 1] = text:sub(from, bad - 1)
    from = last + 1
    _, bad = utf8.len(text, from)
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts, "\u{FFFD}")
end

local STAMP <const> = "^" .. ("%d"):rep(14) .. "_"

--- True when each name begins with a timestamp of its own: every way to sort them is the same one then.
---@param names string[]  sorted in any way
---@return boolean
function folder.stamped(names)
  local last
  for _, name in ipairs(names) do
    local stamp <const> = name:match(STAMP)
    if not stamp or stamp == last then return false end
    last = stamp
  end
  return true
end

-- Prisma sorts names with JavaScript's localeCompare. This is its order for ASCII; other characters
-- come after the letters here.
local order <const> = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
local rank <const>, case <const> = {}, {}
for i = 1, #order do
  local char = order:sub(i, i)
  rank[char], rank[char:upper()] = string.char(i), string.char(i)
end
for byte = 0, 255 do
  local char = string.char(byte)
  case[char] = char:find "%u" and "\2" or "\1"
  if byte < 128 and not rank[char] then rank[char] = "" end
end

-- Case counts only between names that are otherwise the same; the name itself makes keys distinct.
local function sort_key(name)
  return (name:gsub(".", rank)) .. "\0" .. (name:gsub(".", case)) .. "\0" .. name
end

-- As the system lists them they are sorted by bytes.
local function sorted(names)
  if folder.stamped(names) then return names end
  local keys <const>, by_key <const> = {}, {}
  for i, name in ipairs(names) do
    keys[i] = sort_key(name)
    by_key[keys[i]] = name
  end
  table.sort(keys)
  for i, key in ipairs(keys) do names[i] = by_key[key] end
  return names
end

-- Textual, as Prisma reads it: other spellings of the same TOML do not count there either.
local function read_provider(path)
  local text, err = fs.read(path .. "/migration_lock.toml")
  if not text then
    if err.code == "ENOENT" then return nil end
    return failure(err.message)
  end
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    if line:find "^provider" then return (line:gsub("^provider = ", ""):gsub('"', "")) end
  end
  return "none"
end

local function directories(path)
  local entries, err = fs.list(path)
  if not entries then
    if err.code == "ENOENT" or err.code == "ENOTDIR" then
      return failure(("there is no migrations folder %s"):format(path),
        "create the first migration with `npx prisma migrate dev`, or say where the folder is: --set migrations=DIR")
    end
    return failure(err.message)
  end
  local names = {}
  for _, entry in ipairs(entries) do
    if entry.type == "directory" then names[#names + 1] = entry.name end
  end
  if #names == 0 then
    return failure(("the folder %s has no migrations"):format(path),
      "every migration is a directory with a migration.sql; is this the right folder?")
  end
  return sorted(names)
end

-- nil when the provider is PostgreSQL, or when nothing says what it is.
local function wrong_provider(path, provider)
  if not provider or provider == "postgresql" then return nil end
  return { kind = "provider", name = "migration_lock.toml",
    message = ("%s/migration_lock.toml says the provider is '%s'"):format(path, provider),
    hint = 'these migrations were made for another database; for PostgreSQL the line is: provider = "postgresql"' }
end

local function without_script(path, names)
  if #names == 0 then return nil end
  return { kind = "no_script", name = table.concat(names, ", "),
    message = ("no migration.sql in %s of %s"):format(table.concat(names, ", "), path),
    hint = "restore the file, or remove the directory when the migration was never applied anywhere" }
end

-- Ten thousand migrations need not keep two paths each: they are put together when asked for. Nor need nearly all
-- of them say that they are one transaction.
local function paths_below(path)
  return {
    __index = function(migration, key)
      if key == "mode" then return "transaction" end
      if key == "dir" then return path .. "/" .. migration.name end
      if key == "file" then return path .. "/" .. migration.name .. "/migration.sql" end
    end,
  }
end

local function read_with(path, allow, entry_of)
  local names, err = directories(path)
  if not names then return nil, err end
  local provider, problem = read_provider(path)
  if problem then return nil, problem end
  local migrations <const>, missing <const>, paths <const> = {}, {}, paths_below(path)
  for _, name in ipairs(names) do
    local entry, read_err = entry_of(name, path .. "/" .. name .. "/migration.sql")
    if entry then
      migrations[#migrations + 1] = setmetatable(entry, paths)
    elseif read_err.code == "ENOENT" or read_err.kind == "not_file" then
      missing[#missing + 1] = name
    else
      return failure(("the migration %s cannot be read: %s"):format(name, read_err.message))
    end
  end
  local let_through <const> = {}
  for _, found in pairs { wrong_provider(path, provider), without_script(path, missing) } do
    if not (allow and allow[found.kind]) then
      return nil, errors.new("migrations", found.message, { hint = found.hint, allow = found.kind })
    end
    let_through[#let_through + 1] = found
  end
  return { path = path, migrations = migrations, provider = provider, missing = missing, let_through = let_through }
end

--- Whether the folder is, to all appearances, as it was read; a script proves itself when it is used (folder.text).
---@param read dixis.Folder
---@return boolean
function folder.unchanged(read)
  local names <const> = directories(read.path)
  if not names or #names ~= #read.migrations or read_provider(read.path) ~= read.provider then return false end
  for i, migration in ipairs(read.migrations) do
    if names[i] ~= migration.name or fs.revision(migration.file) ~= migration.revision then return false end
  end
  return true
end

--- Reads the folder: the names in Prisma's order, and the checksum of each script.
---@param path string
---@param allow? table<string, boolean>  "provider", "no_script": what is let through
---@param keep? integer  how many bytes of scripts to keep in `texts` for who reads them next
---@return dixis.Folder? folder
---@return dixis.Error? err  kind "migrations"; err.allow: the word that would let it through
function folder.read(path, allow, keep)
  local texts, room = {}, keep or 0
  local read, problem = read_with(path, allow, function(name, file)
    local revision = fs.revision(file) -- before it is read: a change meanwhile is seen later
    local text, err = fs.read(file)
    if not text then return nil, err end
    local decoded = decode(text)
    if #decoded <= room then texts[name], room = decoded, room - #decoded end
    return { name = name, checksum = digest.sha256(decoded), revision = revision }
  end)
  if read then read.texts = texts end
  return read, problem
end

local function is_lone_script(entries)
  return #entries == 1 and entries[1].name == "migration.sql" and entries[1].type == "file"
end

--- The same without a look into the scripts: no checksums.
---@param path string
---@param allow? table<string, boolean>
---@return dixis.Folder? folder  with `beside`
---@return dixis.Error? err
function folder.list(path, allow)
  local beside <const> = {}
  local found <const>, problem = read_with(path, allow, function(name, file)
    local entries <const> = fs.list(path .. "/" .. name) or {}
    if is_lone_script(entries) then return { name = name } end
    beside[name] = entries
    local stat, err = fs.stat(file)
    if not stat then return nil, err end
    if stat.type ~= "file" then return nil, { kind = "not_file" } end
    return { name = name }
  end)
  if not found then return nil, problem end
  found.beside = beside
  return found
end

--- The script of a migration as it is now.
---@param migration dixis.Migration
---@return string? text
---@return dixis.Error? err  kind "migrations"
function folder.script(migration)
  local text, err = fs.read(migration.file)
  if not text then return failure(("the migration %s cannot be read: %s"):format(migration.name, err.message)) end
  return decode(text)
end

--- The script of a migration, verified to be the one that was read before.
---@param migration dixis.Migration
---@return string? text
---@return dixis.Error? err  kind "changed" or "migrations"
function folder.text(migration)
  local decoded, err = folder.script(migration)
  if not decoded then return nil, err end
  if digest.sha256(decoded) ~= migration.checksum then
    return nil, errors.new("changed", ("%s was changed while this ran"):format(migration.file),
      { hint = "nobody may edit migrations during a run; look at it, then run again" })
  end
  return decoded
end

return folder
