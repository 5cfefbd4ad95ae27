-- From what lint says, what failed and what differs to one list of faults: causes, what follows from them, and where
-- lint and the server do not agree. Computes, and touches nothing.

local differences = require "dixis.clinic.differences"
local environment = require "dixis.clinic.environment"
local names = require "dixis.clinic.names"
local rules = require "dixis.lint.rules"

local diagnose = {}

---@class dixis.clinic.Fault
---@field kind "cause"|"consequence"|"gap"|"disagreement"
---@field severity "error"|"warning"|"note"
---@field found "static"|"real"|"both"  by lint, by the server, by both
---@field rule string
---@field message string
---@field migration? string
---@field file? string
---@field line? integer
---@field column? integer
---@field statement_index? integer
---@field statement? string
---@field fix? string
---@field fix_sql? string
---@field fix_file? string
---@field fix_edit? "before"|"instead"|"end"
---@field object? string
---@field made_by? string   of a difference from the schema file: where the object or its table was made
---@field server? string    what the server said
---@field sqlstate? string
---@field cause? dixis.clinic.Fault

local Diagnosis = {}
Diagnosis.__index = Diagnosis

-- That the statement will fail; what severity a project gives to the rule does not matter.
local function foretells(finding)
  local rule = rules.all[finding.rule]
  return finding.statement_index ~= nil and rule.severity == "error" and rule.group ~= "schema"
end

local function key(migration, index)
  return migration .. "\0" .. index
end

