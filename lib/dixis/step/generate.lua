-- step.generate: prisma generate through the project's own package manager, when the project has one.

local lazy = require "dixis.lazy"

local errors = require "dixis.errors"
local fs = require "host.fs"
local json = lazy "dixis.json"
local process = require "host.process"

-- Lock file -> how that manager runs a program of the project without fetching anything.
local managers <const> = {
  { lock = "pnpm-lock.yaml", program = "pnpm", argv = { "pnpm", "exec", "prisma", "generate" } },
  { lock = "yarn.lock", program = "yarn", argv = { "yarn", "run", "prisma", "generate" } },
  { lock = "bun.lockb", program = "bunx", argv = { "bunx", "--no-install", "prisma", "generate" } },
  { lock = "bun.lock", program = "bunx", argv = { "bunx", "--no-install", "prisma", "generate" } },
  { lock = "package-lock.json", program = "npx", argv = { "npx", "--no-install", "prisma", "generate" } },
}

local passed_on <const> = { "PATH", "HOME", "LANG", "LC_ALL", "CI", "TMPDIR", "NODE_OPTIONS", "NODE_ENV",
  "XDG_CACHE_HOME", "npm_config_cache", "NODE_EXTRA_CA_CERTS" }

local function environment()
  local env = {}
  for _, name in ipairs(passed_on) do env[name] = process.getenv(name) end
  return env
end

local function uses_prisma(package)
  for _, key in ipairs { "dependencies", "devDependencies" } do
    if type(package[key]) == "table" and (package[key].prisma or package[key]["@prisma/client"]) then return true end
  end
end

return {
  type = "generate",
  deadline = 600,
  uses = function() return { exec = { "pnpm", "yarn", "bunx", "npx" } } end,
  describe = function() return "prisma generate, by the project's package manager" end,
  act = function(run)
    local folder = run:project():package_folder()
    if not folder then run:skip "no package.json above the migrations" end
    local package = json.decode(fs.read(folder .. "/package.json") or "") or {}
    if not uses_prisma(package) then run:skip "package.json does not depend on prisma" end
    if not fs.stat(folder .. "/node_modules") then run:skip "the project's packages are not installed (no node_modules)" end
    for _, manager in ipairs(managers) do
      if fs.stat(folder .. "/" .. manager.lock) then
        if not process.which(manager.program) then run:skip(manager.program .. " is not installed") end
        run.bus:intend("command.started", { argv = manager.argv })
        local result = errors.check(process.run(manager.argv, {
          cwd = folder, env = environment(),
          on_output = function(_, chunk) run:note(chunk:match "([^\n]*)\n?$") end,
        }))
        if result.code ~= 0 then
          errors.raise("failed", ("%s ended with %s: %s"):format(table.concat(manager.argv, " "),
            result.code and ("code " .. result.code) or result.signal,
            run.secrets:clean((result.stderr .. result.stdout):sub(-600))))
        end
        return table.concat(manager.argv, " ")
      end
    end
    run:skip "no lock file of pnpm, yarn, bun or npm beside package.json"
  end,
}
