---@meta host.digest
-- Hashes, random identifiers and signatures (libcrypto). Source: host/prim_digest.c, host/digest_sign.c
local digest = {}

---@param data string
---@return string hex  64 lower-case digits
function digest.sha256(data) end

---@class host.Sha256
local Sha256 = {}
---@param data string
---@return host.Sha256 self
function Sha256:update(data) end
---@return string hex  may be called once; raises after that
function Sha256:hex() end

---@return host.Sha256
function digest.sha256_new() end

--- SHA-256 of a file, read in blocks on the thread pool.
---@async
---@param path string
---@return string? hex
---@return dixis.Error? err  kind "os"
function digest.sha256_file(path) end

--- Lower-case hex of `bytes` random bytes (1 to 64).
---@param bytes integer
---@return string
function digest.random_hex(bytes) end

---@return string  a version 4 UUID
function digest.uuid() end

---@param data string
---@return string  base64 in one line, with padding
function digest.base64(data) end

--- True when both are the same bytes; takes the same time wherever they differ.
---@param a string
---@param b string
---@return boolean
function digest.equal(a, b) end

-- Signatures are Ed25519. A key is PEM as openssl writes it, or base64 of that, or of its DER.

--- Makes a private key.
---@return string? pem  PKCS#8
---@return dixis.Error? err  kind "not_found": there is no libcrypto
function digest.new_key() end

--- The public key of a private or a public one.
---@param key string
---@return string? public  base64 of its SubjectPublicKeyInfo: the same text for the same key
---@return dixis.Error? err  kinds "key", "not_found"
function digest.public_key(key) end

---@param private_key string
---@param data string
---@return string? signature  base64
---@return dixis.Error? err  kinds "key", "not_found"
function digest.sign(private_key, data) end

--- True when the signature of the data was made with that key.
---@param public_key string
---@param data string
---@param signature string  base64
---@return boolean? fits
---@return dixis.Error? err  kinds "key", "not_found"
function digest.verify(public_key, data, signature) end

return digest
