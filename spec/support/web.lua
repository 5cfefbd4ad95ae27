-- A local web server that notes who called it.

local clock = require "host.clock"
local fs = require "host.fs"
local json = require "dixis.json"
local process = require "host.process"

local web = {}

local Web = {}
Web.__index = Web

--- Starts the server; it ends with `close`.
---@async
function web.start()
  local folder <const> = assert(fs.mkdtemp "/tmp/dixis-web-")
  local self = setmetatable({ folder = folder, notes = folder .. "/notes" }, Web)
  self.handle = assert(process.start({ "python3", "spec/support/http_server.py", folder .. "/port" },
    { keep_stdin = true, die_with_parent = "KILL" }))
  for _ = 1, 1000 do
    if fs.stat(folder .. "/port") then break end
    clock.sleep(0.01)
  end
  self.base = "http://127.0.0.1:" .. assert(fs.read(folder .. "/port"))
  return self
end

--- An address that notes the text and answers with the status.
---@param text string
---@param status? integer
---@return string url
function Web:note(text, status)
  return ("%s/note?file=%s&text=%s&status=%d"):format(self.base, self.notes, text, status or 200)
end

--- An address that keeps what is sent to it and answers with the status.
---@param status? integer
---@return string url
function Web:keep(status)
  return ("%s/keep?file=%s&status=%d"):format(self.base, self.folder .. "/kept", status or 200)
end

--- The bodies that were kept since the last time.
---@return string[]
function Web:kept()
  local bodies = {}
  for line in (fs.read(self.folder .. "/kept") or ""):gmatch "[^\n]+" do bodies[#bodies + 1] = json.decode(line) end
  fs.remove(self.folder .. "/kept")
  return bodies
end

--- What was called since the last time, as "POST on".
---@return string[]
function Web:called()
  local lines = {}
  for line in (fs.read(self.notes) or ""):gmatch "[^\n]+" do lines[#lines + 1] = line end
  fs.remove(self.notes)
  return lines
end

function Web:close()
  self.handle:close()
  assert(fs.remove(self.folder))
end

return web
