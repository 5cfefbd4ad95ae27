local smtp <const> = require "host.smtp"

local mail <const> = { url = "smtp://user:pass@127.0.0.1:1", from = "a@b", to = { "c@d", "e@f" }, message = "x\r\n" }
local sent <const>, err <const> = smtp.send(mail)
assert(sent == nil and err.kind == "smtp")
mail.url = "nonsense"
assert(not smtp.send(mail))
