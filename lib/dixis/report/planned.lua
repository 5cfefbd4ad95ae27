-- The text of `dixis plan`.

local duration = require "dixis.duration"
local identity = require("dixis.lazy") "dixis.target.identity"
local people = require "dixis.people"
local locks = require "dixis.report.locks"
local plain = require "dixis.report.plain"
local refs = require "dixis.refs"
local words = require "dixis.words"

local planned = {}

local LISTED <const> = 50

local View = {}
View.__index = View

--- A line; what does not fit goes on below where it began.
---@param start string
---@param note? string
---@param paint? fun(text: string): string
function View:row(start, note, paint)
  local indent = plain.width(start)
  for i, line in ipairs(plain.lines(plain.text(note or ""), plain.room(self.columns, indent))) do
    self.write((i == 1 and start or (" "):rep(indent)) .. (paint and paint(line) or line) .. "\n")
  end
end

function View:title(title, rest)
  self:row ""
  self.write(self.style.bold(title) .. (rest or "") .. "\n")
end

local function options(view, running)
  view:title("Options", "  (--set NAME=VALUE)")
  local names = {}
  local width = 16
  for name in pairs(running.book.options) do
    names[#names + 1] = name
    width = math.max(width, #name)
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value, option = running.options[name], running.book.options[name]
    if type(value) == "number" and option.type == "duration" then value = duration.show(value) end
    local shown = value == nil and "not set" or plain.text(running.secrets:clean(tostring(value)))
    view:row(("  %s%s %-14s "):format(name, (" "):rep(width - #name), shown), option.help)
  end
end

local function touches(view, book)
  view:title "May touch"
  if book.target.env then view:row("  env    ", book.target.env .. " (the target)") end
  for _, what in ipairs { "env", "exec", "net", "read", "write" } do
    local names = {}
    for _, value in ipairs(book.uses[what] or {}) do
      if value ~= book.target.env then names[#names + 1] = tostring(value) end
    end
    if #names > 0 then view:row(("  %-6s "):format(what), table.concat(names, ", ")) end
  end
end

local function items(view, running, list)
  for i, item in ipairs(list) do
    local args = refs.resolve(item.args, function(source, name)
      local value = running:lookup(source, name)
      return value == nil and ("<%s %s>"):format(source, name) or value
    end)
    local reason = running:why_not(item)
    view:row(("  %2d  %-20s "):format(i, item.name), running.secrets:clean(item.definition.describe(args))
      .. (reason and ("  (skipped: %s)"):format(reason) or ""), reason and view.style.dim)
  end
end

local modes <const> = { transaction = "", whole = ", sent whole (newer syntax)" }

local function migrations(view, running, computed)
  view:title("Migrations", ("  %d in %s%s, %d pending"):format(computed.found, running:project().path,
    computed.applied and (", %d applied"):format(computed.applied) or "", #computed.pending))
  for i, migration in ipairs(computed.pending) do
    if i > LISTED then
      view:row("  ", ("... and %d more"):format(#computed.pending - LISTED))
      break
    end
    view:row("  ", ("%-56s  %s%s"):format(migration.name, words.count(migration.statements, "statement"),
      modes[migration.mode] or ", one by one (cannot be one transaction)"))
  end
  for _, problem in ipairs(computed.problems) do
    view:row(("  %s "):format(view.style.marks.bad), ("%s %s"):format(problem.name, problem.message), view.style.red)
    view:row("    what to do: ", problem.hint)
  end
end

-- What gates read of the target, and whether they would open.
local function evidence(view, book, read)
  view:title "Evidence"
  for _, gate in ipairs(book.gates) do
    local found = read[gate.name]
    if found then
      local closed = found.refusal or found.contradiction or (found.missing or 0) > 0
      view:row(("  %s "):format(closed and view.style.marks.bad or view.style.marks.ok),
        ("%s\n%s"):format(gate.name, table.concat(found.lines, "\n")), closed and view.style.red)
      if found.hint then view:row("    what to do: ", found.hint) end
    end
  end
end

local function explained(view, list)
  local style = view.style
  view:title("Explained", "  (run, measured and rolled back)")
  for _, migration in ipairs(list) do
    view:row("  ", ("%s  %s"):format(migration.name, migration.seconds and duration.show(migration.seconds) or ""))
    if migration.skipped then
      view:row("    ", "not run: " .. migration.skipped .. "; what comes after it was not run either")
    end
    if migration.problem then view:row("    ", "fails: " .. migration.problem, style.red) end
    for _, statement in ipairs(migration.statements) do
      local start = ("    line %-4d "):format(statement.line)
      for _, lock in ipairs(statement.locks) do
        view:row(start, locks.lock(lock))
      end
      for _, name in ipairs(statement.rewrites) do view:row(start, locks.rewrite(name), style.yellow) end
    end
  end
end

local function forecasted(view, lines)
  view:title "Forecast"
  for i, line in ipairs(lines) do view:row(i == 1 and "  " or "    ", line) end
end

local lists <const> = { { "gates", "Gates" }, { "steps", "Steps" }, { "criteria", "Criteria" } }

--- Draws a plan.
---@param running dixis.Run
---@param computed dixis.Plan
---@param no_target? string  why the target was not read
---@param out { write: fun(text: string), style: table, columns?: integer }
function planned.draw(running, computed, no_target, out)
  local view = setmetatable({ write = out.write, style = out.style, columns = out.columns }, View)
  local book = running.book
  out.write(("%s %s %s %s %s\n"):format(out.style.bold "plan of", book.title, book.version, out.style.marks.dot,
    book.built_in and "built in" or book.path))
  view:row("target    ", no_target and ("not read: " .. no_target) or identity.describe(running.identity))
  options(view, running)
  touches(view, book)
  for _, list in ipairs(lists) do
    view:title(list[2])
    items(view, running, book[list[1]])
  end
  if #book.notices > 0 then
    view:title "Notices"
    items(view, running, book.notices)
  end
  if book.people then
    view:title "People"
    for _, line in ipairs(people.lines(book.people)) do
      view:row("  ", line, line:find(people.BLANK, 1, true) and view.style.red)
    end
  end
  if computed.found then migrations(view, running, computed) end
  if computed.forecast then forecasted(view, computed.forecast.lines) end
  if computed.evidence then evidence(view, book, computed.evidence) end
  if computed.explained then explained(view, computed.explained) end
  view:row ""
  view:row("digest    ", computed.digest or "none: it names the target too, which was not read")
end

return planned
