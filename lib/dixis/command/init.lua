-- `dixis init [DIR]`: copies the built-in runbooks into a repository, to be customised. Never overwrites.

local embed = require "host.embed"
local errors = require "dixis.errors"
local fs = require "host.fs"
local options = require "dixis.command.options"
local store = require "dixis.store"
local tty = require "host.tty"

local function parser()
  local made = options.parser("init", "Copies the built-in runbooks into a repository, to be customised.")
  made:argument("dir", "The repository."):args "?"
  return made
end

---@async
---@param arguments string[]
---@return integer exit
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  local dir = given.dir or "."
  if not fs.stat(dir) then errors.raise("usage", ("the folder %s does not exist"):format(dir)) end
  errors.check(fs.mkdir(dir .. "/runbooks"))
  for _, name in ipairs(embed.list()) do
    local path = dir .. "/" .. name
    local created, err = fs.create(path, embed.text(name))
    if created then
      tty.write("stdout", "created  " .. path .. "\n")
    elseif err.code == "EEXIST" then
      tty.write("stdout", "kept     " .. path .. " (it is already there)\n")
    else
      error(err, 0)
    end
  end
  local ignored = store.make_home(dir)
  if ignored then tty.write("stdout", "created  " .. ignored .. "\n") end
  tty.write("stdout", "Next: fill in people in runbooks/prod.lua; then dixis lint, dixis run clinic, dixis plan staging\n")
  return 0
end
