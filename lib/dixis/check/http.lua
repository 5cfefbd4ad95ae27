-- check.http: an address answers with the expected status, tried until a limit.

local clock = require "host.clock"
local http = require "host.http"

return {
  type = "http",
  positional = "url",
  fields = {
    url = { type = "string", required = true, help = "address" },
    status = { type = "integer", default = 200 },
    within = { type = "duration", default = 30, help = "how long to go on trying" },
  },
  uses = function(args) return { net = { args.url } } end,
  describe = function(args) return ("%s answers %d"):format(tostring(args.url), args.status) end,
  act = function(run, args)
    local begun = clock.now()
    local last
    repeat
      local response, err = http.request { url = args.url, timeout = math.max(1, math.min(10, args.within)) }
      if response and response.status == args.status then
        return true, ("answered %d in %.0f ms"):format(response.status, response.seconds * 1000)
      end
      last = response and ("answered %d instead of %d"):format(response.status, args.status) or err.message
      run:note(last)
      local left = args.within - (clock.now() - begun)
      if left > 0 then clock.sleep(math.min(1, left)) end
    until clock.now() - begun >= args.within
    return false, last, "look at the application; the migrations themselves are recorded above"
  end,
}
