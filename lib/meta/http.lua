---@meta host.http
-- HTTP by libcurl, loaded at first use; http and https only, redirects not followed unless asked (and
-- never from https to http). Nothing comes from outside the request: no proxy variables, no .netrc, no
-- cookies. Every status is an answer, not a failure.
-- Source: host/prim_http.c
local http = {}

---@class host.http.Request
---@field url string
---@field method? string                   default "GET", "POST" with a body
---@field headers? table<string, string>
---@field body? string
---@field timeout? number                  seconds for all of it, default 30
---@field max_body? integer                bytes, default 1 MiB; more is an error of kind "too_large"
---@field follow? integer                  redirects to follow, default 0

---@class host.http.Response
---@field status integer
---@field headers table<string, string>    names in lower case, repeated ones joined by ", "
---@field body string
---@field seconds number

---@async
---@param request host.http.Request
---@return host.http.Response? response
---@return dixis.Error? err   kinds: "http" (could not connect, TLS, protocol, redirects; err.code when the
---   system said why), "deadline", "too_large", "usage" (malformed URL); the message names scheme, host and
---   port only, never userinfo, path or query of the URL
function http.request(request) end

return http
