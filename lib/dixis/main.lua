-- The command line: its verbs, and what becomes of an error that no run has recorded.

local errors = require "dixis.errors"
local near = require "dixis.near"
local tty = require "host.tty"

-- Verb -> what it is for, in the order of the help.
local verbs <const> = {
  { "run", "run a runbook: gates, steps, criteria, and a record of it" },
  { "plan", "show what a run would do, and change nothing" },
  { "lint", "say what is wrong with a history of migrations, without a database" },
  { "history", "list past runs, of this machine or of a target" },
  { "show", "draw a past run again, from its journal" },
  { "verify", "prove that a journal and its receipt were not changed" },
  { "init", "copy the built-in runbooks into a repository, to be customised" },
  { "spec", "test runbooks with busted, inside dixis" },
}
-- Not for people.
local hidden <const> = { ["keep-postgres"] = "dixis.command.keeper" }

local function help()
  local lines = { "Usage: dixis VERB ...", "", "Runbooks that take a PostgreSQL database through a dangerous change.", "" }
  for _, verb in ipairs(verbs) do lines[#lines + 1] = ("  %-9s %s"):format(verb[1], verb[2]) end
  lines[#lines + 1] = ""
  lines[#lines + 1] = "dixis VERB --help says more. dixis --version prints the version."
  return table.concat(lines, "\n") .. "\n"
end

---@async
---@param verb? string
---@param ... string
---@return integer exit
return function(verb, ...)
  if verb == nil or verb == "help" or verb == "--help" or verb == "-h" then
    tty.write(verb and "stdout" or "stderr", help())
    return verb and 0 or 2
  end
  local module = hidden[verb]
  local names = {}
  for i, known in ipairs(verbs) do
    names[i] = known[1]
    if known[1] == verb then module = "dixis.command." .. verb end
  end
  local arguments = { ... }
  local ok, result = pcall(function()
    if not module then errors.raise("usage", ("unknown verb '%s'%s"):format(verb, near.suggest(verb, names))) end
    local run = require(module)
    -- host/main.c stopped it: what is loaded is no garbage, so it need not look before a MiB has come to that.
    collectgarbage "restart"
    collectgarbage("step", -1024)
    return run(arguments)
  end)
  if ok then return result end
  local err = errors.from(result)
  if err.kind == "interrupted" then error(err, 0) end
  require("dixis.report.aside").error(err)
  return errors.exit_code(err)
end
