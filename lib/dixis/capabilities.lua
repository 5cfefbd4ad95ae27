-- What code written in a runbook is given: run.db, run.exec, run.http, run.file, run.env, run.confirm,
-- run.clock, run.timer, run.log; each held against what the runbook declared in `uses`. An effect is
-- in the journal before it begins.

local address = require "dixis.address"
local clock = require "host.clock"
local errors = require "dixis.errors"
local fs = require "host.fs"
local http = require "host.http"
local near = require "dixis.near"
local process = require "host.process"
local program = require "dixis.program"
local refs = require "dixis.refs"
local statement = require "dixis.statement"

local capabilities = {}

-- Whom a run.db or run.file serves, and whether in a gate: a field of theirs could be read by the runbook.
local served <const> = setmetatable({}, { __mode = "k" })

-- Kinds that say where the run ends, not what went wrong in the runbook's code.
local no_place <const> = { skipped = true, refused = true, locked = true, unreachable = true, interrupted = true,
  deadline = true }

-- "book.lua:12", the line of the runbook that is being run. `error` knows the lines of its callers.
local function place(chunks)
  for level = 3, 40 do
    local _, text = pcall(error, "", level)
    local name, line = text:match "^(.*):(%d+): $"
    if chunks[name] then return chunks[name] .. ":" .. line end
  end
end

-- The function, with the runbook's line in front of what it raises.
local function placed(chunks, fn)
  local function finish(ok, ...)
    if ok then return ... end
    local err = ...
    if type(err) == "table" and err.kind and not no_place[err.kind] and not err.place then
      err.place = place(chunks)
      if err.place then err.message = err.place .. ": " .. tostring(err.message) end
    end
    error(err, 0)
  end
  return function(...) return finish(pcall(fn, ...)) end
end

