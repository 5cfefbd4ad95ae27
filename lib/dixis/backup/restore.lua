-- A backup put into an empty database, and that compared with what it should be.

local clock = require "host.clock"
local contents = require "dixis.backup.contents"
local errors = require "dixis.errors"
local schema = require "dixis.backup.schema"
local session = require "dixis.target.session"
local tools = require "dixis.backup.tools"
local words = require "dixis.words"

local restore = {}

local SHOWN <const> = 10

---@class dixis.Restoring
---@field programs dixis.BackupTools
---@field params table       the empty database
---@field path string        the backup
---@field jobs integer
---@field flags string[]     what is left out, for pg_dump and pg_restore
---@field tables? integer    how many it will fill, for the progress
---@field source table       lines of the schema that it must have, see backup/schema.lua
---@field rows? table<string, number>  how many rows its tables must have

--- Puts it into the database, and nothing more.
---@async
---@param run dixis.Run
---@param given { programs: dixis.BackupTools, params: table, path: string, jobs: integer, flags: string[], tables?: integer }
function restore.fill(run, given)
  local filled, built = 0, 0
  tools.run(run, { given.programs.restore, "--exit-on-error", "--verbose", "--jobs=" .. given.jobs,
    table.unpack(given.flags) }, { path = given.path, params = given.params, on_line = function(line)
    if line:find("processing data for table", 1, true) then
      filled = filled + 1
      run:note(("restoring table %d%s"):format(filled, given.tables and " of " .. given.tables or ""))
    elseif line:find "creating %a* ?CONSTRAINT " or line:find("creating INDEX ", 1, true) then
      built = built + 1
      run:note(("building index or constraint %d"):format(built))
    end
  end })
end

--- A restored database has no statistics, and would be slow until it has.
---@async
---@param run dixis.Run
---@param opened dixis.Session
function restore.analyze(run, opened)
  run:note "gathering statistics"
  opened:query "ANALYZE"
end

local function listed(lines)
  local out = table.move(lines, 1, math.min(#lines, SHOWN), 1, {})
  if #lines > SHOWN then out[#out + 1] = ("... and %d more"):format(#lines - SHOWN) end
  return table.concat(out, "\n")
end

--- Raises, with kind "different", when the database is not what it should be.
---@async
---@param run dixis.Run
---@param given dixis.Restoring
---@param opened dixis.Session  on it
---@return integer tables
---@return integer rows
function restore.compare(run, given, opened)
  run:note "comparing the schema"
  local differences = schema.differences(given.source, schema.of_database(run, given.programs, given.params, given.flags))
  if #differences > 0 then
    errors.raise("different", ("its schema is not that of the backup's source:\n%s"):format(listed(differences)))
  end
  local rows, total = contents.count(opened, function(done, of) run:note(("counting rows, table %d of %d"):format(done, of)) end)
  local other = given.rows and contents.differences(given.rows, rows) or {}
  local lines, tables = {}, 0
  for i, one in ipairs(other) do
    lines[i] = ("%s has %s rows, and its source had %s"):format(one.table, one.now or "no", one.before or "no such table")
  end
  if #lines > 0 then errors.raise("different", "its rows are not those of the backup's source:\n" .. listed(lines)) end
  for name in pairs(rows) do
    if name ~= "large objects" then tables = tables + 1 end
  end
  return tables, total
end

--- Restores, gathers statistics, compares; raises when any of it fails.
---@async
---@param run dixis.Run
---@param given dixis.Restoring
---@return { seconds: number, tables: integer, rows: integer }
function restore.run(run, given)
  local begun = clock.now()
  restore.fill(run, given)
  local opened = errors.check(session.open({ params = given.params }, { application_name = "dixis restore " .. run.id }))
  local _ <close> = setmetatable({}, { __close = function() opened:close() end })
  restore.analyze(run, opened)
  local tables, rows = restore.compare(run, given, opened)
  return { seconds = clock.now() - begun, tables = tables, rows = rows }
end

--- "23 tables with 1200 rows"
---@param made { tables: integer, rows: integer }
---@return string
function restore.describe(made)
  return ("%s with %s"):format(words.count(made.tables, "table"), words.count(made.rows, "row"))
end

return restore
