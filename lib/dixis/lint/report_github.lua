-- Lint's report as annotations of GitHub Actions.

local report = require "dixis.lint.report"
local words = require "dixis.words"

local report_github = {}

local commands <const> = { error = "error", warning = "warning", note = "notice" }
local data_escapes <const> = { ["%"] = "%25", ["\r"] = "%0D", ["\n"] = "%0A" }
local property_escapes <const> = { ["%"] = "%25", ["\r"] = "%0D", ["\n"] = "%0A", [":"] = "%3A", [","] = "%2C" }

local function data(text) return (text:gsub("[%%\r\n]", data_escapes)) end
local function property(text) return (text:gsub("[%%\r\n:,]", property_escapes)) end

---@param result dixis.lint.Result
---@param options { path_of: fun(file: string): string, folder: string }
---@return string
function report_github.render(result, options)
  local lines = {}
  for i, finding in ipairs(result.findings) do
    local text = finding.message
    if finding.cause then
      local cause = result.findings[finding.cause]
      text = ("%s\nThis follows from %s:%d: %s"):format(text, options.path_of(cause.file), cause.line or 1, cause.message)
    end
    local repair = report.repair(finding)
    if repair then text = text .. "\n" .. repair end
    lines[i] = ("::%s file=%s,line=%d,col=%d,title=%s::%s"):format(commands[finding.severity],
      property(options.path_of(finding.file)), finding.line or 1, finding.column or 1,
      property("dixis " .. finding.rule), data(text))
  end
  lines[#lines + 1] = ("%s in %s of %s"):format(report.summary(result.counts), words.count(result.migrations, "migration"),
    options.folder)
  return table.concat(lines, "\n") .. "\n"
end

return report_github
