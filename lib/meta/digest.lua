---@meta host.digest
-- Hashes and random identifiers (libcrypto). Source: host/prim_digest.c
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

--- SHA-256 of a file, read in blocks.
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

--- True when both are the same bytes; takes the same time wherever they differ.
---@param a string
---@param b string
---@return boolean
function digest.equal(a, b) end

return digest
