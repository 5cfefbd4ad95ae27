-- What the text view says of the forecast, the window, the guard and of a rehearsal's observations.

local duration = require "dixis.duration"
local locks = require "dixis.lazy" "dixis.report.locks"

local on = {}

on["forecast.made"] = function(self, event)
  self:item(self.style.dim(self.marks.dot), "forecast", table.concat(event.lines, "\n"), nil, self.style.dim)
end
on["forecast.compared"] = function(self, event) self.compared = event end
on["window.allowed"] = function(self, event) self:warn(event.text) end
on["guard.abort"] = function(self, event)
  self:warn(("%s: what is running is cancelled (abort.%s)"):format(event.found, event.rule))
end
on["guard.lost"] = function(self, event) self:warn("the guard does not see the target: " .. event.error.message) end
on["guard.blind"] = function(self, event) self:warn(("abort.%s cannot be kept: %s"):format(event.rule, event.reason)) end
on["migration.observed"] = function(self, event)
  for _, statement in ipairs(event.statements) do
    local start = ("line %-4d %s  "):format(statement.line, duration.show(statement.seconds))
    for _, line in ipairs(locks.statement(statement)) do self:below(start .. line) end
  end
  for _, line in ipairs(locks.whole(event)) do self:below(line, self.style.dim) end
end

return on
