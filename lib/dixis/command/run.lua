-- `dixis run`: prepares a run (options, journal, views, ephemeral server), and lets the engine do it.

local lazy = require "dixis.lazy"

local aside = lazy "dixis.report.aside"
local bus = require "dixis.bus"
local engine = require "dixis.engine"
local errors = require "dixis.errors"
local json = require "dixis.json"
local loader = require "dixis.loader"
local options = require "dixis.command.options"
local process = require "host.process"
local report_file = require "dixis.report.file"
local run = require "dixis.run"
local store = require "dixis.store"
local stand_in = lazy "dixis.stand_in"
local tty = require "host.tty"

local function parser()
  local made = options.parser("run", "Runs a runbook: gates, steps, criteria, and a record of it.")
  made:argument("runbook", "A path, or a name: of one in runbooks/, else of a built-in one.")
  made:option("--confirm", "Answer the runbook's confirm gates, in order."):argname("TEXT"):count("*")
  made:option("--set", "Set an option of the runbook."):argname("NAME=VALUE"):count("*")
  made:flag("--ephemeral", "Run on a private throw-away PostgreSQL instead of the target.")
  made:option("--output", "What to print."):choices({ "text", "jsonl" }):default("text")
  made:option("--journal", "Folder for the record."):argname("DIR"):default(store.default_folder)
  made:option("--report", "Also write a report; its ending says the format: .json .md .xml."):argname("FILE"):count("*")
  made:option("--plan", "Refuse unless the plan has this digest."):argname("DIGEST")
  return made
end

-- The text view with its live line, or the events as they are.
local function subscribe(running, output)
  if output == "jsonl" then
    running.bus:subscribe(function(event, line)
      if event.unrecorded then line = json.encode(event) end
      if line then tty.write("stdout", line .. "\n") end
    end)
    return function() end
  end
  local style = require("dixis.report.style").new "stdout"
  local ci = (process.getenv "CI" or "") ~= "" and not style.terminal
  local view = require("dixis.report.text").new {
    write = function(text) tty.write("stdout", text) end, style = style, ci = ci,
    columns = style.terminal and tty.width or nil,
    groups = ci and process.getenv "GITHUB_ACTIONS" == "true",
  }
  local live = require("dixis.report.live").new(view, style.terminal)
  running.bus:subscribe(function(event)
    view:event(event)
    live:event(event)
  end)
  live:start()
  return function() live:stop() end, view
end

local function start_event(running)
  local user, uid = process.user()
  local ci = {}
  for _, name in ipairs { "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_ACTOR", "GITHUB_SHA", "CI_JOB_URL" } do
    ci[name] = process.getenv(name)
  end
  running.ci = next(ci) and ci or nil
  local book = running.book
  return {
    run = running.id, dixis = require("dixis.version"), ephemeral = running.settings.ephemeral or nil,
    runbook = { name = book.name, title = book.title, version = book.version, path = book.path, digest = book.digest },
    environment = book.target.environment, options = running.options,
    by = { user = user, uid = uid, host = process.hostname(), pid = process.pid(), folder = require("host.fs").cwd() },
    ci = running.ci,
  }
end

local function paths(running, reports)
  local list = { { "journal", running.journal_path } }
  if running.receipt_path then list[2] = { "receipt", running.receipt_path } end
  for _, path in ipairs(reports) do list[#list + 1] = { "report", path } end
  return list
end

-- Everything that can be wrong with the command line is found before the journal is made.
local function prepare(given)
  for _, path in ipairs(given.report) do report_file.format(path) end
  local book = loader.load(given.runbook)
  return run.new {
    id = store.new_id(), book = book, options = options.resolve(book, given.set),
    settings = { confirm = given.confirm, plan = given.plan and given.plan:lower(), journal_dir = given.journal,
      ephemeral = given.ephemeral, store = true },
  }
end

-- The digest of the plan and what became of it, where a person looks who has only the workflow.
local function tell_github(running)
  if process.getenv "GITHUB_ACTIONS" ~= "true" then return end
  local github = require "dixis.report.github"
  local ok, markdown = pcall(require("dixis.report.markdown").render, running.journal_path)
  if ok then github.summary(markdown) end
  github.output("journal", running.journal_path)
  github.output("receipt", running.receipt_path)
  github.output("digest", running.plan and running.plan.digest)
end

-- What has no place in the record, because it is about the record.
local function tell_problem(err, recorded)
  aside.say("dixis: ", err.message)
  if recorded then
    aside.say("  ", "The run is on record as it ended; only its receipt is missing, so that no other run can rest on it.")
    aside.say("  what to do: ", "where the receipt is needed, make room and run again")
  else
    aside.say("  ", "The record of this run is not complete: it breaks off before the end.")
    aside.say("  what to do: ", "make room for it, or name another folder (--journal DIR); see what the target's ledger, "
      .. "_prisma_migrations, says; then run again")
  end
end

---@async
---@param arguments string[]
---@return integer exit
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  local running = prepare(given)
  local journal, path = store.create(given.journal, running.id)
  running.journal_path = path
  running.bus = bus.new(journal, running.secrets)
  running.error_events = 0
  running.bus:subscribe(function(event)
    if event.type == "step.failed" or event.type == "gate.refused" then
      running.error_events = running.error_events + 1
    end
  end)
  local finish, view = subscribe(running, given.output)

  local server
  local begun, problem = pcall(function()
    running.bus:emit("run.started", start_event(running))
    running.bus:sync()
    if given.ephemeral then server = stand_in.start(running) end
  end)
  local exit, recorded
  if begun then
    exit, problem, recorded = engine.run(running)
  else
    exit = errors.exit_code(errors.from(problem), "gate")
  end
  finish()
  if server then server:stop() end
  local written = {}
  for _, file in ipairs(given.report) do
    local ok, err = pcall(report_file.write, file, path)
    if ok then
      written[#written + 1] = file
    else
      aside.say("dixis: ", ("the report %s could not be written: %s"):format(file, errors.from(err).message))
    end
  end
  tell_github(running)
  if view then view:close(paths(running, written)) end
  journal:close()
  if problem and begun then
    tell_problem(errors.from(problem), recorded)
  elseif problem then
    aside.error(errors.from(problem))
  end
  return exit
end
