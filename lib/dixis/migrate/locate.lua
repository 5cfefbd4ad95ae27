-- Where a Prisma project has its migrations and its schema: what prisma.config.ts or package.json names, or the
-- usual places.

local errors = require "dixis.errors"
local fs = require "host.fs"
local json = require "dixis.json"

local locate = {}

local function failure(message, hint)
  return nil, errors.new("migrations", message, { hint = hint })
end

-- ---- What the project names --------------------------------------------------------------------

local config_names <const> = { "prisma.config.ts", "prisma.config.mts", "prisma.config.cts", "prisma.config.js",
  "prisma.config.mjs", "prisma.config.cjs" }

-- The text of a JavaScript file without its comments.
local function without_comments(text)
  local lpeg <const> = require "lpeg"
  local P, S = lpeg.P, lpeg.S
  local function quoted(mark) return P(mark) * (P "\\" * 1 + (1 - S(mark .. "\\")))^0 * P(mark)^-1 end
  local comment = P "//" * (1 - P "\n")^0 + P "/*" * (1 - P "*/")^0 * P "*/"^-1
  return lpeg.Cs((quoted "'" + quoted '"' + quoted "`" + comment / " " + 1)^0):match(text)
end

local here <const> = { __dirname = true, ["import.meta.dirname"] = true, ["process.cwd()"] = true }

local function literal(text)
  local mark, inside = text:match "^([\"'`])(.-)%1%s*$"
  if not mark or inside:find("[\\" .. mark .. "]") or mark == "`" and inside:find("${", 1, true) then return nil end
  return inside
end

-- A path that is written out: a string, or path.join of strings. nil: only JavaScript knows.
local function written_path(text)
  local whole = literal(text:match "^[\"'`][^,\n}]*" or "")
  if whole then return whole end
  local arguments = text:match "^[%w_.]*join%s*(%b())" or text:match "^[%w_.]*resolve%s*(%b())"
  if not arguments then return nil end
  local parts = {}
  for part in arguments:sub(2, -2):gmatch "[^,]+" do
    part = part:match "^%s*(.-)%s*$"
    local name = literal(part)
    if name then
      parts[#parts + 1] = name
    elseif part ~= "" and not (#parts == 0 and here[part]) then
      return nil
    end
  end
  return #parts > 0 and table.concat(parts, "/") or nil
end

-- The value of a key; false when it is there and only JavaScript knows it.
local function value_of(text, key)
  local value = text and text:match("%f[%w_$]" .. key .. "[\"']?%s*:%s*(.*)")
  return value and (written_path(value) or false)
end

-- Prisma's own configuration is a program; what it writes out is read, nothing is run.
local function read_config(start)
  for _, name in ipairs(config_names) do
    local text = fs.read(start .. "/" .. name)
    if text then
      text = without_comments(text)
      local block = text:match "%f[%w_$]migrations[\"']?%s*:%s*(%b{})"
      local rest = block and text:gsub(block:gsub("%p", "%%%0"), "{}", 1) or text
      return { file = name, migrations = value_of(block, "path"), schema = value_of(rest, "schema") }
    end
  end
end

local function read_package(start)
  local text = fs.read(start .. "/package.json")
  local package = text and json.decode(text)
  local prisma = type(package) == "table" and package.prisma
  local schema = type(prisma) == "table" and prisma.schema
  return type(schema) == "string" and { file = "package.json", schema = schema } or nil
end

local function full_path(start, path)
  path = path:gsub("^%./", ""):gsub("/+$", "")
  return path:sub(1, 1) == "/" and path or start .. "/" .. path
end

-- What says where the schema or the migrations are.
local function named(start)
  local config = read_config(start)
  if config and (config.migrations ~= nil or config.schema) then return config end
  return read_package(start)
end

local create_hint <const> =
  "create the first migration with `npx prisma migrate dev`, or say where the folder is: --set migrations=DIR"

-- The folder that is named, or that is beside the schema that is; nothing when neither is.
local function find_named(start)
  local by = named(start)
  if not by then return nil end
  if by.migrations == false then
    return failure(("%s does not write out where the migrations are"):format(by.file),
      "dixis does not run it; say where the folder is: --set migrations=DIR")
  end
  if by.migrations then
    local path = full_path(start, by.migrations)
    if fs.stat(path) then return path end
    return failure(("%s says the migrations are in %s, but there is no such folder"):format(by.file, by.migrations),
      create_hint)
  end
  local schema = full_path(start, by.schema)
  local inside <const>, beside <const> = schema .. "/migrations", (schema:match "^(.*)/") .. "/migrations"
  for _, path in ipairs { inside, beside } do
    if fs.stat(path) then return path end
  end
  return failure(("%s says the schema is %s, but there is no %s"):format(by.file, by.schema, beside), create_hint)
end

-- ---- The usual places --------------------------------------------------------------------------

local places <const> = {
  "prisma", "packages/*/prisma", "apps/*/prisma", "db/prisma", "server/prisma", "backend/prisma", "src/prisma",
}

-- "packages/*/prisma" as the folders that it stands for.
local function expand(start, place)
  local before, after = place:match "^(.-)%*(.*)$"
  if not before then return { place } end
  local found = {}
  for _, entry in ipairs(fs.list(start .. "/" .. before) or {}) do
    if entry.name ~= "node_modules" then found[#found + 1] = before .. entry.name .. after end
  end
  return found
end

--- Finds the migrations folder of the project in `start`.
---@param start string
---@return string? path
---@return dixis.Error? err  kind "migrations"
function locate.migrations(start)
  start = start:gsub("(.)/+$", "%1")
  local path, err = find_named(start)
  if path or err then return path, err end
  local found <const> = {}
  for _, place in ipairs(places) do
    for _, prisma in ipairs(expand(start, place)) do
      local candidate <const> = start .. "/" .. prisma .. "/migrations"
      local stat = fs.stat(candidate)
      if stat and stat.type == "directory" then found[#found + 1] = candidate end
    end
  end
  if #found == 1 then return found[1] end
  if #found == 0 then
    return failure(("there is no prisma/migrations in %s"):format(start),
      "run from the project's folder, or say where the folder is: --set migrations=DIR")
  end
  return failure(("several migrations folders are in %s: %s"):format(start, table.concat(found, ", ")),
    "say which one is meant: --set migrations=DIR")
end

--- Finds the Prisma schema of these migrations, a file or a folder of files: what the project in `start` names for
--- them, or what lies beside them.
---@param start string
---@param migrations string  their folder
---@return string? path  nil: there is none
function locate.schema(start, migrations)
  local by = named(start)
  local schema = by and by.schema and full_path(start, by.schema)
  if schema and fs.stat(schema) and fs.realpath(locate.migrations(start) or "") == fs.realpath(migrations) then return schema end
  local base = migrations:match "^(.*)/[^/]+/?$" or "."
  for _, candidate in ipairs { base .. "/schema.prisma", base .. "/schema" } do
    if fs.stat(candidate) then return candidate end
  end
end

return locate
