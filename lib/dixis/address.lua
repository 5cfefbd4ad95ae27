-- Addresses of the web: whom they lead to.

local address = {}

--- "host" or "host:port" of an http:// or https:// address, without what stands before an '@' (it may be a
--- password, or the name of another host); nil when it is no such address.
---@param url any
---@return string?
function address.host(url)
  local authority = type(url) == "string" and url:match "^https?://([^/?#]+)"
  if not authority or authority:find "[%s%c\\]" then return nil end
  local host = authority:match "[^@]*$"
  return host ~= "" and host or nil
end

--- A declared address stands for its host and port, a declared host name for all of its ports.
---@param declared string  of a runbook's uses.net
---@param url any
---@return boolean
function address.covers(declared, url)
  local host = address.host(url)
  if not host then return false end
  return (address.host(declared) or declared) == host or declared == host:gsub(":%d+$", "")
end

--- The parts of an address that may be secret: what stands before an '@', and the query.
---@param url string
---@return string[]
function address.private(url)
  local parts = {}
  local authority, rest = url:match "^https?://([^/?#]*)(.*)$"
  parts[1] = authority and authority:match "^(.*)@"
  parts[#parts + 1] = rest and rest:match "%?([^#]+)"
  return parts
end

return address
