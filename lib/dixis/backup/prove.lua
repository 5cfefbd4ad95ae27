-- The proof of a backup: it is restored into a throw-away server of the same major version, or into a new
-- database of a named scratch server, and compared with what was backed up. The time that takes is the recovery time.

local database = require "dixis.backup.database"
local digest = require "host.digest"
local ephemeral = require "dixis.ephemeral"
local errors = require "dixis.errors"
local folder = require "dixis.backup.folder"
local fs = require "host.fs"
local host_sql = require "host.sql"
local leftovers = require "dixis.leftovers"
local identity = require "dixis.target.identity"
local restore = require "dixis.backup.restore"
local session = require "dixis.target.session"
local url = require "dixis.target.url"

local prove = {}

-- A small database is restored in memory; a larger one on disk, waiting for it as a real server does.
local SMALL <const> = 256e6
-- The restored database, and what the server writes meanwhile.
local SERVER_NEEDS <const> = 2e9

---@class dixis.ProofPlace
---@field major integer
---@field bin? string        of the throw-away server
---@field large? boolean
---@field folder? string     where the throw-away server keeps its data
---@field scratch? dixis.Target
---@field flags string[]     what of the backup is left out there

-- It could not be tried: not the same as a backup that was tried and found wrong.
local function cannot(message, hint)
  errors.raise("unproven", message, { hint = hint })
end

local started_query <const> = "SELECT pg_catalog.pg_postmaster_start_time()::text"

local function scratch_place(run, variable, major)
  local target, err = url.parse(run:env(variable))
  if not target then errors.refuse(("%s is not a usable URL: %s"):format(variable, err.message), err.hint) end
  run.secrets:add(target.params.password)
  local opened, problem = session.open(target, { application_name = "dixis proof " .. run.id })
  if not opened then cannot(("the scratch server of %s: %s"):format(variable, problem.message), problem.hint) end
  local _ <close> = setmetatable({}, { __close = function() opened:close() end })
  local found = identity.read(opened)
  -- A clone of the target's server has its system identifier too, but was not started in the same moment.
  if opened:value(started_query) == run:open_session():value(started_query) then
    errors.refuse(("%s names the target's own server"):format(variable),
      "a proof must not take its disk and memory: name another server, or none (then a throw-away one is used)")
  end
  if found.major ~= major then
    cannot(("the scratch server is PostgreSQL %d, the target is %d"):format(found.major, major),
      "name one of the same major version")
  end
  if not found.superuser and not opened:value "SELECT rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user" then
    cannot(("the role %s may not create databases on the scratch server"):format(found.user),
      ("ALTER ROLE %s CREATEDB"):format(host_sql.quote_identifier(found.user)))
  end
  return { major = major, scratch = target, flags = { "--no-tablespaces", "--no-owner", "--no-privileges" } }
end

local function throw_away_place(major, size, where)
  local bin = ("/usr/lib/postgresql/%d/bin"):format(major)
  local place = { major = major, large = size > SMALL, folder = where, bin = fs.stat(bin .. "/postgres") and bin or nil,
    flags = { "--no-tablespaces" } }
  if place.large then
    local ok, err = pcall(folder.demand_space, where or "/tmp", size + SERVER_NEEDS, "the throw-away server's disk",
      "name a folder with more room (proof_folder), or another server for the proof: see gate.backup")
    if not ok then cannot(err.message, err.hint) end
  end
  return place
end

--- Where the proof will be made; raises kind "unproven" when that cannot be.
---@async
---@param run dixis.Run
---@param args { scratch?: string, proof_folder?: string }
---@param size number  bytes of the database
---@return dixis.ProofPlace
function prove.place(run, args, size)
  local major = run.identity.major
  if args.scratch and run:env(args.scratch) then return scratch_place(run, args.scratch, major) end
  return throw_away_place(major, size, args.proof_folder)
end

