-- `dixis verify RUN`: proves that a journal and its receipt are as they were written.

local errors = require "dixis.errors"
local fs = require "host.fs"
local host_journal = require "host.journal"
local options = require "dixis.command.options"
local proof = require "dixis.proof"
local store = require "dixis.store"
local tty = require "host.tty"

local function parser()
  local made = options.parser("verify", "Proves that a journal and its receipt were not changed.")
  made:argument("run", "A run's name or a part of it, a journal's path, or 'last'.")
  made:option("--journal", "Folder of the records."):argname("DIR"):default(store.default_folder)
  return made
end

local reasons <const> = {
  hash = "does not fit the line before it: that line or this one was changed, added or taken out",
  sequence = "has the wrong number: lines were taken out or moved",
  format = "is not a line of a journal",
}

local function out(line)
  tty.write("stdout", line .. "\n")
end

---@async
---@param arguments string[]
---@return integer exit  0 intact, 1 broken
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  local path = store.find(given.journal, given.run)
  local checked = errors.check(host_journal.verify(path))
  if checked.broken then
    out(("broken: line %d of %s %s"):format(checked.broken, path, reasons[checked.why] or checked.why))
    return 1
  end
  if checked.lines == 0 then
    out(("broken: %s holds no line of a journal"):format(path))
    return 1
  end
  local receipt_path = store.receipt_path(path)
  if fs.stat(receipt_path) then
    local ok, receipt = pcall(proof.read, receipt_path)
    if not ok then
      out("broken: " .. errors.from(receipt).message)
      return 1
    end
    if receipt.journal.head ~= checked.head or receipt.journal.lines ~= checked.lines then
      out(("broken: %s was written for a journal of %d lines that ended in %s; this one has %d and ends in %s"):format(
        receipt_path, receipt.journal.lines, receipt.journal.head:sub(1, 16), checked.lines, checked.head:sub(1, 16)))
      return 1
    end
  end
  out(("intact: %d lines, last hash %s%s"):format(checked.lines, checked.head,
    fs.stat(receipt_path) and ", receipt fits" or ", no receipt"))
  if checked.torn then out "note: the last line was being written when dixis ended; it is not counted" end
  return 0
end
