-- What the forms of lint's report share: causes with what follows from them, and words for counts.

local words = require "dixis.words"

local report = {}

---@class dixis.lint.Group
---@field finding dixis.lint.Finding
---@field consequences dixis.lint.Finding[]

local order <const> = { error = 1, warning = 2, note = 3 }

--- Findings by their cause: errors first, each in the order of the history.
---@param findings dixis.lint.Finding[]
---@return dixis.lint.Group[]
function report.groups(findings)
  local groups <const>, of <const> = {}, {}
  for i, finding in ipairs(findings) do
    if not finding.cause then
      of[i] = { finding = finding, consequences = {}, at = i }
      groups[#groups + 1] = of[i]
    end
  end
  for _, finding in ipairs(findings) do
    local group = finding.cause and of[finding.cause]
    if group then table.insert(group.consequences, finding) end
  end
  table.sort(groups, function(a, b)
    local left, right = order[a.finding.severity], order[b.finding.severity]
    if left ~= right then return left < right end
    return a.at < b.at
  end)
  return groups
end

local edits <const> = { ["end"] = "at the end of %s:", before = "before this statement:", instead = "instead of this statement:" }

--- Where the SQL of a repair belongs.
---@param finding { fix_file?: string, fix_edit?: string }
---@return string?
function report.place_of_fix(finding)
  if not finding.fix_file then return nil end
  return (edits[finding.fix_edit] or "in %s:"):format(finding.fix_file)
end

--- What to do, with its SQL, as one text.
---@param finding dixis.lint.Finding
---@return string?
function report.repair(finding)
  if not finding.fix then return nil end
  local lines = { "What to do: " .. finding.fix }
  if finding.fix_sql then
    lines[#lines + 1] = report.place_of_fix(finding)
    lines[#lines + 1] = finding.fix_sql
  end
  return table.concat(lines, "\n")
end

--- "2 errors with 11 consequences, 3 warnings, 1 note"; "no fault" when there is none.
---@param counts table<string, integer>
---@return string
function report.summary(counts)
  local parts <const> = {}
  if counts.error > 0 or counts.consequence > 0 then
    parts[1] = words.count(counts.error, "error")
    if counts.consequence > 0 then parts[1] = parts[1] .. " with " .. words.count(counts.consequence, "consequence") end
  end
  for _, severity in ipairs { "warning", "note" } do
    if counts[severity] > 0 then parts[#parts + 1] = words.count(counts[severity], severity) end
  end
  return #parts > 0 and table.concat(parts, ", ") or "no fault"
end

return report
