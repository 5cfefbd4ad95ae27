-- The faults of a clinic as text: each cause with what is known of it, what to do, and what follows from it.

local lint_report = require "dixis.lint.report"
local plain = require "dixis.report.plain"
local words = require "dixis.words"

local faults = {}

local found_by <const> = { static = "by lint", real = "by the server", both = "by lint and the server" }
local titles <const> = { gap = "not judged, this server lacks something", disagreement = "lint and the server disagree" }

---@class dixis.FaultGroup
---@field fault table  an event fault.found
---@field consequences table[]

--- Events in the order of the record, by their cause.
---@param events table[]
---@return dixis.FaultGroup[]
function faults.groups(events)
  local groups, of = {}, {}
  for _, event in ipairs(events) do
    if event.cause then
      table.insert(of[event.cause].consequences, event)
    else
      of[event.id] = { fault = event, consequences = {} }
      groups[#groups + 1] = of[event.id]
    end
  end
  return groups
end

--- "migrations/x/migration.sql:3:1"; what has no file is named by its object.
---@param fault table
---@return string
function faults.place(fault)
  if not fault.file then return fault.object or fault.migration or "" end
  return ("%s:%d%s"):format(fault.file, fault.line or 1, fault.column and (":%d"):format(fault.column) or "")
end

--- "missing-table, found by lint and the server".
---@param fault table
---@return string
function faults.label(fault)
  return ("%s, %s"):format(titles[fault.kind] or fault.rule, "found " .. found_by[fault.found])
end

-- What the server said, where that is not the message itself, and who made what differs.
local function evidence(fault)
  local lines = {}
  if fault.server and fault.server ~= fault.message then
    lines[1] = ("the server: %s%s"):format(fault.server, fault.sqlstate and (" (SQLSTATE %s)"):format(fault.sqlstate) or "")
  elseif fault.sqlstate then
    lines[1] = "SQLSTATE " .. fault.sqlstate
  end
  if fault.made_by then lines[#lines + 1] = "made by " .. fault.made_by end
  return lines
end

local function paragraphs(view, indent, text, paint)
  for _, line in ipairs(view:broken(text, #indent)) do view:line(indent .. (paint and paint(line) or line)) end
end

-- Where it is, and what kind of fault; that goes below when it does not fit.
local function head(view, mark, fault)
  local place <const>, dim <const> = faults.place(fault), view.style.dim
  for i, line in ipairs(view:broken(("%s  [%s]"):format(place, faults.label(fault)), 4)) do
    view:line(i == 1 and ("  %s %s"):format(mark, line:sub(1, #place) .. dim(line:sub(#place + 1))) or "    " .. dim(line))
  end
end

local function draw(view, group)
  local fault, style = group.fault, view.style
  local bad = fault.kind == "cause" and fault.severity == "error"
  local mark = bad and style.red(view.marks.bad) or style.yellow(view.marks.warn)
  head(view, mark, fault)
  paragraphs(view, "    ", fault.message, bad and style.red or style.yellow)
  if fault.statement then paragraphs(view, "      ", fault.statement, style.dim) end
  for _, known in ipairs(evidence(fault)) do paragraphs(view, "      ", known, style.dim) end
  view:hint(fault.fix)
  if fault.fix_sql then
    local where = lint_report.place_of_fix(fault)
    if where then view:line("      " .. where) end
    for line in (fault.fix_sql .. "\n"):gmatch "(.-)\n" do view:line("        " .. line) end
  end
  if #group.consequences > 0 then
    view:line(("    and therefore, %s:"):format(words.count(#group.consequences, "consequence")))
    for _, consequence in ipairs(group.consequences) do
      view:line(("      %s %s"):format(view.marks.dot, faults.place(consequence)))
      paragraphs(view, "          ", consequence.message, style.dim)
    end
  end
end

--- Draws all of them.
---@param view table  of report/text.lua
---@param events table[]
function faults.draw(view, events)
  if #events == 0 then return end
  view:line ""
  view:line(view.style.bold "Faults")
  for i, group in ipairs(faults.groups(events)) do
    if i > 1 then view:line "" end
    draw(view, group)
  end
end

local escapes <const> = { ["`"] = "'", ["<"] = "&lt;", [">"] = "&gt;" }

local function inline(text)
  return (plain.text(tostring(text or "")):gsub("\n+", " "):gsub("[`<>]", escapes))
end

--- The same in Markdown.
---@param events table[]
---@param out string[]
function faults.markdown(events, out)
  if #events == 0 then return end
  out[#out + 1] = "\n## Faults\n"
  for i, group in ipairs(faults.groups(events)) do
    local fault = group.fault
    out[#out + 1] = ("%d. `%s`: **%s** (%s)"):format(i, inline(faults.place(fault)), inline(fault.message), faults.label(fault))
    if fault.statement then out[#out + 1] = ("   - `%s`"):format(inline(fault.statement)) end
    for _, known in ipairs(evidence(fault)) do out[#out + 1] = "   - " .. inline(known) end
    if fault.fix then out[#out + 1] = "   - what to do: " .. inline(fault.fix) end
    if fault.fix_sql then
      local indented = plain.text(fault.fix_sql):gsub("\n", "\n     ")
      local where = lint_report.place_of_fix(fault)
      if where then out[#out + 1] = "     " .. inline(where) end
      out[#out + 1] = ("     ```sql\n     %s\n     ```"):format(indented)
    end
    for _, consequence in ipairs(group.consequences) do
      out[#out + 1] = ("   - therefore `%s`: %s"):format(inline(faults.place(consequence)), inline(consequence.message))
    end
  end
end

return faults
