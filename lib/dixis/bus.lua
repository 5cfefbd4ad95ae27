-- The one stream of events: journalled first, then given to whoever subscribed.

local clock = require "host.clock"
local errors = require "dixis.errors"
local json = require "dixis.json"

---@class dixis.Event
---@field type string
---@field at string    wall time, UTC, for display
---@field t number     seconds since the run began (monotonic)
---@field seq? integer  absent on hints, which are not journalled

---@class dixis.Bus
local Bus = {}
Bus.__index = Bus

local bus = {}

---@param journal? host.Journal  nil: nothing is kept (plan)
---@param secrets dixis.Secrets
---@return dixis.Bus
function bus.new(journal, secrets)
  return setmetatable({ journal = journal, secrets = secrets, started = clock.now(), subscribers = {},
    kept_up = clock.now() }, Bus)
end

--- `line` is the event as it stands in the journal; nil for hints.
---@param fn fun(event: dixis.Event, line?: string)
function Bus:subscribe(fn)
  self.subscribers[#self.subscribers + 1] = fn
end

local function publish(self, event, line)
  for _, subscriber in ipairs(self.subscribers) do subscriber(event, line) end
end

--- Seconds since the run began.
---@return number
function Bus:elapsed()
  return clock.now() - self.started
end

--- Writes the event to the journal (durable at the next sync) and shows it.
---@param type string
---@param fields? table
---@return dixis.Event
function Bus:emit(type, fields)
  local event = self.secrets:clean_all(fields or {})
  local at, t = clock.iso(), math.floor(self:elapsed() * 1e6) / 1e6
  local rest = json.encode(event)
  local body = ('"type":"%s","at":"%s","t":%.6f%s'):format(type, at, t, rest == "{}" and "" or "," .. rest:sub(2, -2))
  event.type, event.at, event.t = type, at, t
  local line
  if self.journal then
    local prev = self.journal:head()
    local seq, err = self.journal:append(body)
    event.seq = errors.check(seq, err, "the journal could not be written")
    line = ('{"seq":%d,"prev":"%s",%s}'):format(seq, prev, body)
  end
  publish(self, event, line)
  return event
end

--- Shows the event without keeping it: progress, waiting.
---@param type string
---@param fields? table
function Bus:hint(type, fields)
  local event = self.secrets:clean_all(fields or {})
  event.type, event.t, event.at = type, self:elapsed(), clock.iso()
  publish(self, event)
end

--- An intent: emits the event and waits until it is on disk, so that the effect may begin.
---@async
---@param type string
---@param fields? table
function Bus:intend(type, fields)
  self:emit(type, fields)
  self:sync()
end

--- Waits until all events are on disk.
---@async
function Bus:sync()
  if self.journal then errors.check(self.journal:sync()) end
end

-- How far the disk may be behind where the target's own record tells the truth.
local BEHIND <const> = 0.5

--- Starts writing to disk beside what follows, unless that was done just now.
function Bus:keep_up()
  local now = clock.now()
  if not self.journal or now - self.kept_up < BEHIND then return end
  self.kept_up = now
  self.journal:sync_start()
end

--- Waits until all events are on disk, unless less time than that has passed since `since`.
---@async
---@param since number  monotonic
function Bus:sync_unless_recent(since)
  if clock.now() - since >= BEHIND then self:sync() end
end

return bus
