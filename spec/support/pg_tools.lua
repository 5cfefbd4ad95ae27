-- pg_dump and pg_restore in a folder of their own, where a line of shell comes before or after the real program.

local fs = require "host.fs"
local process = require "host.process"

local pg_tools = {}

--- The folder of the real ones.
---@async
---@return string
function pg_tools.real()
  return (assert(process.run({ "pg_config", "--bindir" }, { env = { PATH = process.getenv "PATH" } })).stdout:match "[^\n]+")
end

-- $file is what --file names, or the last argument; $connect what leads to the database.
local script <const> = [==[
#!/bin/bash
real=%s/%s
[[ $1 == --version ]] && { %s; }
file=${@: -1}; connect=()
for a; do
  case $a in
    --file=*) file=${a#--file=} ;;
    --host=*|--port=*|--username=*|--dbname=*) connect+=("$a") ;;
  esac
done
restores() { [[ " $* " == *" --exit-on-error "* ]]; }
%s
]==]

--- A folder with both programs; the caller removes it.
---@async
---@param given { dump?: string, restore?: string, version?: string }  shell; "$real" "$@" runs the real one
---@return string folder
function pg_tools.folder(given)
  local folder = assert(fs.mkdtemp "/tmp/dixis-tools-")
  local version = given.version and ("echo 'pg_dump (PostgreSQL) %s'; exit"):format(given.version) or 'exec "$real" "$@"'
  for _, name in ipairs { "dump", "restore" } do
    assert(fs.create(("%s/pg_%s"):format(folder, name),
      script:format(pg_tools.real(), "pg_" .. name, version, given[name] or 'exec "$real" "$@"'), tonumber("755", 8)))
  end
  return folder
end

return pg_tools
