-- Tells people how a run goes, beside it: one task for each notice channel of the runbook, fed by the run's events.
-- What fails is recorded and shown; it never fails the run, and holds it up at its very end at most by a deadline.

local lazy = require "dixis.lazy"

local clock = require "host.clock"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local forecast = lazy "dixis.forecast"
local people = require "dixis.people"
local process = require "host.process"
local task = require "host.task"
local text = lazy "dixis.notice.text"

local herald = {}

-- Of what goes on, people are told once in so many seconds.
local WAITING_AGAIN <const> = 300

---@class dixis.Herald
---@field run dixis.Run
---@field channels table[]
local Herald = {}
Herald.__index = Herald

-- ---- Facts -------------------------------------------------------------------------------------

local function facts_of(run, more)
  local book, identity, plan = run.book, run.identity, run.plan
  local named, most = book.people, run.forecast and forecast.most(run.forecast)
  local facts = {
    expected = most and "≤ " .. duration.show(most) or nil,
    title = book.title, environment = book.target.environment, run = run.id,
    database = identity and identity.database or run.target and run.target.params and run.target.params.dbname or "?",
    pending = plan and #plan.pending, plan = plan and plan.digest and plan.digest:sub(1, 16),
    applied = #run.applied, elapsed = duration.show(run.bus:elapsed()),
    by = ("%s@%s"):format(process.user(), process.hostname()), item = run.current_item or run.phase,
    decision_maker = named and people.lines(named)[1]:match ": (.*)$",
    contacts = named and table.concat(people.lines(named), "\n", 2),
  }
  for name, value in pairs(more or {}) do facts[name] = value end
  return facts
end

-- ---- One channel -------------------------------------------------------------------------------

-- Why a channel cannot speak in this run; nil when it can.
local function why_silent(run, notice)
  local reason = run:why_not(notice)
  if reason then return reason end
  local env = type(notice.args.env) == "string" and notice.args.env
  return env and not run:env(env) and env .. " is not set" or nil
end

--- Sends one message; in a task that its deadline ends.
---@async
---@param run dixis.Run
---@param notice dixis.Item
---@param moment string
---@param facts table
---@return boolean sent
local function deliver(run, notice, moment, facts)
  local begun = clock.now()
  local sending = task.spawn(function()
    local args = run:resolve(notice.args)
    local subject, body = text.compose(args.language, moment, facts)
    run.bus:intend("notice.started", { name = notice.name, moment = moment })
    notice.definition.act(run, args, { moment = moment, subject = subject, text = body })
  end)
  sending:deadline(run:resolve { notice.deadline }[1])
  local ok, err = sending:join()
  local seconds = math.floor((clock.now() - begun) * 1e3) / 1e3
  if ok then
    run.bus:emit("notice.sent", { name = notice.name, moment = moment, seconds = seconds })
  else
    run.bus:emit("notice.failed", { name = notice.name, moment = moment, seconds = seconds,
      error = errors.record(errors.from(err)) })
  end
  return ok
end

--- Sends one message on every channel that can speak, and waits for all of them.
---@async
---@param run dixis.Run
---@param moment string
---@param more table  facts
---@return integer sent
---@return integer failed
---@return string[] silent  why the others say nothing
function herald.tell(run, moment, more)
  local facts, tasks, silent = facts_of(run, more), {}, {}
  for _, notice in ipairs(run.book.notices) do
    local reason = why_silent(run, notice)
    if reason then
      silent[#silent + 1] = ("%s: %s"):format(notice.name, reason)
    else
      tasks[#tasks + 1] = task.spawn(deliver, run, notice, moment, facts)
    end
  end
  local sent = 0
  for _, one in ipairs(tasks) do
    local _, ok = one:join()
    if ok then sent = sent + 1 end
  end
  return sent, #tasks - sent, silent
end

-- Messages of a channel are sent one after the other: what came first is read first.
local function work(self, channel)
  while channel.queue[1] do
    local message = table.remove(channel.queue, 1)
    deliver(self.run, channel.notice, message.moment, message.facts)
  end
  channel.worker = nil
end

local function wants(channel, moment)
  for _, wanted in ipairs(channel.notice.args.moments) do
    if wanted == moment then return true end
  end
end

function Herald:say(moment, more)
  local facts
  for _, channel in ipairs(self.channels) do
    if wants(channel, moment) then
      facts = facts or facts_of(self.run, more)
      table.insert(channel.queue, { moment = moment, facts = facts })
      channel.worker = channel.worker or task.spawn(work, self, channel)
    end
  end
end

-- ---- The run -----------------------------------------------------------------------------------

local on <const> = {}

-- Whoever is told of a beginning is told of the end; a run that was refused has begun nothing.
on["phase.started"] = function(self, event)
  if event.name ~= "steps" then return end
  self.begun = true
  self:say "started"
  for _, channel in ipairs(self.channels) do
    local every = self.run:resolve { channel.notice.args.every }[1]
    if every and every > 0 and wants(channel, "running") then
      channel.ticker = task.spawn(function()
        while true do
          clock.sleep(every)
          self:say "running"
        end
      end)
    end
  end
end
on["lock.waiting"] = function(self, event)
  self:waiting { migration = event.migration, blockers = table.concat(event.blockers, ", ") }
end
on["lock.holding"] = function(self, event)
  self:waiting { migration = event.migration, sessions = event.sessions }
end
-- When all is green people need not wait for the end of the watch.
on["watch.started"] = function(self)
  self:stop_tickers()
  self.told = true
  self:say "succeeded"
end

function Herald:waiting(facts)
  if self.waited and clock.now() - self.waited < WAITING_AGAIN then return end
  self.waited = clock.now()
  self:say("waiting", facts)
end

function Herald:stop_tickers()
  for _, channel in ipairs(self.channels) do
    if channel.ticker then channel.ticker:cancel() end
    channel.ticker = nil
  end
end

-- A runbook that does nothing but tell has nothing to tell of itself.
local function only_tells(book)
  for _, step in ipairs(book.steps) do
    if step.type ~= "notice" then return false end
  end
  return true
end

--- Begins to listen to a run.
---@param run dixis.Run
---@return dixis.Herald
function herald.new(run)
  local self = setmetatable({ run = run, channels = {} }, Herald)
  for _, notice in ipairs(only_tells(run.book) and {} or run.book.notices) do
    local reason = why_silent(run, notice)
    if reason then
      run.bus:emit("notice.skipped", { name = notice.name, reason = reason })
    else
      self.channels[#self.channels + 1] = { notice = notice, queue = {} }
    end
  end
  if #self.channels > 0 then
    run.bus:subscribe(function(event)
      if on[event.type] then on[event.type](self, event) end
    end)
  end
  return self
end

--- Tells the end, and waits until all is said or too late. What was still waiting to be told is told no more.
---@async
---@param outcome string
---@param err? dixis.Error
function Herald:finish(outcome, err)
  self:stop_tickers()
  local good = outcome == "succeeded"
  for _, channel in ipairs(self.channels) do
    if not good then channel.queue = {} end
  end
  if self.begun and not (good and self.told) then
    local run = self.run
    self:say(good and "succeeded" or "failed", not good and {
      outcome = outcome, problem = err and err.message, changed = run.changed and #run.applied or nil,
      unchanged = not run.changed and outcome ~= "in_doubt" and "" or nil, item = "",
    } or nil)
  end
  for _, channel in ipairs(self.channels) do
    if channel.worker then channel.worker:join() end
  end
end

return herald
