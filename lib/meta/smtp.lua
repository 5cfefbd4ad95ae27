---@meta host.smtp
-- Mail by libcurl, loaded at first use. A user in the URL means a password, which is never sent without TLS
-- (STARTTLS, or smtps://); without a user TLS is used where it is offered. Nothing comes from outside the call.
-- Source: host/prim_smtp.c
local smtp = {}

---@class host.smtp.Mail
---@field url string       smtp://user:password@host:587 or smtps://...
---@field from string      bare address
---@field to string[]      bare addresses; the server must take all of them
---@field message string   headers, an empty line, body; lines end with CRLF
---@field timeout? number  seconds for all of it, default 30
---@field ca? string       file of the certificates that vouch for the server, instead of the system's

---@async
---@param mail host.smtp.Mail
---@return true? sent
---@return dixis.Error? err  kinds: "smtp" (err.status when the server said no, err.code when the system did),
---   "deadline", "usage" (malformed URL); the message names scheme, host and port only
function smtp.send(mail) end

return smtp
