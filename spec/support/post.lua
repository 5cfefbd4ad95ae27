-- A local mail server that keeps what it is given.

local clock = require "host.clock"
local fs = require "host.fs"
local json = require "dixis.json"
local process = require "host.process"

local post = {}

local Post = {}
Post.__index = Post

-- A certificate for localhost that vouches for itself.
local function certify(folder)
  local made = assert(process.run({ "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    "-keyout", folder .. "/key.pem", "-out", folder .. "/certificate.pem" }, { env = { PATH = process.getenv "PATH" } }))
  assert(made.code == 0, made.stderr)
end

--- Starts the server; it ends with `close`. Its only user is "user" with the password "p@ss word".
---@async
---@param options? { tls?: "starttls"|"implicit" }
function post.start(options)
  local tls = options and options.tls
  local folder <const> = assert(fs.mkdtemp "/tmp/dixis-post-")
  local self = setmetatable({ folder = folder, mailbox = folder .. "/mailbox", ca = folder .. "/certificate.pem" }, Post)
  local argv = { "python3", "spec/support/smtp_server.py", folder .. "/port", self.mailbox }
  if tls then
    certify(folder)
    table.move({ self.ca, folder .. "/key.pem", tls == "implicit" and tls or nil }, 1, 3, #argv + 1, argv)
  end
  self.handle = assert(process.start(argv, { keep_stdin = true, die_with_parent = "KILL" }))
  local until_time <const> = clock.now() + 30
  while not fs.stat(folder .. "/port") and clock.now() < until_time do clock.sleep(0.01) end
  self.port = assert(fs.read(folder .. "/port"))
  self.scheme = tls == "implicit" and "smtps" or "smtp"
  return self
end

---@param who? string  "user:password@"
---@return string url
function Post:url(who)
  return ("%s://%slocalhost:%s"):format(self.scheme, who or "", self.port)
end

--- The mails so far, oldest first.
---@return table[]
function Post:mails()
  local out = {}
  for line in (fs.read(self.mailbox) or ""):gmatch "[^\n]+" do out[#out + 1] = json.decode(line) end
  return out
end

function Post:close()
  self.handle:close()
  assert(fs.remove(self.folder))
end

return post
