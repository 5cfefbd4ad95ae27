-- The catalog as the statements read so far have made it. What it says is there may be certain or not: after
-- something whose effect cannot be read from the script, all that was known before is only likely.

local extension = require "dixis.lint.extension"
local names = require "dixis.lint.names"

local model = {}

---@class dixis.lint.Place
---@field migration string
---@field file string
---@field line integer
---@field statement_index integer

---@class dixis.lint.Object
---@field kind string    "table", "view", "index", "sequence", "column", "constraint", "enum", "function", "trigger", ...
---@field name string
---@field schema? string     of what lives in a schema
---@field table? dixis.lint.Relation   of what lives in a table
---@field place? dixis.lint.Place   where it was made; nil: before the first migration, or assumed
---@field epoch integer      after how many doubts that was
---@field maybe? boolean     it may be there or not
---@field cause? integer     it is there only in thought: the finding that is the reason
---@field renamed? dixis.lint.Place  where it got the name that it has
---@field lingers? integer   it should be gone or have another name: the finding of what would have done that
---@field refused? dixis.lint.Place  the last statement that would have dropped it, and cannot
---@field depends? table<dixis.lint.Object, true>
---@field dependents? table<dixis.lint.Object, true>   what cannot be without it

---@class dixis.lint.Column: dixis.lint.Object
---@field type dixis.lint.Type
---@field nullable boolean
---@field default? string
---@field identity? boolean
---@field always? boolean    the identity takes no value but its own
---@field generated? boolean
---@field wanted? { type: dixis.lint.Type, cause: integer }  what a statement that failed would have made its type

---@class dixis.lint.Relation: dixis.lint.Object
---@field columns table<string, dixis.lint.Column>
---@field order dixis.lint.Column[]
---@field open? boolean      it may have columns that are not known
---@field constraints table<string, dixis.lint.Object>
---@field indexes table<dixis.lint.Object, true>
---@field triggers table<string, dixis.lint.Object>
---@field policies table<string, dixis.lint.Object>

---@class dixis.lint.Model
---@field schemas table<string, table>
---@field path string[]      search_path
---@field path_unsure? boolean  a migration before may have left another one
---@field extensions table<string, table>
---@field awaited table<string, integer[]>  findings about what an extension brings that was not created
---@field missing table<string, integer>  findings about what nobody had made, by "public.Order" or "type public.Role"
---@field unmade table<string, { cause: integer }>  functions that are missing by all of their name, by "public.f"
---@field stamp integer     how often what is known was put in doubt
---@field undo? table       what the statement that is read has taken away
---@field epochs table<string, integer>  by scope, which of the doubts was its last
local Model = {}
Model.__index = Model

-- What is put in doubt together.
local scopes <const> = { "schema", "relation", "column", "constraint", "type", "function", "part" }
local scope_of <const> = {
  schema = "schema", column = "column", constraint = "constraint", ["function"] = "function", trigger = "part",
  policy = "part", rule = "part", default = "column", enum = "type", domain = "type", composite = "type", range = "type",
  type = "type", label = "type",
}

local function namespace(name, place)
  return { kind = "schema", name = name, place = place, epoch = 0, relations = {}, types = {}, functions = {},
    constraints = {} }
end

--- A model of an empty database, with the schemas of `extra` beside "public".
---@param options? { path?: string[], schemas?: string[] }
---@return dixis.lint.Model
function model.new(options)
  options = options or {}
  local self <const> = setmetatable({ schemas = { public = namespace "public" }, extensions = {}, gone = {}, epochs = {},
    stamp = 0, missing = {}, unmade = {}, awaited = {}, default_path = options.path or { "public" } }, Model)
  self.path = self.default_path
  for _, scope in ipairs(scopes) do self.epochs[scope] = 0 end
  for _, name in ipairs(options.schemas or {}) do self.schemas[name] = namespace(name) end
  for _, name in ipairs(self.path) do self.schemas[name] = self.schemas[name] or namespace(name) end
  return self
end

---@param object dixis.lint.Object
---@return string
function model.scope(object)
  return scope_of[object.kind] or "relation"
end

--- What was known is only likely from here on.
---@param scope? string  one of them; all when absent
function Model:doubt(scope)
  self.stamp = self.stamp + 1
  for _, name in ipairs(scope and { scope } or scopes) do self.epochs[name] = self.stamp end
end

--- True when the object is there for sure.
---@param object dixis.lint.Object
---@return boolean
function Model:certain(object)
  return not object.maybe and object.epoch >= self.epochs[model.scope(object)]
    and (not object.table or self:certain(object.table))
