-- Where records are kept: one folder, per run a journal (<run>.jsonl) and a receipt (<run>.receipt.json).

local clock = require "host.clock"
local digest = require "host.digest"
local errors = require "dixis.errors"
local fs = require "host.fs"
local host_journal = require "host.journal"
local json = require "dixis.json"
local near = require "dixis.near"

local store = {}

store.default_folder = ".dixis/runs"

--- Makes DIR/.dixis. Journals and backups hold facts about production: they do not belong into the
--- repository, and are no changes of it.
---@param dir string
---@return string? ignored  the .gitignore, when it was not there
function store.make_home(dir)
  local home = dir .. "/.dixis"
  errors.check(fs.mkdir(home, tonumber("700", 8)))
  local path = home .. "/.gitignore"
  return fs.create(path, "*\n") and path or nil
end

--- A new run's name: the time to the millisecond, so that names sort as runs began, and two random bytes.
---@return string
function store.new_id()
  local stamp = clock.iso():gsub("[-:Z]", ""):gsub("T", "-"):gsub("%.", "-")
  return stamp .. "-" .. digest.random_hex(2)
end

--- Creates the journal of a run before anything else happens; refuses when that is impossible.
---@async
---@param folder string
---@param id string
---@return host.Journal journal
---@return string path
function store.create(folder, id)
  -- What is wrong with the folder is told by the next line.
  if folder == store.default_folder then pcall(store.make_home, ".") end
  local made, err = fs.mkdir(folder, tonumber("700", 8))
  if not made then
    errors.refuse(("the journal folder %s cannot be made: %s"):format(folder, err.message),
      "a run without a record does not begin; name another folder: --journal DIR")
  end
  local path = ("%s/%s.jsonl"):format(folder, id)
  local journal, problem = host_journal.create(path)
  if not journal then
    errors.refuse(("the journal %s cannot be written: %s"):format(path, problem.message),
      "a run without a record does not begin; name another folder: --journal DIR")
  end
  return journal, path
end

--- The runs of a folder, newest first.
---@param folder string
---@return string[] ids
function store.list(folder)
  local ids = {}
  for _, entry in ipairs(fs.list(folder) or {}) do
    local id = entry.name:match "^(.+)%.jsonl$"
    if id and entry.type == "file" then ids[#ids + 1] = id end
  end
  table.sort(ids, function(a, b) return a > b end)
  return ids
end

--- Finds a run by its name, the beginning or end of it, "last", or the path of its journal.
---@param folder string
---@param wanted string
---@return string path
---@return string id
function store.find(folder, wanted)
  if wanted:find("/", 1, true) or wanted:match "%.jsonl$" then
    if not fs.stat(wanted) then errors.raise("usage", "no such journal: " .. wanted) end
    return wanted, wanted:match "([^/]+)%.jsonl$" or wanted
  end
  local ids = store.list(folder)
  if #ids == 0 then
    errors.raise("usage", ("there are no runs in %s"):format(folder), { hint = "name the folder: --journal DIR" })
  end
  if wanted == "last" then return ("%s/%s.jsonl"):format(folder, ids[1]), ids[1] end
  local found = {}
  for _, id in ipairs(ids) do
    if id == wanted then found = { id } break end
    if id:sub(1, #wanted) == wanted or id:sub(-#wanted) == wanted then found[#found + 1] = id end
  end
  if #found == 1 then return ("%s/%s.jsonl"):format(folder, found[1]), found[1] end
  errors.raise("usage", #found == 0 and ("no run '%s'%s"):format(wanted, near.suggest(wanted, ids))
    or ("'%s' fits %d runs: %s"):format(wanted, #found, table.concat(found, ", ")))
end

--- Iterates over the events of a journal; a torn last line is passed over.
---@param path string
---@return fun(): table?, string?  event, its line
function store.events(path)
  local lines = errors.check(host_journal.lines(path))
  return function()
    while true do
      local line, complete = lines()
      if not line then return nil end
      local event = complete and json.decode(line)
      if event then return event, line end
    end
  end
end

--- The file that a run's receipt is in.
---@param journal_path string
---@return string
function store.receipt_path(journal_path)
  return (journal_path:gsub("%.jsonl$", "") .. ".receipt.json")
end

return store
