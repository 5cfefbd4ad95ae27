-- The maintenance page: put up and taken down by a command, a request or a statement, and looked at afterwards.

local address = require "dixis.address"
local change = require "dixis.change"
local clock = require "host.clock"
local errors = require "dixis.errors"
local http = require "host.http"
local lazy = require "dixis.lazy"
local process = require "host.process"
local program = require "dixis.program"
local refs = require "dixis.refs"

local define = lazy "dixis.define"
local host_sql = lazy "host.sql"
local statement = lazy "dixis.statement"

local maintenance = {}

maintenance.fields = {
  command = { type = "list", help = "a program and its arguments" },
  env = { type = "list", default = {}, help = "variables that the program is given, beside PATH and HOME" },
  url = { type = "string", help = "an address that is called" },
  method = { type = "string", default = "POST" },
  headers = { type = "table", default = {} },
  secret_headers = { type = "table", default = {}, help = "header -> the variable that holds its value" },
  body = { type = "string" },
  status = { type = "integer", help = "expected status; any 2xx when absent" },
  timeout = { type = "duration", default = 30 },
  sql = { type = "string", help = "one statement on the target" },
  verify = { type = "table", help = "{ url, status } or { sql, equals }: shows that it took effect" },
  by_hand = { type = "string", help = "what a person does when it fails" },
}

local verify_fields <const> = {
  url = { type = "string" }, status = { type = "integer", default = 200 },
  sql = { type = "string" }, equals = { type = "any", default = true },
  within = { type = "duration", default = 10 },
}

local function exactly_one(what, args, names)
  local given = 0
  for _, name in ipairs(names) do given = given + (args[name] ~= nil and 1 or 0) end
  if given ~= 1 then
    error(("%s takes exactly one of %s"):format(what, table.concat(names, ", ")), 0)
  end
end

--- Checks the fields when the runbook is loaded.
---@param what string
---@param args table
function maintenance.check(what, args)
  exactly_one(what, args, { "command", "url", "sql" })
  if args.verify then
    args.verify = define.check_fields(what .. ".verify", args.verify, verify_fields)
    exactly_one(what .. ".verify", args.verify, { "url", "sql" })
  end
end

---@param args table
---@return table
function maintenance.uses(args)
  local uses = { env = table.move(args.env, 1, #args.env, 1, {}), net = {}, exec = {} }
  for _, name in pairs(args.secret_headers) do table.insert(uses.env, name) end
  if args.command then uses.exec[1] = args.command[1] end
  if args.url then uses.net[1] = args.url end
  if args.verify and args.verify.url then table.insert(uses.net, args.verify.url) end
  return uses
end

--- What would be done, without what may be secret.
---@param args table
---@return string
function maintenance.describe(args)
  if args.command then return table.concat(args.command, " ") end
  if args.url then return ("%s %s"):format(args.method, address.host(args.url) or tostring(args.url)) end
  return host_sql.normalise(args.sql) or "a statement that PostgreSQL 15's parser does not know"
end

local function by_command(run, args, intend)
  local env = program.environment(run, args.env)
  intend("command.started", { argv = args.command })
  local result = errors.check(process.run(args.command, { env = env, timeout = args.timeout }))
  if result.code ~= 0 then
    errors.raise("failed", ("%s ended with %s"):format(args.command[1], program.ending(run, result)))
  end
  return args.command[1] .. " succeeded"
end

local function by_request(run, args, intend)
  local headers = {}
  for name, value in pairs(args.headers) do headers[name] = value end
  for name, variable in pairs(args.secret_headers) do
    headers[name] = run:env(variable)
      or errors.raise("failed", ("%s is not set: the header %s needs it"):format(variable, name))
    run.secrets:add(headers[name])
  end
  intend("http.started", { method = args.method, host = address.host(args.url) })
  local response = errors.check(http.request {
    url = args.url, method = args.method, body = args.body, headers = headers, timeout = args.timeout,
  })
  local good = args.status and response.status == args.status or not args.status and response.status // 100 == 2
  if not good then errors.raise("failed", ("%s answered %d"):format(address.host(args.url), response.status)) end
  return ("%s answered %d"):format(address.host(args.url), response.status)
end

local function by_statement(run, args, intend, regardless)
  if not regardless then change.begin(run) end
  local session = run:open_session()
  intend("sql.started", { item = run.current_item, statement = maintenance.describe(args) })
  local result = statement.watch(run, args.sql, function() return session:query(args.sql) end)
  return result.tag
end

local function holds(run, verify)
  if verify.sql then
    local value = run:open_session():value(verify.sql)
    return value == verify.equals, ("the query gives %s, not %s"):format(tostring(value), tostring(verify.equals))
  end
  local response, err = http.request { url = verify.url, timeout = math.max(1, math.min(10, verify.within)) }
  return response and response.status == verify.status,
    response and ("%s answers %d, not %d"):format(address.host(verify.url), response.status, verify.status) or err.message
end

local function verified(run, verify)
  local begun = clock.now()
  while true do
    local ok, why = holds(run, verify)
    if ok then return end
    local left = verify.within - (clock.now() - begun)
    if left <= 0 then errors.raise("failed", "it was done, but did not take effect: " .. why) end
    run:note(why)
    clock.sleep(math.min(1, left))
  end
end

--- Does it, and looks whether it took effect.
---@async
---@param run dixis.Run
---@param args table
---@param regardless? boolean  also when it cannot be recorded
---@return string summary
function maintenance.act(run, args, regardless)
  local act = args.command and by_command or args.url and by_request or by_statement
  local unrecorded
  local summary = act(run, args, function(...)
    local ok, err = pcall(run.bus.intend, run.bus, ...)
    if not ok and not regardless then error(err, 0) end
    unrecorded = not ok and err or nil
  end, regardless)
  if unrecorded then error(unrecorded, 0) end
  if not args.verify then return summary end
  verified(run, args.verify)
  return summary .. ", and it took effect"
end

--- The words of the runbook, as the text of a plan shows them: a reference is not yet an address.
---@param verb string
---@return fun(args: table): string
function maintenance.describer(verb)
  return function(args)
    if refs.is_ref(args.url) then return verb end
    return ("%s: %s"):format(verb, maintenance.describe(args))
  end
end

return maintenance