local function declared(run, what)
  local set = {}
  for _, value in ipairs(run.book.uses[what] or {}) do
    value = refs.is_ref(value) and run:lookup(value.source, value.name) or value
    if type(value) == "string" then set[#set + 1] = value end
  end
  return set
end

local function forbid(what, thing)
  errors.raise("forbidden", ("this runbook does not declare that it uses %s '%s'"):format(what, thing),
    { hint = ("add it to uses.%s, where a reviewer looks"):format(what) })
end

local function must_declare(run, what, thing)
  for _, value in ipairs(declared(run, what)) do
    if value == thing then return end
  end
  forbid(what, thing)
end

-- A path is inside a declared one when its real place is; for a file that is yet to be made, its folder's.
local function must_declare_path(run, what, path)
  local folder, name = path:match "^(.*)/([^/]+)$"
  local real = fs.realpath(path) or ((fs.realpath(folder or ".") or "") .. "/" .. (name or path))
  for _, allowed in ipairs(declared(run, what)) do
    local root = fs.realpath(allowed)
    if root and (real == root or real:sub(1, #root + 1) == root .. "/") then return real end
  end
  forbid(what, path)
end

local function must_declare_net(run, url)
  local host = address.host(url)
  if not host then error(("run.http: '%s' is not an http:// or https:// address"):format(tostring(url)), 3) end
  for _, value in ipairs(declared(run, "net")) do
    if address.covers(value, url) then return host end
  end
  forbid("net", host)
end

-- ---- run.db ------------------------------------------------------------------------------------

local Database = {}

--- Runs one statement; returns the number of rows it touched.
---@async
---@param text string
---@param ... any  $1, $2, ...
---@return integer affected
function Database:exec(text, ...)
  return statement.run(served[self], text, ...).affected
end

--- All rows of a query; a row is read by name or position. A query that changes something (RETURNING) is
--- recorded like exec.
---@async
---@return table[]
function Database:query(text, ...)
  if not statement.only_reads(text) then return statement.run(served[self], text, ...) end
  return statement.session(served[self]):query(text, ...)
end

--- The first row, or nil.
---@async
---@return table?
function Database:row(text, ...)
  return self:query(text, ...)[1]
end

--- The first column of the first row.
---@async
---@return any
function Database:value(text, ...)
  local row = self:row(text, ...)
  return row and row[1]
end

--- Rows one at a time, for results that do not fit into memory.
---@async
---@return fun(): table?
function Database:rows(text, ...)
  local run, params = served[self], table.pack(...)
  if not statement.only_reads(text) then
    statement.intend(run, text, false)
    run.changed = true
  end
  local function rest(step, ...) return placed(run.book.chunks, step), ... end
  return rest(statement.session(run).conn:rows(text, params.n > 0 and params or nil))
end

--- Calls fn inside a transaction: committed when it returns, rolled back when it raises.
---@async
---@generic T
---@param fn fun(): T
---@return T
function Database:transaction(fn)
  local run = served[self]
  local session = statement.session(run)
  if session.conn:status() ~= "idle" then error("run.db:transaction inside a transaction", 2) end
  session:query "BEGIN"
  run.held_session = session
  local results = table.pack(pcall(fn))
  run.held_session = nil
  if not results[1] then
    session:rollback()
    error(results[2], 0)
  end
  statement.check_held(session)
  local changed = run.changed
  local committed = statement.watch(run, "COMMIT", function() return session:query "COMMIT" end)
  run.changed = changed
  if committed.tag ~= "COMMIT" then errors.raise("sql", "the transaction had failed; nothing was kept") end
  return table.unpack(results, 2, results.n)
end

-- ---- The rest ----------------------------------------------------------------------------------

local File = {}

--- A whole file, up to 16 MB.
---@param path string
---@return string
function File:read(path)
  return (errors.check(fs.read(must_declare_path(served[self], "read", path), 16 << 20)))
end

--- Writes a file as a whole, or not at all.
---@param path string
---@param data string
function File:write(path, data)
  local real = must_declare_path(served[self], "write", path)
  served[self].bus:intend("file.started", { path = path, size = #data })
  errors.check(fs.write(real, data))
end

---@param path string
---@return boolean
function File:exists(path)
  return fs.stat(must_declare_path(served[self], "read", path)) ~= nil
end

-- `run.exec { "program", "argument", env = { "NAME" }, timeout = 60 }`: its result; raises when it fails,
-- unless check = false.
local function exec(run, spec)
  if type(spec) ~= "table" or type(spec[1]) ~= "string" then
    error("run.exec takes { \"program\", \"argument\", ... }", 3)
  end
  must_declare(run, "exec", spec[1])
  for _, name in ipairs(spec.env or {}) do must_declare(run, "env", name) end
  local env = program.environment(run, spec.env or {})
  local argv = table.move(spec, 1, #spec, 1, {})
  run.bus:intend("command.started", { item = run.current_item, argv = argv })
  local result = errors.check(process.run(argv,
    { env = env, cwd = spec.cwd, input = spec.input, timeout = spec.timeout }))
  run.bus:emit("command.finished", { item = run.current_item, code = result.code, signal = result.signal })
  if result.code ~= 0 and spec.check ~= false then
    errors.raise("failed", ("%s ended with %s"):format(argv[1],
      result.code and ("code " .. result.code) or result.signal))
  end
  return result
end

local function request(run, given)
  if type(given) == "string" then given = { url = given } end
  local host = must_declare_net(run, given.url)
  if given.follow then
    error("run.http does not follow redirects: they could lead to a host that is not declared", 3)
  end
  run.bus:intend("http.started", { item = run.current_item, method = given.method or "GET", host = host })
  local response = errors.check(http.request(given))
  run.bus:emit("http.finished", { item = run.current_item, status = response.status })
  return response
end

local function env(run, name)
  for _, allowed in ipairs(declared(run, "env")) do
    if allowed == name then
      local value = run:env(name)
      run.secrets:add(value)
      return value
    end
  end
  forbid("env", name)
end

local function confirm(run, phrase, about)
  local gate = require "dixis.gate.confirm"
  return gate.act(run, { phrase = phrase, about = about })
end

local function fixed(what, index)
  return setmetatable({}, {
    __index = index, __newindex = function() error(what .. " cannot be changed", 2) end, __metatable = false,
  })
end

local function placed_all(chunks, functions)
  local out = {}
  for name, fn in pairs(functions) do out[name] = placed(chunks, fn) end
  return out
end

local function serving(run, what, methods)
  local self = fixed(what, placed_all(run.book.chunks, methods))
  served[self] = run
  return self
end

--- The `run` of one custom item.
---@param run dixis.Run
---@return table
function capabilities.new(run)
  local given = placed_all(run.book.chunks, {
    exec = function(spec) return exec(run, spec) end,
    http = function(spec) return request(run, spec) end,
    env = function(name) return env(run, name) end,
    log = function(text) run.bus:emit("log", { item = run.current_item, text = tostring(text) }) end,
    progress = function(text) run:note(tostring(text)) end,
    skip = function(reason) run:skip(tostring(reason)) end,
    confirm = function(phrase, about) return confirm(run, phrase, about) end,
    timer = function()
      local begun = clock.now()
      return function() return clock.now() - begun end
    end,
  })
  given.id, given.results = run.id, run.results
  given.options = fixed("run.options", run.options)
  given.target = run.identity and fixed("run.target", run.identity)
  given.db, given.file = serving(run, "run.db", Database), serving(run, "run.file", File)
  given.clock = { now = clock.now, wall = clock.wall, iso = clock.iso, sleep = clock.sleep }
  return setmetatable({}, {
    __index = function(_, name)
      local value = given[name]
      if value ~= nil or name == "target" then return value end
      error(("run has no '%s'%s"):format(tostring(name), near.suggest(tostring(name), near.keys(given))), 2)
    end,
    __newindex = function() error("run cannot be changed", 2) end,
    __metatable = false,
  })
end

return capabilities
