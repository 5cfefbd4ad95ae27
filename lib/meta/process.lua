---@meta host.process
-- Programs and the process itself. Nothing goes through a shell. Source: host/prim_process.c
local process = {}

---@class host.process.Options
---@field env? table<string, string>   the whole environment of the child; default: empty but for PATH
---@field cwd? string
---@field input? string                 written to stdin, then closed; default /dev/null
---@field secret? string                put into an unlinked memory file; the child finds its path
---                                     (/proc/self/fd/3) in the environment variable `secret_env`
---@field secret_env? string            e.g. "PGPASSFILE"
---@field timeout? number               seconds; then SIGTERM, after 5 s SIGKILL to its process group
---@field max_output? integer           bytes kept of each stream (default 1 MiB; the end is kept)
---@field on_output? fun(stream: "stdout"|"stderr", chunk: string)  called as it comes, in the task that
---                                     waits in run or wait; a program that is too fast for it is held up
---@field user? string                  run as this user (only root can): uid, gid, groups; an unknown one
---                                     is an error of kind "not_found"
---@field die_with_parent? string       "TERM"|"KILL"|"QUIT"|"INT": signal that the child gets when
---                                     dixis is gone, also by kill -9
---@field stdout_path? string           append stdout and stderr to this file instead of collecting
---@field keep_stdin? boolean           child reads from a pipe that stays open as long as the handle
---@field leave_running? boolean        closing or losing the handle only closes the pipes: the program
---                                     is expected to notice the end of its stdin

---@class host.process.Result
---@field code? integer     exit code
---@field signal? string    "SIGKILL": ended by a signal; then code is nil
---@field stdout string
---@field stderr string
---@field truncated boolean
---@field seconds number

--- Runs a program to its end, in a session of its own (Ctrl-C does not reach it, and it has no
--- terminal to ask on). A cancelled task kills the group as the timeout does. What the program
--- leaves behind is not waited for.
---@async
---@param argv string[]  argv[1] is found in PATH of options.env when it has no slash
---@param options? host.process.Options
---@return host.process.Result? result
---@return dixis.Error? err  kinds: "not_found", "os", "deadline" (with err.result)
function process.run(argv, options) end

---@class host.process.Handle
---@field pid integer
local Handle = {}
--- Waits for the end; a cancelled task leaves the program alone. One task at a time.
---@async
---@return host.process.Result? result
---@return dixis.Error? err  kind "deadline" (with err.result)
function Handle:wait() end
--- Sends a signal to the process group; false when the program has ended.
---@param signal string "TERM"
---@return boolean
function Handle:kill(signal) end
---@return boolean
function Handle:running() end
--- Kills the group with SIGKILL if it still runs; so does losing the handle.
function Handle:close() end
--- With keep_stdin: closes the child's stdin.
function Handle:close_stdin() end
--- Waits for the next whole line of stdout (for children that report readiness); nil at the end.
--- One task at a time.
---@async
---@param timeout? number
---@return string? line
---@return dixis.Error? err  kind "deadline"
function Handle:read_line(timeout) end

---@param argv string[]
---@param options? host.process.Options
---@return host.process.Handle? handle
---@return dixis.Error? err
function process.start(argv, options) end

---@param program string
---@param path? string   a PATH; default the own one
---@return string? absolute
function process.which(program, path) end

---@param name string
---@return string? value
function process.getenv(name) end

--- Names of all environment variables, sorted.
---@return string[]
function process.env_names() end

---@param name string
function process.unsetenv(name) end

---@return integer
function process.pid() end
---@return string
function process.hostname() end
---@return string name  of the effective user; the number as text when it has none
---@return integer uid
function process.user() end
---@return string  absolute path of this binary
function process.executable() end

---@param name string
---@return { uid: integer, gid: integer, home: string }?
function process.user_info(name) end

return process
