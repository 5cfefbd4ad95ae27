-- The Prisma project: where its migrations and its schema are.

local errors = require "dixis.errors"
local folder = require "dixis.migrate.folder"
local fs = require "host.fs"
local locate = require "dixis.migrate.locate"

---@class dixis.Project
---@field path string     the migrations folder
---@field schema? string  the Prisma schema file or folder; nil when there is none
local Project = {}
Project.__index = Project

local project = {}

local function parent(path)
  return path:match "^(.*)/[^/]+/?$" or "."
end

--- Finds the project by the options `migrations` and `schema`, or by itself from the working directory.
---@param options { migrations?: string, schema?: string, start?: string }  start: the project's folder, when that is
---   not the working directory
---@param allow? table<string, boolean>  for folder.read
---@return dixis.Project
function project.find(options, allow)
  local path, err = options.migrations, nil
  if not path then path, err = locate.migrations(fs.cwd()) end
  if not path then
    errors.raise("refused", err.message, { hint = err.hint or "say where they are: --set migrations=DIR" })
  end
  -- As a person would write it, in messages above all.
  local here = fs.cwd() .. "/"
  if path:sub(1, #here) == here then path = path:sub(#here + 1) end
  local schema = options.schema
  if schema and not fs.stat(schema) then
    errors.refuse(("the schema %s does not exist"):format(schema), "check --set schema=...")
  end
  return setmetatable({ path = path, schema = schema or locate.schema(options.start or ".", path), allow = allow }, Project)
end

--- The migrations of the folder, in Prisma's order; read once.
---@return table[]
function Project:migrations()
  return self:folder().migrations
end

-- Of a project of ordinary size all scripts: what is planned need not be read twice.
local KEPT_BYTES <const> = 256 << 10

---@return dixis.Folder
function Project:folder()
  if not self.kept_folder then
    local found, err = folder.read(self.path, self.allow, KEPT_BYTES)
    if not found then
      errors.refuse(err.message, err.hint .. (err.allow and ", or allow it for this run: --set allow=" .. err.allow or ""))
    end
    self.kept_folder = found
  end
  return self.kept_folder
end

--- Scripts that were read with the folder, by name; only the first who asks gets them.
---@return table<string, string>
function Project:take_texts()
  local read = self:folder()
  local texts = read.texts or {}
  read.texts = nil
  return texts
end

--- The folder as it is now.
---@return dixis.Folder? folder
---@return dixis.Error? err
function Project:read_folder()
  return folder.read(self.path, self.allow)
end

--- The folder that holds the nearest package.json above the migrations, if any.
---@return string?
function Project:package_folder()
  local path = fs.realpath(self.path)
  while path and path ~= "" do
    if fs.stat(path .. "/package.json") then return path end
    local above = parent(path)
    if above == path or above == "." then break end
    path = above
  end
end

return project
