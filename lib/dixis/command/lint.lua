-- `dixis lint [DIR]`: what is wrong with a history of migrations, told without a database.

local config = require "dixis.lint.config"
local errors = require "dixis.errors"
local folder = require "dixis.migrate.folder"
local fs = require "host.fs"
local lint_folder = require "dixis.lint.folder"
local lint_project = require "dixis.lint.project"
local options = require "dixis.command.options"
local project = require "dixis.project"
local tty = require "host.tty"

local function parser()
  local made = options.parser("lint", "Says what is wrong with a history of migrations, without a database.")
  made:argument("dir", "The migrations folder, or the project's; found by itself by default."):args "?"
  made:option("--schema", "The Prisma schema, file or folder; the project's own by default."):argname("PATH")
  made:option("--target", "A variable with the URL of a database: judge by its sizes, version, roles."):argname("ENV")
  made:option("--output", "What to print."):choices({ "text", "json", "github", "sarif" }):default("text")
  made:option("--config", "The project's exceptions; dixis-lint.json by default."):argname("FILE")
  made:option("--rule", "off, note, warning or error for a rule."):argname("NAME=SEVERITY"):count("*")
  return made
end

local function locate(dir)
  if dir and not fs.stat(dir) then errors.raise("usage", ("there is no folder %s"):format(dir)) end
  local path, err = lint_folder.locate(dir or fs.cwd())
  if not path then errors.raise("usage", err.message, { hint = "say where they are: dixis lint DIR" }) end
  local is_project = dir and fs.realpath(dir) ~= fs.realpath(path)
  return project.find { migrations = path, start = is_project and dir or nil }
end

-- Services that show findings want paths from the top of the repository.
local function from_top(file)
  local real = fs.realpath(file) or file
  local top = real:match "^(.*)/"
  while top and top ~= "" do
    if fs.stat(top .. "/.git") then return real:sub(#top + 2) end
    top = top:match "^(.*)/"
  end
  return file
end

local function show(given, result, shown)
  if given.output ~= "text" then
    tty.write("stdout", require("dixis.lint.report_" .. given.output).render(result, shown))
    return
  end
  local style, drawn = require("dixis.report.style").new "stdout", {}
  shown.style, shown.columns = style, style.terminal and tty.width() or nil
  shown.write = function(text) drawn[#drawn + 1] = text end
  require("dixis.lint.report_text").draw(result, shown)
  tty.write("stdout", table.concat(drawn))
end

---@async
---@param arguments string[]
---@return integer exit
return function(arguments)
  local given = options.parse(parser(), arguments)
  if not given then return 0 end
  local overrides = config.overrides(given.rule)
  if given.schema and not fs.stat(given.schema) then errors.raise("usage", ("there is no schema %s"):format(given.schema)) end
  local found = locate(given.dir)
  local entries = lint_project.entries(found.path, given.config, overrides)
  local read, err = folder.list(found.path, lint_folder.allow)
  if not read then errors.raise("usage", err.message, { hint = err.hint }) end
  local facts = given.target and require("dixis.lint.facts").of_env(given.target)
  local result = lint_project.check { folder = read, schema = given.schema or found.schema, entries = entries, facts = facts }
  show(given, result, { folder = found.path, facts = facts, path_of = from_top })
  for _, finding in ipairs(result.findings) do
    if finding.severity == "error" then return 1 end
  end
  return 0
end
