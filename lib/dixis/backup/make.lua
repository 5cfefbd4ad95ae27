-- Makes a backup of the target that counts: dumped, hashed, read in full, restored elsewhere and compared.
--
-- The dump and what it is compared with are of one snapshot, held by a session of ours, so that a database in use may be
-- backed up: rows that come meanwhile are neither in the one nor in the other.

local archive = require "dixis.backup.archive"
local clock = require "host.clock"
local contents = require "dixis.backup.contents"
local database = require "dixis.backup.database"
local digest = require "host.digest"
local duration = require "dixis.duration"
local errors = require "dixis.errors"
local fields = require "dixis.backup.fields"
local folder = require "dixis.backup.folder"
local fs = require "host.fs"
local leftovers = require "dixis.leftovers"
local prove = require "dixis.backup.prove"
local restore = require "dixis.backup.restore"
local schema = require "dixis.backup.schema"
local task = require "host.task"
local tools = require "dixis.backup.tools"

local make = {}

-- Others' DDL may hold a table; longer than this nobody at a prompt waits for it.
local LOCK_WAIT <const> = "--lock-wait-timeout=300s"
local PROGRESS <const> = 0.5

local formats <const> = { custom = ".dump", directory = ".dir" }

---@class dixis.Backup
---@field path string
---@field size integer
---@field sha256 string
---@field format "custom"|"directory"
---@field tool string
---@field proven boolean
---@field server_version string
---@field properties dixis.DatabaseProperties
---@field rows table<string, integer>
---@field total integer      rows
---@field tables integer
---@field activity dixis.Activity
---@field where? string      it was restored
---@field remark? string     on that
---@field state string       for people: "proven"
---@field takes string       the way back, for people: "12.3 s"
---@field recovery? { seconds: number, measured: boolean }

local function check_arguments(args)
  if not formats[args.format] then
    errors.refuse(("a backup has the format custom or directory, not '%s'"):format(tostring(args.format)))
  end
  local jobs = math.tointeger(tonumber(args.jobs))
  if not jobs or jobs < 1 or jobs > 64 then
    errors.refuse(("jobs is a number from 1 to 64, not '%s'"):format(tostring(args.jobs)))
  end
  if args.unproven and not digest.equal(tostring(args.unproven), fields.phrase) then
    errors.refuse("what was given for a backup that is not proven is not the phrase",
      ("it is, byte for byte: %s"):format(fields.phrase))
  end
  return jobs
end

local roles_query <const> = [[
SELECT rolname AS name FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY rolname]]

-- What the backup is compared with, as it is in the snapshot.
local function open_source(run)
  local opened = errors.check(run:connect { application_name = "dixis backup " .. run.id })
  local size = opened:value "SELECT pg_catalog.pg_database_size(current_database())"
  opened:query "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
  local source = { session = opened, size = size, snapshot = opened:value "SELECT pg_catalog.pg_export_snapshot()",
    activity = contents.activity(opened), properties = database.read(opened, run.identity.database), roles = {} }
  for i, row in ipairs(opened:query(roles_query)) do source.roles[i] = row.name end
  return setmetatable(source, { __close = function() opened:close() end })
end

