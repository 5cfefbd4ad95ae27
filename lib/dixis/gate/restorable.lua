-- gate.restorable: the target can be brought back to a backup: the backup is the one that was proven, the role may do
-- what is needed, and the names are free. What going back would lose is shown.

local lazy = require "dixis.lazy"

local errors = require "dixis.errors"

local archive = lazy "dixis.backup.archive"
local database = lazy "dixis.backup.database"
local duration = require "dixis.duration"
local fields = require "dixis.backup.fields"
local host_sql = require "host.sql"
local losses = lazy "dixis.backup.losses"
local record = lazy "dixis.backup.record"
local rights = lazy "dixis.backup.rights"
local schema = lazy "dixis.backup.schema"
local tools = lazy "dixis.backup.tools"

-- PostgreSQL cuts a longer name off.
local LONGEST_NAME <const> = 63

local function name_of(base, ending) return base:sub(1, LONGEST_NAME - #ending) .. ending end

local taken_query <const> = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)"

local function free_names(session, run, args)
  local base, stamp = run.identity.database, run.id:gsub("-", "_")
  local names = { database = base, restored = name_of(base, "_restored_" .. stamp),
    kept_as = args.keep_as or name_of(base, "_broken_" .. stamp) }
  if #names.kept_as > LONGEST_NAME then
    errors.refuse(("the name %s is longer than %d bytes"):format(names.kept_as, LONGEST_NAME))
  end
  for _, name in ipairs { names.restored, names.kept_as } do
    if session:value(taken_query, name) then
      errors.refuse(("there is a database %s already"):format(name), "give another name: --set keep_as=NAME")
    end
  end
  return names
end

local other_run_query <const> = [[
SELECT coalesce(nullif(a.application_name, ''), 'unnamed') AS name
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = 72707369 AND l.database = $1::oid LIMIT 1]]

-- What an earlier run, killed at a bad moment, left.
local function remnants(session, run, properties, lines)
  local base = run.identity.database
  if not properties.allows then
    lines[#lines + 1] = ("nobody is let into %s: an earlier swap may have been killed; to leave it as it is and open it: "
      .. "ALTER DATABASE %s ALLOW_CONNECTIONS true"):format(base, host_sql.quote_identifier(base))
  end
  for _, row in ipairs(session:query(
    "SELECT datname AS name FROM pg_catalog.pg_database WHERE starts_with(datname, $1) ORDER BY 1",
    name_of(base, "_restored_" .. run.id):sub(1, -#run.id - 1))) do
    lines[#lines + 1] = ("an earlier run left %s: DROP DATABASE %s when nobody needs it"):format(row.name,
      host_sql.quote_identifier(row.name))
  end
end

local function check_target(session, run)
  local target = run.identity
  if target.database == run:works_from() then
    errors.refuse(("%s is the database from which it would be renamed"):format(target.database),
      "name another one to work from: --set maintenance=template1")
  end
  local other = target.database_oid and session:row(other_run_query, target.database_oid)
  if other then
    errors.raise("locked", ("a migration run is going on in %s: %s"):format(target.database, other.name),
      { hint = "wait until it is finished, then run again" })
  end
end

local function check_header(run, programs, found)
  local ok, header = pcall(archive.header, run, programs, found.path)
  if not ok then
    errors.refuse(errors.from(header).message, "a newer pg_dump made it, or it is none: name pg_restore's folder (pg_bin)")
  end
  if header.database ~= run.identity.database then
    errors.refuse(("%s says that it is a backup of '%s', not of '%s'"):format(found.path, header.database,
      run.identity.database), "name a backup of the target")
  end
  if header.server_major > run.identity.major then
    errors.refuse(("%s is of PostgreSQL %s, and the server is %s"):format(found.path, header.server_version,
      run.identity.server_version), "a backup goes into a server of its own version, or a newer one")
  end
end

local function check_phrase(found, args)
  if args.unproven and args.unproven ~= fields.phrase then
    errors.refuse("what was given for a backup that is not proven is not the phrase",
      ("it is, byte for byte: %s"):format(fields.phrase))
  end
  if found.proven or args.unproven then return end
  errors.refuse(("%s was never restored: nobody knows whether it can be"):format(found.path),
    ("name a proven one, or say so: --set unproven_backup=\"%s\""):format(fields.phrase))
end

local function look(run, args)
  local found = record.find(run, args)
  check_phrase(found, args)
  return found
end

return {
  type = "restorable",
  fields = {
    backup = { type = "any", help = "the backup; the newest of the target that a journal knows when absent" },
    record = { type = "any", help = "the journal of the run that made it, or a folder of journals" },
    sha256 = { type = "any", help = "its SHA-256, for a backup that no journal knows" },
    unproven = { type = "any", help = "the phrase that lets a backup through that was never restored" },
    keep_as = { type = "any", help = "name that the database of now is kept under; with the time of day when absent" },
    jobs = { type = "any", default = 1, help = "how many connections restore at once" },
    bin = { type = "any", help = "folder of pg_dump and pg_restore; searched when absent" },
    count_within = { type = "duration", default = 60, help = "how long to count rows to show what would be lost" },
  },
  needs_plan = true,
  uses = function() return { exec = { "pg_dump", "pg_restore" } } end,
  describe = function() return "the backup is the one that was proven, and the target can be brought back to it" end,
  evidence = function(run, args)
    local ok, found = pcall(look, run, args)
    if not ok then
      local err = errors.from(found)
      if err.kind ~= "refused" then error(err, 0) end
      return { refusal = err.message, hint = err.hint, lines = { err.message } }
    end
    return { path = found.path, sha256 = found.sha256, proven = found.proven, journal = found.journal, lines = {
      ("%s%s"):format(found.path, found.proven and ", proven" or ", never restored"), "SHA-256 " .. found.sha256 } }
  end,
  act = function(run, args)
    local session = run:open_session()
    check_target(session, run)
    local found = look(run, args)
    local names = free_names(session, run, args)
    local properties = database.read(session, names.database) or found.properties
    if not properties then
      errors.refuse(("%s is gone, and no record says how it was made"):format(names.database),
        "name the journal of the run that made the backup: record=FILE")
    end
    record.check_file(run, found)
    local programs = tools.demand(run.identity.major, args.bin)
    check_header(run, programs, found)
    local source = schema.of_archive(run, programs, found.path, {})
    local withheld = rights.withhold(session, names.database, properties, run.identity.major)
    local note = rights.check(session, names.database, properties, source)
    names.path, names.sha256 = found.path, found.sha256
    run.results.rollback = names
    run.rollback = { record = found, programs = programs, source = source, properties = properties, withheld = withheld,
      jobs = math.tointeger(tonumber(args.jobs)) or 1 }
    run.recovery = found.recovery
    local lines = { ("%s, SHA-256 as recorded; %s"):format(found.path, note) }
    if found.recovery then
      lines[2] = ("its proof took %s, so that long the way back may take"):format(duration.show(found.recovery.seconds))
    end
    for _, statement in ipairs(withheld) do
      lines[#lines + 1] = ("not carried over, since %s may not set it; a superuser does it afterwards: %s"):format(
        run.identity.user, statement)
    end
    for _, line in ipairs(losses.lines(run, found, args.count_within)) do lines[#lines + 1] = line end
    remnants(session, run, properties, lines)
    lines[#lines + 1] = ("%s will be kept as %s"):format(names.database, names.kept_as)
    return table.concat(lines, "\n")
  end,
}
