-- Receipts as proof: reading them, and finding one that a gate demands.

local lazy = require "dixis.lazy"

local audit = lazy "dixis.audit"
local clock = require "host.clock"
local digest = require "host.digest"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local fs = require "host.fs"
local json = require "dixis.json"
local signature = require "dixis.signature"
local url = lazy "dixis.target.url"

local proof = {}

---@class dixis.Receipt
---@field run string
---@field outcome string  as in run.finished
---@field exit number
---@field runbook { name: string, version: string, digest: string }
---@field environment string
---@field target table    the target's fingerprint, with its major
---@field ephemeral boolean
---@field deploys boolean
---@field migrations_digest string
---@field finished number  wall clock
---@field journal { head: string, lines: number }
---@field digest string
---@field signature? { algorithm: string, key: string, value: string }
---@field place string    where it was found, for messages; not a part of it

---@class dixis.Proof
---@field what string       for messages: "green staging run"
---@field hint string       what to do when there is none
---@field receipt? string   a file, or a folder; when absent the journal folder, and then the database
---@field from_env? string  variable with the URL of a database whose dixis.run is asked
---@field public_key? string  of whoever must have signed it
---@field within number     how old it may be, in seconds
---@field why_not fun(receipt: dixis.Receipt): string?, boolean?  why it is not the one, beyond outcome and age; and
---   true: it is of another kind altogether, and only said when there is nothing better to say

local LARGEST <const> = 64 << 20
-- Clocks differ a little between machines.
local CLOCK_SLACK <const> = 300
local EXPLAINED <const> = 3
-- Receipts that a database is asked for.
local ASKED <const> = 20

-- What readers of a receipt rely on: a digest that fits says nothing about the shape.
local shape <const> = {
  run = "string", outcome = "string", exit = "integer", environment = "string", runbook = { name = "string" },
  target = { major = "integer" }, migrations_digest = "string", applied = "integer", seconds = "number",
  finished = "number", journal = { head = "string", lines = "integer" },
}

local function fits(value, wanted)
  if wanted == "integer" then return type(value) == "number" and math.tointeger(value) ~= nil end
  if wanted == "number" then return type(value) == "number" and math.abs(value) < 1e12 end
  if type(wanted) == "string" then return type(value) == wanted end
  if type(value) ~= "table" then return false end
  for name, part in pairs(wanted) do
    if not fits(value[name], part) then return false end
  end
  return true
end

--- The text over which the receipt's digest is taken, and its signature.
---@param receipt table
---@return string
function proof.form(receipt)
  local bare = {}
  for name, value in pairs(receipt) do bare[name] = value end
  bare.digest, bare.signature, bare.place = nil, nil, nil
  return json.canonical(bare)
end

--- A receipt from its text. Raises a refusal when it is none, or not as it was written.
---@param text string
---@param place string  where it is from
---@return dixis.Receipt
function proof.parse(text, place)
  local receipt = json.decode(text)
  if not fits(receipt, shape) then errors.refuse(place .. " is not a receipt of dixis") end
  local ok, form = pcall(proof.form, receipt) -- a number that JSON does not have
  if not ok or digest.sha256(form) ~= receipt.digest then
    errors.refuse(place .. " was changed after it had been written: its digest does not fit")
  end
  receipt.place = place
  return receipt
end

---@param path string
---@return dixis.Receipt
function proof.read(path)
  local text, err = fs.read(path, LARGEST)
  if not text then errors.refuse(("the receipt %s cannot be read: %s"):format(path, err.message)) end
  return proof.parse(text, path)
end

