-- For the specs of host.process: processes as the system shows them.
local clock = require "host.clock"
local process = require "host.process"

local children = {}

children.is_root = select(2, process.user()) == 0

function children.read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

--- Waits until `condition` holds; false when it does not within `seconds`.
function children.eventually(condition, seconds)
  local deadline = clock.now() + (seconds or 5)
  while not condition() do
    if clock.now() > deadline then return false end
    clock.sleep(0.01)
  end
  return true
end

function children.is_alive(pid)
  local stat = children.read_file("/proc/" .. pid .. "/stat")
  return stat ~= nil and stat:match("%) (%a)") ~= "Z"
end

function children.open_descriptors()
  local count = 0
  for _ in require("lfs").dir("/proc/self/fd") do count = count + 1 end
  return count
end

--- A shell that starts a grandchild, says its process id and waits.
function children.with_grandchild(prefix)
  return { "sh", "-c", (prefix or "") .. "sleep 300 & echo $!; wait" }
end

--- Runs Lua code in another process of this binary.
function children.other_dixis(code, options)
  local name <const> = os.tmpname()
  local path <const> = name .. "_spec.lua"
  os.rename(name, path)
  local file <const> = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  process.run { "chmod", "644", path }
  options = options or {}
  options.env = { PATH = process.getenv("PATH"), DIXIS_LIB = process.getenv("DIXIS_LIB"),
    ASAN_OPTIONS = process.getenv("ASAN_OPTIONS") }
  local handle = assert(process.start({ process.executable(), "spec", "--output=TAP", path }, options))
  return handle, path
end

return children
