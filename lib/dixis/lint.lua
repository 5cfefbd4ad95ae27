-- Lint: what is wrong with a history of migrations, told without a database.

local apply = require "dixis.lint.apply"
local context_of = require "dixis.lint.context"
local hazard = require "dixis.lint.hazard"
local lazy = require "dixis.lazy"
local model_of = require "dixis.lint.model"
local script = require "dixis.migrate.script"
local source = require "dixis.lint.source"

local expect = lazy "dixis.prisma.expect"
local repair = lazy "dixis.lint.repair"
local schema = lazy "dixis.lint.schema"

local lint = {}

---@class dixis.lint.Finding
---@field rule string        of dixis.lint.rules
---@field severity "error"|"warning"|"note"
---@field migration? string  name of its folder; nil: it is about the schema file
---@field file string
---@field line integer
---@field column integer
---@field statement_index? integer  in its file
---@field statement? string  its beginning
---@field message string     what and why
---@field fix? string        what to do
---@field fix_sql? string    the bare SQL of it
---@field fix_file? string   where that belongs
---@field fix_edit? "before"|"instead"|"end"  before the statement or instead of it, or at the end of fix_file
---@field object? string     "public.Order" or "public.Order.total"
---@field cause? integer     the finding that this is a consequence of

---@class dixis.lint.Options
---@field migrations string|dixis.lint.Source[]  their folder, or they themselves
---@field schema? string     a Prisma schema: a file or a folder
---@field sizes? table<string, { rows: integer, bytes: integer }>  of the target's tables
---@field server_major? integer  of the target
---@field roles? table<string, true>       that the target has
---@field extensions? table<string, true>  that it can create
---@field enable? table<string, true>  rules that are off by themselves
---@field path? string[]     search_path of the target; { "public" }
---@field pause? fun()        called after each migration, to let others work
---@field on_script? fun(migration: dixis.lint.Source, text: string)  called with each script
---@field base? dixis.lint.Model  what is there before the first migration

---@class dixis.lint.Result
---@field findings dixis.lint.Finding[]
---@field model dixis.lint.Model
---@field migrations integer
---@field statements integer
---@field counts table<string, integer>  of statements, by migration; not where the parser stopped
---@field unknown boolean    something could not be known
---@field expected? dixis.Catalog  what the schema file means
---@field schema_problem? dixis.Error  why it does not mean anything

-- A fault of lint's own at one statement: all others are still worth judging.
local function safely(context, judge, ...)
  local ok <const>, problem <const> = pcall(judge, ...)
  if ok then return end
  if type(problem) ~= "string" or problem:find("not enough memory", 1, true) then error(problem, 0) end
  context:doubt(("lint cannot judge this statement, for a fault of its own (%s)"):format(problem), nil,
    { fix = "report it, with the statement; all others are judged" })
end

local function take(context, hazards, statement)
  context:begin(statement)
  if apply.knows(statement) and not source.body(statement) then
    context:doubt "this statement nests too deeply to be read"
    return
  end
  safely(context, hazards.look, hazards, statement)
  if context.explicit and script.needs_no_transaction(statement) then
    context:report("not-in-transaction", { message = "this cannot run between BEGIN and COMMIT",
      fix = "put it into a migration of its own, or behind COMMIT" })
  end
  safely(context, apply.statement, context, statement)
  context:finish()
  source.drop(statement)
end

-- A statement that runs outside of any transaction sends all others of its file there, too.
local function runs_in_transaction(statements)
  for _, statement in ipairs(statements) do
    if script.needs_no_transaction(statement) then return false end
  end
  return true
end

-- The parser is that of PostgreSQL 15: what it does not take, a later server may.
local PARSER <const> = 15

-- The rest of a script is not known.
local function stop(context, problem)
  local no_text <const> = problem.message:find "NUL byte" or problem.message:find "not valid UTF%-8"
  local fails <const> = problem.kind == "syntax" and (no_text or context.server_major and context.server_major <= PARSER)
  context.statement, context.index, context.doubted = nil, 0, {}
  context:doubt(("the parser stops here: %s; what follows in this file is not known"):format(problem.message), nil,
    { line = problem.line, column = problem.column, severity = fails and "error" or "warning",
      fix = fails and "mend it: the server refuses it too"
        or ("mend it, unless it is meant for a server later than PostgreSQL %d, whose syntax is read here"):format(PARSER) })
end

local function read_script(context, hazards, migration)
  local text <const> = source.text(migration)
  local parsed <const> = source.parse(text)
  if context.options.on_script then context.options.on_script(migration, text) end
  context:open(migration.name, migration.file, text)
  context.script = parsed.statements
  context.implicit = runs_in_transaction(parsed.statements)
  context.in_transaction = context.implicit
  hazards:open()
  for i, statement in ipairs(parsed.statements) do
    context.index = i
    take(context, hazards, statement)
  end
  hazards:close()
  if parsed.problem then
    stop(context, parsed.problem)
  end
  context:close()
  return #parsed.statements, parsed.problem
end

local function hold_against_schema(context, path, migrations)
  local found <const>, err = schema.load(path)
  if not found then
    context.statement, context.index, context.migration, context.file = nil, 0, nil, err.file or path
    context:report("unreadable-schema", { message = err.message, fix = err.hint, line = err.line, column = err.column })
    return nil, err
  end
  local expected <const> = expect.catalog(found, context.model.default_path[1])
  schema.compare(context, expected, context.model:catalog(), path)
  repair.missing(context, expected, migrations)
  return expected
end

-- Nearly all that is made is garbage when its file is done: a collector that runs all the time costs more than the rest.
local SLACK <const> = 16 << 10 -- KiB

local limit

-- The collector is told that so much less is in use than is.
local function put_off(more)
  limit = collectgarbage "count" + more
  collectgarbage("step", -math.floor(more))
end

local function collect()
  if collectgarbage "count" < limit then return end
  collectgarbage()
  put_off(collectgarbage "count" + SLACK)
end

-- At the end what is left is mostly the model, which is about to be read.
local function history()
  put_off(SLACK)
  return setmetatable({}, { __close = function()
    collectgarbage "restart"
    put_off(SLACK)
    source.forget()
  end })
end

--- Reads a history and says what is wrong with it.
---@param options dixis.lint.Options
---@return dixis.lint.Result
function lint.check(options)
  local _ <close> = history()
  local migrations <const> = source.migrations(options.migrations)
  local model <const> = options.base or model_of.new { path = options.path }
  local context <const> = context_of.new(model, options)
  local hazards <const> = hazard.new(context, options)
  local statements, counts = 0, {}
  for _, migration in ipairs(migrations) do
    local count <const>, problem = read_script(context, hazards, migration)
    statements = statements + count
    if not problem then counts[migration.name] = count end
    collect()
    if options.pause then options.pause() end
  end
  context:conclude()
  local expected, problem
  if options.schema then expected, problem = hold_against_schema(context, options.schema, migrations) end
  return { findings = context.findings, model = model, migrations = #migrations, statements = statements, counts = counts,
    unknown = context.unknown, expected = expected, schema_problem = problem }
end

return lint
