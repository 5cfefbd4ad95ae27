-- What the text view says of backups and of the way back.

local on = {}

on["backup.finished"] = function(self, event)
  self:below("a backup is written, SHA-256 " .. event.sha256, self.style.dim)
end
on["backup.unproven"] = function(self, event)
  self:warn(("nobody has restored this backup: %s"):format(event.reason))
end
on["restore.dropped"] = function(self, event)
  self:warn(("the half-made database %s was dropped"):format(event.database))
end
on["leftovers.found"] = function(self, event)
  self:warn(("left at %s by runs that were killed: %s"):format(event.where,
    table.concat(event.names, ", ")))
  self:hint "look whether such a run is going on; if none is, remove it:"
  for _, command in ipairs(event.commands) do self:line((" "):rep(16) .. command) end
end
on["cleanup.failed"] = function(self, event) self:warn(event.error.message) end

return on
