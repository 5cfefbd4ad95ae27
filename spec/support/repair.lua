-- Applies the repairs that lint and the clinic propose, as an editor would.
local fs = require "host.fs"
local sql = require "host.sql"

local repair = {}

--- `before` and `instead` are about the statement that the finding points at.
---@param finding table
---@param folder? string  that fix_file is relative to
function repair.edit(finding, folder)
  local path <const> = (folder and folder .. "/" or "") .. finding.fix_file
  local text <const> = assert(fs.read(path))
  local new
  if finding.fix_edit == "end" then
    new = text .. "\n" .. finding.fix_sql .. "\n"
  else
    local statement <const> = assert(sql.parse(text))[math.tointeger(finding.statement_index)]
    local last <const> = finding.fix_edit == "instead" and statement.last + 1 or statement.first - 1
    new = text:sub(1, statement.first - 1) .. finding.fix_sql .. (finding.fix_edit == "instead" and "" or "\n\n")
      .. text:sub(last + 1)
  end
  assert(fs.write(path, new))
end

return repair
