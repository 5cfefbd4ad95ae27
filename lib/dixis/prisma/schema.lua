-- A Prisma schema: a file, or a folder of files that are one schema together.

local errors = require "dixis.errors"
local fs = require "host.fs"
local lazy = require "dixis.lazy"
local model_of = require "dixis.prisma.model"
local source_of = require "dixis.prisma.source"

local grammar = lazy "dixis.prisma.grammar"

local schema = {}

local function read_text(text, file, model, names)
  local source <const> = source_of.new(text, file)
  local bad <const> = select(2, utf8.len(text))
  if bad then source:fail(bad, "the text is not valid UTF-8") end
  if text:sub(1, 3) == "\u{FEFF}" then
    source:fail(1, "the file begins with a byte order mark (BOM)", "save it as UTF-8 without")
  end
  local blocks, problem = grammar.parse(text)
  if not blocks then return source:fail(problem.at, problem.message) end
  model_of.add(source, blocks, model, names)
end

-- Runs `read` on an empty schema; an error that it raises is returned.
local function build(file, read)
  local model <const> = { models = {}, views = {}, enums = {}, config = {}, preview = {} }
  local ok, err = pcall(function()
    read(model, {})
    model_of.resolve(model, file)
  end)
  if ok then return model end
  if type(err) == "table" and err.kind then return nil, err end
  error(err, 0)
end

--- Parses the text of one file.
---@param text string
---@param file string  its name, for errors
---@return dixis.prisma.Schema? schema
---@return dixis.Error? err  kind "schema", with file, line and column
function schema.parse(text, file)
  return build(file, function(model, names) read_text(text, file, model, names) end)
end

local function fail(path, message) error(errors.new("schema", message, { file = path }), 0) end

-- The *.prisma files below a folder; not those that came with packages.
local function files_in(folder, found)
  local entries, err = fs.list(folder)
  if not entries then fail(folder, err.message) end
  for _, entry in ipairs(entries) do
    local path <const> = folder .. "/" .. entry.name
    if entry.type == "directory" then
      if entry.name ~= "node_modules" and entry.name ~= "migrations" then files_in(path, found) end
    elseif entry.name:find "%.prisma$" then
      found[#found + 1] = path
    end
  end
  return found
end

local function load_files(path, list)
  return build(path, function(model, names)
    local files <const> = list()
    if #files == 0 then fail(path, ("no *.prisma file in %s"):format(path)) end
    for _, file in ipairs(files) do
      local text, err = fs.read(file)
      if not text then fail(file, err.message) end
      read_text(text, file, model, names)
    end
  end)
end

-- Whether a folder is one schema is said in prisma.config.ts, which is a program: it shows when a schema.prisma means
-- something only together with the files around it.
local function load_around(path)
  local folder <const> = path:match "^(.*)/schema%.prisma$" or path == "schema.prisma" and "." or nil
  if not folder then return nil end
  local whole <const> = load_files(folder, function()
    local files <const> = files_in(folder, {})
    return #files > 1 and files or {}
  end)
  return whole
end

--- Loads a schema: a file, or a folder of *.prisma files that are one schema together.
---@param path string
---@return dixis.prisma.Schema? schema
---@return dixis.Error? err  kind "schema", with file and, but for unreadable files, line and column
function schema.load(path)
  local stat <const> = fs.stat(path)
  if stat and stat.type == "directory" then return load_files(path, function() return files_in(path, {}) end) end
  local found, err = load_files(path, function() return { path } end)
  if found and #found.models > 0 then return found end
  local whole <const> = stat and load_around(path)
  if whole then return whole end
  return found, err
end

return schema
