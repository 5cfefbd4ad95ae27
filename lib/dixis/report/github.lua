-- What GitHub Actions shows of a run beside its log: the step's summary, and outputs for later steps.

local fs = require "host.fs"
local process = require "host.process"

local github = {}

-- GitHub refuses a summary of more than 1 MiB as a whole.
local LARGEST <const> = 1000000

--- Is anybody there to be shown it?
---@return boolean
function github.present()
  return process.getenv "GITHUB_ACTIONS" == "true"
end

-- The runner names a file for each purpose; what steps put there comes one after the other.
local function append(variable, text)
  local path = github.present() and process.getenv(variable)
  if not path or path == "" then return end
  local before = fs.read(path) or ""
  if #before + #text > LARGEST then text = "\n\nThe summary is too long to be shown: see the artifacts.\n" end
  -- A summary that cannot be written is no reason to fail: all of it is in the record.
  fs.write(path, before .. text)
end

--- Adds Markdown to the step's summary. Does nothing elsewhere.
---@param markdown string
function github.summary(markdown)
  append("GITHUB_STEP_SUMMARY", markdown .. "\n")
end

--- Gives a value to later steps, as steps.ID.outputs.NAME. Does nothing elsewhere.
---@param name string
---@param value? string  without line breaks
function github.output(name, value)
  if value then append("GITHUB_OUTPUT", ("%s=%s\n"):format(name, (value:gsub("%c", " ")))) end
end

return github
