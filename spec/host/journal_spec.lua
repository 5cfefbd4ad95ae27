local cjson = require "cjson"
local clock = require "host.clock"
local digest = require "host.digest"
local fs = require "host.fs"
local journal = require "host.journal"
local task = require "host.task"

local zeros <const> = ("0"):rep(64)
local dixis <const> = assert(fs.realpath "/proc/self/exe")

describe("a journal", function()
  local home, path

  before_each(function()
    home = assert(fs.mkdtemp("/tmp/dixis-journal-"))
    path = home .. "/j.jsonl"
  end)
  after_each(function() assert(fs.remove(home)) end)

  local function failed(code, value, err)
    assert.is_nil(value)
    assert.equal("journal", err.kind)
    assert.equal(code, err.code)
    assert.matches("journal", tostring(err))
  end

  --- Runs Lua code as a spec in another dixis; `before` is shell in front of it.
  local function elsewhere(before, code)
    local script = home .. "/child_spec.lua"
    assert(fs.write(script, ('it("x", function()\nlocal path = %q\n%s\nend)\n'):format(path, code)))
    return os.execute(("%s %s spec %s > %s/out 2>&1"):format(before, dixis, script, home))
      or nil, fs.read(home .. "/out")
  end

  local function write_lines(n)
    local log <close> = assert(journal.create(path))
    for i = 1, n do assert(log:append(('"type":"x","n":%d'):format(i))) end
    return log:head()
  end

  local function lines()
    local found = {}
    for line in journal.lines(path) do found[#found + 1] = line end
    return found
  end

  local function broken(number, why)
    local proof = assert(journal.verify(path))
    assert.equal(number, proof.broken)
    assert.equal(why, proof.why)
    return proof
  end

  describe("when it is written", function()
    it("is a private file of chained JSON lines", function()
      local log <close> = assert(journal.create(path))
      assert.same({ zeros, 0 }, { log:head() })
      local seq, hash = log:append('"type":"begin","text":"ä\\n"')
      assert.equal(1, seq)
      local second, last = log:append('"type":"end"')
      assert.equal(2, second)
      assert.same({ last, 2 }, { log:head() })
      local one, two = table.unpack(lines())
      assert.equal(hash, digest.sha256(one))
      assert.equal(last, digest.sha256(two))
      assert.same({ seq = 1, prev = zeros, type = "begin", text = "ä\n" }, cjson.decode(one))
      assert.same({ seq = 2, prev = hash, type = "end" }, cjson.decode(two))
      assert.equal(384, fs.stat(path).mode)
      assert.equal(#one + #two + 2, fs.stat(path).size)
    end)

    it("takes long lines", function()
      local log <close> = assert(journal.create(path))
      local body = ('"a":"%s"'):format(("x"):rep(3000000))
      assert(log:append('"a":1'))
      assert(log:append(body))
      assert(log:append('"a":2'))
      assert.is_true(log:sync())
      assert.equal(3, assert(journal.verify(path)).lines)
      assert.equal(body, lines()[2]:sub(-#body - 1, -2))
    end)

    it("refuses a line that would break the file", function()
      local log <close> = assert(journal.create(path))
      assert.has_error(function() log:append('"a":1}\n{') end)
      assert.has_error(function() log:append("") end)
      assert.has_error(function() log:append() end)
      assert.same({ zeros, 0 }, { log:head() })
    end)

    it("is closed once and for all", function()
      local log = assert(journal.create(path))
      log:close()
      log:close()
      assert.has_error(function() log:append('"a":1') end)
      assert.has_error(function() log:sync() end)
      assert.has_error(function() log:head() end)
    end)
  end)

  describe("when it is created", function()
    it("never takes over what exists", function()
      write_lines(1)
      failed("EEXIST", journal.create(path))
      assert.equal(1, journal.verify(path).lines)
      assert(fs.remove(path))
      assert.is_true(os.execute("ln -s nowhere " .. path))
      failed("EEXIST", journal.create(path))
      assert.is_nil(fs.stat(home .. "/nowhere"))
    end)

    it("fails without a folder that can be written", function()
      failed("ENOENT", journal.create(home .. "/none/j"))
      failed("ENOTDIR", journal.create("/etc/passwd/j"))
      failed("EISDIR", journal.create(home .. "/"))
    end)

    it("fails on a full disk and leaves nothing behind", function()
      local ok, out = elsewhere("ulimit -f 0;", [[
        local log, err = require "host.journal".create(path)
        assert.is_nil(log)
        assert.equal("journal", err.kind)
        assert.equal("EFBIG", err.code)]])
      assert.is_true(ok, out)
      assert.is_nil(fs.stat(path))
    end)
  end)

  describe("when the disk is full", function()
    local disk

    before_each(function()
      disk = home .. "/disk"
      assert(fs.mkdir(disk))
    end)
    after_each(function() os.execute("umount -l " .. disk .. " 2>/dev/null") end)

    it("keeps its last whole line, says so, and goes on when there is room again", function()
      if not os.execute(("mount -t tmpfs -o size=64k none %s 2>/dev/null"):format(disk)) then
        return pending("cannot mount a small disk")
      end
      path = disk .. "/j"
      local log <close> = assert(journal.create(path))
      assert(fs.create(disk .. "/ballast", ("x"):rep(16384)))
      local body, written, err = ('"a":"%s"'):format(("x"):rep(1000)), 0, nil
      for _ = 1, 100 do
        local seq
        seq, err = log:append(body)
        if not seq then break end
        written = seq
      end
      failed("ENOSPC", nil, err)
      assert.is_true(written > 10)
      local head, seq = log:head()
      assert.equal(written, seq)
      local proof = assert(journal.verify(path))
      assert.same({ lines = written, head = head, torn = false }, proof)
      failed("ENOSPC", journal.create(disk .. "/other"))
      assert.is_nil(fs.stat(disk .. "/other"))
      assert(fs.remove(disk .. "/ballast"))
      assert.equal(written + 1, (log:append(body)))
      assert.is_true(log:sync())
      assert.is_nil(journal.verify(path).broken)
    end)

    it("takes back a line that only half fits", function()
      local ok, out = elsewhere("ulimit -f 8;", [[
        local journal = require "host.journal"
        local log = assert(journal.create(path))
        local body, err = '"a":"' .. ("x"):rep(3000) .. '"'
        assert(log:append(body))
        for _ = 1, 10 do _, err = log:append(body) end
        assert.equal("EFBIG", err.code)
        local head, seq = log:head()
        assert.same({ lines = seq, head = head, torn = false }, journal.verify(path))
        assert.is_true(log:sync())]])
      assert.is_true(ok, out)
    end)
  end)

  describe("when it is synced", function()
    it("is content with nothing to do", function()
      local log <close> = assert(journal.create(path))
      assert.is_true(log:sync())
      log:sync_start()
      assert.is_true(log:sync())
    end)

    it("overlaps with other work, and with lines that come meanwhile", function()
      local log <close> = assert(journal.create(path))
      for i = 1, 50 do
        assert(log:append(('"n":%d'):format(i)))
        log:sync_start()
        log:sync_start()
      end
      assert.is_true(log:sync())
      assert.is_true(log:sync())
    end)

    it("serves several tasks at once", function()
      local log <close> = assert(journal.create(path))
      local tasks = {}
      for i = 1, 20 do
        tasks[i] = task.spawn(function()
          for n = 1, 5 do
            assert(log:append(('"task":%d,"n":%d'):format(i, n)))
            assert(log:sync())
          end
          return "synced"
        end)
      end
      for _, one in ipairs(tasks) do assert.same({ true, "synced" }, { one:join() }) end
      assert.equal(100, assert(journal.verify(path)).lines)
    end)

    it("is not disturbed by a task that gives up waiting", function()
      local log <close> = assert(journal.create(path))
      assert(log:append('"a":1'))
      local child = task.spawn(function() log:sync() end)
      local other = task.spawn(function() return log:sync() end)
      clock.sleep(0)
      child:cancel()
      child:join()
      collectgarbage()
      assert.same({ true, true }, { other:join() })
    end)

    it("may be closed or forgotten meanwhile", function()
      local log = assert(journal.create(path))
      assert(log:append('"a":1'))
      local child = task.spawn(function() return log:sync() end)
      local starter = task.spawn(function() log:close() end)
      local _, value, err = child:join()
      starter:join()
      if value == nil then assert.equal("journal", err.kind) end
      for i = 1, 20 do
        local forgotten = assert(journal.create(path .. i))
        forgotten:append('"a":1')
        forgotten:sync_start()
      end
      log = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      clock.sleep(0.02)
    end)

    it("is never trusted again after the disk refused once", function()
      local source, library = home .. "/fault.c", home .. "/fault.so"
      assert(fs.write(source, [[
        #include <errno.h>
        int fdatasync(int fd) { static int n; return ++n == 3 ? (errno = EIO, -1) : (fd = 0); }]]))
      if not os.execute(("cc -shared -fPIC -o %s %s 2>/dev/null"):format(library, source)) then
        return pending("no compiler to make a faulty disk with")
      end
      local before = "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 LD_PRELOAD=" .. library
      local ok, out = elsewhere(before, [[
        local journal = require "host.journal"
        local log = assert(journal.create(path)) -- the first fdatasync
        assert(log:append('"a":1'))
        assert.is_true(log:sync())
        assert(log:append('"a":2'))
        for _ = 1, 3 do
          local synced, err = log:sync()
          assert.is_nil(synced)
          assert.equal("journal", err.kind)
          assert.equal("EIO", err.code)
          local seq, failure = log:append('"a":3')
          assert.is_nil(seq)
          assert.equal("EIO", failure.code)
        end]])
      assert.is_true(ok, out)
    end)
  end)

  describe("when it is read", function()
    it("gives its lines one by one", function()
      write_lines(3)
      local seen = {}
      for line, complete in journal.lines(path) do
        assert.is_true(complete)
        seen[#seen + 1] = cjson.decode(line).n
      end
      assert.same({ 1, 2, 3 }, seen)
    end)

    it("tells a line that was torn by a crash", function()
      write_lines(2)
      local text = fs.read(path)
      assert(fs.write(path, text .. '{"seq":3,"pr'))
      local seen = {}
      for line, complete in journal.lines(path) do seen[#seen + 1] = { line, complete } end
      assert.same({ '{"seq":3,"pr', false }, seen[3])
      assert.is_true(seen[2][2])
    end)

    it("closes the file when a loop is left", function()
      write_lines(3)
      local before = #fs.list("/proc/self/fd")
      for _ = 1, 20 do
        for _ in journal.lines(path) do break end -- luacheck: ignore 512
      end
      local next_line = journal.lines(path)
      while next_line() do end
      assert.is_nil((next_line()))
      assert.equal(before, #fs.list("/proc/self/fd"))
    end)

    it("does not load the whole file", function()
      local log <close> = assert(journal.create(path))
      local body = ('"a":"%s"'):format(("x"):rep(1000))
      for _ = 1, 20000 do log:append(body) end
      collectgarbage()
      local before, most = collectgarbage("count"), 0
      for _ in journal.lines(path) do most = math.max(most, collectgarbage("count") - before) end
      assert.is_true(most < 10000, most)
      assert.is_nil(journal.verify(path).broken)
    end)

    it("fails for what is no file", function()
      failed("ENOENT", journal.lines(home .. "/none"))
      failed("EISDIR", journal.lines(home))
      failed("EINVAL", journal.lines("/dev/null"))
      failed("ENOENT", journal.verify(home .. "/none"))
      failed("EISDIR", journal.verify(home))
    end)
  end)

  describe("when it is verified", function()
    local function rewrite(change)
      local all = lines()
      change(all)
      assert(fs.write(path, #all > 0 and table.concat(all, "\n") .. "\n" or ""))
    end

    it("is proved whole", function()
      local head = write_lines(10)
      assert.same({ lines = 10, head = head, torn = false }, journal.verify(path))
      assert(fs.write(path, ""))
      assert.same({ lines = 0, head = zeros, torn = false }, journal.verify(path))
    end)

    it("tells an edited line", function()
      write_lines(10)
      rewrite(function(all) all[4] = all[4]:gsub('"n":4', '"n":5') end)
      local proof = broken(5, "hash")
      assert.equal(10, proof.lines)
    end)

    it("shows an edited last line in its head", function()
      local head = write_lines(10)
      rewrite(function(all) all[10] = all[10]:gsub('"n":10', '"n":11') end)
      assert.not_equal(head, journal.verify(path).head)
    end)

    it("tells a deleted line", function()
      write_lines(10)
      rewrite(function(all) table.remove(all, 4) end)
      broken(4, "sequence")
      rewrite(function(all) table.remove(all, 1) end)
      broken(1, "sequence")
    end)

    it("tells swapped lines", function()
      write_lines(10)
      rewrite(function(all) all[6], all[7] = all[7], all[6] end)
      broken(6, "sequence")
    end)

    it("tells a gap and an inserted line", function()
      write_lines(4)
      rewrite(function(all) all[3] = all[3]:gsub('"seq":3', '"seq":33') end)
      broken(3, "sequence")
      assert(fs.remove(path))
      write_lines(4)
      rewrite(function(all) table.insert(all, 3, all[2]) end)
      broken(3, "sequence")
    end)

    it("tells a renumbered line of another journal", function()
      write_lines(4)
      rewrite(function(all) all[3] = all[3]:gsub('"prev":"%x', function() return '"prev":"_' end) end)
      broken(3, "hash")
    end)

    it("tells what is no journal line", function()
      for _, line in ipairs {
        "", "{}", "hello", '{"seq":3}', '{"seq":03,"prev":"' .. zeros .. '","a":1}',
        '{"seq":,"prev":"' .. zeros .. '","a":1}', '{"seq":3,"prev":"' .. zeros .. '"}',
        '{"seq":3,"prev":"' .. zeros .. '","a":1', '{"prev":"' .. zeros .. '","seq":3,"a":1}',
        '{"seq":3,"prev":"00","a":1}', '{"seq":99999999999999999999,"prev":"' .. zeros .. '","a":1}',
      } do
        fs.remove(path)
        write_lines(4)
        rewrite(function(all) all[3] = line end)
        broken(3, "format")
      end
    end)

    it("tells a torn end, and judges what is before it", function()
      local head = write_lines(3)
      assert(fs.write(path, fs.read(path) .. '{"seq":4,'))
      assert.same({ lines = 3, head = head, torn = true }, journal.verify(path))
      local text = fs.read(path)
      assert(fs.write(path, (text:gsub('"n":1', '"n":2'))))
      local proof = broken(2, "hash")
      assert.is_true(proof.torn)
    end)
  end)
end)
