-- The run's second connection, for looking at what its own sessions do; opened when it is first needed, used by
-- one task at a time.

local clock = require "host.clock"
local errors = require "dixis.errors"
local task = require "host.task"

local side = {}

local POLL <const> = 0.02

local function open(run)
  if run.side and run.side.conn:status() ~= "closed" then return run.side end
  local session, err = run:connect { application_name = "dixis monitor", timeout = 5 }
  run.side = session
  return session, err
end

--- Calls fn(session). The connection is closed when fn fails, or when its answers do not come.
---@async
---@param run dixis.Run
---@param silence number  seconds to wait for answers
---@param fn fun(session: dixis.Session)
---@return dixis.Error? err
---@return "connect"|"query"|nil where
function side.use(run, silence, fn)
  while run.side_taken do clock.sleep(POLL) end
  run.side_taken = true
  local _ <close> = setmetatable({}, { __close = function() run.side_taken = false end })
  local session, err = open(run)
  if not session then return err, "connect" end
  local patience <close> = task.spawn(function()
    clock.sleep(silence)
    session:close()
  end)
  local ok, problem = pcall(fn, session)
  patience:cancel()
  if ok then return nil end
  session:close()
  return errors.from(problem), "query"
end

return side
