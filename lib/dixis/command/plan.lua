-- `dixis plan`: what a run would do, in the order in which it would; changes nothing.

local lazy = require "dixis.lazy"

local bus = require "dixis.bus"
local errors = require "dixis.errors"
local explain = lazy "dixis.migrate.explain"
local forecast = lazy "dixis.forecast"
local json = require "dixis.json"
local github = lazy "dixis.report.github"
local loader = require "dixis.loader"
local options = require "dixis.command.options"
local plan = require "dixis.plan"
local plain = lazy "dixis.report.plain"
local run = require "dixis.run"
local store = require "dixis.store"
local stand_in = lazy "dixis.stand_in"
local tty = require "host.tty"

local function parser()
  local made = options.parser("plan", "Shows what a run would do, and changes nothing.")
  made:argument("runbook", "A path, or a name: of one in runbooks/, else of a built-in one.")
  made:option("--set", "Set an option of the runbook."):argname("NAME=VALUE"):count("*")
  made:flag("--ephemeral", "Plan against an empty throw-away PostgreSQL.")
  made:flag("--explain", "Run the pending migrations, list their locks, and take them back.")
  made:option("--journal", "Folder of the records that the forecast is drawn from."):argname("DIR"):default(store.default_folder)
  made:option("--output", "What to print."):choices({ "text", "json" }):default("text")
  return made
end

-- A look must not hold anybody up: better no answer than a queue behind it.
local EXPLAIN_LOCK_TIMEOUT <const> = 2

-- The target is read once, without waiting for a sleeping one: a plan is a look, not a run.
local function read_target(running)
  local name = running.book.target.env
  if not name then return plan.of_folder(running), "the run makes its target itself" end
  local value = running.settings.ephemeral or running:env(name)
  if not value then return plan.of_folder(running), name .. " is not set" end
  local opened, err = running:connect()
  if not opened then
    if err.kind ~= "unreachable" then errors.refuse(err.message, err.hint) end
    error(err, 0)
  end
  running:adopt(opened)
  local computed = plan.compute(running)
  local made = forecast.make(running)
  computed.forecast = made and forecast.record(made)
  if running.settings.explain then computed.explained = explain.run(running, EXPLAIN_LOCK_TIMEOUT) end
  return computed
end

---@async
---@param arguments string[]
---@return integer exit
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  local book = loader.load(given.runbook)
  local running = run.new { id = "plan", book = book, options = options.resolve(book, given.set),
    settings = { confirm = {}, journal_dir = given.journal, ephemeral = given.ephemeral, explain = given.explain } }
  if given.explain and not book.explain then
    errors.refuse(("the runbook '%s' does not allow --explain"):format(book.name),
      "it takes the migrations' locks for a moment: plan on staging, or put explain = true into the runbook")
  end
  running.bus = bus.new(nil, running.secrets)
  local server = given.ephemeral and stand_in.start(running)
  local ok, computed, no_target = pcall(read_target, running)
  running:close()
  if server then server:stop() end
  if not ok then error(computed, 0) end
  if given.output == "json" then
    local record = plan.record(computed)
    record.migrations, record.target, record.problems = plan.list(computed.pending), running.identity, computed.problems
    record.explained, record.forecast = computed.explained, computed.forecast
    tty.write("stdout", json.encode(record) .. "\n")
  else
    local style, drawn = require("dixis.report.style").new "stdout", {}
    require("dixis.report.planned").draw(running, computed, no_target, {
      write = function(text) drawn[#drawn + 1] = text end, style = style,
      columns = style.terminal and tty.width() or nil,
    })
    local text = table.concat(drawn)
    tty.write("stdout", text)
    if github.present() then
      github.summary(("## Plan: %s\n\n```\n%s\n```"):format(plain.text(book.title), plain.text(text):gsub("```", "'``")))
    end
    github.output("digest", computed.digest)
  end
  return 0
end
