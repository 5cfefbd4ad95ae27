-- What runs that were killed could not take away: databases on a server of others, copies of real data on disk. They are
-- told with the command that removes them, and never removed: that nobody works there now does not prove that nobody will.

local fs = require "host.fs"
local host_sql = require "host.sql"

local leftovers = {}

-- As clinic/scratch.lua and backup/prove.lua name them.
local databases_query <const> = [[
SELECT d.datname AS name FROM pg_catalog.pg_database d
 WHERE d.datname ~ '^dixis_(clinic|proof)_[0-9a-f_]+$'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
 ORDER BY d.datname]]

local function tell(run, where, names, commands)
  if #names > 0 then run.bus:emit("leftovers.found", { where = where, names = names, commands = commands }) end
end

--- Tells of databases that nobody is connected to; called before this run makes its own.
---@async
---@param run dixis.Run
---@param session dixis.Session
---@param where string
function leftovers.databases(run, session, where)
  local names, commands = {}, {}
  for i, row in ipairs(session:query(databases_query)) do
    names[i], commands[i] = row.name, ("DROP DATABASE %s;"):format(host_sql.quote_identifier(row.name))
  end
  tell(run, where, names, commands)
end

--- Tells of what has such a name in a folder; called before this run makes its own.
---@param run dixis.Run
---@param folder string
---@param pattern string
function leftovers.files(run, folder, pattern)
  local names, commands = {}, {}
  for _, entry in ipairs(fs.list(folder) or {}) do
    if entry.name:find(pattern) then
      names[#names + 1] = entry.name
      commands[#commands + 1] = ("rm -r '%s/%s'"):format(folder:gsub("'", "'\\''"), entry.name)
    end
  end
  tell(run, folder, names, commands)
end

return leftovers
