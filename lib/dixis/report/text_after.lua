-- The text view of what comes after the steps, and of what goes on beside them: criteria, the watch, notices.

local duration = require "dixis.duration"
local words = require "dixis.words"

local moments <const> = { before = "is planned", started = "has begun", waiting = "waits", running = "goes on",
  succeeded = "succeeded", failed = "failed" }

---@type table<string, fun(self: table, event: dixis.Event)>
local on = {}

on["criterion.green"] = function(self, event)
  self:item(self.style.green(self.marks.ok), event.name, event.note, event.seconds > 0.5 and event.seconds or nil)
end
on["criterion.red"] = function(self, event)
  self:item(self.style.red(self.marks.bad), event.name, event.note)
  self:hint(event.hint)
end
on["criterion.prepared"] = function(self, event)
  local mark = event.nothing and self.style.dim(self.marks.skip) or self.style.green(self.marks.ok)
  self:item(mark, event.name, "before: " .. event.note, event.seconds > 0.5 and event.seconds or nil,
    event.nothing and self.style.dim or nil)
end
on["watch.started"] = function(self, event)
  self:item(self.style.dim(self.marks.run), "watch", ("every %s for %s; Ctrl-C ends the watch, and takes nothing back"):format(
    duration.show(event.every), duration.show(event.seconds)))
end
on["watch.finished"] = function(self, event)
  self:item(self.style.green(self.marks.ok), "watch", ("%s, all green"):format(words.count(event.rounds, "round")), event.seconds)
end
on["watch.stopped"] = function(self, event)
  self:item(self.style.yellow(self.marks.warn), "watch", ("%s: stopped watching after %s of %s"):format(event.signal,
    duration.show(event.seconds), duration.show(event.of)))
end
on["notice.sent"] = function(self, event)
  self:below(("notice %s: told that it %s"):format(event.name, moments[event.moment] or event.moment), self.style.dim)
end
on["notice.failed"] = function(self, event)
  self:warn(("the notice %s was not sent, and the run goes on: %s"):format(event.name, event.error.message))
end

return on
