-- The fields that gate.backup and step.backup share, and what they touch.

local fields = {}

fields.all = {
  folder = { type = "any", help = "where to write it; default: beside the journal" },
  format = { type = "any", default = "custom", help = '"custom" (one file) or "directory" (a folder)' },
  jobs = { type = "any", default = 1, help = "how many connections dump (directory format) and restore at once" },
  bin = { type = "any", help = "folder of pg_dump and pg_restore; searched when absent" },
  space = { type = "integer", default = 100, help = "how much room the folder must have, in percent of the database" },
  scratch = { type = "string", help = "a variable with the URL of a server for the proof, when set" },
  proof_folder = { type = "any", help = "where the throw-away server of the proof keeps its data" },
  unproven = { type = "any", help = "the phrase that lets a backup through that could not be restored" },
}

---@param args table
---@return table
function fields.uses(args)
  return { exec = { "pg_dump", "pg_restore" }, env = { args.scratch } }
end

--- What lets a backup through that nobody has restored: these words and no others.
fields.phrase = "I accept that this backup was never restored"

return fields
