-- The text view of a run, drawn from its events: as they happen, or again from the journal.

local clock = require "host.clock"
local duration = require "dixis.duration"
local ending = require "dixis.report.text_ending"
local plain = require "dixis.report.plain"
local words = require "dixis.words"

local count <const> = words.count

local text = {}

local Text = {}
Text.__index = Text

local NAME_WIDTH <const> = 19

-- From how many seconds on a migration's longest statement is worth a line.
local SLOW <const> = 1

---@class dixis.TextOptions
---@field write fun(text: string)
---@field style table
---@field columns? fun(): integer  of the terminal, to break lines; nil: they stay as long as they are
---@field ci? boolean       with the time of day
---@field groups? boolean   phases as groups of GitHub Actions
---@field verbose? boolean  every migration, however many

---@param options dixis.TextOptions
---@return table view
function text.new(options)
  return setmetatable({
    write = options.write, style = options.style, marks = options.style.marks, ci = options.ci,
    groups = options.groups, verbose = options.verbose, columns = options.columns,
  }, Text)
end

function Text:line(line)
  if self.title then self:head() end
  if self.asking then -- The cursor is behind the question.
    self.asking = nil
    self.write "\n"
  end
  if self.ci and line ~= "" then line = clock.iso():sub(12, 19) .. "  " .. line end
  self.write(line .. "\n")
end

-- The lines of a text that begins in a column.
function Text:broken(note, column)
  return plain.lines(note, plain.room(self.columns and self.columns(), column))
end

