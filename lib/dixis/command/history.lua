-- `dixis history`: past runs, newest first.

local duration = require "dixis.duration"
local json = require "dixis.json"
local options = require "dixis.command.options"
local store = require "dixis.store"
local tty = require "host.tty"

local function parser()
  local made = options.parser("history", "Lists past runs, newest first.")
  made:option("--journal", "Folder of the records."):argname("DIR"):default(store.default_folder)
  made:option("--output", "What to print."):choices({ "text", "jsonl" }):default("text")
  made:option("-n", "How many."):target("number"):argname("N"):default("20")
    :convert(function(text) return math.tointeger(tonumber(text)) end)
  return made
end

-- A run's line: only its first event and its end are needed, but the end is last: read it through.
local function row_of(path, id)
  local row = { run = id, outcome = "unfinished", applied = 0 }
  for event in store.events(path) do
    if event.type == "run.started" then
      row.runbook, row.version, row.started = event.runbook.name, event.runbook.version, event.at
      row.by, row.ephemeral = event.by and event.by.user, event.ephemeral
    elseif event.type == "target.identified" then
      row.database = event.target.database
    elseif event.type == "run.finished" then
      row.outcome, row.exit, row.seconds, row.applied = event.outcome, event.exit, event.seconds, event.applied
    end
  end
  return row
end

---@async
---@param arguments string[]
---@return integer exit
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  local ids = store.list(given.journal)
  if #ids == 0 then tty.write("stderr", "no runs in " .. given.journal .. "\n") end
  for i, id in ipairs(ids) do
    if i > given.number then break end
    local row = row_of(("%s/%s.jsonl"):format(given.journal, id), id)
    if given.output == "jsonl" then
      tty.write("stdout", json.encode(row) .. "\n")
    else
      tty.write("stdout", ("%s  %-8s %-11s %9s  %-11s %s%s\n"):format(id, row.runbook or "?", row.outcome,
        ("%d applied"):format(row.applied), row.seconds and duration.show(row.seconds) or "-", row.database or "-",
        row.ephemeral and " (throw-away)" or ""))
    end
  end
  return 0
end
