-- notice.webhook: JSON to an address, as Slack, Mattermost and others take it. The address is a secret.

local address = require "dixis.address"
local errors = require "dixis.errors"
local http = require "host.http"
local json = require "dixis.json"
local shared = require "dixis.notice.fields"

local slack_escapes <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

return {
  type = "webhook",
  positional = "env",
  deadline = 10,
  fields = shared.with {
    env = { type = "string", required = true, help = "the variable that holds the address" },
  },
  check = shared.check,
  uses = function(args) return { env = { args.env } } end,
  describe = function(args) return "to the address in " .. args.env end,
  act = function(run, args, message)
    local url = run:env(args.env)
    run.secrets:add(url)
    for _, part in ipairs(address.private(url)) do run.secrets:add(part) end
    run.secrets:add(url:match "^https?://[^/]+/(.+)$")
    local said = ("*%s*\n%s"):format(message.subject, message.text):gsub("[&<>]", slack_escapes)
    local response = errors.check(http.request { url = url, body = json.encode { text = said },
      headers = { ["Content-Type"] = "application/json" } })
    if response.status // 100 ~= 2 then errors.raise("failed", ("it answered %d"):format(response.status)) end
  end,
}
