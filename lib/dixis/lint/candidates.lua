-- The functions and operators that a name may mean here: PostgreSQL's, the project's, and what extensions may have brought.

local builtin = require "dixis.lint.builtin"
local coerce = require "dixis.lint.coerce"
local types = require "dixis.lint.types"

local candidates = {}

--- May more be taken than what is known here? CREATE CAST, CREATE OPERATOR or an extension that is not known makes that so.
---@param model dixis.lint.Model
---@return boolean
function candidates.own_rules(model) return model.casts or model.opaque or model.path_unsure or false end

--- What is not known may be of a type that an extension brought, with functions and operators of its own.
---@param model dixis.lint.Model
---@param args (dixis.lint.Key|false)[]
---@return boolean
function candidates.may_be_lent(model, args)
  if not model.extended then return false end
  for _, key in ipairs(args) do
    if not key then return true end
  end
  return false
end

-- A function of the project, as one that a call may mean; nil: what it takes is not known.
local function own_candidate(model, found)
  if found.cause or found.unsure or found.procedure or not found.parameters or not model:certain(found) then return nil end
  local candidate <const> = { params = {}, needed = 0, result = "record" }
  local function key_of(type) return type.builtin and type.name:find "^any" and type.name or coerce.key(model, type) end
  for _, item in ipairs(found.parameters) do
    local parameter <const> = item.FunctionParameter
    if parameter.mode == "FUNC_PARAM_OUT" or parameter.mode == "FUNC_PARAM_TABLE" then return nil end
    candidate.params[#candidate.params + 1] = key_of(types.read(model, parameter.argType)) or "any"
    candidate.variadic = candidate.variadic or parameter.mode == "FUNC_PARAM_VARIADIC"
    if not parameter.defexpr then candidate.needed = #candidate.params end
  end
  candidate.result = found.returns and key_of(found.returns) or "record"
  return candidate
end

--- The functions of a name; nil: there is none, or not all of them are known.
---@param model dixis.lint.Model
---@param schema? string
---@param name string
---@return dixis.lint.Candidate[]?
function candidates.functions(model, schema, name)
  local own <const> = schema ~= "pg_catalog" and model:functions(schema, name) or nil
  local system <const> = (not schema or schema == "pg_catalog") and builtin.functions(name)
  if not own then return system or nil end
  if not schema and not system and builtin.has(name) then return nil end
  local list <const> = table.move(system or {}, 1, system and #system or 0, 1, {})
  for _, found in pairs(own) do
    local candidate <const> = own_candidate(model, found)
    if not candidate then return nil end
    list[#list + 1] = candidate
  end
  return list
end

-- These bring operators for builtin types.
local lenders <const> = { "intarray", "pg_trgm", "btree_gist", "earthdistance", "cube" }
candidates.comparing = { ["="] = true, ["<>"] = true, ["<"] = true, [">"] = true, ["<="] = true, [">="] = true }

local function is_lent(model, name)
  if candidates.comparing[name] or name == "||" or name:find "~" then return false end
  for _, extension in ipairs(lenders) do
    if model.extensions[extension] then return true end
  end
  return false
end

--- The operators of a name; nil: there is none, or not all of them are known.
---@param model dixis.lint.Model
---@param name string
---@return dixis.lint.Candidate[]?
function candidates.operators(model, name)
  return not is_lent(model, name) and builtin.operators(name) or nil
end

return candidates
