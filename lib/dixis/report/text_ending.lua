-- The end of a run in the text view: the verdict, what was changed, where the record is, and what a person has to do.

local duration = require "dixis.duration"
local folder = require "dixis.lazy" "dixis.backup.folder"
local forecast = require "dixis.lazy" "dixis.forecast"
local words = require "dixis.words"

local ending = {}

local verdicts <const> = {
  succeeded = "done: every criterion is green", failed = "failed", refused = "refused",
  locked = "another run is going on", unreachable = "the target could not be reached",
  in_doubt = "in doubt: a person must look", interrupted = "interrupted",
}

-- What was applied where nothing stays.
local function what_was_tried(event)
  return ("%s, in a database that was made for this run%s."):format(
    event.applied == 0 and "No migration was applied" or words.count(event.applied, "migration") .. " applied",
    event.left_behind and "" or " and is not kept")
end

local function what_changed(event)
  if event.outcome == "in_doubt" then return "What became of the target is not known for certain: see the failed step." end
  if not event.changed then return "Nothing was changed in the target." end
  if event.ephemeral then return what_was_tried(event) end
  if event.applied == 0 then return "The target was changed (see the steps); no migration was applied." end
  local then_what = event.outcome == "interrupted" and " Run it again to go on from there." or ""
  if event.applied == 1 then return "1 migration was applied and is recorded in the target." .. then_what end
  return ("%s applied and recorded in the target.%s"):format(words.count(event.applied, "migration"), then_what)
end

-- Lines below the verdict.
local function say(self, text)
  for _, line in ipairs(self:broken(text, 2)) do self:line("  " .. line) end
end

-- A label, and what belongs to it.
local function row(self, label, text)
  for i, line in ipairs(self:broken(text, 11)) do self:line(("  %-8s %s"):format(i == 1 and label or "", line)) end
end

-- Sentences; what is indented is a command, and stays whole: it is copied.
local function sentences(self, indent, list, paint)
  for _, given in ipairs(list) do
    for _, line in ipairs(given:find "^%s" and { given } or self:broken(given, #indent)) do
      self:line(indent .. (paint and paint(line) or line))
    end
  end
end

-- Kinds of errors that are of no gate and no step.
local said_nowhere <const> = { internal = true, journal = true, red = true }

-- What the lines above do not say, or hide: a group is folded when it is closed.
local function closing_words(self, event)
  local err = event.error
  if not err or event.outcome == "interrupted" or event.unrecorded then return nil end
  return (self.groups or said_nowhere[err.kind]) and err.message or nil
end

--- The verdict, what was changed, and how long it took.
---@param self table  the text view
---@param event dixis.Event  run.finished
function ending.draw(self, event)
  self.title = nil
  self:close_group()
  if self.faults then require("dixis.report.faults").draw(self, self.faults) end
  self:line ""
  local good = event.outcome == "succeeded"
  local paint = good and self.style.green or self.style.red
  self:line(paint(("%s %s"):format(good and self.marks.ok or self.marks.bad, verdicts[event.outcome] or event.outcome))
    .. self.style.dim(("  exit %d, %s"):format(event.exit, duration.show(event.seconds))))
  if not good or event.applied > 0 then say(self, what_changed(event)) end
  if good and event.watch and event.watch.stopped then
    say(self, ("Only the watch was stopped, after %s of %s: what the run did stays done, and was green so far."):format(
      duration.show(event.watch.seconds), duration.show(event.watch.of)))
  end
  local closing = closing_words(self, event)
  if closing then say(self, closing) end
  local phases = {}
  for _, phase in ipairs(event.phases or {}) do
    phases[#phases + 1] = ("%s %s"):format(phase.name, duration.show(phase.seconds))
  end
  if #phases > 0 then row(self, "time", table.concat(phases, ", ")) end
  if self.compared then row(self, "forecast", forecast.compared(self.compared)) end
  self.finished = event
end

-- What a run that came to nothing has left beside the target; the way back names its backup itself.
local function draw_backups(self, finished)
  if finished.outcome == "succeeded" or finished.way_back then return end
  for _, made in ipairs(finished.backups or {}) do
    row(self, "backup", ("%s\n%s, %s; %s"):format(made.path, folder.size_text(made.size),
      made.proven and "proven" or "never restored",
      (finished.changed or finished.outcome == "in_doubt") and "keep it: it is from before the first change"
        or "this run does not need it: keep it, or delete it"))
  end
end

--- The last lines: where the record is, what is left behind, and what a person has to do now.
---@param self table  the text view
---@param paths { [1]: string, [2]: string }[]  label, path
function ending.close(self, paths)
  for _, pair in ipairs(paths) do row(self, pair[1], pair[2]) end
  local finished = self.finished
  if not finished then return end
  draw_backups(self, finished)
  if finished.way_back then
    self:line ""
    self:line(self.style.bold("The way back"))
    sentences(self, "  ", finished.way_back)
  end
  if finished.left_behind then
    self:line ""
    sentences(self, "", finished.left_behind, self.style.red)
  end
  if finished.people then
    self:line ""
    self:line(self.style.bold("Whom to call"))
    sentences(self, "  ", finished.people)
  end
end

return ending
