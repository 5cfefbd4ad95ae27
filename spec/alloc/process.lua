local process <const> = require "host.process"
local task <const> = require "host.task"

local done <const> = assert(process.run({ "sh", "-c", "cat; echo err >&2; exit 3" }, {
  input = "text", env = { PATH = "/usr/bin:/bin", A = "b" }, cwd = "/", timeout = 20,
  secret = "s", secret_env = "S", on_output = function() end,
}))
assert(done.code == 3 and done.stdout == "text")
assert(not process.run({ "/absent/program" }))

local child <close> = assert(process.start({ "cat" }, { keep_stdin = true, die_with_parent = "KILL" }))
local reader <const> = task.spawn(function() return child:read_line(20) end)
child:close_stdin()
reader:join()
assert(child:wait().code == 0)
assert(process.start({ "sleep", "60" })):close()
assert(process.start({ "sleep", "60" }))

assert(process.which("sh"))
assert(process.executable())
assert(process.user())
assert(process.hostname())
assert(process.env_names())
