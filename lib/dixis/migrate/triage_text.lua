-- A triage in words: what was found, and the command that puts the ledger right.

local words = require "dixis.words"

local triage_text = {}

local SHOWN <const> = 20

local verdicts <const> = {
  absent = "nothing of it is in the database: recording it as rolled back is right",
  present = "all of it is in the database: recording it as applied is right",
  partial = "only a part of it is in the database",
  unknown = "the catalog does not show whether all of it is in the database",
}

local states <const> = {
  present = "there", absent = "not there", invalid = "there, but the index is invalid", differs = "there, but not like this",
  unseen = "leaves nothing to see", unknown = "cannot be seen", ["not run"] = "did not run", done = "ran",
}

--- The state of a statement in words.
---@param one { state: string, note?: string, name?: string }
---@return string
function triage_text.state(one)
  local about = one.note or one.state == "invalid" and one.name
  return states[one.state] .. (about and (" (%s)"):format(about) or "")
end

local function statement_lines(found, out)
  local shown, file = 0, found.file
  for _, one in ipairs(found.statements) do
    if one.state ~= "unseen" or not one.again then
      shown = shown + 1
      if shown <= SHOWN then
        out[#out + 1] = ("%s:%d  %s: %s"):format(file, one.line, triage_text.state(one), one.text)
      end
    end
  end
  if shown > SHOWN then out[#out + 1] = ("... and %s more"):format(words.count(shown - SHOWN, "statement")) end
end

--- What was found, in lines.
---@param found dixis.Triage
---@return string[]
function triage_text.lines(found)
  local out = {}
  if found.started then
    out[1] = ("started %s UTC; %s"):format(found.started, not found.failed
      and "no error is recorded: its process ended, or its connection was lost"
      or found.sqlstate and ("it ended with an error of the server, SQLSTATE %s"):format(found.sqlstate)
      or "an error is recorded in the ledger's column logs")
  end
  out[#out + 1] = "its script: " .. found.shape
  if found.edited then
    out[#out + 1] = "its file was changed after it had been started: what ran is not what is looked for here"
  end
  if found.before then
    out[#out + 1] = ("%s is made by %s already, so its being there says nothing about this one"):format(found.before.name,
      found.before.migration)
  end
  out[#out + 1] = verdicts[found.verdict]
  if #found.statements > 1 or found.verdict == "partial" or found.verdict == "unknown" then statement_lines(found, out) end
  return out
end

local function quoted(text)
  return text:match "^[%w_./:=-]+$" and text or "'" .. text:gsub("'", "'\\''") .. "'"
end

--- The command that runs `resolve` or `adopt` on the target of this run.
---@param run dixis.Run
---@param book "resolve"|"adopt"
---@param options string[]  "name=value"
---@return string
function triage_text.command(run, book, options)
  local own = run.book.target.env ~= "DATABASE_URL_STAGING" and "-" .. run.book.name or ""
  if run.book.name:sub(1, #book) == book then own = run.book.name:sub(#book + 1) end
  local parts = { ("dixis run runbooks/%s%s.lua"):format(book, own) }
  for _, option in ipairs(options) do parts[#parts + 1] = "--set " .. quoted(option) end
  return table.concat(parts, " ")
end

local function resolve(run, name, as)
  return triage_text.command(run, "resolve", { "migration=" .. name, "as=" .. as })
end

local function invalid_index(found)
  for _, one in ipairs(found.statements) do
    if one.state == "invalid" then return one.name end
  end
end

--- What to do, with the exact command.
---@param run dixis.Run
---@param found dixis.Triage
---@return string
function triage_text.advice(run, found)
  local back, applied = resolve(run, found.name, "rolled_back"), resolve(run, found.name, "applied")
  if found.verdict == "absent" then return back end
  if found.verdict == "present" then return applied end
  if found.verdict == "partial" then
    local index = invalid_index(found)
    return ("%stake back by hand what is there, then: %s; or finish by hand what is not, then: %s"):format(
      index and ("DROP INDEX CONCURRENTLY %s, and "):format(index) or "", back, applied)
  end
  return ("look at it yourself%s; then, when nothing of it is there: %s; when all of it is: %s"):format(
    found.edited and " (git log has the file as it was)" or "", back, applied)
end

return triage_text
