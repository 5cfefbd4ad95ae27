-- Failures as tables { kind, message, hint?, ... }: raising them, adding context, and their exit codes.

local errors = {}

local Error = {}
Error.__index = Error
Error.__name = "dixis.error"

function Error:__tostring()
  return self.message or "unknown error"
end

--- What a run's exit code is for an error of this kind, wherever it happens.
local exit_of_kind <const> = {
  usage = 2,
  runbook = 2,
  refused = 3,
  plan_changed = 3,
  locked = 4,
  unreachable = 5,
  connection_lost = 5,
  lock_lost = 5,
  in_doubt = 6,
}

---@param kind string
---@param message string
---@param fields? table  hint, detail, ... of dixis.Error
---@return dixis.Error
function errors.new(kind, message, fields)
  local err = setmetatable({ kind = kind, message = message }, Error)
  for name, value in pairs(fields or {}) do err[name] = value end
  return err
end

---@param kind string
---@param message string
---@param fields? table
function errors.raise(kind, message, fields)
  error(errors.new(kind, message, fields), 0)
end

--- A gate says no; the target is untouched.
---@param message string
---@param hint? string
---@param fields? table
function errors.refuse(message, hint, fields)
  local err = errors.new("refused", message, fields)
  err.hint = err.hint or hint
  error(err, 0)
end

--- Passes a primitive's results through; raises its error with `context` in front of the message.
---@generic T
---@param value T?
---@param err any
---@param context? string
---@return T
function errors.check(value, err, context)
  if value ~= nil then return value end
  if type(err) == "table" and context then
    err.message = context .. ": " .. tostring(err.message)
  end
  error(err, 0)
end

--- Any raised value as an error table.
---@param raised any
---@return dixis.Error
function errors.from(raised)
  if type(raised) == "table" and raised.kind then return raised end
  return errors.new("internal", tostring(raised))
end

--- The exit code for an error. In a gate nothing was changed: whatever is not a better-known kind is
--- a refusal. A step has failed when it could not go on, also when what stopped it would have been a
--- refusal earlier.
--- A plan that has changed under the run is a refusal everywhere, while the target is as it was.
---@param err dixis.Error
---@param phase? "gate"|"step"
---@return integer
function errors.exit_code(err, phase)
  if err.kind == "interrupted" then return err.signal == "SIGTERM" and 143 or 130 end
  local code = exit_of_kind[err.kind]
  if err.kind == "plan_changed" and not err.changed then return code end
  if phase == "step" and (code == 2 or code == 3 or code == 5 and err.changed) then return 1 end
  if phase == "gate" and code == 2 then return 3 end
  return code or (phase == "gate" and 3 or 1)
end

--- The parts of an error that a journal keeps. `detail` and `where` of the server can hold row data.
---@param err dixis.Error
---@return table
function errors.record(err)
  return {
    kind = err.kind, message = err.message, hint = err.hint, sqlstate = err.sqlstate,
    file = err.file, line = err.line, statement = err.statement, code = err.code,
    changed = err.changed, traceback = err.traceback, signal = err.signal,
    constraint = err.constraint, table = err.table, column = err.column,
  }
end

return errors
