-- The place of a rehearsal: a throw-away server with the data of a real database, from a backup or copied now.

local clock = require "host.clock"
local database = require "dixis.backup.database"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local folder_of_backups = require "dixis.backup.folder"
local fs = require "host.fs"
local host_sql = require "host.sql"
local leftovers = require "dixis.leftovers"
local prove = require "dixis.backup.prove"
local record = require "dixis.backup.record"
local restore = require "dixis.backup.restore"
local roles = require "dixis.clinic.roles"
local scratch = require "dixis.clinic.scratch"
local session = require "dixis.target.session"
local stand_in = require "dixis.stand_in"
local tools = require "dixis.backup.tools"
local url = require "dixis.target.url"

local rehearsal = {}

-- The copy, the database made of it, and what the migrations write.
local COPIES <const> = 3

-- What is measured on it should be worth something: on disk, and waiting for it as a real server does.
local function real(args)
  return { durable = true, folder = args.folder and fs.realpath(args.folder) or args.folder, bin = args.bin,
    settings = { shared_buffers = "128MB", max_wal_size = "4GB" } }
end

-- Name of the real database, as the URL tells; a rehearsal of a backup needs no more of it.
local function name_of(run, env)
  local value = run:env(env)
  local target = value and url.parse(value)
  if not target then return nil end
  run.secrets:add(target.params.password)
  return target.params.dbname
end

-- Copies the real database into a file of our own; it is read and nothing else.
local function copy(run, args, own)
  local opened <const>, target <const> = scratch.open(run, args.of)
  local major <const> = opened.conn:server_version() // 10000
  local properties <const> = database.read(opened, target.params.dbname)
  local bytes <const> = opened:value "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::int8"
  opened:close()
  folder_of_backups.demand_space(args.folder or "/tmp", bytes * COPIES, "the rehearsal's disk",
    "name a folder with more room: --set folder=DIR")
  local programs <const> = tools.demand(major, args.bin)
  leftovers.files(run, fs.realpath(args.folder or "/tmp") or args.folder, "^dixis%-copy%-")
  own.folder = errors.check(fs.mkdtemp((args.folder or "/tmp") .. "/dixis-copy-"))
  local path <const> = own.folder .. "/copy.dump"
  run.bus:intend("rehearsal.started", { database = target.params.dbname, copy = true })
  run:note "copying"
  tools.run(run, { programs.dump, "--format=custom", "--compress=1", "--no-tablespaces", "--file=" .. path },
    { params = target.params })
  return { path = path, properties = properties, programs = programs, major = major,
    database = target.params.dbname, what = "a copy of " .. target.params.dbname }
end

local function backup(run, args)
  local found = record.for_rehearsal(run, args, name_of(run, args.of))
  local major = found.server_version and math.tointeger(tonumber(found.server_version:match "^%d+"))
  local programs = tools.demand(major or 0, args.bin)
  run.bus:intend("rehearsal.started", { database = found.database, path = found.path, sha256 = found.sha256,
    proven = found.proven or false })
  return { path = found.path, properties = found.properties, programs = programs, major = major,
    database = found.database, what = ("the backup %s%s"):format(found.path, found.at and " of "
      .. found.at:sub(1, 16):gsub("T", " ") or "") }
end

-- The server is the run's own, and goes with it.
local function start(run, args)
  local made = { own_server = true, remove = function() end }
  if not run.settings.ephemeral then
    local server = stand_in.start(run, real(args))
    made.remove = function() server:stop() end
  end
  run.scratch = made
end

-- Roles that own something in it, may something in it, or are named by what is to run.
local function make_roles(run, opened, source)
  local named, made = {}, {}
  local dump = tools.run(run, { source.programs.restore, "--schema-only", "--file=-", source.path })
  roles.read(tools.script(dump.stdout), named, made)
  for _, migration in ipairs(run:project():migrations()) do roles.read(fs.read(migration.file) or "", named, made) end
  roles.ensure(opened, named, made)
end

local function fill(run, args, source)
  local params, beside = run.target.params, {}
  for key, value in pairs(params) do beside[key] = value end
  beside.dbname = "postgres"
  local admin = errors.check(session.open { params = beside })
  local name = params.dbname
  make_roles(run, admin, source)
  local remark
  if source.properties then
    admin:query("DROP DATABASE " .. host_sql.quote_identifier(name))
    remark = prove.create(admin, source.properties, name, source.major)
  end
  admin:close()
  restore.fill(run, { programs = source.programs, params = params, path = source.path,
    jobs = math.tointeger(args.jobs), flags = { "--no-tablespaces" } })
  local opened = run:open_session()
  restore.analyze(run, opened)
  opened:query "CHECKPOINT" -- what was written to fill it is not what the migrations write
  return opened:value "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::int8", remark
end

--- Makes the place and the run's target, and fills it.
---@async
---@param run dixis.Run
---@param args table  of gate.restored
---@return string note
function rehearsal.make(run, args)
  local begun = clock.now()
  -- Production's data must not stay behind, however this ends.
  local own <close> = setmetatable({}, { __close = function(self)
    if self.folder then fs.remove(self.folder) end
  end })
  local source = (args.copy and copy or backup)(run, args, own)
  start(run, args)
  local bytes, remark = fill(run, args, source)
  if source.major and source.major ~= run.identity.major then
    errors.refuse(("the throw-away server is PostgreSQL %d, and %s is of %d"):format(run.identity.major, source.what,
      source.major), ("install the server of that version, and name its folder: --set pg_bin=/usr/lib/postgresql/%d/bin")
      :format(source.major))
  end
  local seconds = clock.now() - begun
  run.bus:emit("rehearsal.prepared", { database = source.database, bytes = bytes, seconds = seconds, remark = remark })
  return ("%s, %.1f MB, in a throw-away PostgreSQL %s after %s%s"):format(source.what, bytes / 1e6,
    run.identity.server_version, duration.show(seconds), remark and "; " .. remark or "")
end

return rehearsal
