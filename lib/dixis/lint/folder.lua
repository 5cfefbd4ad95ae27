-- Faults of the migrations folder itself: what Prisma would not see, or would see in another order.

local folder = require "dixis.migrate.folder"
local fs = require "host.fs"
local locate = require "dixis.migrate.locate"
local rules = require "dixis.lint.rules"

local lint_folder = {}

local STAMP <const> = "^" .. ("%d"):rep(14)

---@class dixis.lint.FolderCheck
---@field found dixis.Folder
---@field findings dixis.lint.Finding[]
local Check = {}
Check.__index = Check

---@param rule string
---@param migration? string
---@param file string
---@param message string
---@param fix? string
function Check:report(rule, migration, file, message, fix)
  self.findings[#self.findings + 1] = { rule = rule, severity = rules.all[rule].severity, migration = migration, file = file,
    line = 1, column = 1, message = message, fix = fix }
end

-- Names that were meant to be migration.sql.
local function is_misnamed(name)
  local lower = name:lower()
  return name ~= "migration.sql"
    and (lower == "migration.sql" or lower == "migrations.sql" or lower:find "^migrations?%.sql%.txt$" ~= nil)
end

-- What is in a migration's directory; nothing when that is its script alone.
local function inside(found, name)
  if found.beside then return found.beside[name] or {} end
  return fs.list(found.path .. "/" .. name) or {}
end

function Check:inside(name, is_missing)
  local path <const> = self.found.path .. "/" .. name
  local instead
  for _, entry in ipairs(inside(self.found, name)) do
    local inner = path .. "/" .. entry.name
    if entry.type == "file" and is_misnamed(entry.name) then
      instead = entry.name
      if not is_missing then
        self:report("unseen-file", name, inner,
          ("Prisma reads migration.sql only; %s is never run"):format(entry.name),
          "rename it, or remove it when migration.sql has what was meant")
      end
    elseif entry.type == "directory" and fs.stat(inner .. "/migration.sql") then
      self:report("unseen-folder", name, inner .. "/migration.sql",
        ("the migration %s is inside of %s: Prisma looks only directly below %s"):format(entry.name, name, self.found.path),
        ("move it: git mv '%s' '%s/'"):format(inner, self.found.path))
    end
  end
  if is_missing then
    self:report("missing-script", name, path .. "/migration.sql",
      ("the directory %s has no migration.sql: Prisma stops there (P3015)"):format(name),
      instead and ("rename %s: git mv '%s/%s' '%s/migration.sql'"):format(instead, path, instead, path)
        or "restore the file, or remove the directory when it was never applied anywhere")
  end
end

function Check:directory(name, is_missing)
  -- Prisma asks for a name behind it, and takes none, too.
  if not name:find(STAMP .. "%f[%D]") and not name:find "^0+_." then
    self:report("no-timestamp", name, ("%s/%s/migration.sql"):format(self.found.path, name),
      ("the name %s does not begin with a timestamp, so what sorts before it is a matter of its letters"):format(name),
      "when it is not applied anywhere yet, rename it to YYYYMMDDHHMMSS_name")
  end
  self:inside(name, is_missing)
end

function Check:entries()
  local missing <const> = {}
  for _, name in ipairs(self.found.missing) do missing[name] = true end
  for _, entry in ipairs(fs.list(self.found.path) or {}) do
    local path = self.found.path .. "/" .. entry.name
    if entry.type == "directory" then
      self:directory(entry.name, missing[entry.name] or false)
    elseif entry.type == "link" and (fs.stat(path) or {}).type == "directory" then
      self:report("unseen-folder", entry.name, path,
        ("%s is a symbolic link to a directory, which Prisma passes over"):format(entry.name), "put the directory itself there")
    elseif entry.type == "file" and entry.name:lower():find "%.sql$" then
      self:report("unseen-file", nil, path,
        ("%s is not in a directory of its own: Prisma never runs it"):format(entry.name),
        ("move it to %s/YYYYMMDDHHMMSS_name/migration.sql, or out of the folder"):format(self.found.path))
    end
  end
end

-- Timestamps are what tells migrations apart; two of one second are ordered by the rest of the name alone.
function Check:doubled()
  local first <const> = {}
  for _, migration in ipairs(self.found.migrations) do
    local stamp = migration.name:match(STAMP)
    if stamp and first[stamp] then
      self:report("doubled-timestamp", migration.name, migration.file,
        ("%s and %s have the same timestamp; only the rest of their names says which comes first"):format(
          first[stamp], migration.name), "give the later one a timestamp of its own, before it is applied anywhere")
    end
    if stamp then first[stamp] = first[stamp] or migration.name end
  end
