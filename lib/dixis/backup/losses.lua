-- What going back to a backup loses: what was written since.

local contents = require "dixis.backup.contents"
local errors = require "dixis.errors"
local session = require "dixis.target.session"
local task = require "host.task"
local words = require "dixis.words"

local losses = {}

local SHOWN <const> = 20

-- Tables as they were and as they are, one a line.
local function table_lines(before, now, out)
  local differences = contents.differences(before, now)
  for i, one in ipairs(differences) do
    if i > SHOWN then
      out[#out + 1] = ("  ... and %s more"):format(words.count(#differences - SHOWN, "table"))
      break
    end
    if not one.now then
      out[#out + 1] = ("  %s: %s then, the table is gone now"):format(one.table, words.count(one.before, "row"))
    elseif not one.before then
      out[#out + 1] = ("  %s: not there then, %s now"):format(one.table, words.count(one.now, "row"))
    else
      out[#out + 1] = ("  %s: %s then, %d now"):format(one.table, words.count(one.before, "row"), one.now)
    end
  end
  if #differences == 0 then out[#out + 1] = "  no table has another number of rows" end
end

local function activity_line(before, now, out)
  local inserted, updated, deleted = now.inserted - before.inserted, now.updated - before.updated,
    now.deleted - before.deleted
  if before.reset ~= now.reset or inserted < 0 or updated < 0 or deleted < 0 then return end
  out[#out + 1] = ("  by the server's statistics: %s inserted, %d updated, %d deleted, migrations included"):format(
    words.count(inserted // 1, "row"), updated // 1, deleted // 1)
end

local function read(run, found, seconds, out)
  local opened, err = session.open(run:beside(run.identity.database), { application_name = "dixis rollback " .. run.id })
  if not opened then errors.raise("failed", err.message) end
  local _ <close> = setmetatable({}, { __close = function() opened:close() end })
  if found.activity then activity_line(found.activity, contents.activity(opened), out) end
  if not found.rows then return end
  local counting <close> = task.spawn(function()
    return contents.count(opened, function(done, of) run:note(("counting rows, table %d of %d"):format(done, of)) end)
  end)
  counting:deadline(seconds)
  local ok, rows = counting:join()
  if not ok then
    local why = errors.from(rows)
    errors.raise("failed", why.kind == "deadline" and "counting takes too long" or why.message)
  end
  table_lines(found.rows, rows, out)
end

--- Lines for people; what cannot be found out is said, and holds nothing up.
---@async
---@param run dixis.Run
---@param found dixis.BackupRecord
---@param seconds number  how long to count
---@return string[]
function losses.lines(run, found, seconds)
  local out = { ("what was written since the backup%s is lost by going back:"):format(
    found.at and " of " .. found.at:sub(1, 16):gsub("T", " ") .. " UTC" or "") }
  if not run.identity.database_oid then
    out[2] = "  nothing is there to compare with: the database is gone"
    return out
  end
  local ok, err = pcall(read, run, found, seconds, out)
  if not ok then out[#out + 1] = ("  how many rows that are is not known (%s)"):format(errors.from(err).message) end
  if not found.rows then out[#out + 1] = "  its rows were not counted when it was made" end
  return out
end

return losses
