---@meta host.clock
-- Time. Source: host/prim_clock.c
local clock = {}

--- Monotonic time in seconds, for measuring.
---@return number
function clock.now() end

--- Seconds since 1970 on the wall clock, for display only.
---@return number
function clock.wall() end

---@async
---@param seconds number
function clock.sleep(seconds) end

--- ISO 8601 with milliseconds; in UTC ("…Z"), or with the local offset when `is_local`.
---@param seconds? number  wall clock; now when absent
---@param is_local? boolean
---@return string
function clock.iso(seconds, is_local) end

--- How many seconds the clocks of a time zone are ahead of UTC at a time.
---@param zone string     a name of the system's zoneinfo: "Europe/Athens"
---@param seconds number  since 1970
---@return integer? offset
---@return dixis.Error? err  kind "no_zone"
function clock.offset(zone, seconds) end

return clock
