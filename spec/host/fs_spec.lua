local fs = require "host.fs"

describe("fs", function()
  local home

  before_each(function() home = assert(fs.mkdtemp("/tmp/dixis-fs-")) end)
  after_each(function() assert(fs.remove(home)) end)

  local function path(name) return home .. "/" .. name end
  local function names()
    local found = {}
    for i, entry in ipairs(assert(fs.list(home))) do found[i] = entry.name end
    return found
  end
  local function shell(command) assert.is_true(os.execute(command)) end
  local function refused(kind, code, value, err)
    assert.is_nil(value)
    assert.equal(kind, err.kind)
    assert.equal(code, err.code)
    assert.is_string(err.path)
    assert.matches(err.path, tostring(err), 1, true)
  end

  describe("read", function()
    it("gives the whole file, zero bytes and all", function()
      local data = ("x\0y\n"):rep(50000)
      assert(fs.create(path "a", data))
      assert.equal(data, fs.read(path "a"))
      assert(fs.create(path "empty", ""))
      assert.equal("", fs.read(path "empty"))
    end)

    it("reads what has no size beforehand", function()
      assert.matches("^Name:", fs.read("/proc/self/status"))
    end)

    it("follows a symlink", function()
      assert(fs.create(path "a", "text"))
      shell("ln -s a " .. path "link")
      assert.equal("text", fs.read(path "link"))
    end)

    it("fails for what is absent, a folder, a FIFO, and does not wait for the FIFO", function()
      refused("os", "ENOENT", fs.read(path "none"))
      refused("os", "ENOTDIR", fs.read("/dev/null/x"))
      refused("not_file", "EISDIR", fs.read(home))
      refused("not_file", nil, fs.read("/dev/null"))
      shell("mkfifo " .. path "fifo")
      refused("not_file", nil, fs.read(path "fifo"))
    end)

    it("reads up to the limit and not a byte more", function()
      assert(fs.create(path "a", "12345"))
      assert.equal("12345", fs.read(path "a", 5))
      refused("too_large", nil, fs.read(path "a", 4))
      refused("too_large", nil, fs.read("/proc/self/status", 10))
    end)

    it("reads from an offset on", function()
      assert(fs.write(home .. "/offset", "abcdef"))
      assert.equal("def", fs.read(home .. "/offset", 3, 3))
      assert.equal("", fs.read(home .. "/offset", 3, 6))
      assert.equal("", fs.read(home .. "/offset", 3, 60))
      local _, err = fs.read(home .. "/offset", 3, 2)
      assert.equal("too_large", err.kind)
      assert.has_error(function() fs.read(home .. "/offset", 3, -1) end)
    end)

    it("tells which file it is, whatever its name", function()
      assert(fs.write(home .. "/first", "a"))
      local first = fs.stat(home .. "/first").file
      assert(fs.rename(home .. "/first", home .. "/second"))
      assert(fs.write(home .. "/first", "a"))
      assert.equal(first, fs.stat(home .. "/second").file)
      assert.not_equal(first, fs.stat(home .. "/first").file)
    end)

    it("raises for a path with a zero byte", function()
      assert.has_error(function() fs.read("/etc/passwd\0.txt") end)
    end)
  end)

  describe("write", function()
    it("makes a file, and replaces it keeping its mode", function()
      assert.is_true(fs.write(path "a", "one", 384))
      assert.equal(384, fs.stat(path "a").mode)
      assert.is_true(fs.write(path "a", "two", 420))
      assert.equal("two", fs.read(path "a"))
      assert.equal(384, fs.stat(path "a").mode)
      assert.same({ "a" }, names())
    end)

    it("replaces it as a whole: who has it open keeps the old content", function()
      assert(fs.write(path "a", "old"))
      local open <close> = assert(io.open(path "a"))
      assert(fs.write(path "a", "new"))
      assert.equal("old", open:read("a"))
    end)

    it("refuses a symlink, a folder and a FIFO, and leaves no temporary file", function()
      assert(fs.create(path "a", "safe"))
      shell("ln -s a " .. path "link; mkfifo " .. path "fifo; mkdir " .. path "folder")
      refused("symlink", nil, fs.write(path "link", "x"))
      refused("not_file", nil, fs.write(path "fifo", "x"))
      refused("os", "EISDIR", fs.write(path "folder", "x"))
      refused("os", "ENOENT", fs.write(path "none/a", "x"))
      assert.equal("safe", fs.read(path "a"))
      assert.same({ "a", "fifo", "folder", "link" }, names())
    end)

    it("leaves the old file when the new one does not fit", function()
      assert(fs.write(path "a", "old"))
      local limited = "ulimit -f 1; trap '' XFSZ; exec "
      local script = path "big_spec.lua"
      assert(fs.write(script, ([[it("x", function()
        local ok, err = require "host.fs".write(%q, ("x"):rep(100000))
        assert.is_nil(ok)
        assert.equal("EFBIG", err.code)
      end)]]):format(path "a")))
      shell(limited .. assert(fs.realpath "/proc/self/exe") .. " spec " .. script .. " >/dev/null")
      assert.equal("old", fs.read(path "a"))
      assert.same({ "a", "big_spec.lua" }, names())
    end)
  end)

  describe("create", function()
    it("fails when there is anything of that name", function()
      assert.is_true(fs.create(path "a", "one", 256))
      assert.equal(256, fs.stat(path "a").mode)
      refused("os", "EEXIST", fs.create(path "a", "two"))
      shell("ln -s nowhere " .. path "link")
      refused("os", "EEXIST", fs.create(path "link", "two"))
      assert.equal("one", fs.read(path "a"))
      assert.is_nil(fs.stat(path "nowhere"))
    end)
  end)

  describe("list", function()
    it("sorts by bytes and tells what each entry itself is", function()
      shell(("cd %s; touch b B a_ ä; mkdir d; ln -s d l; mkfifo p"):format(home))
      assert.same({
        { name = "B", type = "file" },
        { name = "a_", type = "file" },
        { name = "b", type = "file" },
        { name = "d", type = "directory" },
        { name = "l", type = "link" },
        { name = "p", type = "other" },
        { name = "ä", type = "file" },
      }, fs.list(home))
      assert.same({}, fs.list(path "d"))
    end)

    it("fails for what is no folder", function()
      refused("os", "ENOENT", fs.list(path "none"))
      refused("os", "ENOTDIR", fs.list("/etc/passwd"))
    end)
  end)

  describe("stat", function()
    it("follows a symlink unless told not to", function()
      assert(fs.create(path "a", "12345", 416))
      shell("ln -s a " .. path "link")
      local stat = assert(fs.stat(path "link"))
      assert.equal("file", stat.type)
      assert.equal(5, stat.size)
      assert.equal(416, stat.mode)
      assert.is_true(math.abs(stat.mtime - os.time()) < 60)
      assert.equal("link", fs.stat(path "link", true).type)
      assert.equal("directory", fs.stat(home).type)
      assert.equal("other", fs.stat("/dev/null").type)
    end)

    it("fails for what is absent", function()
      refused("os", "ENOENT", fs.stat(path "none"))
    end)
  end)

  it("resolves symlinks in a path", function()
    shell(("cd %s; mkdir d; ln -s d l"):format(home))
    assert.equal(fs.realpath(home) .. "/d", fs.realpath(path "l/../l/."))
    refused("os", "ENOENT", fs.realpath(path "none"))
  end)

  describe("mkdir", function()
    it("creates parents, and is content with what exists", function()
      assert.is_true(fs.mkdir(path "a//b/c/", 448))
      assert.equal(448, fs.stat(path "a").mode)
      assert.equal("directory", fs.stat(path "a/b/c").type)
      assert.is_true(fs.mkdir(path "a/b/c"))
      shell("ln -s a " .. path "link")
      assert.is_true(fs.mkdir(path "link/d"))
      assert.equal("directory", fs.stat(path "a/d").type)
    end)

    it("fails where a file stands in the way", function()
      assert(fs.create(path "a", ""))
      refused("os", "ENOTDIR", fs.mkdir(path "a"))
      refused("os", "ENOTDIR", fs.mkdir(path "a/b"))
      refused("os", "ENOENT", fs.mkdir(""))
    end)
  end)

  it("makes private temporary folders", function()
    local one, two = assert(fs.mkdtemp(path "t-")), assert(fs.mkdtemp(path "t-"))
    assert.not_equal(one, two)
    assert.equal(path "t-", one:sub(1, #path "t-"))
    assert.equal(448, fs.stat(one).mode)
    refused("os", "ENOENT", fs.mkdtemp(path "none/t-"))
  end)

  describe("remove", function()
    it("removes files, links and whole folders, and never follows a link", function()
      shell(("cd %s; mkdir -p keep d/e/f; touch keep/x d/a d/e/b; ln -s ../keep d/link; ln -s keep link"):format(home))
      assert.is_true(fs.remove(path "d"))
      assert.is_true(fs.remove(path "link"))
      assert.same({ "keep" }, names())
      assert.equal("", fs.read(path "keep/x"))
    end)

    it("is content when there is nothing", function()
      assert.is_true(fs.remove(path "none"))
      refused("os", "ENOTDIR", fs.remove("/etc/passwd/x"))
    end)

    it("refuses to take a root for a folder", function()
      for _, root in ipairs { "/", "", ".", "..", "../..", "//" } do
        assert.has_error(function() fs.remove(root) end)
      end
    end)

    it("goes deep, but not without bound, and says where it stopped", function()
      local deep = home .. ("/d"):rep(150)
      assert(fs.mkdir(deep))
      assert.is_true(fs.remove(path "d"))
      assert(fs.mkdir(home .. ("/d"):rep(300)))
      refused("os", "ELOOP", fs.remove(path "d"))
      shell("rm -r " .. path "d")
    end)
  end)

  it("changes the owner", function()
    assert(fs.create(path "a", ""))
    local uid = fs.stat(path "a").uid
    if uid ~= 0 then return pending("needs root") end
    assert.is_true(fs.chown(path "a", 65534, 65534))
    assert.equal(65534, fs.stat(path "a").uid)
    assert(fs.write(path "a", "new"))
    assert.equal(65534, fs.stat(path "a").uid)
    refused("os", "ENOENT", fs.chown(path "none", 0, 0))
    assert.has_error(function() fs.chown(path "a", -1, 0) end)
  end)

  it("renames", function()
    assert(fs.create(path "a", "text"))
    assert.is_true(fs.rename(path "a", path "b"))
    assert.same({ "b" }, names())
    refused("os", "ENOENT", fs.rename(path "a", path "b"))
  end)

  describe("copy_tree", function()
    it("copies files, folders, links and modes", function()
      shell(([[cd %s; mkdir -p from/sub from/empty; printf hello > from/sub/a; head -c 700000 /dev/urandom > from/big
        touch from/none; chmod 640 from/sub/a; chmod 500 from/sub; ln -s sub/a from/link; ln -s /nowhere from/lost]])
        :format(home))
      assert.is_true(fs.copy_tree(path "from", path "to"))
      shell(("cd %s; diff -r --no-dereference from to"):format(home))
      assert.equal(416, fs.stat(path "to/sub/a").mode)
      assert.equal(320, fs.stat(path "to/sub").mode)
      assert.equal("link", fs.stat(path "to/link", true).type)
      shell(("cd %s; chmod 700 from/sub to/sub"):format(home))
    end)

    it("keeps owners when it may", function()
      if fs.stat(home).uid ~= 0 then return pending("needs root") end
      shell(("cd %s; mkdir from; touch from/a; ln -s a from/l; chown -hR 65534:65534 from"):format(home))
      assert.is_true(fs.copy_tree(path "from", path "to"))
      assert.equal(65534, fs.stat(path "to").uid)
      assert.equal(65534, fs.stat(path "to/a").uid)
      assert.equal(65534, fs.stat(path "to/l", true).uid)
    end)

    it("does not copy a copy into itself", function()
      shell(("cd %s; mkdir from; touch from/a"):format(home))
      assert.is_true(fs.copy_tree(path "from", path "from/to"))
      assert.same({ { name = "a", type = "file" } }, fs.list(path "from/to"))
    end)

    it("fails without leaving half a copy", function()
      shell(("cd %s; mkdir -p from/sub; touch from/a; mkfifo from/sub/fifo"):format(home))
      local ok, err = fs.copy_tree(path "from", path "to")
      refused("os", "ENOTSUP", ok, err)
      assert.equal(path "from/sub/fifo", err.path)
      assert.same({ "from" }, names())
    end)

    it("wants a folder and a free name", function()
      shell(("cd %s; mkdir from to; touch a; ln -s from link"):format(home))
      refused("os", "ENOENT", fs.copy_tree(path "none", path "x"))
      refused("os", "ENOTDIR", fs.copy_tree(path "a", path "x"))
      refused("os", "EEXIST", fs.copy_tree(path "from", path "to"))
      assert.is_nil(fs.stat(path "x"))
    end)
  end)

  it("knows the free space", function()
    local free = assert(fs.free_space(home))
    assert.equal("integer", math.type(free))
    assert.is_true(free > 0)
    refused("os", "ENOENT", fs.free_space(path "none"))
  end)

  it("knows the working folder", function()
    assert.equal(fs.realpath("."), fs.cwd())
  end)

  it("closes what it opened, also when it fails", function()
    shell(("cd %s; touch a; mkdir d; mkfifo d/f"):format(home))
    local function descriptors() return #fs.list("/proc/self/fd") end
    local before = descriptors()
    for _ = 1, 50 do
      fs.read(path "a"); fs.read(path "a", 0); fs.read(home); fs.read("/proc/self/status", 1)
      fs.write(path "a", "x"); fs.write(path "d", "x"); fs.create(path "a", ""); fs.list(home)
      fs.copy_tree(path "d", path "e")
    end
    assert.equal(before, descriptors())
  end)
end)