-- A mark, a name, and text that keeps its indent when it has several lines.
function Text:item(mark, name, note, seconds, paint)
  local column = 4 + NAME_WIDTH
  local time = seconds and seconds >= 0.0005 and "  " .. duration.show(seconds) or ""
  local lines = self:broken((note or ""):gsub("\n+$", ""), column)
  local columns = self.columns and self.columns()
  if columns and #lines[#lines] > 0 and column + plain.width(lines[#lines] .. time) > columns then
    lines[#lines + 1], time = self.style.dim(time:match "%S.*"), ""
  end
  if time ~= "" then time = self.style.dim(time) end
  local pad = lines[1] ~= "" and (" "):rep(math.max(1, NAME_WIDTH - plain.width(name))) or ""
  for i, line in ipairs(lines) do
    line = (paint and line ~= "" and paint(line) or line) .. (i == #lines and time or "")
    self:line(i == 1 and ("  %s %s%s%s"):format(mark, name, pad, line) or (" "):rep(column) .. line)
  end
end

-- A detail below an item.
function Text:below(note, paint)
  for i, line in ipairs(self:broken(note, 8)) do
    self:line((i == 1 and ("      %s "):format(self.marks.dot) or "        ") .. (paint and paint(line) or line))
  end
end

-- What the person should not overlook.
function Text:warn(note)
  for _, line in ipairs(self:broken(note, 4)) do self:line("    " .. self.style.yellow(line)) end
end

function Text:hint(hint)
  if not hint then return end
  for i, line in ipairs(self:broken(hint, 16)) do
    self:line(i == 1 and "    " .. self.style.dim "what to do: " .. line or (" "):rep(16) .. line)
  end
end

-- A phase's title; it waits for the phase's first line, for there may be none.
function Text:head()
  local title = self.title
  self.title = nil
  if self.groups then
    self:close_group()
    self.write(("::group::%s\n"):format(title))
    self.open_group = true
    return
  end
  self:line ""
  self:line(self.style.bold(title))
end

function Text:close_group()
  if self.open_group then self.write "::endgroup::\n" end
  self.open_group = false
end

local titles <const> = { gates = "Gates", steps = "Steps", criteria = "Criteria", watch = "Watch" }

local on = {}

on["run.started"] = function(self, event)
  local name = "dixis " .. event.dixis
  local rest = ("%s %s %s %s run %s"):format(self.marks.dot, event.runbook.title, event.runbook.version,
    self.marks.dot, event.run)
  for i, line in ipairs(self:broken(name .. " " .. rest, 0)) do
    self:line(i == 1 and self.style.bold(name) .. line:sub(#name + 1) or line)
  end
  if event.ephemeral then self:line(self.style.yellow("on a throw-away PostgreSQL that is gone at the end")) end
end
on["phase.started"] = function(self, event)
  self.title = titles[event.name] or event.name
end
on["gate.opened"] = function(self, event)
  self.asking = nil
  self:item(self.style.green(self.marks.ok), event.name, event.note, event.seconds > 0.5 and event.seconds or nil)
end
-- The title comes before what may take long.
local function show_title(self)
  if self.title then self:head() end
end
on["gate.started"] = show_title
on["step.started"] = show_title
on["confirm.asked"] = function(self, event)
  local lines = { event.about }
  if event.pending == 0 then
    lines[#lines + 1] = ("no migration is pending for %s on %s"):format(event.database, event.place)
  elseif event.pending then
    lines[#lines + 1] = ("%s with %s for %s on %s"):format(count(event.pending, "pending migration"),
      count(event.statements, "statement"), event.database, event.place)
  end
  if event.forecast then lines[#lines + 1] = "forecast: " .. event.forecast end
  if event.window then lines[#lines + 1] = "window: " .. event.window end
  if event.recovery then
    lines[#lines + 1] = ("the way back takes about %s%s"):format(duration.show(event.recovery.seconds),
      event.recovery.measured and ", as measured" or ", as declared")
  end
  if event.digest then lines[#lines + 1] = "plan " .. event.digest:sub(1, 16) end
  if #lines > 0 then self:item(self.style.yellow(self.marks.ask), event.name, table.concat(lines, "\n")) end
  self.asking = true
end
on["gate.skipped"] = function(self, event)
  self:item(self.style.dim(self.marks.skip), event.name, "skipped: " .. event.reason, nil, self.style.dim)
end
on["gate.refused"] = function(self, event)
  self.asking = nil
  self:item(self.style.red(self.marks.bad), event.name, event.error.message,
    event.seconds > 0.5 and event.seconds or nil)
  self:hint(event.error.hint)
end
on["plan.computed"] = function(self, event)
  local migrations = event.found and ("%s, %d applied, %d pending with %s"):format(count(event.found, "migration"),
    event.applied, event.pending, count(event.statements, "statement"))
  self:item(self.style.green(self.marks.ok), "plan", migrations or "no migration is touched")
  for _, special in ipairs(event.special or {}) do
    self:item(self.style.yellow(self.marks.warn), "", special.mode == "whole"
      and special.name .. ": newer syntax than the parser knows; sent as one script"
      or special.name .. ": cannot be one transaction; runs statement by statement")
  end
  self:item(" ", "", "digest " .. event.digest:sub(1, 16), nil, self.style.dim)
end
on["history.allowed"] = function(self, event)
  self:item(self.style.yellow(self.marks.warn), "allowed", ("%s %s"):format(event.name, event.message))
end
on["schema.compared"] = function(self, event)
  for _, line in ipairs(event.lines) do self:warn(line) end
end
on["evidence.overridden"] = function(self, event) self:warn(event.text) end
on["step.finished"] = function(self, event)
  self:item(self.style.green(self.marks.ok), event.name, event.summary, event.seconds)
end
on["step.skipped"] = on["gate.skipped"]
on["step.failed"] = function(self, event)
  self:item(self.style.red(self.marks.bad), event.name, event.error.message, event.seconds)
  if event.error.traceback and event.error.kind == "internal" then self:line(event.error.traceback) end
  self:hint(event.error.hint)
end
-- The statement that most of a slow migration went into, when there are several.
local function longest_of(event)
  if event.seconds < SLOW or not event.times or #event.times < 2 then return nil end
  local longest = event.times[1]
  for _, time in ipairs(event.times) do
    if time.seconds > longest.seconds then longest = time end
  end
  return longest.seconds > event.seconds / 2 and longest or nil
end

on["migration.applied"] = function(self, event)
  self.shown = (self.shown or 0) + 1
  if self.shown > 40 and not self.verbose then
    if self.shown == 41 then self:line "      ..." end
    return
  end
  self:line(("      %s %s%s"):format(self.marks.dot, event.name,
    self.style.dim("  " .. duration.show(event.seconds) .. (event.recovered and ", seen after reconnecting" or ""))))
  local longest = longest_of(event)
  if longest then
    self:line("        " .. self.style.dim(("most of it in line %d: %s, %s"):format(longest.line,
      duration.show(longest.seconds), count(longest.rows or 0, "row"))))
  end
end
on["statement.finished"] = function(self, event)
  self:below(("statement %d of %d of %s is done and recorded"):format(event.statement, event.of, event.migration),
    self.style.dim)
end
on["statement.found"] = function(self, event)
  self:below(("statement %d of %d of %s was done by an earlier run"):format(event.statement, event.of, event.migration),
    self.style.dim)
end
on["index.invalid"] = function(self, event)
  self:warn(("an earlier run left the invalid index %s: it is dropped and made anew"):format(event.index))
end
on["lock.waiting"] = function(self, event)
  self:warn(("%s waits for a lock of %s"):format(event.migration, table.concat(event.blockers, " and ")))
end
on["lock.holding"] = function(self, event)
  self:warn(("%s holds up %s"):format(event.migration, count(event.sessions, "other session")))
end
on["migration.retried"] = function(self, event)
  self:warn(("%s did not get its lock and was rolled back; attempt %d of %d in %s"):format(
    event.name, event.attempt + 1, event.of, duration.show(event.pause)))
end
on["scratch.started"] = function(self, event)
  self:below(("in the database %s on %s:%s, made for this run and dropped at its end"):format(event.database, event.host,
    event.port), self.style.dim)
end
on["scratch.dropped"] = function(self, event)
  self:below(("the database %s is dropped"):format(event.database), self.style.dim)
end
on["roles.made"] = function(self, event)
  self:below(("stand-ins for the roles %s: this server is thrown away"):format(table.concat(event.roles, ", ")), self.style.dim)
end
-- One report, at the end.
on["fault.found"] = function(self, event)
  self.faults = self.faults or {}
  table.insert(self.faults, event)
end
on["transaction.rolled_back"] = function(self)
  self:warn "the open transaction was rolled back"
end
on["audit.failed"] = function(self, event)
  self:warn("this run is not on record in the target: " .. event.error.message)
  self:hint(event.error.hint)
end
for name, handler in pairs(require "dixis.report.text_backup") do on[name] = handler end
for name, handler in pairs(require "dixis.report.text_window") do on[name] = handler end
on["criterion.skipped"] = on["gate.skipped"]
for name, handler in pairs(require "dixis.report.text_after") do on[name] = handler end
on["run.finished"] = ending.draw
on["log"] = function(self, event)
  self:below(event.text)
end
on["run.interrupted"] = function(self, event)
  self:warn(("%s: stopping; the server is told, and its answer waited for"):format(event.signal))
end
on["interrupted.again"] = function(self)
  self:warn "already stopping; nothing is lost by waiting"
end

--- The last lines: where the record is, and the way back.
---@param paths { [1]: string, [2]: string }[]  label, path
function Text:close(paths)
  ending.close(self, paths)
end

--- Takes one event.
---@param event dixis.Event
function Text:event(event)
  local handler = on[event.type]
  if handler then handler(self, plain.all(event)) end
end

return text
