-- Receipts as proof: reading them, and finding one that a gate demands.

local clock = require "host.clock"
local digest = require "host.digest"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local fs = require "host.fs"
local json = require "dixis.json"

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
---@field place string    where it was found, for messages; not a part of it

---@class dixis.Proof
---@field what string       for messages: "green staging run"
---@field hint string       what to do when there is none
---@field receipt? string   a file, or a folder; the journal folder when absent
---@field within number     how old it may be, in seconds
---@field why_not fun(receipt: dixis.Receipt): string?  why it is not the one, beyond outcome and age

local LARGEST <const> = 64 << 20
-- Clocks differ a little between machines.
local CLOCK_SLACK <const> = 300
local EXPLAINED <const> = 3

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

--- The text over which the receipt's digest is taken.
---@param receipt table
---@return string
function proof.form(receipt)
  local bare = {}
  for name, value in pairs(receipt) do bare[name] = value end
  bare.digest, bare.place = nil, nil
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

-- Iterates over readers of what may be the proof.
---@return fun(): (fun(): dixis.Receipt)?
local function candidates(run, wanted)
  local given = wanted.receipt
  local stat = given and fs.stat(given)
  local paths = given and not (stat and stat.type == "directory") and { given }
    or paths_in(given or run.settings.journal_dir)
  local i = 0
  return function()
    i = i + 1
    local path = paths[i]
    return path and function() return proof.read(path) end
  end
end

local function why_not(receipt, wanted)
  local reason = wanted.why_not(receipt)
  if reason then return reason end
  if receipt.outcome ~= "succeeded" then return "did not succeed" end
  local age = clock.wall() - receipt.finished
  if age > wanted.within then
    return ("is %s old, more than %s"):format(duration.show(age), duration.show(wanted.within))
  end
  if age < -CLOCK_SLACK then return "is from the future: compare the clocks" end
end

--- The newest receipt that is the proof. Refuses when there is none, and says of the newest ones why they are not.
---@async
---@param run dixis.Run
---@param wanted dixis.Proof
---@return dixis.Receipt
function proof.demand(run, wanted)
  local reasons, more = {}, 0
  for read in candidates(run, wanted) do
    local ok, receipt = pcall(read)
    local reason
    if ok then
      reason = why_not(receipt, wanted)
      if not reason then return receipt end
      reason = ("%s %s"):format(receipt.run, reason)
    else
      local err = errors.from(receipt)
      if err.kind ~= "refused" then error(err, 0) end
      reason = err.message
    end
    if #reasons < EXPLAINED then reasons[#reasons + 1] = reason else more = more + 1 end
  end
  if more > 0 then reasons[#reasons + 1] = ("and %d older"):format(more) end
  table.insert(reasons, 1, "there is no " .. wanted.what)
  errors.refuse(table.concat(reasons, "\n"), wanted.hint)
end

--- One line about the receipt, for people.
---@param receipt dixis.Receipt
---@return string
function proof.describe(receipt)
  return ("%s of %s"):format(receipt.run, clock.iso(receipt.finished):sub(1, 16):gsub("T", " "))
end

return proof