end

---@param name string
---@return boolean
function Model:is_system(name) -- luacheck: no self
  return name:find "^pg_" ~= nil and name ~= "pg_temp" or name == "information_schema"
end

--- The schema that new objects go to.
---@param schema? string  as the statement says
---@return string
function Model:target(schema)
  if schema then return schema end
  for _, name in ipairs(self.path) do
    if self.schemas[name] then return name end
  end
  return self.path[1] or "public"
end

-- The schemas that a name without one is looked for in.
local function places(self)
  if not self.path_unsure then return self.path end
  local all <const> = table.move(self.path, 1, #self.path, 1, {})
  for name in pairs(self.schemas) do all[#all + 1] = name end
  return all
end

local function gone_key(scope, schema, name)
  return scope .. " " .. schema .. "." .. name
end

--- Where something of that name was dropped, when that is the last that is known of it.
function Model:dropped(scope, schema, name)
  if schema then return self.gone[gone_key(scope, schema, name)] end
  for _, place in ipairs(places(self)) do
    local gone <const> = self.gone[gone_key(scope, place, name)]
    if gone then return gone end
  end
end

---@param object dixis.lint.Object
---@param place dixis.lint.Place
---@param to? string  its new name
function Model:note_dropped(object, place, to)
  if not object.schema then return end
  self.gone[gone_key(model.scope(object), object.schema, object.name)] = { place = place, epoch = self.stamp, to = to }
end

-- Why a name was not found: "missing" when that is certain.
local function absence(self, scope, schema, name)
  if schema and (self:is_system(schema)) then return "unknown" end
  if schema and not self.schemas[schema] then
    if schema == "pg_temp" then return "missing" end
    return (self.epochs.schema > 0 or self:may_bring("schema", schema)) and "unknown" or "no_schema"
  end
  if not schema and (name:find "^pg_" or #self.path == 0) then return "unknown" end
  if schema and self.schemas[schema].open then return "unknown" end
  if self:may_bring(scope, name) then return "unknown" end
  local gone <const> = self:dropped(scope, schema, name)
  if gone and gone.epoch >= self.epochs[scope] then return "missing" end
  if self.epochs[scope] > 0 then return "unknown" end
  return "missing"
end

local function in_schema(self, container, schema, name)
  local space <const> = self.schemas[schema]
  return space and space[container][name]
end

local function find(self, container, scope, schema, name)
  name = names.clip(name)
  local temporary <const> = not schema and in_schema(self, container, "pg_temp", name)
  if temporary then return temporary end
  if schema then
    local found <const> = in_schema(self, container, schema, name)
    if found then return found end
    if self.unsure_names and self.unsure_names[name] then return nil, "unknown" end
  else
    for _, place in ipairs(places(self)) do
      local found <const> = in_schema(self, container, place, name)
      if found then return found end
    end
  end
  return nil, absence(self, scope, schema, name)
end

--- A table, view, index, sequence, composite type.
---@param schema? string
---@param name string
---@return dixis.lint.Relation? found
---@return "missing"|"unknown"|"no_schema"|nil why
function Model:relation(schema, name)
  return find(self, "relations", "relation", schema, name)
end

--- An enum, domain, range, composite or other type; not the row types of tables.
---@param schema? string
---@param name string
---@return dixis.lint.Object? found
---@return "missing"|"unknown"|"no_schema"|nil why
function Model:type(schema, name)
  return find(self, "types", "type", schema, name)
end

--- The functions of that name, by their arguments.
---@param schema? string
---@param name string
---@return table<string, dixis.lint.Object>? found
---@return "missing"|"unknown"|"no_schema"|nil why
function Model:functions(schema, name)
  return find(self, "functions", "function", schema, name)
end

--- True when something that lives in a table is known not to be there.
---@param relation dixis.lint.Relation
---@param scope "column"|"constraint"|"part"
---@param name string
---@return boolean
function Model:lacks(relation, scope, name)
  if relation.open or relation.partly and scope ~= "column" or not self:certain(relation) then return false end
  local gone <const> = relation.gone and relation.gone[scope .. " " .. name]
  if gone and gone.epoch >= self.epochs[scope] then return true end
  return relation.epoch >= self.epochs[scope]
end

-- ---- Making and removing ----------------------------------------------------------------------

---@param object dixis.lint.Object
---@return dixis.lint.Object
function Model:born(object)
  object.epoch = self.stamp
  return object
end

--- A relation with nothing in it, not yet in its schema.
---@param kind string
---@param schema string
---@param name string
---@return dixis.lint.Relation
function Model:new_relation(kind, schema, name)
  return self:born { kind = kind, schema = schema, name = names.clip(name), columns = {}, order = {}, constraints = {},
    indexes = {}, triggers = {}, policies = {}, open = kind == "sequence" or nil, deleted_before = self.deleted }
end

---@param schema string
---@return table
function Model:space(schema)
  local space = self.schemas[schema]
  if not space then
    space = namespace(schema)
    space.assumed = true
    self.schemas[schema] = space
  end
  return space
end

---@param name string
---@param place? dixis.lint.Place
---@return dixis.lint.Object
function Model:add_schema(name, place)
  local space <const> = self:born(namespace(name, place))
  self.schemas[name] = space
  return space
end

---@param relation dixis.lint.Relation
function Model:add_relation(relation)
  if self.path_unsure then
    self.unsure_names = self.unsure_names or {}
    self.unsure_names[relation.name] = true
  end
  self:space(relation.schema).relations[relation.name] = relation
end

---@param type dixis.lint.Object
function Model:add_type(type)
  self:space(type.schema).types[type.name] = type
end

---@param relation dixis.lint.Relation
---@param column dixis.lint.Column
function Model:add_column(relation, column)
  column.kind, column.table = "column", relation
  self:born(column)
  if not relation.columns[column.name] then relation.order[#relation.order + 1] = column end
  relation.columns[column.name] = column
end

---@param name string
---@param place? dixis.lint.Place
function Model:add_extension(name, place)
  self.extensions[name] = { kind = "extension", name = name, place = place, epoch = 0 }
  if name ~= "plpgsql" then self.extended = true end
  if not extension.is_plain(name) then self.opaque = true end
end

--- May something of that name have come with an extension?
---@param scope string  "relation", "type", "function", "schema"
---@param name string
---@return boolean
function Model:may_bring(scope, name)
  for which in pairs(self.extensions) do
    if extension.may_bring(which, scope, name) then return true end
  end
  return false
end

--- What has a relation's name in a schema, without a look at why nothing has.
---@param schema string
---@param name string
---@return dixis.lint.Relation?
function Model:relation_in(schema, name)
  return in_schema(self, "relations", schema, name)
end

--- Must a name that PostgreSQL makes up be another one? What is there in thought alone is not in its way.
---@param schema string
---@param name string
---@return boolean
function Model:relation_taken(schema, name)
  local found <const> = in_schema(self, "relations", schema, name)
  return found ~= nil and not found.cause
end

--- Is there a constraint of that name on any table of the schema?
---@param schema string
---@param name string
---@return boolean
function Model:constraint_taken(schema, name)
  local space <const> = self.schemas[schema]
  return space ~= nil and (space.constraints[name] or 0) > 0
end

---@param schema string
---@param name string
---@param change 1|-1
function Model:count_constraint(schema, name, change)
  local counts <const> = self:space(schema).constraints
  local count <const> = (counts[name] or 0) + change
  counts[name] = count > 0 and count or nil
end

--- Gives a relation, type, function or schema another name.
---@param object dixis.lint.Object
---@param name string
---@param place dixis.lint.Place
function Model:rename(object, name, place)
  self:move(object, object.schema, name, place)
end

local containers <const> = { relation = "relations", type = "types" }

--- Moves a relation or a type to another schema or name.
---@param object dixis.lint.Object
---@param schema string
---@param name string
---@param place dixis.lint.Place
function Model:move(object, schema, name, place)
  local container <const> = containers[model.scope(object)]
  self:note_dropped(object, place, object.schema == schema and name or schema .. "." .. name)
  object.renamed = place
  local space <const> = self:space(object.schema)[container]
  if space[object.name] == object then space[object.name] = nil end
  if object.schema ~= schema and object.constraints then
    for constraint in pairs(object.constraints) do
      self:count_constraint(object.schema, constraint, -1)
      self:count_constraint(schema, constraint, 1)
    end
  end
  object.schema, object.name = schema, names.clip(name)
  self:space(schema)[container][object.name] = object
  if object.row then self:move(object.row, schema, object.name, place) end
end

--- What the model says that the database looks like; what is not certain is catalog.UNKNOWN.
---@return dixis.Catalog
function Model:catalog()
  return require("dixis.lint.catalog").read(self)
end

return model
