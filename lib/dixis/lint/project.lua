-- All that lint says about a project: its folder, its statements, its schema file, less what the project excepts.

local config = require "dixis.lint.config"
local lint = require "dixis.lint"
local lint_folder = require "dixis.lint.folder"
local rules = require "dixis.lint.rules"
local suppress = require "dixis.lint.suppress"

local lint_project = {}

---@class dixis.lint.Options
---@field folder dixis.Folder
---@field schema? string            the Prisma schema, file or folder
---@field entries dixis.lint.ConfigEntry[]
---@field facts? dixis.lint.Facts   of the database that the migrations are for
---@field base? table               what is there before the first migration
---@field path? string[]          search_path of the target
---@field pause? fun()             called now and then, to let others work
---@field pending? dixis.Migration[]  judge these alone, on `base`

---@class dixis.lint.Result
---@field findings dixis.lint.Finding[]  what the project excepts is left out
---@field counts table<string, integer>  "error", "warning", "note", "consequence", "excepted", "applied"
---@field migrations integer
---@field statements integer
---@field unknown boolean  something may have happened that no parser sees
---@field model table
---@field expected? dixis.Catalog  of the schema file
---@field schema_problem? dixis.Error

-- Collects what files except, by migration; what is wrong with the exceptions themselves goes into `findings`.
local function collect_suppressions(by_name, findings)
  return function(migration, text)
    local found = suppress.read(text, function(rule, line, message, fix)
      findings[#findings + 1] = { rule = rule, severity = rules.all[rule].severity, migration = migration.name,
        file = migration.file, line = line, column = 1, message = message, fix = fix }
    end)
    if #found > 0 then by_name[migration.name] = found end
  end
end

-- finding -> true: a comment in its file switches it off.
local function suppressed(findings, suppressions)
  local hit <const> = {}
  for _, finding in ipairs(findings) do
    for _, entry in ipairs(suppressions[finding.migration] or {}) do
      if entry.rule == finding.rule then
        entry.used, hit[finding] = true, true
      end
    end
  end
  return hit
end

local function report_unused(migrations, suppressions, findings)
  for _, migration in ipairs(migrations) do
    for _, entry in ipairs(suppressions[migration.name] or {}) do
      if not entry.used then
        findings[#findings + 1] = { rule = "unused-suppression", severity = rules.all["unused-suppression"].severity,
          migration = migration.name, file = migration.file, line = entry.line, column = 1,
          message = ("%s is switched off here, and would say nothing"):format(entry.rule), fix = "remove the comment" }
      end
    end
  end
end

-- Hazards are past where the target already has the migration.
local function is_past(finding, facts)
  return facts and facts.applied[finding.migration] and rules.all[finding.rule].group == "hazard"
end

local rank <const> = { note = 1, warning = 2, error = 3 }

-- What follows from something that is excepted is excepted with it, and is no worse than it.
local function keep(findings, options, switched_off, counts)
  local kept <const>, index <const>, gone <const> = {}, {}, {}
  for i, finding in ipairs(findings) do
    local said = config.severity(options.entries, finding)
    finding.severity = said or finding.severity
    if not said and rules.all[finding.rule].off then
      gone[i] = true -- asked for, but not here: nobody excepted it
    elseif switched_off[finding] or finding.severity == "off" then
      counts.excepted, gone[i] = counts.excepted + 1, true
    elseif is_past(finding, options.facts) then
      counts.applied, gone[i] = counts.applied + 1, true
    end
  end
  for i, finding in ipairs(findings) do
    if finding.cause and gone[finding.cause] and not gone[i] then
      counts.excepted, gone[i] = counts.excepted + 1, true
    end
    if not gone[i] then
      kept[#kept + 1] = finding
      index[i] = #kept
    end
  end
  for _, finding in ipairs(kept) do
    finding.cause = finding.cause and index[finding.cause]
    local cause = kept[finding.cause]
    if cause and rank[cause.severity] < rank[finding.severity] then finding.severity = cause.severity end
  end
  return kept
end

-- What the project gives a severity speaks, though it is off by itself.
local function enabled(entries)
  local set <const> = {}
  for _, entry in ipairs(entries) do
    if entry.rule and entry.severity ~= "off" then set[entry.rule] = true end
  end
  return set
end

---@param options dixis.lint.Options
---@return dixis.lint.Result
function lint_project.check(options)
  local facts <const> = options.facts
  local migrations <const> = options.pending or options.folder.migrations
  local suppressions <const>, of_files <const> = {}, {}
  local checked <const> = lint.check {
    on_script = collect_suppressions(suppressions, of_files),
    migrations = migrations, schema = options.schema, base = options.base, path = options.path, pause = options.pause,
    sizes = facts and facts.sizes,
    server_major = facts and facts.server_major, roles = facts and facts.roles, extensions = facts and facts.extensions,
    enable = enabled(options.entries),
  }
  local findings <const>, counts <const> = checked.findings,
    { error = 0, warning = 0, note = 0, consequence = 0, excepted = 0, applied = 0 }
  local of_folder <const> = lint_folder.check(options.folder, checked.counts)
  table.move(of_folder, 1, #of_folder, #findings + 1, findings)
  table.move(of_files, 1, #of_files, #findings + 1, findings)
  local switched_off <const> = suppressed(findings, suppressions)
  report_unused(migrations, suppressions, findings)
  local kept <const> = keep(findings, options, switched_off, counts)
  for _, finding in ipairs(kept) do
    local kind = finding.cause and "consequence" or finding.severity
    counts[kind] = counts[kind] + 1
  end
  return { findings = kept, counts = counts, migrations = checked.migrations, statements = checked.statements,
    unknown = checked.unknown, model = checked.model, expected = checked.expected,
    schema_problem = checked.schema_problem }
end

--- What the project says in its config file, with the command line's word after it.
---@param migrations string
---@param file? string
---@param overrides? dixis.lint.ConfigEntry[]
---@return dixis.lint.ConfigEntry[]
function lint_project.entries(migrations, file, overrides)
  file = file or config.find(migrations)
  local entries = file and config.read(file) or {}
  return table.move(overrides or {}, 1, #(overrides or {}), #entries + 1, entries)
end

return lint_project