-- Owners and rights are restored too, so the roles must be there; what they may do does not matter.
local function make_roles(conn, roles)
  local lines = {}
  for _, role in ipairs(roles) do lines[#lines + 1] = ("CREATE ROLE %s;"):format(host_sql.quote_identifier(role)) end
  if #lines > 0 then errors.check(conn:script(table.concat(lines, "\n"))) end
end

--- A locale that this machine has not got makes no difference to what is proven: C stands in for it.
---@async
---@param opened dixis.Session
---@param like dixis.DatabaseProperties
---@param name string
---@param major integer
---@return string? remark
function prove.create(opened, like, name, major)
  local conn = opened.conn
  local made, err = conn:query(database.create_statement(like, name, major, {}))
  if made then return nil end
  if err.kind ~= "sql" then error(err, 0) end
  made, err = conn:query(database.create_statement(like, name, major, { plain = true }))
  if not made then cannot(("no database like the target can be made for the proof: %s"):format(err.message)) end
  return ("the collation %s is not there; C stood in for it"):format(like.locale or like.collate)
end

local function connect(params, what)
  local opened, err = session.open({ params = params }, { application_name = "dixis proof" })
  if not opened then cannot(("%s: %s"):format(what, err.message)) end
  return opened
end

local function with_database(params, name)
  local out = {}
  for key, value in pairs(params) do out[key] = value end
  out.dbname = name
  return out
end

local missing_extension <const> = "extension \"([^\"]+)\" is not available"

-- Why a restore failed, with what to do about the usual reasons.
local function explain(err, place)
  if err.kind ~= "failed" then error(err, 0) end
  local extension = err.message:match(missing_extension)
  local hint
  if extension then
    hint = place.scratch and ("install the extension %s on the scratch server"):format(extension)
      or ("install the extension %s here (postgresql-%d-%s or the like), or name a server that has it (scratch)"):format(
        extension, place.major, extension)
  elseif err.message:find("must be loaded via \"?shared_preload_libraries") then
    hint = "name a server for the proof that has the library in shared_preload_libraries (scratch)"
  elseif err.message:find("role \"[^\"]+\" does not exist") then
    hint = "make that role on the scratch server, or use none: a throw-away server is given all roles"
  end
  cannot("the backup could not be restored: " .. err.message, hint)
end

local function try(run, place, given)
  local ok, made = pcall(restore.run, run, given)
  if not ok then explain(errors.from(made), place) end
  return made
end

local function on_throw_away(run, place, source, given)
  run:note "starting a throw-away server"
  local server, err = ephemeral.start { bin = place.bin, memory = not place.large and not place.folder, durable = place.large,
    folder = place.folder,
    settings = { autovacuum = "off", maintenance_work_mem = "256MB", wal_level = "minimal", max_wal_senders = 0,
      max_wal_size = "4GB" } }
  if not server then
    cannot("there is no server to restore the backup into: " .. err.message,
      err.hint or ("apt-get install postgresql-%d, or name a server for the proof (scratch)"):format(place.major))
  end
  local _ <close> = server
  local major = math.tointeger(tonumber(server.version:match "^%d+"))
  if major ~= place.major then
    cannot(("the PostgreSQL server here is version %d, the target is %d"):format(major, place.major),
      ("apt-get install postgresql-%d, or name a server for the proof (scratch)"):format(place.major))
  end
  local admin = connect(server.params, "the throw-away server")
  make_roles(admin.conn, source.roles)
  local stood_in = prove.create(admin, source.properties, "proof", major)
  admin:close()
  given.params = with_database(server.params, "proof")
  local made = try(run, place, given)
  made.where = ("a throw-away PostgreSQL %s"):format(server.version)
  made.remark = stood_in
  server:stop()
  return made
end

local function on_scratch(run, place, source, given)
  local name = "dixis_proof_" .. digest.random_hex(6)
  local admin = connect(place.scratch.params, "the scratch server")
  leftovers.databases(run, admin, place.scratch.display)
  local quoted = host_sql.quote_identifier(name)
  run:afterwards(function()
    local dropper = connect(place.scratch.params, "the scratch server")
    local dropped, err = dropper.conn:query("DROP DATABASE IF EXISTS " .. quoted)
    dropper:close()
    if not dropped then
      errors.raise("failed", ("the database %s on the scratch server could not be dropped: %s"):format(name, err.message))
    end
  end)
  run.bus:intend("proof.started", { path = given.path, place = place.scratch.display, database = name })
  local stood_in = prove.create(admin, source.properties, name, place.major)
  admin:close()
  given.params = with_database(place.scratch.params, name)
  local made = try(run, place, given)
  made.where, made.remark = place.scratch.display, stood_in
  return made
end

--- Restores and compares. Raises kind "unproven" when it could not be restored, "different" when what was restored is
--- not what was backed up.
---@async
---@param run dixis.Run
---@param place dixis.ProofPlace
---@param source { properties: dixis.DatabaseProperties, roles: string[] }
---@param given dixis.Restoring  without its params
---@return { seconds: number, tables: integer, rows: integer, where: string, remark?: string }
function prove.run(run, place, source, given)
  given.flags = place.flags
  return (place.scratch and on_scratch or on_throw_away)(run, place, source, given)
end

return prove
