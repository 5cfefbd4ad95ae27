-- The JUnit report: gates, steps and criteria as test cases, for CI servers that draw them.

local faults = require "dixis.report.faults"
local plain = require "dixis.report.plain"
local summary = require "dixis.report.summary"

local escapes <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\n"] = "&#10;" }

local function attribute(text)
  -- XML knows neither control characters nor U+FFFE and U+FFFF.
  return (plain.text(tostring(text or "")):gsub("\xEF\xBF[\xBE\xBF]", "?"):gsub('[&<>"\n]', escapes))
end

local bad <const> = { refused = true, failed = true, red = true }

return {
  ---@param path string  of the journal
  ---@return string
  render = function(path)
    local read = summary.read(path)
    local cases, failures, skipped = {}, 0, 0
    for _, item in ipairs(read.items) do
      local inner = ""
      if bad[item.result] then
        failures = failures + 1
        local message = item.error and item.error.message or item.note
        inner = ('<failure type="%s" message="%s"/>'):format(item.result, attribute(message))
      elseif item.result == "skipped" then
        skipped = skipped + 1
        inner = ('<skipped message="%s"/>'):format(attribute(item.note))
      end
      cases[#cases + 1] = ('    <testcase classname="%s" name="%s" time="%.3f">%s</testcase>'):format(
        item.kind, attribute(item.name), item.seconds or 0, inner)
    end
    -- What follows from a cause is told with it: mending the cause mends it too.
    for _, group in ipairs(faults.groups(read.faults)) do
      local fault = group.fault
      local inner = ""
      if fault.severity == "error" and fault.kind ~= "disagreement" then
        failures = failures + 1
        local lines = { fault.message, fault.fix }
        for _, consequence in ipairs(group.consequences) do
          lines[#lines + 1] = ("therefore %s: %s"):format(faults.place(consequence), consequence.message)
        end
        inner = ('<failure type="%s" message="%s"/>'):format(attribute(fault.rule), attribute(table.concat(lines, "\n")))
      end
      cases[#cases + 1] = ('    <testcase classname="fault" name="%s" time="0.000">%s</testcase>'):format(
        attribute(faults.place(fault) .. " " .. fault.rule), inner)
    end
    local started, finished = read.started or {}, read.finished or {}
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
      .. '  <testsuite name="%s" tests="%d" failures="%d" skipped="%d" errors="0" time="%.3f" timestamp="%s">\n%s\n'
      .. "  </testsuite>\n</testsuites>\n"):format(attribute(started.runbook and started.runbook.name), #cases,
      failures, skipped, finished.seconds or 0, attribute((started.at or ""):sub(1, 19)), table.concat(cases, "\n"))
  end,
}
