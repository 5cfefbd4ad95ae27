-- Finds a runbook, runs its chunk in the sandbox and validates what it returns.

local digest = require "host.digest"
local embed = require "host.embed"
local errors = require "dixis.errors"
local extend = require "dixis.extend"
local fs = require "host.fs"
local near = require "dixis.near"
local runbook = require "dixis.runbook"
local sandbox = require "dixis.sandbox"
local task = require "host.task"
local vocabulary = require "dixis.vocabulary"

local loader = {}

-- Declaring takes a few milliseconds; a chunk that computes for ever must not hang the command line.
local LOAD_SECONDS <const> = 5
local LARGEST <const> = 4 << 20

--- Names of the built-in runbooks.
---@return string[]
function loader.built_in()
  local names = {}
  for _, path in ipairs(embed.list()) do names[#names + 1] = path:match "^runbooks/(.*)%.lua$" end
  table.sort(names)
  return names
end

local function folder_of(path)
  return path:match "^(.*)/[^/]*$" or "."
end

-- What a person calls by its name is the project's own, once `dixis init` has copied it there: the names and numbers that
-- were filled in would be missing from the built-in one.
local function file_of(ref, base)
  if base then return ref:match "^/" and ref or base .. "/" .. ref end
  local own = ref:match "^[%w_-]+$" and "runbooks/" .. ref .. ".lua"
  return own and fs.stat(own) and own or ref
end

--- The source of a runbook: a file (relative to `base`), or a built-in one by its name or path.
---@param ref string
---@param base? string
---@param from_built_in? boolean  a built-in runbook asks: what is beside it is built in as well
---@return string text
---@return string path   for messages
---@return boolean built_in
local function read(ref, base, from_built_in)
  local path = file_of(ref, base)
  local text, err = fs.read(path, LARGEST)
  if text then return text, path, false end
  local name = (from_built_in and path or ref):match "^runbooks/(.*)%.lua$" or ref
  local built_in = embed.text("runbooks/" .. name .. ".lua")
  if built_in then return built_in, "runbooks/" .. name .. ".lua", true end
  if err.code and err.code ~= "ENOENT" and err.code ~= "ENOTDIR" then
    errors.raise("runbook", ("the runbook %s cannot be read: %s"):format(ref, err.message))
  elseif err.kind ~= "os" then
    errors.raise("runbook", ("the runbook %s cannot be read: %s"):format(ref, err.message))
  end
  errors.raise("runbook", ("no such runbook: %s"):format(ref),
    { hint = "give a path, or the name of a built-in one" .. near.suggest(ref, loader.built_in()) })
end

-- What Lua calls a chunk in its messages: the path, or the end of a long one.
local function short_name(path)
  local _, where = pcall(load("error('', 1)", "@" .. path, "t", { error = error }))
  return where:match "^(.*):1: $"
end

-- "x/y.lua:12: message" -> message with file and line as fields.
local function chunk_error(message, path)
  local text, short = tostring(message), short_name(path)
  local line, rest = text:sub(#short + 1):match "^:(%d+): (.*)$"
  if text:sub(1, #short) == short and line then
    return errors.new("runbook", ("%s:%s: %s"):format(path, line, rest), { file = path, line = math.tointeger(line) })
  end
  return errors.new("runbook", ("%s: %s"):format(path, text), { file = path })
end

local evaluate

--- What `dixis.extend(parent, changes)` of the file at `path` does.
local function extender(path, depth, sources, built_in)
  return function(parent, changes)
    if type(parent) ~= "string" then error("dixis.extend needs the name or path of a runbook first", 0) end
    if type(changes) ~= "table" then error("dixis.extend needs a table of changes", 0) end
    if depth >= 8 then error("runbooks extend each other in a circle, or more than eight deep", 0) end
    return extend.apply(evaluate(parent, folder_of(path), depth + 1, sources, built_in), changes)
  end
end

function evaluate(ref, base, depth, sources, from_built_in)
  local text, path, built_in = read(ref, base, from_built_in)
  if text:byte(1) == 27 then
    errors.raise("runbook", path .. ": is compiled Lua; a runbook is a text file that can be reviewed")
  end
  sources[#sources + 1] = text
  table.insert(sources.texts, { path = path, text = text })
  if not built_in then table.insert(sources.files, { path = path, digest = digest.sha256(text) }) end
  sources.chunks[short_name(path)] = path
  local env = sandbox.environment(vocabulary.new(extender(path, depth, sources, built_in)))
  local chunk, message = load(text, "@" .. path, "t", env)
  if not chunk then error(chunk_error(message, path), 0) end
  local ok, result = pcall(chunk)
  if not ok then
    if type(result) == "table" and result.kind then error(result, 0) end
    error(chunk_error(result, path), 0)
  end
  if not runbook.is_runbook(result) then
    errors.raise("runbook", ("%s: must return dixis.runbook { ... }, but returns a %s"):format(path, type(result)),
      { file = path })
  end
  return result, path, built_in
end

--- Loads and validates; raises an error of kind "runbook" (exit 2). No effect is reachable from the
--- chunk, so loading is safe whatever the file holds.
---@async
---@param ref string  path, or a name: of one in the folder runbooks, or of a built-in one
---@return table runbook
function loader.load(ref)
  local sources = { chunks = {}, files = {}, texts = {} }
  local child = task.spawn(evaluate, ref, nil, 1, sources)
  child:deadline(LOAD_SECONDS)
  local ok, book, path, built_in = child:join()
  if not ok and type(book) == "table" and book.kind == "deadline" then
    errors.raise("runbook", ("%s: does not come to its end: gave up after %d s"):format(ref, LOAD_SECONDS),
      { hint = "a runbook only declares; what takes long belongs into the function of a step" })
  end
  if not ok then error(book, 0) end
  book.built_in = built_in
  book.path, book.chunks, book.files, book.sources = path, sources.chunks, sources.files, sources.texts
  book.digest = digest.sha256(table.concat(sources, "\0"))
  runbook.validate(book, path)
  return book
end

--- The first file of the runbook that is no longer what was loaded.
---@param book dixis.Runbook
---@return string? path
function loader.changed(book)
  for _, file in ipairs(book.files) do
    local text = fs.read(file.path, LARGEST)
    if not text or digest.sha256(text) ~= file.digest then return file.path end
  end
end

return loader