function Diagnosis:add(fault)
  self.faults[#self.faults + 1] = fault
  return fault
end

local copied <const> = { "rule", "severity", "message", "migration", "file", "line", "column", "statement_index",
  "statement", "fix", "fix_sql", "fix_file", "fix_edit", "object" }

---@param finding dixis.lint.Finding
---@param found "static"|"both"
---@return dixis.clinic.Fault
function Diagnosis:add_finding(finding, found)
  local fault = { kind = "cause", found = found }
  for _, name in ipairs(copied) do fault[name] = finding[name] end
  return self:add(fault)
end

local REPORT_IT <const> = "this is a fault of dixis: report it"

--- Lint says something that is not so.
---@param finding dixis.lint.Finding
---@param what string
function Diagnosis:disagree(finding, what)
  local fault = self:add_finding(finding, "static")
  fault.kind, fault.severity = "disagreement", "warning"
  fault.message = ("%s (%s): %s"):format(what, finding.rule, finding.message)
  fault.rule, fault.fix, fault.fix_sql, fault.fix_file, fault.fix_edit = "disagreement", REPORT_IT, nil, nil, nil
end

local function of_failure(failure, kind, rule)
  return { kind = kind, severity = "error", found = "real", rule = rule, message = failure.message, migration = failure.migration,
    file = failure.file, line = failure.line, column = failure.column, statement_index = failure.index,
    statement = failure.statement, fix = failure.hint, server = failure.message, sqlstate = failure.sqlstate }
end

-- ---- What failed -------------------------------------------------------------------------------

-- A failure that lint did not explain: of the environment, of an earlier failure, or of its own.
function Diagnosis:unexplained(failure)
  local gap = environment.gap(failure, self.superuser)
  if gap then
    local fault = self:add(of_failure(failure, "gap", "environment"))
    fault.message, fault.fix = gap.message, gap.fix
    self.extension_gap = self.extension_gap or (failure.node == "CreateExtensionStmt" and fault) or nil
    return fault
  end
  local missing = names.missing(failure.sqlstate, failure.message)
  local fault = self:add(of_failure(failure, "cause", "failed-statement"))
  if not missing then return fault end
  for _, name in ipairs(missing) do
    local cause = self.unmade[name]
    if cause then
      fault.cause = cause
      return fault
    end
  end
  if self.extension_gap and failure.sqlstate ~= "42P01" and failure.sqlstate ~= "42703" then
    fault.cause = self.extension_gap
    return fault
  end
  -- Nobody makes it: the first to miss it stands for all.
  local what = table.concat(missing, "\0")
  fault.cause, self.missed[what] = self.missed[what], self.missed[what] or fault
  return fault
end

-- What a failed statement did not make, others will miss.
function Diagnosis:note_unmade(failure, fault)
  if not failure.tree then return end
  for _, name in ipairs(names.made(failure.node, failure.tree)) do
    self.unmade[name] = self.unmade[name] or fault.cause or fault
  end
end

-- Before the statement, something was done that no parser sees; or lint may have said it, and the project wants it silent.
local function could_not_know(self, failure)
  local model = self.linted.model
  if model.opaque or self.linted.counts.excepted > 0 then return true end -- opaque: an extension's objects are not known
  local at = self.place[failure.migration]
  for _, finding in ipairs(self.linted.findings) do
    if finding.rule == "cannot-know" then
      local there = self.place[finding.migration] or 0
      if there < at or there == at and (finding.statement_index or 0) <= (failure.index or math.maxinteger) then return true end
    end
  end
  return false
end

-- What a statement that failed unforeseen is about: lint goes on as if it had succeeded.
local function note_upset(self, failure)
  for text in (failure.tree or ""):gmatch ':"([^"]*)"' do self.upset[text] = true end
end

local function is_upset(self, finding)
  for part in (finding.object or ""):gmatch "[^.]+" do
    if part ~= "public" and self.upset[part] then return true end
  end
  return false
end

-- A constraint broken by rows, a division by zero: what no look at statements can tell.
local function is_of_data(failure)
  local class = (failure.sqlstate or "42"):sub(1, 2)
  return class ~= "42" and class ~= "3F" and class ~= "2B"
end

-- What a deferred constraint may put off until the COMMIT, where no statement is to blame.
local put_off <const> = { ["duplicate-row"] = true, ["missing-row"] = true }

function Diagnosis:foretold_of(failure)
  if failure.index then return self.foretold[key(failure.migration, failure.index)] end
  for _, finding in ipairs(self.linted.findings) do
    if finding.migration == failure.migration and put_off[finding.rule] then return finding end
  end
end

function Diagnosis:failures(failures)
  for _, failure in ipairs(failures) do
    local found = self:foretold_of(failure)
    local fault
    if found then
      fault = self:add_finding(found, "both")
      fault.severity = "error" -- a project may think less of the rule; the server did refuse the statement
      fault.server, fault.sqlstate = failure.message, failure.sqlstate
      fault.statement = fault.statement or failure.statement
      self.of[found] = fault
    else
      fault = self:unexplained(failure)
      note_upset(self, failure)
      if fault.kind == "cause" and not fault.cause and failure.index and not is_of_data(failure)
        and not could_not_know(self, failure) then
        self.missed_by_lint[#self.missed_by_lint + 1] = fault
      end
    end
    self:note_unmade(failure, fault)
  end
end

-- ---- What lint says ----------------------------------------------------------------------------

-- Lint's cause of a fault, which may be one that shows itself nowhere else.
function Diagnosis:causes()
  for finding, fault in pairs(self.of) do
    local cause = finding.cause and self.linted.findings[finding.cause]
    fault.cause = fault.cause or cause and self.of[cause]
  end
end

-- Errors that did not come true, and all else that lint has to say but hazards, notes, and what it cannot know: here the
-- server knew.
function Diagnosis:rest_of_lint(seen)
  for _, finding in ipairs(self.linted.findings) do
    local rule = rules.all[finding.rule]
    local is_hazard = rule.group == "hazard" and rule.severity ~= "error"
    local told <const> = finding.severity ~= "note" and finding.rule ~= "cannot-know" and not is_hazard
    if told and not self.of[finding] and rule.group ~= "schema" then
      local ran = seen[finding.migration]
      local succeeded = ran == true or ran and ran[finding.statement_index]
      local untrue = finding.severity == "error" and foretells(finding) and succeeded
      if untrue and not is_upset(self, finding) then
        self:disagree(finding, "lint says that this fails, and it does not")
      elseif not untrue then
        self.of[finding] = self:add_finding(finding, "static")
      end
    end
  end
end

function Diagnosis:disagreements()
  for _, fault in ipairs(self.missed_by_lint) do
    self:add { kind = "disagreement", severity = "warning", found = "real", rule = "disagreement", migration = fault.migration,
      file = fault.file, line = fault.line, column = fault.column, statement_index = fault.statement_index,
      object = fault.object, message = "lint did not foretell this: " .. fault.message, fix = REPORT_IT }
  end
end

-- ---- All ---------------------------------------------------------------------------------------

function Diagnosis:sorted()
  local faults, place = self.faults, self.place
  local groups, of = {}, {}
  for _, fault in ipairs(faults) do
    -- A cause of a cause is the cause.
    for _ = 1, #faults do
      if not (fault.cause and fault.cause.cause) then break end
      fault.cause = fault.cause.cause
    end
    if fault.cause then fault.kind = "consequence" end
    if not fault.cause then
      of[fault] = { fault }
      groups[#groups + 1] = of[fault]
    end
  end
  for _, fault in ipairs(faults) do
    if fault.cause then table.insert(of[fault.cause], fault) end
  end
  local rank <const> = { gap = 2, cause = 1, disagreement = 3 }
  local severity <const> = { error = 0, warning = 4, note = 5 }
  for i, group in ipairs(groups) do
    local first = group[1]
    group.rank, group.line, group.at = (first.kind == "cause" and severity[first.severity] or 0) + rank[first.kind],
      first.line or 0, i
    -- What the schema file or the folder is about comes after the history.
    group.place = place[first.migration] or math.maxinteger
  end
  table.sort(groups, function(a, b)
    for _, by in ipairs { "rank", "place", "line" } do
      if a[by] ~= b[by] then return a[by] < b[by] end
    end
    return a.at < b.at
  end)
  local out = {}
  for _, group in ipairs(groups) do table.move(group, 1, #group, #out + 1, out) end
  return out
end

---@class dixis.clinic.Evidence
---@field linted dixis.lint.Result
---@field examined dixis.clinic.Examined
---@field differences table[]  of the schema file and the result
---@field problems? table[]    of the history
---@field migrations dixis.Migration[]  in their order
---@field superuser? boolean    the role that applied them is one

--- The faults, each cause with its consequences right after it.
---@param evidence dixis.clinic.Evidence
---@return dixis.clinic.Fault[]
function diagnose.faults(evidence)
  local self = setmetatable({ linted = evidence.linted, faults = {}, of = {}, foretold = {}, unmade = {}, missed = {},
    missed_by_lint = {}, upset = {}, place = {},
    failed = #evidence.examined.failures > 0, superuser = evidence.superuser }, Diagnosis)
  for i, migration in ipairs(evidence.migrations) do self.place[migration.name] = i end
  for _, finding in ipairs(evidence.linted.findings) do
    if foretells(finding) then
      local at = key(finding.migration, finding.statement_index)
      self.foretold[at] = self.foretold[at] or finding
    end
  end
  for _, problem in ipairs(evidence.problems or {}) do
    self:add { kind = "cause", severity = "error", found = "real", rule = "history-" .. problem.kind:gsub("_", "-"),
      migration = problem.name, message = ("%s %s"):format(problem.name, problem.message), fix = problem.hint }
  end
  self:failures(evidence.examined.failures)
  self:rest_of_lint(evidence.examined.seen)
  differences.add(self, evidence.differences)
  self:causes()
  for _, refused in ipairs(evidence.examined.refused) do
    self:add { kind = "cause", severity = "warning", found = "real", rule = "refused-by-deploy",
      migration = refused.migration, file = refused.file, line = refused.line,
      message = ("a deploy by dixis refuses this: it %s"):format(refused.message), fix = refused.hint }
  end
  self:disagreements()
  return self:sorted()
end

return diagnose
