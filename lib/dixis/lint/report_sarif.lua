-- Lint's report as SARIF 2.1.0, for code scanning services.

local digest = require "host.digest"
local json = require "dixis.json"
local near = require "dixis.near"
local report = require "dixis.lint.report"
local rules = require "dixis.lint.rules"

local report_sarif = {}

-- Where the package puts the pages; an address must be absolute here.
local DOCS <const> = "file:///usr/share/doc/dixis/lint.md#"
local SCHEMA <const> = "https://json.schemastore.org/sarif-2.1.0.json"

local function uri(path)
  return (path:gsub("^%./", ""):gsub("[^%w%-._~/]", function(char) return ("%%%02X"):format(char:byte()) end))
end

local function location(finding, options, message)
  return {
    physicalLocation = {
      artifactLocation = { uri = uri(options.path_of(finding.file)), uriBaseId = "%SRCROOT%" },
      region = { startLine = finding.line or 1, startColumn = finding.column or 1 },
    },
    message = message and { text = message } or nil,
  }
end

-- Stays the same when lines move: a service then knows the finding again.
local function fingerprint(finding)
  return digest.sha256(table.concat({ finding.rule, finding.migration or finding.file, finding.object or "",
    finding.statement or finding.message }, "\0"))
end

local function result_of(finding, at, findings, options)
  local text = finding.message
  local repair = report.repair(finding)
  if repair then text = text .. "\n" .. repair end
  local cause = finding.cause and findings[finding.cause]
  return {
    ruleId = finding.rule, ruleIndex = at[finding.rule], level = finding.severity, message = { text = text },
    locations = { location(finding, options) },
    relatedLocations = cause and { location(cause, options, "follows from this: " .. cause.message) } or nil,
    partialFingerprints = { ["dixis/v1"] = fingerprint(finding) },
  }
end

---@param result dixis.lint.Result
---@param options { path_of: fun(file: string): string }
---@return string
function report_sarif.render(result, options)
  local names, described, at = near.keys(rules.all), {}, {}
  for i, name in ipairs(names) do
    local rule = rules.all[name]
    at[name] = i - 1
    described[i] = {
      id = name, shortDescription = { text = rule.title }, helpUri = DOCS .. name,
      help = { text = ("See docs/lint.md, %s."):format(name) },
      defaultConfiguration = { enabled = not rule.off, level = rule.severity },
      properties = { tags = { rule.group } },
    }
  end
  local results = {}
  for i, finding in ipairs(result.findings) do results[i] = result_of(finding, at, result.findings, options) end
  return json.canonical {
    ["$schema"] = SCHEMA, version = "2.1.0",
    runs = { {
      tool = { driver = { name = "dixis", semanticVersion = require "dixis.version", rules = described } },
      columnKind = "unicodeCodePoints", results = #results > 0 and results or json.empty_list,
    } },
  } .. "\n"
end

return report_sarif
