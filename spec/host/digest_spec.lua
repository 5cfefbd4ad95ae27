local digest = require "host.digest"
local fs = require "host.fs"

local empty <const> = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
local abc <const> = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

describe("digest", function()
  it("hashes as the standard says", function()
    assert.equal(empty, digest.sha256(""))
    assert.equal(abc, digest.sha256("abc"))
    assert.equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
      digest.sha256(("a"):rep(1000000)))
    assert.not_equal(digest.sha256("a"), digest.sha256("a\0"))
  end)

  it("hashes piece by piece, several at a time", function()
    local one, two = digest.sha256_new(), digest.sha256_new()
    one:update("a"):update("")
    two:update("x")
    assert.equal(empty, digest.sha256(""))
    assert.equal(abc, one:update("bc"):hex())
    assert.equal(digest.sha256("x"), two:hex())
    assert.equal(empty, digest.sha256_new():hex())
  end)

  it("gives a hash once", function()
    local hasher = digest.sha256_new()
    hasher:hex()
    assert.has_error(function() hasher:hex() end)
    assert.has_error(function() hasher:update("x") end)
  end)

  it("hashes a file", function()
    local home = assert(fs.mkdtemp("/tmp/dixis-digest-"))
    local data = ("0123456789"):rep(30000)
    assert(fs.create(home .. "/a", data))
    assert.equal(digest.sha256(data), digest.sha256_file(home .. "/a"))
    for path, code in pairs { [home .. "/none"] = "ENOENT", [home] = "EISDIR" } do
      local hex, err = digest.sha256_file(path)
      assert.is_nil(hex)
      assert.equal("os", err.kind)
      assert.equal(code, err.code)
      assert.equal(path, err.path)
    end
    assert.equal(abc, digest.sha256("abc"))
    assert(fs.remove(home))
  end)

  it("makes random identifiers", function()
    assert.matches("^%x%x$", digest.random_hex(1))
    assert.equal(128, #digest.random_hex(64))
    assert.not_equal(digest.random_hex(16), digest.random_hex(16))
    assert.has_error(function() digest.random_hex(0) end)
    assert.has_error(function() digest.random_hex(65) end)
    local seen = {}
    for _ = 1, 200 do
      local uuid = digest.uuid()
      local x <const> = "[0-9a-f]"
      assert.matches("^" .. x:rep(8) .. "%-" .. x:rep(4) .. "%-4" .. x:rep(3) .. "%-[89ab]"
        .. x:rep(3) .. "%-" .. x:rep(12) .. "$", uuid)
      assert.is_nil(seen[uuid])
      seen[uuid] = true
    end
  end)

  it("compares bytes", function()
    assert.is_true(digest.equal("", ""))
    assert.is_true(digest.equal("a\0b", "a\0b"))
    assert.is_false(digest.equal("a\0b", "a\0c"))
    assert.is_false(digest.equal("a", "a\0"))
    assert.is_false(digest.equal("a", "A"))
  end)
end)
