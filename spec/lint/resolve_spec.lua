-- Lint chooses functions and operators as the server does: each one that it knows, with arguments of many types.

local builtin = require "dixis.lint.builtin"
local coerce = require "dixis.lint.coerce"
local functions = require "dixis.lint.builtin_functions"
local operators = require "dixis.lint.builtin_operators"
local pg = require "host.pg"
local resolve = require "dixis.lint.resolve"
local server = require "spec.support.server"

local kinds <const> = { "int2", "int4", "int8", "numeric", "float4", "float8", "text", "varchar", "bpchar", "name", "char",
  "bool",
  "uuid", "json", "jsonb", "timestamp", "timestamptz", "date", "time", "interval", "bytea", "inet", "oid", "bit", "point",
  "int4range", "tsvector", "xml", "money", "_text", "_int4", "_uuid", "_jsonb", "LITERAL" }

-- A sequence of numbers that is the same in each run.
local function picker(seed)
  return function(list)
    seed = (seed * 1103515245 + 12345) % 2147483648
    return list[seed // 65536 % #list + 1]
  end
end

local function written(kind)
  return kind == "LITERAL" and "NULL" or ("NULL::pg_catalog.%s"):format(('"%s"'):format(kind))
end

local function names_of(list)
  local names <const> = {}
  for name in list:gmatch "\n  (%S+) " do names[#names + 1] = name end
  return names
end

-- What the server says of an expression: the type, false: there is no such function, nil: something else.
local function ask(connection, expression)
  local result, problem = connection:query(("SELECT pg_typeof(%s)::oid::regtype::text"):format(expression))
  if result then return result[1] and result[1][1] end
  if problem.sqlstate == "42883" then return false end
end

local function hold(found, answer, said, wrong)
  if (found.none or false) ~= (answer == false) and not (answer == nil and not found.none) then
    wrong[#wrong + 1] = said .. (found.none and " is taken, but " or " is refused, but ") .. "lint says otherwise"
  elseif found.result and answer and coerce.said(found.result):gsub("^bpchar", "character") ~= answer
    and answer ~= "unknown" then
    wrong[#wrong + 1] = ("%s is %s, and not %s"):format(said, answer, coerce.said(found.result))
  end
end

describe("lint's choice among", function()
  local connection, major

  setup(function()
    connection = assert(pg.connect(server.database "resolve"))
    assert(connection:query "SET client_min_messages = error")
    major = connection:server_version() // 10000
  end)

  teardown(function() connection:close() end)

  -- Those that this server has.
  local function here(candidates)
    local list <const> = {}
    for _, candidate in ipairs(candidates) do
      if (candidate.since or 0) <= major then list[#list + 1] = candidate end
    end
    return list
  end

  it("operators is the server's", function()
    local pick <const>, wrong <const>, refused, taken = picker(1), {}, 0, 0
    for _, name in ipairs(names_of(operators)) do
      for round = 1, 90 do
        local meant <const> = round % 3 == 0 and pick(builtin.operators(name)).params or {}
        local function kind(param) return param and not param:find "^any" and param ~= "record" and param or pick(kinds) end
        local left <const> = kind(meant[2] and meant[1])
        local right <const> = round % 3 == 1 and left or kind(meant[2] or meant[1])
        local found <const> = resolve.operator(builtin.operators(name),
          { left == "LITERAL" and resolve.LITERAL or left, right == "LITERAL" and resolve.LITERAL or right })
        local said <const> = ("%s %s %s"):format(written(left), name, written(right))
        local answer <const> = ask(connection, said)
        if answer == false then refused = refused + 1 elseif answer then taken = taken + 1 end
        hold(found, answer, said, wrong)
      end
    end
    assert.same({}, wrong)
    assert.is_true(refused > 500 and taken > 200, ("%d refused, %d taken"):format(refused, taken))
  end)

  it("functions is the server's", function()
    local pick <const>, wrong <const>, refused, taken = picker(7), {}, 0, 0
    for _, name in ipairs(names_of(functions.signatures)) do
      local candidates <const> = here(builtin.functions(name))
      for _, candidate in ipairs(candidates) do
        for round = 0, 6 do
          local args <const>, texts <const> = {}, {}
          for i, param in ipairs(candidate.params) do
            -- Sometimes just what it takes.
            local kind <const> = (round == 0 or pick { true, false }) and not param:find "^any" and not param:find "record"
              and param or pick(kinds)
            args[i], texts[i] = kind == "LITERAL" and resolve.LITERAL or kind, written(kind)
          end
          local said <const> = ("%s(%s)"):format(name, table.concat(texts, ", "))
          local answer <const> = ask(connection, "pg_catalog." .. said)
          if answer == false then refused = refused + 1 elseif answer then taken = taken + 1 end
          hold(resolve.call(candidates, args), answer, said, wrong)
        end
      end
    end
    assert.same({}, wrong)
    assert.is_true(refused > 500 and taken > 500, ("%d refused, %d taken"):format(refused, taken))
  end)

  it("functions takes what reads and writes values by the names of their types", function()
    local rows <const> = assert(connection:query [[
      SELECT DISTINCT proname FROM pg_proc
      WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '(in|out|recv|send)$']])
    for _, row in ipairs(rows) do assert.is_true(builtin.has(row.proname), row.proname) end
    for _, name in ipairs { "is_admin", "login", "checkout", "resend" } do assert.is_false(builtin.has(name), name) end
  end)
end)
