-- gate.environment: the target is not stamped as another environment, nor the same database as one that
-- it must not be.

local lazy = require "dixis.lazy"

local errors = require "dixis.errors"
local url = lazy "dixis.target.url"

return {
  type = "environment",
  fields = { not_same_as = { type = "string", help = "a variable whose URL must name another database" } },
  uses = function(args) return { env = { args.not_same_as } } end,
  describe = function() return "the target is not another environment's database" end,
  act = function(run, args)
    run:open_session()
    local wanted, found = run.book.target.environment, run.identity.environment
    local other = args.not_same_as and not run.settings.ephemeral and run:env(args.not_same_as)
    local other_target = other and url.parse(other)
    if other_target then
      run.secrets:add(other_target.params.password)
      local mine, theirs = run.target.params, other_target.params
      if mine.host == theirs.host and mine.dbname == theirs.dbname and tostring(mine.port) == tostring(theirs.port) then
        errors.refuse(("%s and %s name the same database"):format(run.book.target.env, args.not_same_as),
          "give each environment its own database")
      end
    end
    if found and found ~= wanted then
      errors.refuse(("the target is stamped '%s', this runbook is for '%s'"):format(found, wanted),
        ("check %s; if the database really changed its role: ALTER DATABASE %s SET dixis.environment = '%s'"):format(
          run.book.target.env, require("host.sql").quote_identifier(run.identity.database), wanted))
    end
    if found then return "stamped " .. found end
    for _, step in ipairs(run.book.steps) do
      if step.type == "stamp" then return "not stamped yet; the step stamp does it, where the role may" end
    end
    return "not stamped"
  end,
}
