-- The Markdown report: for a pull request or a workflow's summary.

local duration = require "dixis.duration"
local folder = require "dixis.lazy" "dixis.backup.folder"
local forecast = require "dixis.lazy" "dixis.forecast"
local locks = require "dixis.report.locks"
local plain = require "dixis.report.plain"
local summary = require "dixis.report.summary"
local words = require "dixis.words"

local escapes <const> = { ["|"] = "\\|", ["`"] = "'", ["<"] = "&lt;", [">"] = "&gt;" }

-- Text of a run inside a table cell.
local function cell(text)
  return (plain.text(tostring(text or "")):gsub("\n+", " "):gsub("[|`<>]", escapes))
end

local signs <const> = { opened = "✅", finished = "✅", green = "✅", refused = "❌", failed = "❌", red = "❌",
  skipped = "➖" }
local titles <const> = { { "gate", "Gates" }, { "step", "Steps" }, { "criterion", "Criteria" } }

-- A rehearsal's table: what each statement held and wrote anew.
local function observed(out, list)
  if #list == 0 then return end
  out[#out + 1] = "\n## Locks, rewrites and growth\n\n| migration | line | time | what |\n|---|---|---|---|"
  for _, one in ipairs(list) do
    for _, statement in ipairs(one.statements) do
      out[#out + 1] = ("| %s | %d | %s | %s |"):format(cell(one.name), statement.line, duration.show(statement.seconds),
        cell(table.concat(locks.statement(statement), "; "):gsub("  +", " ")))
    end
    out[#out + 1] = ("| %s | | | %s |"):format(cell(one.name),
      cell(table.concat(locks.whole(one), "; "):gsub("  +", " ")))
  end
end

return {
  ---@param path string  of the journal
  ---@return string
  render = function(path)
    local read = summary.read(path)
    local started, finished = read.started or {}, read.finished or { outcome = "unfinished" }
    local out = {
      ("# %s %s: %s"):format(cell(started.runbook and started.runbook.title),
        cell(started.runbook and started.runbook.version), finished.outcome), "",
      ("- run `%s`, started %s%s"):format(cell(started.run), cell(started.at),
        finished.seconds and ", " .. duration.show(finished.seconds) or ""),
    }
    if read.target then out[#out + 1] = "- target: " .. cell(read.target.description) end
    if read.git then out[#out + 1] = ("- commit `%s` on %s"):format(read.git.commit, cell(read.git.branch)) end
    if read.plan then
      out[#out + 1] = ("- plan `%s`: %s, %d pending, %s"):format(read.plan.digest,
        words.count(read.plan.found, "migration"), read.plan.pending, words.count(read.plan.statements, "statement"))
    end
    for _, title in ipairs(titles) do
      out[#out + 1] = ("\n## %s\n\n| | name | | time |\n|---|---|---|---|"):format(title[2])
      for _, item in ipairs(read.items) do
        if item.kind == title[1] then
          out[#out + 1] = ("| %s | %s | %s | %s |"):format(signs[item.result], cell(item.name),
            cell(item.error and item.error.message or item.note), item.seconds and duration.show(item.seconds) or "")
        end
      end
    end
    require("dixis.report.faults").markdown(read.faults, out)
    if #read.migrations > 0 then
      out[#out + 1] = "\n## Migrations applied\n\n| migration | statements | time |\n|---|---|---|"
      for _, migration in ipairs(read.migrations) do
        out[#out + 1] = ("| %s | %d | %s |"):format(cell(migration.name), migration.statements or 0,
          duration.show(migration.seconds))
      end
    end
    observed(out, read.observed)
    if read.compared then
      out[#out + 1] = ("\nForecast: %s."):format(forecast.compared(read.compared))
    end
    for _, made in ipairs(finished.backups or {}) do
      out[#out + 1] = ("\nBackup: `%s`, %s, %s."):format(cell(made.path), folder.size_text(made.size),
        made.proven and "proven" or "never restored")
    end
    if finished.way_back then
      out[#out + 1] = "\n## The way back\n\n```\n" .. plain.text(table.concat(finished.way_back, "\n")) .. "\n```"
    end
    return table.concat(out, "\n") .. "\n"
  end,
}
