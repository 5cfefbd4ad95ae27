---@meta host.task
-- Tasks: coroutines that the host's loop runs. Source: host/loop.c

---@class dixis.Error
---@field kind string      what sort of failure; the engine turns it into an exit code
---@field message string   one sentence, without secrets
---@field hint? string     what to do next
---@field sqlstate? string
---@field code? string     symbolic name of an operating system error, "ENOENT"

--- `local t <close> = task.spawn(...)` cancels the task when the scope ends, also by an error.
---@class host.Task
local Task = {}

--- Waits until the task has ended.
---@async
---@return boolean ok     false: the second result is the error (a table with kind and message)
---@return any ...        what the task's function returned
function Task:join() end

--- Asks the task to end: what it waits for is told, then `err` is raised in it at every
--- instruction until it is gone, so pcall cannot swallow it. Inside task.shield it is put off.
--- A second call does nothing.
---@param err? dixis.Error|any
function Task:cancel(err) end

---@return boolean
function Task:done() end

--- Cancels the task with kind "deadline" when it has not ended in time. Replaces an earlier one.
---@param seconds number
function Task:deadline(seconds) end

local task = {}

--- Starts fn(...) as a task of its own. An error that nobody joins is lost: join what you spawn.
---@param fn fun(...)
---@return host.Task
function task.spawn(fn, ...) end

--- Calls fn(...) so that a cancellation takes effect only after it. For the few lines that must
--- not be torn apart; never for anything that may wait for long.
---@async
---@generic T
---@param fn fun(...): T
---@return T
function task.shield(fn, ...) end

--- Ends the innermost shield of this task here, before its function does: what comes after may be torn apart again.
--- For a callback of what the shielded function waits for.
function task.unshield() end

--- fn("SIGINT"|"SIGTERM") is called in a task of its own at each such signal, instead of
--- cancelling the main task. nil takes it back.
---@param fn? fun(name: string)
function task.on_signal(fn) end

return task
