-- `dixis show RUN`: draws a past run again, from its journal, or writes a report of it.

local aside = require("dixis.lazy") "dixis.report.aside"
local fs = require "host.fs"
local options = require "dixis.command.options"
local report_file = require "dixis.report.file"
local store = require "dixis.store"
local tty = require "host.tty"

local function parser()
  local made = options.parser("show", "Draws a past run again, from its journal.")
  made:argument("run", "A run's name or a part of it, a journal's path, or 'last'.")
  made:option("--journal", "Folder of the records."):argname("DIR"):default(store.default_folder)
  made:option("--output", "What to print."):choices({ "text", "jsonl" }):default("text")
  made:option("--report", "Write a report instead; its ending says the format."):argname("FILE"):count("*")
  return made
end

---@async
---@param arguments string[]
---@return integer exit
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  for _, file in ipairs(given.report) do report_file.format(file) end
  local path = store.find(given.journal, given.run)
  if #given.report > 0 then
    for _, file in ipairs(given.report) do report_file.write(file, path) end
    return 0
  end
  local style = require("dixis.report.style").new "stdout"
  local view = require("dixis.report.text").new {
    write = function(text) tty.write("stdout", text) end, style = style, verbose = true,
    columns = style.terminal and tty.width or nil,
  }
  local finished, begun
  for event, line in store.events(path) do
    if given.output == "jsonl" then tty.write("stdout", line .. "\n") else view:event(event) end
    finished = finished or event.type == "run.finished"
    begun = begun or event.type == "step.started" -- on disk before the step begins
  end
  if given.output == "text" then
    local receipt = store.receipt_path(path)
    view:close { { "journal", path }, fs.stat(receipt) and { "receipt", receipt } or nil }
  end
  if not finished then
    aside.say("", "This run has no end in its journal: dixis was killed, or it is still going on.")
    aside.say("  what to do: ", begun
      and "the target's ledger (_prisma_migrations) says what is applied; run the runbook again to go on."
      or "no step had begun, so it has changed nothing in the target; run the runbook again.")
  end
  return 0
end
