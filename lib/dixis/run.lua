-- One run: its options, its target, what it has learnt so far. Gates, steps and checks of the library
-- get this object; code written in a runbook gets the smaller one of capabilities.lua.

local lazy = require "dixis.lazy"

local address = require "dixis.address"
local clock = require "host.clock"
local errors = require "dixis.errors"
local history = lazy "dixis.migrate.history"
local identity = lazy "dixis.target.identity"
local ledger = lazy "dixis.migrate.ledger"
local process = require "host.process"
local project = require "dixis.project"
local refs = require "dixis.refs"
local secrets = require "dixis.secrets"
local session = lazy "dixis.target.session"
local task = require "host.task"
local url = lazy "dixis.target.url"

---@class dixis.Run
---@field id string
---@field book dixis.Runbook
---@field options table<string, any>
---@field settings table        what the command line said
---@field bus dixis.Bus
---@field secrets dixis.Secrets
---@field target? table         parsed URL
---@field identity? dixis.Identity
---@field session? dixis.Session
---@field lock_session? dixis.Session
---@field side? dixis.Session    for looking at what the others do: see dixis.target.side
---@field results table<string, table>  what items left for later ones, by name
---@field backups dixis.Backup[]  made by this run; they stay, whatever becomes of it
---@field applied string[]      migrations applied by this run
---@field verified? number     when the plan was last found to be still so (monotonic); nil once something else ran
---@field looked? { at: number, found: dixis.History }  the last look at the history; likewise
---@field changed boolean       the target was changed by this run
---@field plan? dixis.Plan
---@field phrases { gate: string, phrase: string, by: string }[]  what was confirmed; by: "terminal" or "--confirm"
---@field began boolean         the target may be changed: see dixis.change
---@field scratch? dixis.Scratch  a place that the run made for itself
---@field schema_from? table   whose schema is in it
---@field reading? host.Task    lint, going on beside the rest
---@field linted? dixis.lint.Result
---@field examined? dixis.clinic.Examined
---@field diagnosed? table
---@field recovery? { seconds: number, measured: boolean }  how long the way back takes
---@field cleanups? (fun())[]
---@field unsettled? string      a migration of which it is being asked whether it was applied
local Run = {}
Run.__index = Run

local run = {}

local CLEANUP_SECONDS <const> = 30

---@param fields { id: string, book: dixis.Runbook, options: table, settings: table }
---@return dixis.Run
function run.new(fields)
  fields.secrets = secrets.new()
  fields.phrases, fields.backups = {}, {}
  fields.results, fields.applied, fields.changed, fields.began = {}, {}, false, false
  for name, option in pairs(fields.book.options) do
    local value = option.type == "url" and fields.options[name]
    for _, part in ipairs(value and address.private(value) or {}) do fields.secrets:add(part) end
  end
  return setmetatable(fields, Run)
end

--- An environment variable that the runbook declares; the empty string counts as absent.
---@param name string
---@return string?
function Run:env(name) -- luacheck: ignore 212
  local value = process.getenv(name)
  return value ~= "" and value or nil
end

--- What a reference of a runbook stands for.
---@param source string
---@param name string
---@return any
function Run:lookup(source, name)
  if source == "option" then return self.options[name] end
  if name == "environment" then return self.book.target.environment end
  if name == "schema" then return self.target and self.target.schema end
  local facts = self.identity or (self.target and self.target.params) or {}
  if name == "database" and not self.identity then return facts.dbname end
  return facts[name]
end

---@param args table
---@return table
function Run:resolve(args)
  return refs.resolve(args, function(source, name) return self:lookup(source, name) end)
end

--- Why an item is not wanted in this run, by its `when`; nil when it is.
---@param item dixis.Item
---@return string? reason
function Run:why_not(item)
  if item.when == nil then return nil end
  local value = self:resolve { item.when }[1]
  if value == nil or value == false then
    return ("%s is %s"):format(tostring(item.when), value == false and "false" or "not set")
  end
end

--- Ends the current item as skipped.
---@param reason string
function Run:skip(reason) -- luacheck: ignore 212
  error(errors.new("skipped", reason), 0)
end

--- A line about what the current item is doing, for whoever watches.
---@param text string
function Run:note(text)
  self.bus:hint("progress", { item = self.current_item, text = text })
end

--- Parses the target's URL; refuses when it is missing or malformed. The URL itself is never shown.
---@return table target
function Run:parse_target()
  if self.target then return self.target end
  local name = self.book.target.env
  if not name then errors.refuse("the target is not there yet", "put gate.scratch before what needs it") end
  local value = self:env(name)
  if not value then
    errors.refuse(("%s is not set"):format(name),
      ("set it to the target's URL: export %s='postgresql://user:password@host:5432/database'"):format(name))
  end
  local target, err = url.parse(value)
  if not target then
    errors.refuse(("%s is not a usable URL: %s"):format(name, err.message), err.hint)
  end
  self.target = target
  self.secrets:add(target.params.password)
  return target
