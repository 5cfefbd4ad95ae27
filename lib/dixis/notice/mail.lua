-- notice.mail: a mail, by the server that a variable names, with its user and password.

local clock = require "host.clock"
local digest = require "host.digest"
local errors = require "dixis.errors"
local process = require "host.process"
local smtp = require "host.smtp"
local shared = require "dixis.notice.fields"

local LINE <const> = 76
-- An encoded word has 75 characters at most: "=?UTF-8?B?" and "?=" leave 63, of whole groups of 4 for 3 bytes.
local WORD_BYTES <const> = 45

-- A subject in any script, in encoded words that never cut a character.
local function encoded_words(text)
  if not text:find "[\128-\255]" then return text end
  local words, part = {}, ""
  for character in text:gmatch(utf8.charpattern) do
    if #part + #character > WORD_BYTES then
      words[#words + 1] = ("=?UTF-8?B?%s?="):format(digest.base64(part))
      part = ""
    end
    part = part .. character
  end
  words[#words + 1] = ("=?UTF-8?B?%s?="):format(digest.base64(part))
  return table.concat(words, "\r\n ")
end

local months <const> = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

local function date()
  local year, month, day, time = clock.iso():match "^(%d+)-(%d+)-(%d+)T(%d+:%d+:%d+)"
  return ("%d %s %s %s +0000"):format(tonumber(day), months[tonumber(month)], year, time)
end

local function recipients(to)
  if type(to) == "table" then return to end
  local list = {}
  for one in to:gmatch "[^,%s]+" do list[#list + 1] = one end
  return list
end

-- What stands in a header is one line.
local function header(value)
  return (value:gsub("[%c]+", " "))
end

local function build(args, to, message)
  local lines = {
    "Date: " .. date(), "From: " .. header(args.from), "To: " .. header(table.concat(to, ", ")),
    "Subject: " .. encoded_words(header(message.subject)),
    ("Message-ID: <%s@%s>"):format(digest.uuid(), header(process.hostname())),
    "Auto-Submitted: auto-generated", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64", "",
  }
  local body = digest.base64((message.text .. "\n"):gsub("\n", "\r\n"))
  for i = 1, #body, LINE do lines[#lines + 1] = body:sub(i, i + LINE - 1) end
  return table.concat(lines, "\r\n") .. "\r\n"
end

return {
  type = "mail",
  deadline = 10,
  fields = shared.with {
    env = { type = "string", required = true, help = "the variable that holds smtp://user:password@host:587 or smtps://..." },
    from = { type = "any", required = true, help = "the sender's address" },
    to = { type = "any", required = true, help = "addresses: a list, or a text with commas" },
    ca = { type = "string", help = "file of the certificates that vouch for the server, instead of the system's" },
  },
  check = shared.check,
  uses = function(args) return { env = { args.env } } end,
  describe = function(args)
    return ("by the server in %s, to %s"):format(args.env, type(args.to) == "table" and table.concat(args.to, ", ")
      or tostring(args.to))
  end,
  act = function(run, args, message)
    local url = run:env(args.env)
    local password = url:match "^%a+://[^/@:]*:([^/@]*)@"
    run.secrets:add(url)
    run.secrets:add(password)
    run.secrets:add(password and password:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
    local to = recipients(args.to)
    if not args.from or #to == 0 then errors.raise("failed", "it has no sender or no recipient") end
    errors.check(smtp.send { url = url, from = args.from, to = to, message = build(args, to, message), ca = args.ca,
      timeout = 60 }) -- the deadline comes sooner
  end,
}
