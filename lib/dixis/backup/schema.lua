-- The schema of a database as pg_dump writes it, in a form in which two of them can be compared.

local tools = require "dixis.backup.tools"

local schema = {}

-- The order of pg_dump's statements follows object ids where nothing else decides, and a column of an inherited
-- table may come at another place: so lines are counted, not compared one by one.
local function lines_of(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    line = line:gsub(",?%s*$", "")
    local passed_over = line == "" or line:find "^%-%-" or line:find "^SET " or line:find "^\\u?n?restrict "
      or line:find "^SELECT pg_catalog%.set_config%(" or line:find "^REFRESH MATERIALIZED VIEW "
    if not passed_over then lines[line] = (lines[line] or 0) + 1 end
  end
  return lines
end

--- Of an archive, as its restore would make it.
---@async
---@param run dixis.Run
---@param programs dixis.BackupTools
---@param path string
---@param flags string[]  what is left out, for pg_dump and pg_restore: "--no-owner"
---@return table<string, integer>
function schema.of_archive(run, programs, path, flags)
  return lines_of(tools.run(run,
    { programs.restore, "--schema-only", "--file=-", path, table.unpack(flags) }).stdout)
end

--- Of a database.
---@async
---@param run dixis.Run
---@param programs dixis.BackupTools
---@param params table
---@param flags string[]
---@return table<string, integer>
function schema.of_database(run, programs, params, flags)
  return lines_of(tools.run(run, { programs.dump, "--schema-only", "--lock-wait-timeout=300s", table.unpack(flags) },
    { params = params }).stdout)
end

local function missing(from, other, what, out)
  for line, count in pairs(from) do
    if (other[line] or 0) < count then out[#out + 1] = ("%s: %s"):format(what, line:gsub("^%s+", "")) end
  end
end

--- What differs, sorted; none when the two are the same.
---@param source table<string, integer>
---@param copy table<string, integer>
---@return string[]
function schema.differences(source, copy)
  local out = {}
  missing(source, copy, "not in the copy", out)
  missing(copy, source, "only in the copy", out)
  table.sort(out)
  return out
end

return schema
