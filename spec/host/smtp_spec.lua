local clock = require "host.clock"
local post = require "spec.support.post"
local smtp = require "host.smtp"
local task = require "host.task"

local message <const> = "Subject: a\r\n\r\n.one line\r\n..\r\n.\r\nκαλημέρα\r\n"

local function mail(url, more)
  local given = { url = url, from = "dixis@localhost", to = { "a@localhost", "b@localhost" }, message = message }
  for name, value in pairs(more or {}) do given[name] = value end
  return given
end

local function failed(kind, sent, err)
  assert.is_nil(sent)
  assert.equal(kind, err.kind, err.message)
  return err
end

describe("smtp.send", function()
  local open, secure, implicit

  setup(function()
    open, secure, implicit = post.start(), post.start { tls = "starttls" }, post.start { tls = "implicit" }
  end)
  teardown(function()
    for _, server in ipairs { open, secure, implicit } do server:close() end
  end)

  it("gives a mail to all, byte for byte", function()
    assert.is_true(smtp.send(mail(open:url())))
    local got = open:mails()[1]
    assert.same({ "a@localhost", "b@localhost" }, got.to)
    assert.equal("dixis@localhost", got.from)
    assert.equal(message, got.text)
    assert.is_false(got.tls)
    local large = "Subject: b\r\n\r\n" .. ("x"):rep(70) .. "\r\n"
    large = large .. large:rep(20000)
    assert.is_true(smtp.send(mail(open:url(), { message = large })))
    assert.equal(large, open:mails()[2].text)
  end)

  it("gives the password, by TLS, to who proves to be the server", function()
    for _, server in ipairs { secure, implicit } do
      assert.is_true(smtp.send(mail(server:url "user:p%40ss%20word@", { ca = server.ca })))
      local got = server:mails()[1]
      assert.same({ "user", true }, { got.user, got.tls })
      local err = failed("smtp", smtp.send(mail(server:url "user:p%40ss%20word@")))
      assert.matches("certificate", err.message)
      assert.equal(1, #server:mails())
    end
  end)

  it("gives no password without TLS", function()
    local before = #open:mails()
    local err = failed("smtp", smtp.send(mail(open:url "user:s3cret@")))
    assert.matches("offers no TLS", err.message, 1, true)
    assert.equal(before, #open:mails())
  end)

  it("uses TLS where it is offered, also without a password", function()
    assert.is_true(smtp.send(mail(secure:url(), { ca = secure.ca })))
    local mails = secure:mails()
    assert.is_true(mails[#mails].tls)
  end)

  it("tells what the server did not like, without its words", function()
    local err = failed("smtp", smtp.send(mail(secure:url "user:s3cret@", { ca = secure.ca })))
    for _, value in pairs(err) do assert.not_matches("s3cret", tostring(value)) end
    err = failed("smtp", smtp.send(mail(open:url(), { to = { "refused@localhost" } })))
    assert.equal(550, err.status)
    assert.matches("550", err.message)
    assert.not_matches("no such person", err.message, 1, true)
  end)

  it("fails when nobody listens, and in time", function()
    assert.equal("ECONNREFUSED", failed("smtp", smtp.send(mail "smtp://u:s3cret@127.0.0.1:1")).code)
    failed("smtp", smtp.send(mail "smtp://nowhere.invalid"))
    failed("deadline", smtp.send(mail(open:url(), { to = { "slow@localhost" }, timeout = 0.2 })))
  end)

  it("tells a malformed URL, without its secret", function()
    for _, url in ipairs { "", "smtp://", "http://user:s3cret@host", "smtpx://h", "smtp:///x", "smtp://u:s3cret@h:x/",
      "smtp://u:s3cret@ho st", "file:///etc/passwd" } do
      local err = failed("usage", smtp.send(mail(url)))
      assert.not_matches("s3cret", err.message)
    end
  end)

  it("is given up with its task", function()
    local child = task.spawn(smtp.send, mail(open:url(), { to = { "slow@localhost" } }))
    clock.sleep(0.1)
    child:cancel { kind = "withdrawn" }
    local _, err = child:join()
    assert.equal("withdrawn", err.kind)
    assert.is_true(smtp.send(mail(open:url())))
  end)

  it("raises for misuse", function()
    for _, wrong in ipairs {
      { to = {} }, { to = "a@b" }, { to = { 1 } }, { to = { "a b" } }, { to = { "a\r\nDATA" } }, { to = { "<a@b>" } },
      { from = "" }, { from = "a\n" }, { message = 1 }, { timeout = 0 }, { url = 1 },
    } do
      assert.has_error(function() smtp.send(mail(open:url(), wrong)) end)
    end
    assert.has_error(function() smtp.send {} end)
  end)
end)
