-- What the journals say of a backup: its sum, whether it was proven, what was in it.

local archive = require "dixis.backup.archive"
local digest = require "host.digest"
local errors = require "dixis.errors"
local fs = require "host.fs"
local host_journal = require "host.journal"
local store = require "dixis.store"

local record = {}

---@class dixis.BackupRecord
---@field path string
---@field sha256 string
---@field proven boolean
---@field size? integer
---@field tool? string
---@field server_version? string
---@field rows? table<string, number>  nil: nothing is known of what was in it
---@field tables? integer
---@field total? integer
---@field properties? dixis.DatabaseProperties
---@field activity? dixis.Activity
---@field recovery? { seconds: number, measured: boolean }
---@field database? string
---@field system_identifier? string
---@field at? string        when it was recorded
---@field journal? string   that says so

local kinds <const> = { ["backup.proven"] = true, ["backup.unproven"] = true }

local function file_name(path) return path:match "([^/]+)/*$" end

-- The last backup of a journal that is wanted.
local function in_journal(path, wanted)
  -- Most journals know of none, and need not be taken apart.
  local text = fs.read(path)
  if text and not text:find('"type":"backup.', 1, true) then return nil end
  local found
  for event in store.events(path) do
    if kinds[event.type] and wanted(event) then found = event end
  end
  if found then found.journal = path end
  return found
end

local function journals(run, given)
  local stat = given and fs.stat(given)
  if given and not stat then errors.refuse(("there is no journal %s"):format(given)) end
  if stat and stat.type ~= "directory" then return { given } end
  local folder = given or run.settings.journal_dir or store.default_folder
  local paths = {}
  for i, id in ipairs(store.list(folder)) do paths[i] = ("%s/%s.jsonl"):format(folder, id) end
  return paths
end

local function search(paths, wanted)
  for _, path in ipairs(paths) do
    local found = in_journal(path, wanted)
    if found then return found end
  end
end

-- The event of a journal whose chain is whole, and that is what a record has to be.
local function checked(found)
  local proof = errors.check(host_journal.verify(found.journal))
  if proof.broken then
    errors.refuse(("the journal %s is not as it was written: line %d does not fit"):format(found.journal, proof.broken),
      "its word on the backup does not count: take it from where it was kept, or name another backup")
  end
  if type(found.path) ~= "string" or type(found.sha256) ~= "string" then
    errors.refuse(("what the journal %s says of a backup cannot be understood"):format(found.journal))
  end
  found.proven = found.type == "backup.proven"
  return found
end

local function named(run, args, paths)
  local path = args.backup
  if not fs.stat(path) then
    errors.refuse(("there is no backup %s"):format(path), "name the file or folder that the journal names")
  end
  local name = file_name(path)
  local found = search(paths, function(event) return type(event.path) == "string" and file_name(event.path) == name end)
  if not found then
    run:note "computing its SHA-256"
    local sum = args.sha256 and args.sha256:lower() or archive.sha256(path)
    found = search(paths, function(event) return event.sha256 == sum end)
    if not found and not args.sha256 then
      errors.refuse(("no journal knows the backup %s (SHA-256 %s)"):format(path, sum),
        "name the journal of the run that made it: record=FILE; or, for a backup from elsewhere, its sum: sha256=HEX")
    end
  end
  found = found and checked(found) or { sha256 = args.sha256:lower(), proven = false }
  found.path = path
  return found
end

--- Finds it; refuses when there is none, or when it is not the target's.
---@async
---@param run dixis.Run
---@param args { backup?: string, record?: string, sha256?: string }
---@return dixis.BackupRecord
function record.find(run, args)
  local paths, target = journals(run, args.record), run.identity
  local found
  if args.backup then
    found = named(run, args, paths)
  else
    found = search(paths, function(event)
      return event.database == target.database and event.system_identifier == target.system_identifier
    end)
    if not found then
      errors.refuse(("no journal knows of a backup of %s"):format(target.database),
        "name the backup: backup=FILE, and the journal of the run that made it: record=FILE")
    end
    found = checked(found)
  end
  if found.database and found.database ~= target.database then
    errors.refuse(("%s is a backup of the database '%s', not of '%s'"):format(found.path, found.database, target.database),
      "name a backup of the target")
  end
  if found.system_identifier and target.system_identifier and found.system_identifier ~= target.system_identifier then
    errors.refuse(("%s is a backup of a database of that name on another server"):format(found.path),
      "name a backup of this server's database")
  end
  if args.sha256 and not digest.equal(args.sha256:lower(), found.sha256) then
    errors.refuse(("the journal says that the SHA-256 of %s is %s, not what was given"):format(found.path, found.sha256))
  end
  return found
end

--- A backup to rehearse on: the one that is named, whatever is known of it, or the newest proven one of a database of
--- that name. Refuses when there is none, or when it is not as its record says.
---@async
---@param run dixis.Run
---@param args { backup?: string, record?: string }
---@param name? string  of the database; nil: any
---@return dixis.BackupRecord
function record.for_rehearsal(run, args, name)
  local paths = journals(run, args.record)
  local found
  if args.backup then
    if not fs.stat(args.backup) then errors.refuse("there is no backup " .. args.backup) end
    local wanted = file_name(args.backup)
    found = search(paths, function(event) return type(event.path) == "string" and file_name(event.path) == wanted end)
    if not found then return { path = args.backup } end
    found = checked(found)
    found.path = args.backup
  else
    found = search(paths, function(event)
      return event.type == "backup.proven" and (not name or event.database == name) and fs.stat(event.path) ~= nil
    end)
    if not found then
      errors.refuse(("no journal knows of a proven backup%s that is still there"):format(name and " of " .. name or ""),
        "name one: --set backup=FILE; or copy the database now: --set copy=true")
    end
    found = checked(found)
  end
  record.check_file(run, found)
  return found
end

--- Refuses a file that is not the one of the record, by its size first, then by all of it.
---@async
---@param run dixis.Run
---@param found dixis.BackupRecord
function record.check_file(run, found)
  local hint = "take it from where it was kept, or name another backup; the target was left alone"
  if not fs.stat(found.path) then errors.refuse(("the backup %s is gone"):format(found.path), hint) end
  local size = archive.size(found.path)
  if found.size and size ~= math.tointeger(found.size) then
    errors.refuse(("%s has %d bytes, and its record says %d"):format(found.path, size, math.tointeger(found.size)), hint)
  end
  run:note "computing its SHA-256"
  local sum = archive.sha256(found.path)
  if not digest.equal(sum, found.sha256) then
    errors.refuse(("%s was changed: its SHA-256 is %s, and its record says %s"):format(found.path, sum, found.sha256), hint)
  end
end

return record
