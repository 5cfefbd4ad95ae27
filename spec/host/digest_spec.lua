local clock = require "host.clock"
local digest = require "host.digest"
local fs = require "host.fs"
local task = require "host.task"

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

  it("writes base64 as the standard says", function()
    local known <const> = { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foobar = "Zm9vYmFy", ["\0\255"] = "AP8=" }
    for data, text in pairs(known) do assert.equal(text, digest.base64(data)) end
    assert.equal(40000, #digest.base64(("x"):rep(30000)))
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

  it("lets other tasks run while it hashes a file, and ends when it is cancelled", function()
    local path = "/dev/zero" -- has no end
    local reader = task.spawn(function() return digest.sha256_file(path) end)
    clock.sleep(0.02)
    assert.is_false(reader:done())
    reader:cancel({ kind = "enough", message = "enough" })
    local ok, err = reader:join()
    assert.is_false(ok)
    assert.equal("enough", err.kind)
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

  describe("signs with Ed25519:", function()
    -- The first vector of RFC 8032, 7.1.
    local seed <const> = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    local signed_nothing <const> = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
      .. "b46bd25bf5f0595bbe24655141438e7a100b"
    local process = require "host.process"

    local function openssl(input, ...)
      local result = assert(process.run({ "openssl", ... }, { input = input, env = { PATH = process.getenv "PATH" } }))
      assert.equal(0, result.code, result.stderr)
      return result.stdout
    end
    local function base64(data) return (openssl(data, "base64", "-A")) end
    local function base64_of(hex)
      return base64((hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)))
    end

    it("as the standard says", function()
      local key <const>, signature <const> = base64_of("302e020100300506032b657004220420" .. seed), base64_of(signed_nothing)
      assert.equal(signature, digest.sign(key, ""))
      assert.is_true(digest.verify(digest.public_key(key), "", signature))
      assert.is_false(digest.verify(digest.public_key(key), "\0", signature))
    end)

    it("with keys of openssl, in each of their forms", function()
      local pem <const> = openssl(nil, "genpkey", "-algorithm", "ed25519")
      local public <const> = openssl(pem, "pkey", "-pubout")
      local der <const> = openssl(pem, "pkey", "-pubout", "-outform", "DER")
      assert.equal(base64(der), digest.public_key(pem))
      local signature <const> = digest.sign(pem, "data")
      for _, form in ipairs { pem, base64(pem), openssl(pem, "base64"), "\n  " .. pem,
        base64(openssl(pem, "pkey", "-outform", "DER")) } do
        assert.equal(signature, digest.sign(form, "data"))
        assert.equal(base64(der), digest.public_key(form))
      end
      for _, form in ipairs { public, base64(public), base64(der), base64(der) .. "\n" } do
        assert.is_true(digest.verify(form, "data", signature))
        assert.is_false(digest.verify(form, "Data", signature))
        assert.equal(base64(der), digest.public_key(form))
      end
    end)

    it("and openssl finds its signatures good", function()
      local key <const> = digest.new_key()
      local home <const> = assert(fs.mkdtemp "/tmp/dixis-sign-")
      assert(fs.write(home .. "/data", "what is signed"))
      assert(fs.write(home .. "/public", openssl(key, "pkey", "-pubout")))
      assert(fs.write(home .. "/signature", openssl(digest.sign(key, "what is signed"), "base64", "-d", "-A")))
      assert.matches("Verified Successfully", openssl(nil, "pkeyutl", "-verify", "-pubin", "-inkey", home .. "/public",
        "-rawin", "-in", home .. "/data", "-sigfile", home .. "/signature"), 1, true)
      assert(fs.remove(home))
    end)

    it("and knows another's signature, and a damaged one", function()
      local key, other = digest.new_key(), digest.new_key()
      assert.not_equal(key, other)
      local public <const>, signature <const> = digest.public_key(key), digest.sign(key, "data")
      assert.is_true(digest.verify(public, "data", signature))
      assert.is_false(digest.verify(digest.public_key(other), "data", signature))
      for i = 1, 86 do
        local damaged = signature:sub(1, i - 1) .. (signature:sub(i, i) == "A" and "B" or "A") .. signature:sub(i + 1)
        assert.is_false(digest.verify(public, "data", damaged))
      end
      for _, text in ipairs { "", "=", signature:sub(1, 84), signature .. "AAAA", ("A"):rep(300), "\0" } do
        assert.is_false(digest.verify(public, "data", text))
      end
    end)

    it("and refuses what is no such key", function()
      local pem <const> = digest.new_key()
      local public <const> = digest.public_key(pem)
      local rsa <const> = openssl(nil, "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:1024")
      local locked <const> = openssl(pem, "pkey", "-aes256", "-passout", "pass:secret")
      for _, text in ipairs { "", "x", "-", "-----BEGIN", pem:sub(1, -40), ("-"):rep(9000), ("A"):rep(9000), rsa,
        base64(rsa), locked, "\0" .. pem, base64(pem):sub(2), public:sub(1, -5) } do
        for _, call in ipairs { function() return digest.sign(text, "data") end,
          function() return digest.public_key(text) end, function() return digest.verify(text, "data", "") end } do
          local result, err = call()
          assert.is_nil(result)
          assert.equal("key", err.kind)
        end
      end
      assert.is_nil(digest.sign(public, "data"))
      assert.is_nil((digest.verify(pem, "data", digest.sign(pem, "data"))))
    end)
  end)
end)
