-- `dixis spec [ARGS]`: busted inside the host, so that specs reach the same primitives as runbooks.

local errors = require "dixis.errors"
local tty = require "host.tty"

local function wants_help(arguments)
  for _, argument in ipairs(arguments) do
    if argument == "--" then return false end
    if argument == "-h" or argument == "--help" then return true end
  end
  return false
end

-- busted shows its help as a mistake, and its exit code for a mistake is that of a failed spec.
local function check_arguments(arguments)
  local help = wants_help(arguments)
  local cli = require "busted.modules.cli" { output = "plainTerminal" }
  cli:set_name "dixis spec"
  local parsed, complaint = cli:parse(help and { "--help" } or arguments)
  if parsed then return true end
  if not help then
    complaint = complaint:gsub("^dixis spec: error: ", ""):gsub(";? ?re%-run with %-%-help for usage%.?%s*$", "")
    errors.raise("usage", complaint, { hint = "dixis spec --help lists the options; they are busted's" })
  end
  tty.write("stdout", complaint:match "Usage:.*\n" or complaint .. "\n")
end

--- Runs busted with its own command line; ends the process through busted's exit.
---@async
---@param arguments string[]
---@return integer exit
return function(arguments)
  rawset(_G, "arg", { [0] = "dixis spec", table.unpack(arguments) })
  local found, runner = pcall(require, "busted.runner")
  if not found then
    errors.raise("not_found", "busted is not installed", { hint = "apt-get install lua-busted" })
  end
  local code = 0
  local exit = os.exit
  -- busted ends by os.exit; the loop must close its handles first.
  os.exit = function(status) -- luacheck: ignore 122
    code = status == true and 0 or status == false and 1 or status or 0
    error({ kind = "spec_ended", message = "spec ended" }, 0)
  end
  local ok, err = pcall(function()
    if check_arguments(arguments) then runner { standalone = false } end
  end)
  os.exit = exit -- luacheck: ignore 122
  if not ok and not (type(err) == "table" and err.kind == "spec_ended") then error(err, 0) end
  return code
end
