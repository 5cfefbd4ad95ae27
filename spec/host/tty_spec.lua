local clock = require "host.clock"
local fs = require "host.fs"
local tty = require "host.tty"

local dixis <const> = assert(fs.realpath "/proc/self/exe")

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

describe("tty", function()
  local home

  before_each(function() home = assert(fs.mkdtemp("/tmp/dixis-tty-")) end)
  after_each(function() assert(fs.remove(home)) end)

  local pty <const> = "exec python3 spec/support/pty.py "
  local child <const> = quote(dixis) .. " spec -o json spec/fixtures/tty_child.lua"

  local function shell(deed, command)
    local result = home .. "/result"
    local pipe <close> = assert(io.popen(("DO=%s RESULT=%s; export DO RESULT; %s"):format(deed, result, command)))
    local shown = pipe:read("a")
    return fs.read(result), shown
  end

  --- Runs a deed of the fixture on a terminal, typing as told.
  local function on_terminal(deed, ...)
    local actions = {}
    for i, action in ipairs { ... } do actions[i] = quote(action) end
    local result, shown = shell(deed, pty .. table.concat(actions, " ") .. " -- " .. child)
    local code, lines, echo = shown:match "exit=(%-?%d+) lines=(%a+) echo=(%a+)\n$"
    assert.is_string(code, shown)
    return { result = result, shown = shown, code = tonumber(code), lines = lines, echo = echo }
  end

  local function answer(typed, ...)
    return on_terminal("ask", "expect:Phrase: ", "send:" .. typed, ...).result
  end

  describe("ask", function()
    it("gives the line as it was typed, byte for byte", function()
      assert.equal("answer yes", answer "yes\\n")
      assert.equal("answer   MIGRATE prod  ", answer "  MIGRATE prod  \\r")
      assert.equal("answer ", answer "\\n")
      assert.equal("answer h\xc3\xa9\xff", answer "h\\xc3\\xa9\\xff\\n")
    end)

    it("lets the person correct the line, also in other scripts", function()
      assert.equal("answer \xce\xb1\xce\xb3", answer "\\xce\\xb1\\xce\\xb2\\x7f\\xce\\xb3\\n")
      assert.equal("answer new", answer "old\\x15new\\n")
    end)

    it("forgets what was typed before it asked", function()
      local ran = on_terminal("ask_late", "expect:READY", "send:yes\\nye", "expect:Phrase: ", "send:no\\n")
      assert.equal("answer no", ran.result)
    end)

    it("takes Ctrl-D as the end only on an empty line", function()
      assert.equal("refused end_of_input", answer "\\x04")
      assert.equal("answer abcdef", answer("abc\\x04", "wait:0.1", "send:def\\n"))
      assert.equal("refused end_of_input", answer("abc\\x04", "wait:0.1", "send:\\x04"))
    end)

    it("leaves Ctrl-C to the run, and the terminal as it was", function()
      local ran = on_terminal("ask", "expect:Phrase: ", "send:half\\x03")
      assert.is_nil(ran.result)
      assert.equal(130, ran.code)
      assert.same({ "True", "True" }, { ran.lines, ran.echo })
    end)

    it("ends with the terminal", function()
      local ran = on_terminal("ask", "expect:Phrase: ", "hangup")
      assert.is_true(ran.code == 143 or ran.result == "refused no_terminal", ran.result) -- SIGHUP comes too
    end)

    it("refuses a line that the terminal may have cut", function()
      assert.equal("answer " .. ("x"):rep(4094), answer(("x"):rep(4094) .. "\\n"))
      assert.equal("refused too_long", answer(("x"):rep(4095) .. "\\n"))
      assert.equal("refused too_long", answer(("x"):rep(6000) .. "\\n"))
      local half <const> = ("x"):rep(3000)
      assert.equal("refused too_long", answer(half .. "\\x04", "wait:0.1", "send:" .. half .. "\\n"))
    end)

    it("works on a terminal that was left raw, and leaves it so", function()
      local ran = on_terminal("ask", "--raw", "expect:Phrase: ", "send:yes\\r")
      assert.equal("answer yes", ran.result)
      assert.same({ "False", "False" }, { ran.lines, ran.echo })
    end)

    it("lets other tasks run meanwhile", function()
      local ran = on_terminal("ask_beside", "expect:Phrase: ", "expect:TICKED", "send:yes\\n")
      assert.equal("answer yes", ran.result)
    end)

    it("gives up in time, and nothing of the half line is left", function()
      assert.equal("refused deadline", on_terminal("ask_in_time", "expect:Phrase: ", "send:hal").result)
    end)

    it("can be withdrawn and asked again", function()
      local ran = on_terminal("ask_cancelled", "expect:Phrase: ", "expect:READY", "send:half", "expect:Phrase: ",
        "send:whole\\n")
      assert.equal("withdrawn, answer whole", ran.result)
      assert.same({ "True", "True" }, { ran.lines, ran.echo })
    end)

    it("asks on the terminal whatever stdin and stdout are", function()
      local result, shown = shell("ask", pty .. "'expect:Phrase: ' 'send:yes\\n' -- sh -c "
        .. quote("echo no | " .. child .. " 2>&1 | cat >/dev/null"))
      assert.equal("answer yes", result)
      assert.matches("Phrase: yes", shown)
    end)

    it("refuses without a terminal and in the background", function()
      assert.equal("refused no_terminal", shell("ask", "setsid -w " .. child .. " </dev/null"))
      assert.equal("refused no_terminal", on_terminal("ask", "--background").result)
    end)
  end)

  describe("what is known of the terminal", function()
    it("is whether, how wide, and in colour", function()
      local function with(env)
        return (shell("report", ("export %s; %s -- %s"):format(env, pty, child)))
      end
      assert.equal("true true true 100 true true", with "TERM=xterm NO_COLOR=")
      assert.equal("true true true 100 false false", with "TERM=xterm NO_COLOR=1")
      assert.equal("true true true 100 false false", with "TERM=dumb")
      assert.equal("true true true 100 false false", with "TERM=")
    end)

    it("is nothing in a pipe", function()
      assert.equal("false false false 80 false false",
        (shell("report", "export TERM=xterm; : | " .. child .. " 2>&1 | cat")))
    end)

    it("is not asked of other streams", function()
      assert.has_error(function() tty.color "stdin" end)
      assert.has_error(function() tty.write("stdin", "x") end)
      assert.has_error(function() tty.is_terminal "x" end)
    end)
  end)

  describe("write", function()
    it("does not wait for a stopped terminal, and loses nothing", function()
      local ran = on_terminal("write_stopped", "expect:READY", "send:\\x13", "wait:0.8", "send:\\x11")
      assert.equal("true at once", ran.result)
      local count = 0
      for number in ran.shown:gmatch "(%d%d%d%d)x+" do
        count = count + 1
        assert.equal(count, tonumber(number))
      end
      assert.equal(3000, count)
    end)

    it("waits for the rest when the process ends, and Ctrl-C ends even that", function()
      local actions <const> = "expect:READY 'send:\\x13' wait:1.5 'send:\\x03'"
      local result, shown = shell("write_stopped_errors",
        pty .. actions .. " -- sh -c " .. quote("exec " .. child .. " >/dev/null"))
      assert.equal("true at once", result)
      assert.matches("exit=%-2 ", shown)
    end)

    it("says when nobody reads any more, and goes on", function()
      assert.equal("false false", (shell("write_closed", child .. " | true")))
    end)

    it("writes all to a slow pipe and to a file", function()
      local result, shown = shell("write_much", child .. " | { sleep 0.3; cat; }")
      assert.equal("true", result)
      assert.equal(990000, select(2, shown:gsub("#", "")))
      local file = home .. "/out"
      assert.equal("true", (shell("write_much", ("echo first >%s; %s >>%s"):format(file, child, file))))
      local text = fs.read(file)
      assert.equal("first\n", text:sub(1, 6))
      assert.equal(990000, select(2, text:gsub("#", "")))
    end)

    it("does not make a shared stream non-blocking", function()
      local result, shown = shell("write_much",
        "{ " .. child .. "; grep flags /proc/self/fdinfo/1; } | { sleep 0.3; tail -n 1; }")
      assert.equal("true", result)
      local flags = assert(tonumber(shown:match "flags:%s*(%d+)", 8), shown)
      assert.equal(0, flags & 2048)
    end)
  end)

  describe("wait_stdin_end", function()
    it("ends when the other side closes, and discards what comes", function()
      local began = clock.now()
      assert.equal("end", (shell("stdin_end", "(echo x; sleep 0.3; echo y) | " .. child)))
      assert.is_true(clock.now() - began > 0.25)
      assert.equal("end", (shell("stdin_end", "head -c 3000000 /dev/zero | " .. child)))
    end)

    it("ends at once where nothing can come", function()
      assert.equal("end", (shell("stdin_end", child .. " </dev/null")))
      assert.equal("end", (shell("stdin_end", child .. " <spec/host/tty_spec.lua")))
      assert.equal("end", (shell("stdin_end", ": | " .. child)))
    end)

    it("ends at a terminal with Ctrl-D", function()
      local ran = on_terminal("stdin_end", "wait:0.3", "send:a\\n", "send:\\x04", "wait:0.2", "send:\\x04")
      assert.equal("end", ran.result)
    end)

    it("can be given up", function()
      assert.equal("waited withdrawn", (shell("stdin_cancelled", "sleep 1 | " .. child)))
      assert.equal("waited withdrawn", on_terminal("stdin_cancelled", "--background").result)
    end)

    it("notices a socket's end", function()
      assert.equal("end", (shell("stdin_end", ([[exec python3 -c '
import socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(sys.argv[1:], stdin=theirs)
theirs.close()
ours.send(b"x")
ours.close()
sys.exit(child.wait(20))' ]] .. child))))
    end)
  end)
end)
