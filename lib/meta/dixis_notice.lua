---@meta
-- The notices of runbooks. What they mean: docs/runbooks.md. Source: lib/dixis/notice/

---@class dixis.notice.command: dixis.ItemFields
---@field argv? dixis.Text[]    program and arguments; may also be given as the list itself
---@field env? string[]         variables that the program is given, beside PATH and HOME
---@field cwd? dixis.Text       its working directory
---@field [integer] dixis.Text
---@field language? dixis.Text  "en" or "el"
---@field moments? ("before"|"started"|"waiting"|"running"|"succeeded"|"failed")[]
---@field every? dixis.Duration  how often to say that it still goes on

--- A program is given the text on its stdin.
---@param given dixis.notice.command
---@return dixis.Notice
function dixis.notice.command(given) end

---@class dixis.notice.mail: dixis.ItemFields
---@field env string            the variable that holds smtp://user:password@host:587 or smtps://...
---@field from dixis.Text       the sender's address
---@field to dixis.Text|string[]
---@field ca? string            file of the certificates that vouch for the server
---@field language? dixis.Text  "en" or "el"
---@field moments? ("before"|"started"|"waiting"|"running"|"succeeded"|"failed")[]
---@field every? dixis.Duration  how often to say that it still goes on

--- A mail by SMTP.
---@param given dixis.notice.mail
---@return dixis.Notice
function dixis.notice.mail(given) end

---@class dixis.notice.webhook: dixis.ItemFields
---@field env string            the variable that holds the address
---@field language? dixis.Text  "en" or "el"
---@field moments? ("before"|"started"|"waiting"|"running"|"succeeded"|"failed")[]
---@field every? dixis.Duration  how often to say that it still goes on

--- JSON with a text, to an address.
---@param given string|dixis.notice.webhook
---@return dixis.Notice
function dixis.notice.webhook(given) end
