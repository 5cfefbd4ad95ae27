-- step.http: one request that must be answered with the expected status.

local address = require "dixis.address"
local errors = require "dixis.errors"
local http = require "host.http"

return {
  type = "http",
  positional = "url",
  fields = {
    url = { type = "string", required = true, help = "address" },
    method = { type = "string", default = "POST" },
    body = { type = "string" },
    headers = { type = "table", default = {} },
    status = { type = "integer", help = "expected status; any 2xx when absent" },
    timeout = { type = "duration", default = 30 },
  },
  uses = function(args) return { net = { args.url } } end,
  describe = function(args) return ("%s %s"):format(args.method, tostring(args.url)) end,
  act = function(run, args)
    run.bus:intend("http.started", { method = args.method, host = address.host(args.url) })
    local response = errors.check(http.request {
      url = args.url, method = args.method, body = args.body, headers = args.headers, timeout = args.timeout,
    })
    local good = args.status and response.status == args.status or not args.status and response.status // 100 == 2
    if not good then errors.raise("failed", ("the answer was %d"):format(response.status)) end
    return ("answered %d"):format(response.status), { status = response.status, seconds = response.seconds }
  end,
}
