-- gate.snapshot: the provider has a snapshot of the target's server, by the word of its command or its API.

local address = require "dixis.address"
local elsewhere = require "dixis.backup.elsewhere"
local errors = require "dixis.errors"
local http = require "host.http"
local json = require "dixis.json"
local json_path = require "dixis.json_path"
local near = require "dixis.near"
local program = require "dixis.program"

local function by_command(run, args)
  local result = program.run(run, { argv = args.command, env = args.env })
  if result.code ~= 0 then
    errors.refuse(("%s ended with %s"):format(args.command[1], program.ending(run, result)))
  end
  return result.stdout
end

local function by_request(run, args)
  local headers = {}
  for name, value in pairs(args.headers) do headers[name] = value end
  if args.token then
    headers.Authorization = "Bearer " .. (run:env(args.token) or errors.refuse(args.token .. " is not set"))
    run.secrets:add(run:env(args.token))
  end
  run.bus:intend("http.started", { item = run.current_item, method = "GET", host = address.host(args.url) })
  local response = errors.check(http.request { url = args.url, headers = headers })
  if response.status ~= 200 then errors.refuse(("%s answered %d"):format(address.host(args.url), response.status)) end
  return response.body
end

local function show(value)
  local text = value == nil and "nothing" or json.encode(value)
  return #text > 80 and text:sub(1, 80) .. "..." or text
end

-- When it was made, by the answer; the answer itself is never quoted.
local function read_time(args, answer, decoded)
  local text
  if decoded ~= nil then text = json_path.get(decoded, args.made) else text = answer:match(args.made) end
  local made = elsewhere.time(text)
  if not made then
    errors.refuse(("when the snapshot was made cannot be read: %s gives %s"):format(args.made, show(text)),
      "made is a path into JSON (or a Lua pattern with one capture) that leads to a time: 2026-11-21T10:00:00Z or seconds")
  end
  return made
end

local function check_values(args, decoded)
  for _, path in ipairs(near.keys(args.json)) do
    local wanted, value = args.json[path], json_path.get(decoded, path)
    if value ~= wanted then
      errors.refuse(("the snapshot is not as it must be: %s is %s, not %s"):format(path, show(value), show(wanted)),
        "wait until the snapshot is finished, or make one")
    end
  end
end

return {
  type = "snapshot",
  deadline = 120,
  fields = {
    command = { type = "list", help = "program and arguments that tell of the snapshot" },
    url = { type = "string", help = "instead: an address that tells of it" },
    env = { type = "list", default = {}, help = "variables that the program is given, beside PATH and HOME" },
    headers = { type = "table", default = {}, help = "of the request" },
    token = { type = "string", help = "a variable whose value is sent as the bearer token" },
    json = { type = "table", default = {}, help = '{ ["0.Status"] = "available" }: what the answer must say' },
    matches = { type = "string", help = "a Lua pattern that the answer must match, when it is not JSON" },
    made = { type = "string", required = true, help = "where the answer says when it was made" },
    within = { type = "duration", default = 86400, help = "how old it may be" },
    recovery = { type = "duration", help = "how long going back to it takes, by experience" },
  },
  check = function(args)
    if (args.command == nil) == (args.url == nil) then error("gate.snapshot needs a command or a url", 0) end
    if (next(args.json) == nil) == (args.matches == nil) then error("gate.snapshot needs json or matches", 0) end
  end,
  uses = function(args)
    local env = table.move(args.env, 1, #args.env, 1, {})
    env[#env + 1] = args.token
    return { exec = args.command and { args.command[1] } or {}, net = { args.url }, env = env }
  end,
  describe = function(args)
    return ("%s tells of a fresh snapshot"):format(args.command and tostring(args.command[1]) or tostring(args.url))
  end,
  act = function(run, args)
    local answer = args.command and by_command(run, args) or by_request(run, args)
    local decoded
    if next(args.json) then
      decoded = json.decode(answer)
      if decoded == nil then errors.refuse "the answer is not JSON" end
      check_values(args, decoded)
    elseif not answer:find(args.matches) then
      errors.refuse(("the answer does not match %q"):format(args.matches), "wait until the snapshot is finished, or make one")
    end
    local made = read_time(args, answer, decoded)
    local age = elsewhere.check_age("the snapshot", made, args.within)
    -- That it can be restored is the provider's word: nothing is measured.
    elsewhere.keep(run, { kind = "snapshot", path = "the provider's snapshot", proven = false, made = made }, args.recovery)
    return ("there is one, %s old"):format(age)
  end,
}
