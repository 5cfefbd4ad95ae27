-- A Prisma schema: a file, or a folder of files that are one schema together.

local errors = require "dixis.errors"
local fs = require "host.fs"
local grammar = require "dixis.prisma.grammar"
local model_of = require "dixis.prisma.model"
local source_of = require "dixis.prisma.source"

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

local function files_in(folder, found)
  local entries, err = fs.list(folder)
  if not entries then error(errors.new("schema", err.message, { file = folder }), 0) end
  for _, entry in ipairs(entries) do
    local path <const> = folder .. "/" .. entry.name
    if entry.type == "directory" then
      files_in(path, found)
    elseif entry.name:find "%.prisma$" then
      found[#found + 1] = path
    end
  end
  return found
end

--- Loads a schema: a file, or a folder of *.prisma files that are one schema together.
---@param path string
---@return dixis.prisma.Schema? schema
---@return dixis.Error? err  kind "schema", with file and, but for unreadable files, line and column
function schema.load(path)
  return build(path, function(model, names)
    local stat = fs.stat(path)
    local files = { path }
    if stat and stat.type == "directory" then files = files_in(path, {}) end
    if #files == 0 then error(errors.new("schema", ("no *.prisma file in %s"):format(path), { file = path }), 0) end
    for _, file in ipairs(files) do
      local text, err = fs.read(file)
      if not text then error(errors.new("schema", err.message, { file = file }), 0) end
      read_text(text, file, model, names)
    end
  end)
end

return schema
