-- check.http: an address answers as it should: status, text, values of its JSON; tried until a limit.

local clock = require "host.clock"
local http = require "host.http"
local json = require "dixis.json"
local json_path = require "dixis.json_path"
local near = require "dixis.near"

-- The longest that one request may take, so that a limit leaves time for another.
local REQUEST_SECONDS <const> = 10

local function show(value)
  local text = value == nil and "nothing" or json.encode(value)
  return #text > 80 and text:sub(1, 80) .. "..." or text
end

-- What is wrong with the answer; nil when nothing is. The body itself is never quoted: it may hold anything.
local function wrong(response, args)
  if response.status ~= args.status then return ("answered %d instead of %d"):format(response.status, args.status) end
  if args.contains and not response.body:find(args.contains, 1, true) then
    return ("the answer does not hold %q"):format(args.contains)
  end
  if args.matches and not response.body:find(args.matches) then
    return ("the answer does not match %q"):format(args.matches)
  end
  if not next(args.json) then return nil end
  local decoded = json.decode(response.body)
  if decoded == nil then return "the answer is not JSON" end
  for _, path in ipairs(near.keys(args.json)) do
    local wanted, value = args.json[path], json_path.get(decoded, path)
    if value ~= wanted then return ("%s is %s, not %s"):format(path, show(value), show(wanted)) end
  end
end

return {
  type = "http",
  positional = "url",
  fields = {
    url = { type = "string", required = true, help = "address" },
    status = { type = "integer", default = 200 },
    contains = { type = "string", help = "text that the body must hold" },
    matches = { type = "string", help = "a Lua pattern that the body must match" },
    json = { type = "table", default = {}, help = '{ ["checks.db"] = "up" }: values of the body as JSON' },
    headers = { type = "table", default = {} },
    within = { type = "duration", default = 30, help = "how long to go on trying" },
    interval = { type = "duration", default = 1, help = "how long to wait in between" },
  },
  uses = function(args) return { net = { args.url } } end,
  describe = function(args) return ("%s answers %d"):format(tostring(args.url), args.status) end,
  act = function(run, args)
    local begun = clock.now()
    local last, left
    repeat
      local response, err = http.request { url = args.url, headers = args.headers,
        timeout = math.max(1, math.min(REQUEST_SECONDS, args.within)) }
      last = not response and err.message or wrong(response, args)
      if not last then return true, ("answered %d in %.0f ms"):format(response.status, response.seconds * 1000) end
      run:note(last)
      left = args.within - (clock.now() - begun)
      if left > 0 then clock.sleep(math.min(args.interval, left)) end
    until left <= 0
    return false, last, "look at the application; the migrations themselves are recorded above"
  end,
}
