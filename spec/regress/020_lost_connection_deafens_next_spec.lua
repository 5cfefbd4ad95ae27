-- A migration that ended its own backend hung the run for ever. libpq closes the socket of a lost connection
-- at once; the connection that asked what had become of the migration got the same number. Closing the lost
-- one then took that number out of the loop, and the answer to the new one's statement was never seen.

local pg = require "host.pg"
local server = require "spec.support.server"
local task = require "host.task"

describe("a connection beside a lost one", function()
  local function lose(connection)
    local _, err = connection:query "SELECT pg_terminate_backend(pg_backend_pid())"
    return err
  end
  local function lose_in_pipeline(connection)
    local _, err = connection:pipeline { "BEGIN", "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1" }
    return err
  end

  for name, way in pairs { ["a statement"] = lose, ["a pipeline"] = lose_in_pipeline } do
    it("still hears its answers when that is closed, after " .. name, function()
      local params = server.database "deaf"
      local lost = assert(pg.connect(params))
      assert.equal("connection_lost", way(lost).kind)
      local fresh = assert(pg.connect(params))
      assert(fresh:query "SELECT 1") -- the loop knows its socket from now on
      lost:close()
      local asked = task.spawn(function() return fresh:query "SELECT 2, pg_sleep(0.05)" end)
      asked:deadline(10)
      local ok, result = asked:join()
      assert.is_true(ok)
      assert.equal(2, result[1][1])
      fresh:close()
    end)
  end
end)