local function dump_argv(programs, args, jobs, path, snapshot)
  local argv = { programs.dump, "--format=" .. args.format, "--verbose", LOCK_WAIT, "--snapshot=" .. snapshot,
    "--file=" .. path }
  if args.format == "directory" then argv[#argv + 1] = "--jobs=" .. jobs end
  return argv
end

-- The live line while pg_dump works.
local function show_progress(run, path, state)
  return task.spawn(function()
    while true do
      clock.sleep(PROGRESS)
      run:note(("table %d of %d, %s"):format(state.done, state.tables, folder.size_text(archive.size(path))))
    end
  end)
end

-- Dumps, and counts the rows of the same snapshot meanwhile.
local function dump(run, programs, args, jobs, source, partial)
  local state = { done = 0, tables = #contents.tables(source.session) }
  local _ <close> = show_progress(run, partial, state)
  local counting <close> = task.spawn(function() return contents.count(source.session) end)
  tools.run(run, dump_argv(programs, args, jobs, partial, source.snapshot), { params = run.target.params,
    on_line = function(line)
      if line:find("dumping contents of table", 1, true) then state.done = state.done + 1 end
    end })
  local ok, rows, total = counting:join()
  if not ok then error(rows, 0) end
  source.rows, source.total, source.tables = rows, total, state.tables
end

-- The whole file is read twice: by its bytes, and as a restore would.
local function read_back(run, programs, path)
  run:note "reading it back"
  local begun = clock.now()
  local sum = archive.sha256(path)
  local seconds = clock.now() - begun
  local header = archive.header(run, programs, path)
  if header.database ~= run.identity.database then
    errors.raise("failed", ("the backup says that it is of the database '%s', not '%s'"):format(header.database,
      run.identity.database))
  end
  if header.server_major ~= run.identity.major then
    errors.raise("failed", ("the backup says that it is of PostgreSQL %s, the target is %s"):format(header.server_version,
      run.identity.server_version))
  end
  archive.read(run, programs, path)
  return sum, seconds
end

-- What the run keeps of it, and the record of that.
local function settle(run, made, more)
  made.state = made.proven and "proven" or "never restored"
  made.takes = made.recovery and duration.show(made.recovery.seconds) or "nobody knows how long"
  local record = { database = run.identity.database, system_identifier = run.identity.system_identifier }
  for name, value in pairs(made) do record[name] = value end
  for name, value in pairs(more or {}) do record[name] = value end
  run.results.backup = made
  return record
end

-- Lets it through unproven, when a person has said so in so many words.
local function accept(run, made, args, err)
  if err.kind == "different" then
    errors.refuse("the backup was restored, and is not what was backed up: " .. err.message,
      ("it is kept as %s. Do not go on: find out why"):format(made.path))
  elseif err.kind ~= "unproven" then
    error(err, 0)
  elseif not args.unproven then
    errors.refuse(("the backup is not proven: %s"):format(err.message),
      ("%s. %sTo go on without a proof, which is recorded: --set unproven_backup=\"%s\""):format(
        err.hint or "a backup counts when it has been restored",
        made.path and ("It is kept as %s. "):format(made.path) or "", fields.phrase))
  end
  run.bus:intend("backup.unproven", settle(run, made, { reason = err.message, text = args.unproven }))
  return made
end

-- Dumps into work.partial; all that is asked of the source is asked in one snapshot.
local function take(run, args, work)
  local source <close> = open_source(run)
  folder.demand_space(work.into, source.size * args.space / 100, "the backup folder",
    "name a folder with more room: --set backup_folder=DIR")
  local ok, place = pcall(prove.place, run, args, source.size)
  if ok then work.place = place else work.impossible = errors.from(place) end
  if not ok and not (work.impossible.kind == "unproven" and args.unproven) then accept(run, {}, args, work.impossible) end
  run.bus:intend("backup.started", { path = work.partial, tool = work.programs.dump, version = work.programs.version,
    format = args.format, jobs = work.jobs, database_size = source.size })
  if args.format == "custom" then errors.check(fs.create(work.partial, "", tonumber("600", 8))) end
  if ok then
    work.schema = schema.of_database(run, work.programs, run.target.params,
      { "--snapshot=" .. source.snapshot, table.unpack(place.flags) })
  end
  dump(run, work.programs, args, work.jobs, source, work.partial)
  return source
end

local function try(run, work, source, made)
  if not work.place then return nil, work.impossible end
  local ok, proof = pcall(prove.run, run, work.place, source, { programs = work.programs, path = made.path,
    jobs = work.jobs, tables = made.tables, source = work.schema, rows = made.rows })
  if not ok then return nil, errors.from(proof) end
  if archive.sha256(made.path) ~= made.sha256 then
    errors.raise("failed", made.path .. " was changed while it was proven")
  end
  return proof
end

--- Makes it; raises when it cannot be made, or not be proven. The files are private (0600 in a 0700 folder).
---@async
---@param run dixis.Run
---@param args table  see backup/fields.lua
---@return dixis.Backup
function make.run(run, args)
  local begun, work = clock.now(), { jobs = check_arguments(args) }
  run:open_session()
  work.programs, work.into = tools.demand(run.identity.major, args.bin), folder.of(run, args.folder)
  folder.check(work.into)
  local base = ("%s/%s-%s"):format(fs.realpath(work.into), run.identity.database:gsub("[^%w_.-]", "_"), run.id)
  -- A run may make more than one.
  if run.results.backup then base = base .. "-" .. digest.random_hex(2) end
  leftovers.files(run, fs.realpath(work.into), "%.partial$")
  work.partial = base .. ".partial"
  -- Half a dump must not be taken for a backup, however this ends.
  local _ <close> = setmetatable({}, { __close = function() fs.remove(work.partial) end })
  local source = take(run, args, work)
  local sum, hashing = read_back(run, work.programs, work.partial)
  local made = { format = args.format, tool = "pg_dump " .. work.programs.version, proven = false, sha256 = sum,
    server_version = run.identity.server_version, size = archive.size(work.partial), rows = source.rows,
    total = source.total, tables = source.tables, activity = source.activity, properties = source.properties,
    path = base .. ".unproven" .. formats[args.format] }
  archive.rename(work.partial, made.path)
  table.insert(run.backups, made)
  run.bus:emit("backup.finished", { path = made.path, size = made.size, sha256 = made.sha256, tool = made.tool,
    format = made.format, tables = made.tables, rows = made.total, seconds = clock.now() - begun })
  local proof, err = try(run, work, source, made)
  if not proof then return accept(run, made, args, err) end
  local proven = base .. formats[args.format]
  archive.rename(made.path, proven)
  made.path, made.proven, made.where, made.remark = proven, true, proof.where, proof.remark
  made.recovery = { seconds = hashing + proof.seconds, measured = true }
  run.recovery = made.recovery
  run.bus:intend("backup.proven", settle(run, made))
  return made
end

--- For people, in one paragraph.
---@param made dixis.Backup
---@return string
function make.describe(made)
  local what = ("%s, %s, %s"):format(made.path, folder.size_text(made.size),
    restore.describe { tables = made.tables, rows = made.total })
  if not made.proven then return what .. "\nnot proven: nobody has restored it" end
  return ("%s\nrestored into %s and found the same%s; the way back takes about %s"):format(what, made.where,
    made.remark and (" (%s)"):format(made.remark) or "", made.takes)
end

return make
