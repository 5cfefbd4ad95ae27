-- gate.backup_tool: pg_dump and pg_restore are there, are not older than the server, and the backup folder can be
-- written: what would stop a backup is found before anything that takes long.

local lazy = require "dixis.lazy"

local folder = lazy "dixis.backup.folder"
local tools = lazy "dixis.backup.tools"

return {
  type = "backup_tool",
  fields = {
    folder = { type = "any", help = "where the backup will be written" },
    bin = { type = "any", help = "folder of pg_dump and pg_restore; searched when absent" },
  },
  uses = function() return { exec = { "pg_dump", "pg_restore" } } end,
  describe = function() return "pg_dump and pg_restore are there and new enough for the server" end,
  act = function(run, args)
    run:open_session()
    local found = tools.demand(run.identity.major, args.bin)
    folder.check(folder.of(run, args.folder))
    return ("pg_dump and pg_restore %s"):format(found.version)
  end,
}
