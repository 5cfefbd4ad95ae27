local http <const> = require "host.http"

local answer <const>, err <const> = http.request {
  url = "http://user:pass@127.0.0.1:1/x?y", headers = { ["X-A"] = "b" }, body = "text", timeout = 20,
}
assert(answer == nil and err.kind == "http")
assert(not http.request { url = "nonsense" })
