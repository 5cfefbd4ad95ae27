-- Does lint agree with the server on every script below a folder? Run by script/regress, which says where they are. What
-- the server takes of a script, statement by statement, is a history that applies: lint may call nothing in it an error.

local fs = require "host.fs"
local history = require "spec.support.history"
local process = require "host.process"
local source = require "dixis.lint.source"
local sql = require "host.sql"

local function scripts_below(folder)
  local list <const> = {}
  local found <const> = process.run({ "find", folder, "-path", "*regress/sql/*.sql" }, { env = { PATH = process.getenv "PATH" } })
  for path in found.stdout:gmatch "[^\n]+" do list[#list + 1] = path end
  table.sort(list)
  return list
end

-- The pieces between semicolons, without psql's own commands.
local function pieces(text)
  text = ("\n" .. text):gsub("\n\\[^\n]*", "\n"):gsub("\\g[a-z]*[^\n]*\n", ";\n"):gsub("\\crosstabview[^\n]*", ";")
  local list, at, from = {}, 1, 1
  while at <= #text do
    local skipped <const> = source.skip(text, at)
    if not skipped and text:sub(at, at) == ";" then
      list[#list + 1] = text:sub(from, at - 1)
      from = at + 1
    end
    at = skipped or at + 1
  end
  return list
end

-- What belongs to a session, waits, or needs files.
local left_out <const> = { TransactionStmt = true, CopyStmt = true, PrepareStmt = true, ExecuteStmt = true, DeallocateStmt = true,
  DeclareCursorStmt = true, FetchStmt = true, VacuumStmt = true, LoadStmt = true, CreatedbStmt = true, DropdbStmt = true,
  AlterSystemStmt = true, CreateTableSpaceStmt = true, DropTableSpaceStmt = true, CreateSubscriptionStmt = true,
  CreateRoleStmt = true, DropRoleStmt = true, AlterRoleStmt = true, AlterRoleSetStmt = true, AlterDatabaseStmt = true,
  AlterDatabaseSetStmt = true }
local waits <const> = { "pg_sleep", "pg_terminate", "default_transaction", "[Tt][Ii][Mm][Ee][Oo][Uu][Tt]",
  "[Cc][Oo][Nn][Cc][Uu][Rr][Rr][Ee][Nn][Tt][Ll][Yy]", "pg_advisory", "allow_system_table_mods", "session_authorization",
  "SESSION AUTHORIZATION", "[Ss][Ee][Tt] [Rr][Oo][Ll][Ee]" }

local function wanted(piece)
  local found <const> = sql.parse(piece)
  if not found or #found ~= 1 or left_out[found[1].node] then return nil end
  for _, pattern in ipairs(waits) do
    if piece:find(pattern) then return nil end
  end
  return piece:sub(found[1].first, found[1].last)
end

local function statements_of(text)
  local list <const> = {}
  for _, piece in ipairs(pieces(text)) do list[#list + 1] = wanted(piece) end
  return list
end

local function script(statements)
  return table.concat(statements, ";\n") .. ";\n"
end

local function kept(statements, failures)
  local failed, list = {}, {}
  for _, failure in ipairs(failures) do failed[failure.index] = true end
  for i, statement in ipairs(statements) do
    if not failed[i] then list[#list + 1] = statement end
  end
  return list
end

describe("lint of the regression suite", function()
  local folder <const> = assert(process.getenv "DIXIS_REGRESS", "DIXIS_REGRESS is not set")
  local files, statements, alarms = 0, 0, {}

  it("calls nothing an error that the server takes", function()
    for _, path in ipairs(scripts_below(folder)) do
      local list = statements_of(assert(fs.read(path)))
      -- At the end of a transaction more may fail than is known statement by statement: such a script is left out.
      local ok, failures = pcall(history.apply, { { name = "1_m", text = script(list) } })
      if ok then
        list = kept(list, failures)
        local _, wrong = history.compare({}, history.lint({ ["1_m"] = script(list) }).findings)
        for _, alarm in ipairs(wrong) do alarms[#alarms + 1] = path:match "[^/]+$" .. " " .. alarm end
        files, statements = files + 1, statements + #list
      end
    end
    print(("%d files, %d statements that apply, %d false alarms"):format(files, statements, #alarms))
    assert.same({}, alarms)
    assert.is_true(files > 100)
  end)
end)
