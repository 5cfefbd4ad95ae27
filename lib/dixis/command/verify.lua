-- `dixis verify RUN`: proves that a journal and its receipt, or a receipt alone, are as they were written.

local errors = require "dixis.errors"
local fs = require "host.fs"
local host_journal = require "host.journal"
local options = require "dixis.command.options"
local plain = require "dixis.report.plain"
local proof = require "dixis.proof"
local signature = require "dixis.signature"
local store = require "dixis.store"
local tty = require "host.tty"
local words = require "dixis.words"

local function parser()
  local made = options.parser("verify", "Proves that a journal and its receipt were not changed.")
  made:argument("run", "A run's name or a part of it, a journal's or a receipt's path, or 'last'.")
  made:option("--journal", "Folder of the records."):argname("DIR"):default(store.default_folder)
  made:option("--public-key", "Demand a receipt that this key has signed."):argname("FILE")
  return made
end

local reasons <const> = {
  hash = "does not fit the line before it: that line or this one was changed, added or taken out",
  sequence = "has the wrong number: lines were taken out or moved",
  format = "is not a line of a journal",
}

local function broken(format, ...)
  errors.raise("broken", "broken: " .. format:format(...))
end

local function check_journal(path)
  local found = errors.check(host_journal.verify(path))
  if found.broken then broken("line %d of %s %s", found.broken, path, reasons[found.why] or found.why) end
  if found.lines == 0 then broken("%s holds no line of a journal", path) end
  return found
end

local function check_receipt(path, public_key)
  local ok, receipt = pcall(proof.read, path)
  if not ok then broken("%s", errors.from(receipt).message) end
  local reason = signature.why_not(receipt, proof.form(receipt), public_key)
  if reason then broken("the receipt %s %s", path, reason) end
  return receipt
end

local function check_together(receipt, receipt_path, journal)
  if receipt.journal.head ~= journal.head or receipt.journal.lines ~= journal.lines then
    broken("%s was written for a journal of %s that ended in %s; this one has %d and ends in %s", receipt_path,
      words.count(receipt.journal.lines, "line"), receipt.journal.head:sub(1, 16), journal.lines,
      journal.head:sub(1, 16))
  end
end

-- A receipt travels alone; beside its journal both are looked at.
local function find(given)
  if given.run:find "%.receipt%.json$" then
    local journal = given.run:gsub("%.receipt%.json$", ".jsonl")
    return fs.stat(journal) and journal, given.run
  end
  local journal = store.find(given.journal, given.run)
  local receipt = store.receipt_path(journal)
  return journal, fs.stat(receipt) and receipt
end

local function signed_by(receipt)
  return receipt.signature and ", signed with " .. receipt.signature.key or ""
end

local function read_key(path)
  local text, err = fs.read(path, 1 << 16)
  if not text then errors.raise("usage", "--public-key: " .. err.message) end
  local ok, key = pcall(signature.public_key, text)
  if not ok then errors.raise("usage", ("--public-key %s: %s"):format(path, errors.from(key).message)) end
  return key
end

local function verify(given)
  local public_key = given.public_key and read_key(given.public_key)
  local journal_path, receipt_path = find(given)
  local journal = journal_path and check_journal(journal_path)
  local receipt = receipt_path and check_receipt(receipt_path, public_key)
  if public_key and not receipt then broken("%s has no receipt that could be signed", journal_path) end
  if not journal then
    return ("intact: the receipt of %s, no journal beside it%s"):format(plain.text(receipt.run), signed_by(receipt))
  end
  if receipt then check_together(receipt, receipt_path, journal) end
  return ("intact: %s, last hash %s%s"):format(words.count(journal.lines, "line"), journal.head,
    receipt and ", receipt fits" .. signed_by(receipt) or ", no receipt"), journal.torn
end

---@async
---@param arguments string[]
---@return integer exit  0 intact, 1 broken
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  local ok, line, torn = pcall(verify, given)
  if not ok then
    local err = errors.from(line)
    if err.kind ~= "broken" then error(err, 0) end
    tty.write("stdout", err.message .. "\n")
    return 1
  end
  tty.write("stdout", line .. "\n")
  if torn then tty.write("stdout", "note: the last line was being written when dixis ended; it is not counted\n") end
  return 0
end
