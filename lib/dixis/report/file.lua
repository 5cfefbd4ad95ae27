-- Reports written to files, each drawn from the journal: the ending names the format.

local errors = require "dixis.errors"
local fs = require "host.fs"
local near = require "dixis.near"

local file = {}

local formats <const> = { json = "dixis.report.json", md = "dixis.report.markdown", xml = "dixis.report.junit" }

--- The format of a report file; raises a usage error for an ending that is not known, before the run.
---@param path string
---@return string module
function file.format(path)
  local ending = path:match "%.(%w+)$"
  local module = ending and formats[ending:lower()]
  if module then return module end
  local meant = ending and near.find(ending, near.keys(formats))
  errors.raise("usage", ("--report %s: the ending says the format; known are .json, .md and .xml (JUnit)%s"):format(
    path, meant and ", did you mean ." .. meant .. "?" or ""))
end

--- Writes one report from a journal.
---@param path string
---@param journal_path string
function file.write(path, journal_path)
  local render = require(file.format(path)).render
  local folder = path:match "^(.+)/[^/]+$"
  if folder then errors.check(fs.mkdir(folder)) end
  errors.check(fs.write(path, render(journal_path)))
end

return file