end

-- Digits by their value, the rest by bytes: how file managers and `ls -v` see it.
local function numeric_key(name)
  return (name:gsub("%d+", function(digits) return ("%030d"):format(tonumber(digits:sub(-18))) end))
end

local function first_difference(names, sorted)
  for i, name in ipairs(names) do
    if sorted[i] ~= name then return sorted[i], name end
  end
end

-- Reviewers and other tools read the folder in their own order; Prisma's is the one that counts.
function Check:order()
  local names <const> = {}
  for i, migration in ipairs(self.found.migrations) do names[i] = migration.name end
  if folder.stamped(names) then return end
  local bytes <const>, numbers <const> = table.move(names, 1, #names, 1, {}), table.move(names, 1, #names, 1, {})
  table.sort(bytes)
  local keys <const> = {}
  for _, name in ipairs(names) do keys[name] = numeric_key(name) end
  table.sort(numbers, function(a, b)
    if keys[a] ~= keys[b] then return keys[a] < keys[b] end
    return a < b
  end)
  for _, other in ipairs { { bytes, "by bytes (git, `LC_ALL=C ls`)" }, { numbers, "by number (`ls -v`, file managers)" } } do
    local theirs, ours = first_difference(names, other[1])
    if theirs then
      self:report("sort-order", ours, ("%s/%s/migration.sql"):format(self.found.path, ours),
        ("Prisma applies %s before %s; sorted %s it is the other way round"):format(ours, theirs, other[2]),
        "give migrations timestamps of 14 digits, so that every tool sees one order")
      return
    end
  end
end

function Check:provider()
  local provider, path = self.found.provider, self.found.path .. "/migration_lock.toml"
  if not provider then
    self:report("missing-lock-file", nil, path, "there is no migration_lock.toml beside the migrations",
      'Prisma writes it with the first migration; its line is: provider = "postgresql"')
  elseif provider ~= "postgresql" then
    self:report("wrong-provider", nil, path,
      ("the provider is '%s', so Prisma stops before it applies anything (P3019)"):format(provider),
      'for PostgreSQL the line is: provider = "postgresql"')
  end
end

local function has_statements(text)
  text = text:gsub("/%*.-%*/", ""):gsub("%-%-[^\n]*", "")
  return text:find "[^%s;]" ~= nil
end

local LARGEST_EMPTY <const> = 2000

local function is_empty(migration)
  if fs.stat(migration.file).size > LARGEST_EMPTY then return false end
  local text = fs.read(migration.file)
  return text ~= nil and not has_statements(text)
end

function Check:empty(counts)
  for _, migration in ipairs(self.found.migrations) do
    local count <const> = counts and counts[migration.name]
    if count == 0 or not count and is_empty(migration) then
      self:report("empty-migration", migration.name, migration.file, migration.name .. " has no statements",
        "remove it when it is not applied anywhere")
    end
  end
end

--- What `folder.read` has to let through, so that all faults are told.
lint_folder.allow = { provider = true, no_script = true }

--- What is wrong with a folder of migrations.
---@param found dixis.Folder
---@param counts? table<string, integer>  how many statements a migration has, where that is known
---@return dixis.lint.Finding[]
function lint_folder.check(found, counts)
  local check <const> = setmetatable({ found = found, findings = {} }, Check)
  check:provider()
  check:entries()
  check:doubled()
  check:order()
  check:empty(counts)
  return check.findings
end

--- Where the migrations are that `dir` means: itself, or the folder of the project that it is.
---@param dir string
---@return string? path
---@return dixis.Error? err
function lint_folder.locate(dir)
  dir = dir:gsub("(.)/+$", "%1")
  if fs.stat(dir .. "/migration_lock.toml") then return dir end
  for _, entry in ipairs(fs.list(dir) or {}) do
    if entry.type == "directory" and fs.stat(("%s/%s/migration.sql"):format(dir, entry.name)) then return dir end
  end
  local found, err = locate.migrations(dir)
  if found then return found end
  if fs.stat(dir .. "/migrations") then return dir .. "/migrations" end
  return nil, err
end

return lint_folder
