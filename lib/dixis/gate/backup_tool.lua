-- gate.backup_tool: pg_dump is there, is not older than the server, and the backup folder can be written.

local lazy = require "dixis.lazy"

local errors = require "dixis.errors"
local pg_dump = lazy "dixis.backup.pg_dump"

return {
  type = "backup_tool",
  fields = { folder = { type = "any", help = "where the backup will be written" } },
  uses = function() return { exec = { "pg_dump" } } end,
  describe = function() return "pg_dump is there and new enough for the server" end,
  act = function(run, args)
    run:open_session()
    local tool = pg_dump.find(run.identity.major)
    if not tool then
      errors.refuse(("no pg_dump of PostgreSQL %d or newer was found"):format(run.identity.major),
        ("apt-get install postgresql-client-%d"):format(run.identity.major))
    end
    pg_dump.check_folder(pg_dump.folder(run, args.folder))
    run.pg_dump = tool
    return ("pg_dump %s"):format(tool.version)
  end,
}
