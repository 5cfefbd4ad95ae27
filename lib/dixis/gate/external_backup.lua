-- gate.external_backup: a backup that another tool made is there, is fresh, is the one that its sum says, and a program of
-- yours has proven it.

local archive = require("dixis.lazy") "dixis.backup.archive"
local digest = require "host.digest"
local elsewhere = require "dixis.backup.elsewhere"
local errors = require "dixis.errors"
local fields = require "dixis.backup.fields"
local fs = require "host.fs"
local program = require "dixis.program"

-- The newest file or folder in it, when the path ends with a slash.
local function resolve(path)
  if not path:match "/$" then return path end
  local newest, time
  for _, entry in ipairs(fs.list(path) or {}) do
    local stat = not entry.name:match "%.sha256$" and not entry.name:match "^%." and fs.stat(path .. entry.name)
    if stat and (not time or stat.mtime > time) then newest, time = path .. entry.name, stat.mtime end
  end
  return newest or errors.refuse(("there is no backup in %s"):format(path))
end

-- The sum that it must have: given, or in a file beside it as sha256sum writes it.
local function wanted_sum(args, path)
  if args.sha256 then return tostring(args.sha256):lower() end
  local text = fs.read(path .. ".sha256", 4096)
  local sum = text and text:match "^%x+"
  if sum and #sum == 64 then return sum:lower() end
  errors.refuse(("nothing says what the SHA-256 of %s must be"):format(path),
    ("give it (sha256), or keep it beside: sha256sum FILE > %s.sha256"):format(path))
end

local function prove(run, args, path)
  local argv = table.move(args.proof, 1, #args.proof, 1, {})
  argv[#argv + 1] = path
  local result = program.run(run, { argv = argv, env = args.env })
  if result.code ~= 0 then
    errors.refuse(("the proof failed: %s ended with %s"):format(argv[1], program.ending(run, result)),
      "do not go on without a backup that can be restored")
  end
  return result.seconds
end

local function accept(run, args, path)
  if not args.unproven then
    errors.refuse(("nothing proves that %s can be restored"):format(path),
      ("give a program that restores it (proof), or say so: --set unproven_backup=\"%s\""):format(fields.phrase))
  elseif not digest.equal(tostring(args.unproven), fields.phrase) then
    errors.refuse("what was given for a backup that is not proven is not the phrase",
      ("it is, byte for byte: %s"):format(fields.phrase))
  end
  run.bus:intend("backup.unproven", { path = path, reason = "no program to prove it was named", text = args.unproven })
end

return {
  type = "external_backup",
  fields = {
    path = { type = "any", required = true, help = "the backup; with a slash at its end: the newest in that folder" },
    sha256 = { type = "any", help = "its SHA-256; by default what the file beside it says, PATH.sha256" },
    within = { type = "duration", default = 86400, help = "how old it may be" },
    proof = { type = "list", help = "a program that restores it elsewhere; it is given the path, and ends with 0" },
    env = { type = "list", default = {}, help = "variables that the program is given, beside PATH and HOME" },
    recovery = { type = "duration", help = "how long going back to it takes; what the proof took when absent" },
    unproven = { type = "any", help = "the phrase that lets a backup through that has no proof" },
  },
  uses = function(args)
    return { read = { args.path }, exec = args.proof and { args.proof[1] } or {}, env = args.env }
  end,
  describe = function(args) return ("the backup %s is fresh, whole and proven"):format(tostring(args.path)) end,
  act = function(run, args)
    local path = resolve(args.path)
    local stat = fs.stat(path)
    if not stat then errors.refuse(("there is no backup %s"):format(path)) end
    local size = archive.size(path)
    if size == 0 then errors.refuse(("the backup %s is empty"):format(path)) end
    local age = elsewhere.check_age("the backup " .. path, stat.mtime, args.within)
    local wanted = wanted_sum(args, path)
    run:note "computing its SHA-256"
    local sum = archive.sha256(path)
    if not digest.equal(sum, wanted) then
      errors.refuse(("the SHA-256 of %s is %s, and must be %s"):format(path, sum, wanted),
        "it was changed or is not whole: make a new one")
    end
    local seconds
    if args.proof then seconds = prove(run, args, path) else accept(run, args, path) end
    elsewhere.keep(run, { kind = "external", path = fs.realpath(path), sha256 = sum, size = size, proven = seconds ~= nil,
      made = stat.mtime }, args.recovery or seconds, not args.recovery and seconds ~= nil)
    return ("%s, %s old, SHA-256 as it must be%s"):format(path, age,
      seconds and ", proven" or "; nobody has restored it")
  end,
}