-- The receipts of a folder, the newest run first.
local function paths_in(folder)
  local paths = {}
  for _, entry in ipairs(fs.list(folder) or {}) do
    if entry.name:match "%.receipt%.json$" then paths[#paths + 1] = folder .. "/" .. entry.name end
  end
  table.sort(paths, function(a, b) return a > b end)
  return paths
end

-- Receipts in another environment's database, as readers. One that cannot be reached is no proof, and says why.
local function readers_in(run, name)
  local value = run:env(name)
  if not value then return {} end
  local readers = {}
  local ok, found = pcall(function()
    local target, err = url.parse(value)
    if not target then errors.refuse(("%s is not a usable URL: %s"):format(name, err.message), err.hint) end
    run.secrets:add(target.params.password)
    return audit.receipts(target, run.plan.migrations_digest, ASKED)
  end)
  if not ok then
    local err = errors.from(found)
    return { function() errors.refuse(("%s cannot be asked for receipts: %s"):format(name, err.message)) end }
  end
  for i, row in ipairs(found) do
    readers[i] = function() return proof.parse(row.receipt, ("the receipt %s in %s"):format(row.run, name)) end
  end
  return readers
end

-- Iterates over readers of what may be the proof: files first, a database only when they are not enough.
---@return fun(): (fun(): dixis.Receipt)?
local function candidates(run, wanted)
  local given = wanted.receipt
  local stat = given and fs.stat(given)
  local paths = given and not (stat and stat.type == "directory") and { given }
    or paths_in(given or run.settings.journal_dir)
  local i, readers = 0, nil
  return function()
    i = i + 1
    local path = paths[i]
    if path then return function() return proof.read(path) end end
    if not given and wanted.from_env then
      readers = readers or readers_in(run, wanted.from_env)
      return readers[i - #paths]
    end
  end
end

local function why_not(receipt, wanted, public_key)
  local reason = signature.why_not(receipt, proof.form(receipt), public_key)
  if reason then return reason end
  local unfit, unlike = wanted.why_not(receipt)
  if unfit then return unfit, unlike end
  if receipt.outcome ~= "succeeded" or receipt.exit ~= 0 then return "did not succeed" end
  local age = clock.wall() - receipt.finished
  if age > wanted.within then
    return ("is %s old, more than %s"):format(duration.show(age), duration.show(wanted.within))
  end
  if age < -CLOCK_SLACK then return "is from the future: compare the clocks" end
end

-- Why not, of one reader: its receipt when nothing is wrong with it.
local function judge(read, wanted, public_key)
  local ok, receipt = pcall(read)
  if ok then
    local reason, unlike = why_not(receipt, wanted, public_key)
    if not reason then return receipt end
    return nil, ("%s %s"):format(receipt.run, reason), unlike
  end
  local err = errors.from(receipt)
  if err.kind ~= "refused" then error(err, 0) end
  return nil, err.message
end

-- The first few, each once: a receipt in a file and in the database is one.
local function some(reasons)
  local out, seen, more = {}, {}, 0
  for _, reason in ipairs(reasons) do
    if not seen[reason] then
      if #out < EXPLAINED then out[#out + 1] = reason else more = more + 1 end
    end
    seen[reason] = true
  end
  if more > 0 then out[#out + 1] = ("and %d more"):format(more) end
  return out
end

--- The newest receipt that is the proof. Refuses when there is none, and says of the newest ones why they are not.
---@async
---@param run dixis.Run
---@param wanted dixis.Proof
---@return dixis.Receipt
function proof.demand(run, wanted)
  local public_key = wanted.public_key and signature.public_key(wanted.public_key)
  local reasons, unlike = {}, {}
  for read in candidates(run, wanted) do
    local receipt, reason, is_unlike = judge(read, wanted, public_key)
    if receipt then return receipt end
    table.insert(is_unlike and unlike or reasons, reason)
  end
  local told = some(#reasons > 0 and reasons or unlike)
  table.insert(told, 1, "there is no " .. wanted.what)
  errors.refuse(table.concat(told, "\n"), wanted.hint)
end

--- One line about the receipt, for people.
---@param receipt dixis.Receipt
---@return string
function proof.describe(receipt)
  return ("%s of %s"):format(receipt.run, clock.iso(receipt.finished):sub(1, 16):gsub("T", " "))
end

return proof
