-- Lint's report for people.

local plain = require "dixis.report.plain"
local report = require "dixis.lint.report"
local words = require "dixis.words"

local report_text = {}

local colours <const> = { error = "red", warning = "yellow", note = "dim" }

local function place(finding)
  return ("%s:%d:%d"):format(finding.file, finding.line or 1, finding.column or 1)
end

-- What is written of a finding; the rest may be as large as the model.
local function printable(finding)
  local copy <const> = {}
  for name, value in pairs(finding) do copy[name] = type(value) == "string" and plain.text(value) or value end
  return copy
end

local View = {}
View.__index = View

-- Lines below a finding; SQL is kept as it is, so that it can be copied.
function View:below(indent, text, as_is)
  for _, line in ipairs(plain.lines(text, not as_is and plain.room(self.columns, #indent) or nil)) do
    self.write(indent .. line .. "\n")
  end
end

function View:finding(indent, finding)
  local paint = self.style[colours[finding.severity]]
  local text = ("%s: %s %s %s"):format(place(finding), paint(finding.severity .. ":"), plain.text(finding.message),
    self.style.dim("[" .. finding.rule .. "]"))
  local more = indent .. "    "
  for i, line in ipairs(plain.lines(text, plain.room(self.columns, #more))) do
    self.write((i == 1 and indent or more) .. line .. "\n")
  end
end

function View:group(group)
  local finding = printable(group.finding)
  self:finding("", finding)
  if finding.statement then self:below("    ", self.style.dim(finding.statement), true) end
  if finding.fix then self:below("    ", self.style.bold "what to do: " .. finding.fix) end
  if finding.fix_sql then
    local where = report.place_of_fix(finding)
    if where then self:below("    ", where) end
    self:below("        ", finding.fix_sql, true)
  end
  if #group.consequences > 0 then
    self:below("    ", ("and therefore, %s:"):format(words.count(#group.consequences, "consequence")))
    for _, consequence in ipairs(group.consequences) do self:finding("      ", printable(consequence)) end
  end
  self.write "\n"
end

---@param result dixis.lint.Result
---@param options { write: fun(text: string), style: table, columns?: integer, folder: string, facts?: dixis.lint.Facts }
function report_text.draw(result, options)
  local view = setmetatable(options, View)
  for _, group in ipairs(report.groups(result.findings)) do view:group(group) end
  local counts, style = result.counts, options.style
  if counts.excepted > 0 then
    options.write(("%s left out, as the project says\n"):format(words.count(counts.excepted, "finding")))
  end
  if counts.applied > 0 then
    options.write(("%s left out of migrations that %s already has\n"):format(words.count(counts.applied, "hazard"),
      options.facts.database))
  end
  local bad = counts.error > 0 or counts.consequence > 0
  local paint = bad and style.red or style.green
  view:below("", paint(("%s %s"):format(bad and style.marks.bad or style.marks.ok, report.summary(counts)))
    .. (" in %s with %s of %s"):format(words.count(result.migrations, "migration"),
      words.count(result.statements, "statement"), options.folder))
end

return report_text
