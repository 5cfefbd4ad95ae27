-- Lint's report as one JSON object.

local json = require "dixis.json"

local report_json = {}

local fields <const> = { "rule", "severity", "migration", "file", "line", "column", "statement_index", "statement", "message",
  "fix", "fix_sql", "fix_file", "fix_edit", "object" }

---@param result dixis.lint.Result
---@param options { folder: string, facts?: dixis.lint.Facts }
---@return string
function report_json.render(result, options)
  local findings = {}
  for i, finding in ipairs(result.findings) do
    local shown = { cause = finding.cause and finding.cause - 1 } -- as programs count: from 0
    for _, name in ipairs(fields) do shown[name] = finding[name] end
    findings[i] = shown
  end
  return json.canonical {
    dixis = require "dixis.version", folder = options.folder, migrations = result.migrations,
    statements = result.statements, unknown = result.unknown, counts = result.counts,
    target = options.facts and { database = options.facts.database, major = options.facts.server_major },
    findings = #findings > 0 and findings or json.empty_list,
  } .. "\n"
end

return report_json