end

--- The database to connect to instead of the target, when the runbook works on the target from beside it.
---@return string?
function Run:works_from()
  local name = self.book.target.maintenance
  return name and self:resolve { name }[1]
end

--- The target's URL for another database of its server.
---@param database string
---@return table target
function Run:beside(database)
  local target, params = self:parse_target(), {}
  for key, value in pairs(target.params) do params[key] = value end
  params.dbname = database
  return { params = params }
end

--- A new session on the target, or beside it.
---@async
---@param options? table  see dixis.target.session
---@return dixis.Session? session
---@return dixis.Error? err
function Run:connect(options)
  local beside = self:works_from()
  return session.open(beside and self:beside(beside) or self:parse_target(), options)
end

--- Who the target is now.
---@async
---@param opened dixis.Session
---@return dixis.Identity
function Run:read_identity(opened)
  return identity.read(opened, self:works_from() and self:parse_target().params.dbname)
end

--- Takes over a connected session as the run's own and reads who the target is.
---@async
---@param opened dixis.Session
function Run:adopt(opened)
  self.session = opened
  self.identity = self:read_identity(opened)
  self.bus:emit("target.identified", { target = self.identity, description = identity.describe(self.identity) })
end

--- The run's session; opens it when no gate did.
---@async
---@return dixis.Session
function Run:open_session()
  if self.session and self.session.conn:status() ~= "closed" then return self.session end
  local opened, err = self:connect()
  local before = self.plan and self.identity
  self:adopt(errors.check(opened, err))
  local difference = before and identity.difference(before, self.identity)
  if difference then
    errors.raise("plan_changed", "another server answers than the one of the plan: " .. difference,
      { hint = "look which one is the primary; then plan and confirm anew" })
  end
  return self.session
end

-- What the gates of the runbook let through.
local function allowed(self)
  for _, gate in ipairs(self.book.gates) do
    if gate.definition.allowed then return gate.definition.allowed(self:resolve(gate.args)) end
  end
end

--- The project's folder of migrations and schema, found once.
---@return table
function Run:project()
  if not self.found_project then self.found_project = project.find(self.options, allowed(self)) end
  return self.found_project
end

--- Ledger and folder held against each other, as they are now.
---@async
---@return dixis.History
function Run:read_history()
  local opened = self:open_session()
  self.ledger = ledger.open(opened)
  if not self.ledger.schema or not self.ledger.schema_exists then
    errors.refuse(("the schema '%s' does not exist in the target"):format(self.ledger.schema or "?"),
      "check ?schema= in the URL; dixis never creates a schema by itself")
  end
  local at = clock.now()
  self.looked = { at = at, found = history.compare(self:project():migrations(), self.ledger:each(opened)) }
  return self.looked.found
end

-- How long a look at the history holds when nothing but other looks came after it.
local HOLDS <const> = 0.5

--- The same, or what was read a moment ago.
---@async
---@return dixis.History
function Run:latest_history()
  local looked = self.looked
  if looked and clock.now() - looked.at < HOLDS then return looked.found end
  return self:read_history()
end

--- fn is called when the current item has ended, however it ended: a task that was cancelled can do nothing more that
--- waits.
---@param fn fun()
function Run:afterwards(fn)
  self.cleanups = self.cleanups or {}
  table.insert(self.cleanups, fn)
end

--- Does what the item that has ended left to be done, the last of it first.
---@async
function Run:clean_up()
  while self.cleanups and #self.cleanups > 0 do
    local worker = task.spawn(table.remove(self.cleanups))
    worker:deadline(CLEANUP_SECONDS)
    local ok, err = worker:join()
    if not ok then self.bus:emit("cleanup.failed", { item = self.current_item, error = errors.record(errors.from(err)) }) end
  end
end

--- After a failure: ends what is open on the target, and says so.
---@async
function Run:settle()
  local opened = self.session
  if not opened or opened.conn:status() == "closed" then return end
  local ok, rolled_back = pcall(opened.rollback, opened)
  if ok and rolled_back then self.bus:emit("transaction.rolled_back", {}) end
  if not ok then opened:close() end
end

--- Takes away what the run made for itself, so that the record can say that it is gone.
---@async
function Run:remove_scratch()
  if self.reading then self.reading:cancel() end
  if not self.scratch then return end
  if self.session then self.session:close() end
  self.scratch:remove()
end

--- True of a target that is of this run alone: nothing of it is there afterwards.
---@return boolean
function Run:thrown_away()
  return self.settings.ephemeral or self.scratch ~= nil
end

function Run:close()
  if self.session then self.session:close() end
  if self.lock_session then self.lock_session:close() end
  if self.side then self.side:close() end
  self.session, self.lock_session, self.side = nil, nil, nil
end

return run
