-- `dixis history`: past runs, newest first, of the journal folder or of a target's own record.

local lazy = require "dixis.lazy"

local aside = lazy "dixis.report.aside"
local audit = lazy "dixis.audit"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local json = require "dixis.json"
local options = require "dixis.command.options"
local plain = require "dixis.report.plain"
local process = require "host.process"
local store = require "dixis.store"
local tty = require "host.tty"
local url = lazy "dixis.target.url"

local function parser()
  local made = options.parser("history", "Lists past runs, newest first.")
  made:option("--journal", "Folder of the records."):argname("DIR"):default(store.default_folder)
  made:option("--target", "Ask the database whose URL is in this variable; it is only read."):argname("VARIABLE")
  made:option("--output", "What to print."):choices({ "text", "jsonl" }):default("text")
  made:option("-n", "How many."):target("number"):argname("N"):default("20")
    :convert(function(text) return math.tointeger(tonumber(text)) end)
  return made
end

local SHORT_NAME <const> = 8 -- what the built-in runbooks' names take

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
      row.ephemeral = row.ephemeral or event.ephemeral
    end
  end
  return row
end

local function rows_of_folder(folder, number)
  local ids, rows = store.list(folder), {}
  if #ids == 0 then aside.say("", "no runs in " .. folder) end
  for i = 1, math.min(#ids, number) do rows[i] = row_of(("%s/%s.jsonl"):format(folder, ids[i]), ids[i]) end
  return rows
end

local function rows_of_target(name, number)
  local value = process.getenv(name)
  if not value or value == "" then
    errors.raise("usage", name .. " is not set", { hint = "--target names the variable that holds the target's URL" })
  end
  local target, problem = url.parse(value)
  if not target then errors.raise("usage", ("%s is not a usable URL: %s"):format(name, problem.message)) end
  local rows = {}
  for i, found in ipairs(audit.runs(target, number)) do
    rows[i] = { run = found.run, runbook = found.runbook, version = found.version, started = found.started, by = found.who,
      host = found.host, commit = found.git_commit, dirty = found.git_dirty, plan = found.plan,
      phrases = json.decode(found.phrases), database = target.params.dbname, outcome = found.outcome, exit = found.exit,
      seconds = found.seconds, applied = found.applied, journal_head = found.journal_head }
  end
  if #rows == 0 then aside.say("", ("no runs are on record in the database of %s"):format(name)) end
  return rows
end

-- Who, from where and which commit is of interest where runs of several people come together.
local function origin(row)
  if not row.host then return "" end
  return (" %s@%s%s"):format(row.by or "?", row.host,
    row.commit and (" at %s%s"):format(row.commit:sub(1, 10), row.dirty and "+" or "") or "")
end

local function name_of(row) return row.runbook or "?" end

local function line_of(row, width)
  local name <const> = name_of(row)
  return ("%s  %s %-11s %9s  %-11s %s%s%s\n"):format(row.run, name .. (" "):rep(width - plain.width(name)), row.outcome,
    ("%d applied"):format(row.applied), row.seconds and duration.show(row.seconds) or "-", row.database or "-",
    origin(row), row.ephemeral and " (throw-away)" or "")
end

---@async
---@param arguments string[]
---@return integer exit
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  local rows = given.target and rows_of_target(given.target, given.number) or rows_of_folder(given.journal, given.number)
  local shown, width = {}, SHORT_NAME
  for i, row in ipairs(rows) do
    shown[i] = plain.all(row)
    width = math.max(width, plain.width(name_of(shown[i])))
  end
  for i, row in ipairs(rows) do
    tty.write("stdout", given.output == "jsonl" and json.encode(row) .. "\n" or line_of(shown[i], width))
  end
  return 0
end
