-- A disk that is nearly full. Nothing but the root user can make one: elsewhere the test is pending.
local fs = require "host.fs"
local process = require "host.process"

local full = {}

local BLOCKS <const>, BLOCK <const> = 256, 4096

--- Calls fn with a folder on a small file system that has so many blocks left.
---@async
---@param left integer
---@param fn fun(folder: string)
function full.disk(left, fn)
  local mount = assert(fs.mkdtemp "/tmp/dixis-full-")
  local made = process.run { "mount", "-t", "tmpfs", "-o", "size=" .. BLOCKS * BLOCK, "tmpfs", mount }
  if not made or made.code ~= 0 then
    fs.remove(mount)
    pending "a small file system cannot be mounted here"
    return
  end
  local ok, err = pcall(function()
    assert(fs.write(mount .. "/filler", ("\0"):rep((BLOCKS - left) * BLOCK)))
    fn(mount)
  end)
  process.run { "umount", mount }
  fs.remove(mount)
  if not ok then error(err, 0) end
end

return full
