-- One item of a runbook, performed: in a task of its own, so that deadlines and Ctrl-C end it whatever its
-- code does.

local capabilities = require "dixis.capabilities"
local clock = require "host.clock"
local errors = require "dixis.errors"
local task = require "host.task"

local perform = {}

-- A step that must run even after an interruption may not hold the engineer up for ever.
local ALWAYS_DEADLINE <const> = 60

--- Seconds to the microsecond: what is below is noise.
---@param begun number  of clock.now
---@return number seconds
function perform.since(begun)
  return math.floor((clock.now() - begun) * 1e6 + 0.5) / 1e6
end

-- What is still open at the end of an item would be lost later, after it had been reported as done.
local function left_open(run)
  local status = run.session and run.session.conn:status()
  return status == "transaction" or status == "failed"
end

-- A mistake in the runbook's own code is its author's: with file and line, without our traceback.
local function blame(run, raised)
  if type(raised) ~= "table" or not raised.kind then
    return errors.new("failed", ("its code raised a %s as an error"):format(type(raised)))
  end
  if raised.kind ~= "internal" or raised.message:find "lib/dixis/[%w_/]+%.lua:%d+: " then return raised end
  raised.kind = "failed"
  if raised.message == "nil" then raised.message = "its code raised nil as an error" end
  for short, path in pairs(run.book.chunks) do
    if raised.message:sub(1, #short + 1) == short .. ":" then
      raised.message = path .. raised.message:sub(#short + 1)
      break
    end
  end
  return raised
end

-- A look at the target holds for a moment, unless an item comes between that may have changed what was seen.
local function forget(run, leaves)
  if leaves ~= "target" then run.looked = nil end
  if leaves ~= "target" and leaves ~= "plan" then run.verified = nil end
end

--- Runs one item in a task of its own, so that deadlines and Ctrl-C end it whatever its code does.
---@async
---@param run dixis.Run
---@param item dixis.Item
---@param fn fun(run: table, args: table, ...: any): any  a function of the item's definition
---@param ... any  what else it is given
---@return boolean ok
---@return any ...
function perform.item(run, item, fn, ...)
  local args = run:resolve(item.args)
  local given = item.definition.foreign and capabilities.new(run, item) or run
  run.current_item, run.current_kind, run.current_always = item.name, item.kind, item.always
  local verified, looked = run.verified, run.looked
  forget(run, item.definition.leaves)
  local child = task.spawn(fn, given, args, ...)
  run.current_task = child
  local limit = item.deadline and run:resolve { item.deadline }[1]
  if not limit and item.always then limit = ALWAYS_DEADLINE end
  if limit then child:deadline(limit) end
  local results = table.pack(child:join())
  run:clean_up()
  run.current_task, run.current_item, run.current_kind, run.current_always = nil, nil, nil, nil
  if not results[1] and not item.definition.foreign and errors.from(results[2]).kind == "skipped" then
    run.verified, run.looked = verified, looked -- it did nothing
  end
  if not results[1] and item.definition.foreign then results[2] = blame(run, results[2]) end
  if results[1] and left_open(run) then
    run:settle()
    return false, errors.new("failed", "it left a transaction open, which was rolled back",
      { hint = "use run.db:transaction(function() ... end)" })
  end
  return table.unpack(results, 1, results.n)
end

return perform
