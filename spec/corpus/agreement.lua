-- Does our splitter agree with psql and the server on every script below a folder? Run by script/regress, which says
-- where they are. psql splits a script and sends it; the server logs each statement that its own parser took:
--   agreed:      a script of these statements, one behind the other, is split into just these
--   refused:     our parser does not take one of them, so a script that has it is sent whole
--   disagreed:   it was split otherwise
-- A script without psql's own commands is held against the log as it is, too.

local clock = require "host.clock"
local ephemeral = require "dixis.ephemeral"
local fs = require "host.fs"
local json = require "dixis.json"
local pg = require "host.pg"
local process = require "host.process"
local sql = require "host.sql"

local TIMEOUT <const> = 120

local function run(...)
  return process.run({ ... }, { env = { PATH = process.getenv "PATH" } })
end

local function scripts_below(folder)
  local list = {}
  for path in run("find", folder, "-name", "*.sql").stdout:gmatch "[^\n]+" do list[#list + 1] = path end
  table.sort(list)
  return list
end

local function start_server()
  return assert(ephemeral.start { memory = true, settings = {
    logging_collector = true, log_destination = "jsonlog", log_directory = "log", log_filename = "statements.log",
    log_rotation_size = 0, log_rotation_age = 0, log_file_mode = "0644", log_statement = "all",
    log_min_error_statement = "error", max_prepared_transactions = 10, statement_timeout = "20s", jit = false,
  } })
end

local function log_path(server)
  local found = run("find", server.folder, "-name", "statements.json").stdout
  return assert(found:match "[^\n]+", "the server writes no log")
end

--- What is in the log: statements that the server parsed, and those that it could not.
local function sent(path)
  local text = assert(fs.read(path, 256 << 20))
  local taken, broken, last = {}, {}, nil
  for line in text:gmatch "[^\n]+" do
    local entry = json.decode(line)
    if entry and entry.application_name == "regress" then
      local statement = entry.error_severity == "LOG" and entry.message:match "^statement: (.*)$"
      if statement then
        taken[#taken + 1] = { text = statement }
        last = statement
      elseif entry.state_code == "42601" and entry.statement and entry.statement ~= last then
        broken[#broken + 1] = entry.statement
      end
    end
  end
  return taken, broken
end

-- The server's log is written by a process of its own, in order, a little later.
local function wait_for_log(admin, path, mark)
  assert(admin:query(("SELECT 'all of %s is sent'"):format(mark)))
  local begun = clock.now()
  while not assert(fs.read(path, 256 << 20)):find(("all of %s is sent"):format(mark), 1, true) do
    assert(clock.now() - begun < 60, "the log has no end")
    clock.sleep(0.01)
  end
end

local function texts_of(text)
  local found, err = sql.parse(text)
  if not found then return nil, err end
  local list = {}
  for i, statement in ipairs(found) do list[i] = text:sub(statement.first, statement.last) end
  return list
end

local function brief(text) return (text:sub(1, 100):gsub("%s+", " ")) end

local function same(a, b)
  if #a ~= #b then return ("%d statements instead of %d"):format(#a, #b) end
  for i = 1, #a do
    if a[i] ~= b[i] then
      return ("statement %d is\n%s\ninstead of\n%s"):format(i, a[i]:sub(1, 300), b[i]:sub(1, 300))
    end
  end
end

describe("the splitter", function()
  it("agrees with psql and the server", function()
    local folder = assert(process.getenv "DIXIS_REGRESS", "DIXIS_REGRESS names no folder")
    local scripts = scripts_below(folder)
    assert(#scripts > 0, "there are no scripts below " .. folder)
    local server <close> = start_server()
    local path, admin = log_path(server), assert(pg.connect(server.params))
    local counts = { files = 0, statements = 0, agreed = 0, refused = 0, disagreed = 0, whole = 0, whole_agreed = 0,
      broken = 0, lenient = 0 }
    local disagreements, refusals = {}, {}

    local function disagree(name, text)
      counts.disagreed = counts.disagreed + 1
      disagreements[#disagreements + 1] = name .. ": " .. text
    end

    for number, file in ipairs(scripts) do
      local name = file:sub(#folder + 2)
      local dbname = ("regress_%d"):format(number)
      assert(admin:query("CREATE DATABASE " .. dbname))
      assert(run("truncate", "-s", "0", path).code == 0) -- the server appends
      local env = { PATH = process.getenv "PATH", PGHOST = server.params.host, PGPORT = tostring(server.params.port),
        PGUSER = server.params.user, PGAPPNAME = "regress", PGDATABASE = dbname }
      -- A run that takes too long is judged by what it had sent.
      process.run({ "timeout", "-k", "5", tostring(TIMEOUT), "psql", "-X", "-q", "-f", file }, { env = env })
      wait_for_log(admin, path, dbname)
      local taken, broken = sent(path)
      counts.files = counts.files + 1

      -- One by one, for what a statement is without blanks and comments around it.
      local expected, script, combined = {}, {}, false
      for _, statement in ipairs(taken) do
        counts.statements = counts.statements + 1
        local parts, err = texts_of(statement.text)
        if parts then
          combined = combined or #parts > 1 -- by \;
          table.move(parts, 1, #parts, #expected + 1, expected)
          script[#script + 1] = statement.text
          counts.agreed = counts.agreed + 1
        else
          counts.refused = counts.refused + 1
          refusals[#refusals + 1] = ("%s: %s: %s"):format(name, err.message, brief(statement.text))
        end
      end
      local joined = {}
      for i, text in ipairs(script) do joined[i] = text:find ";%s*$" and text or text .. "\n;" end
      local split, err = texts_of(table.concat(joined, "\n"))
      local difference = split and same(split, expected) or err and err.message
      if difference then disagree(name, difference) end
      for _, text in ipairs(broken) do
        counts.broken = counts.broken + 1
        if sql.parse(text) then
          counts.lenient = counts.lenient + 1
          refusals[#refusals + 1] = ("%s: the server does not take: %s"):format(name, brief(text))
        end
      end

      -- The file as it is: its split is psql's, or it is refused and sent whole.
      local as_is = texts_of(assert(fs.read(file, 128 << 20)))
      if not as_is then
        counts.whole = counts.whole + 1
      elseif not combined and #broken == 0 then
        difference = same(as_is, expected)
        if difference then
          disagree(name .. " as it is", difference)
        else
          counts.whole_agreed = counts.whole_agreed + 1
        end
      end
    end

    print(("\n%d files, %d statements that the server parsed, %d agreements, %d stated refusals, %d disagreements")
      :format(counts.files, counts.statements, counts.agreed, counts.refused, counts.disagreed))
    print(("%d files as they are: %d refused and sent whole (commands of psql, rows of COPY, mistakes on purpose), "
      .. "%d split as psql splits them"):format(counts.files, counts.whole, counts.whole_agreed))
    print(("%d statements that the server could not parse, %d of which our parser takes"):format(counts.broken,
      counts.lenient))
    for _, text in ipairs(refusals) do print("  refused or lenient: " .. text) end
    assert.same({}, disagreements)
    assert.is_true(counts.statements > 0)
  end)
end)
