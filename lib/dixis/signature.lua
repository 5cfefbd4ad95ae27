-- Receipts signed with Ed25519: whoever has the private key has seen the run.

local digest = require "host.digest"
local errors = require "dixis.errors"

local signature = {}

-- A key is lines of base64, alone or as base64 once more; each of them by itself gives it away.
local function hide(run, text)
  run.secrets:add(text)
  for line in text:gmatch "[%w+/=]+" do
    if #line >= 32 then run.secrets:add(line) end
  end
end

--- Reads the key that the runbook names, when it is given. Refuses one that is none, so that nobody finds out after
--- the run.
---@param run dixis.Run
function signature.prepare(run)
  local wanted = run.book.sign
  if not wanted then return end
  local text = run:env(wanted.env)
  if not text then
    if wanted.required then
      errors.refuse(("%s is not set: the receipt of this run must be signed"):format(wanted.env),
        "give it the private key; docs/receipts.md says how one is made")
    end
    return
  end
  hide(run, text)
  local signed, err = digest.sign(text, "")
  if not signed then
    errors.refuse(("%s does not hold a key to sign with: %s"):format(wanted.env, err.message),
      "openssl genpkey -algorithm ed25519; its PEM, or base64 of that")
  end
  run.signing_key = text
end

--- Signs the form of a receipt.
---@param key string   private
---@param form string  of dixis.proof
---@return { algorithm: string, key: string, value: string }
function signature.make(key, form)
  return { algorithm = "ed25519", key = errors.check(digest.public_key(key)), value = errors.check(digest.sign(key, form)) }
end

--- The public key in the form in which a receipt names it. Refuses what is none.
---@param text string  PEM, or base64 of it or of its DER
---@return string
function signature.public_key(text)
  local ok, err = digest.verify(text, "", "") -- a private key is no answer here
  if ok == nil then
    errors.refuse("the public key cannot be used: " .. err.message, "openssl pkey -in KEY -pubout prints it")
  end
  return errors.check(digest.public_key(text))
end

--- Why the receipt is not one that the holder of this key signed; without a key, why its own signature is not good.
---@param receipt table
---@param form string
---@param public_key? string  as of signature.public_key
---@return string? reason
function signature.why_not(receipt, form, public_key)
  local found = receipt.signature
  if found == nil then return public_key and "is not signed" or nil end
  if type(found) ~= "table" or found.algorithm ~= "ed25519" or type(found.key) ~= "string"
    or type(found.value) ~= "string" then
    return "has a signature that cannot be read"
  end
  if public_key and found.key ~= public_key then return "is signed with another key, " .. found.key end
  if not digest.verify(found.key, form, found.value) then return "has a signature that does not fit" end
end

return signature
