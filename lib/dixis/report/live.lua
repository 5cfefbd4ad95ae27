-- What is running right now: one line that is drawn again on a terminal, a line now and then elsewhere.

local clock = require "host.clock"
local duration = require "dixis.duration"
local guard = require "dixis.lazy" "dixis.guard"
local plain = require "dixis.report.plain"
local task = require "host.task"
local tty = require "host.tty"

local live = {}

local Live = {}
Live.__index = Live

local REDRAW <const>, FIRST_AFTER <const> = 0.1, 0.3
-- Without a terminal: soon a word on what takes longer, then now and then.
local FIRST_BEAT <const>, HEARTBEAT <const> = 3, 15
local frames <const> = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" }

---@param view table     the text view, whose lines push the live one down
---@param terminal boolean
---@return table
function live.new(view, terminal)
  local self = setmetatable({ view = view, terminal = terminal, frame = 0 }, Live)
  local write = view.write
  view.write = function(line)
    self:clear()
    write(line)
  end
  self.raw_write = write
  return self
end

function Live:clear()
  if self.drawn then self.raw_write "\r\27[K" end
  self.drawn = false
end

-- Cuts by characters, so that the line never wraps, also when the terminal shows ^C at its end: what has
-- wrapped cannot be cleared.
local function fit(line, columns)
  local n = utf8.len(line)
  if not n or n < columns then return line end
  return line:sub(1, utf8.offset(line, columns - 1) - 1) .. "…"
end

-- What people keep an eye on beside the item itself.
function Live:tail()
  local parts = {}
  if self.watched then parts[1] = self.watched end
  if self.no_return then
    local left = self.no_return - clock.wall()
    parts[#parts + 1] = left > 0 and "point of no return in " .. duration.show(left)
      or ("PAST the point of no return, by %s"):format(duration.show(-left))
  end
  return table.concat(parts, "  ")
end

function Live:draw()
  local item = self.item
  if not item or self.paused then return end
  local elapsed = clock.now() - item.begun
  if self.terminal then
    if elapsed < FIRST_AFTER then return end
    self.frame = self.frame % #frames + 1
    local line = ("  %s %s  %s  %s  %s"):format(frames[self.frame], item.name, duration.show(elapsed), item.text or "",
      self:tail())
    self:clear()
    self.raw_write(fit(line, tty.width() - 2))
    self.drawn = true
  elseif clock.now() - self.last >= (self.beaten and HEARTBEAT or FIRST_BEAT) then
    self.beaten = true
    self.last = clock.now()
    local tail = self:tail()
    self.view:line(("  %s %s: %s%s%s"):format(self.view.marks.run, item.name, duration.show(elapsed),
      item.text and ", " .. item.text or "", tail ~= "" and "; " .. tail or ""))
  end
end

local function start(self, event)
  self.item, self.last, self.paused = { name = plain.text(event.name), begun = clock.now() }, clock.now(), false
end
local function stop(self)
  self:clear()
  self.item = nil
end

local on <const> = {
  ["gate.started"] = start, ["step.started"] = start,
  ["criterion.started"] = start, ["watch.started"] = start, ["watch.finished"] = stop, ["watch.stopped"] = stop,
  ["criterion.green"] = stop, ["criterion.red"] = stop, ["criterion.skipped"] = stop, ["criterion.prepared"] = stop,
  ["gate.opened"] = stop, ["gate.refused"] = stop, ["gate.skipped"] = stop,
  ["step.finished"] = stop, ["step.failed"] = stop, ["step.skipped"] = stop, ["run.finished"] = stop,
  ["progress"] = function(self, event)
    if not self.item then return end
    local text = event.text
    if event.of then text = ("%d of %d  %s"):format(event.done, event.of, text or "") end
    self.item.text = text and plain.text(text):gsub("\n", " ")
  end,
  ["guard.sample"] = function(self, event) self.watched = guard.describe(event) end,
  ["window.judged"] = function(self, event) self.no_return = event.no_return end,
  ["confirm.asked"] = function(self)
    self:clear()
    self.paused = true
  end,
}

---@param event dixis.Event
function Live:event(event)
  if on[event.type] then on[event.type](self, event) end
end

--- Draws until stop() is called.
function Live:start()
  self.ticker = task.spawn(function()
    while true do
      clock.sleep(REDRAW)
      self:draw()
    end
  end)
end

---@async
function Live:stop()
  self:clear()
  self.ticker:cancel()
  self.ticker:join()
end

return live
