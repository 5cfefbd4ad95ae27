-- Functions by their arguments.

local find = require "dixis.lint.find"
local node = require "dixis.lint.node"
local types = require "dixis.lint.types"

local signature = {}

local output <const> = { FUNC_PARAM_OUT = true, FUNC_PARAM_TABLE = true }

local function type_text(context, type_name)
  local found <const> = types.read(context.model, type_name)
  local text = types.text(found)
  if found.user then return found.user, text end
  if not text then text = (found.schema or "?") .. "." .. found.name .. (found.array and "[]" or "") end
  -- Modifiers do not count.
  return (text:gsub("%(.-%)", "")), text
end

--- The arguments that tell functions apart, as text; and whether all their types are known.
---@param context dixis.lint.Context
---@param parameters table[]
---@return string
---@return boolean known
---@return dixis.lint.Type[]
function signature.of(context, parameters)
  local texts, known, list = {}, true, {}
  for _, item in ipairs(parameters or {}) do
    local parameter <const> = item.FunctionParameter
    if not output[parameter.mode] then
      local type <const> = types.read(context.model, parameter.argType)
      local _, text = type_text(context, parameter.argType)
      if not type.builtin and not type.user and not type.serial then known = false end
      texts[#texts + 1] = (text and text:gsub("%(.-%)", "") or "?")
      list[#list + 1] = type
    end
  end
  return table.concat(texts, ", "), known, list
end

--- Can a function be called with so many arguments? True also when that is not known.
---@param made dixis.lint.Object
---@param count integer
---@return boolean
function signature.takes(made, count)
  if made.unsure or not made.parameters or made.procedure then return true end
  local least, most = 0, 0
  for _, item in ipairs(made.parameters) do
    local parameter <const> = item.FunctionParameter
    if parameter.mode == "FUNC_PARAM_VARIADIC" then return true end
    if not output[parameter.mode] then
      most = most + 1
      if not parameter.defexpr then least = least + 1 end
    end
  end
  return count >= least and count <= most
end

--- The function that ObjectWithArgs names.
---@param context dixis.lint.Context
---@param object table
---@param missing_ok? boolean
---@return dixis.lint.Object?
function signature.find(context, object, missing_ok)
  local schema <const>, name <const> = node.name(object.objname)
  local model <const> = context.model
  local list <const>, why = model:functions(schema, name)
  local found
  if list and object.args_unspecified then
    local _, first = next(list)
    if next(list, next(list)) ~= nil then
      for _, other in pairs(list) do
        if not find.stands(context, other) or other.unsure then return nil end
      end
      context:report("ambiguous-name", { object = find.full(schema, name),
        message = ('there is more than one function "%s": its arguments must say which is meant'):format(name),
        fix = "write the types of its arguments behind the name" })
      return nil
    end
    found = first
  elseif list then
    local arguments, known = signature.of(context, object.objfuncargs)
    -- Here the types may be given without the modes: all count then.
    found = list[arguments]
    if not found and known then
      local types_only <const> = {}
      for i, item in ipairs(object.objargs or {}) do
        types_only[i] = { FunctionParameter = { argType = item.TypeName, mode = "FUNC_PARAM_IN" } }
      end
      found = list[(signature.of(context, types_only))]
    end
    if not found and not known then return nil end
    if not found then
      for _, other in pairs(list) do
        if not model:certain(other) or other.unsure then return nil end
      end
      why = (model.epochs["function"] > 0 or model:may_bring("function", name)) and "unknown" or "missing"
    end
  end
  if found then
    if found.cause and not missing_ok then
      context:follow("missing-function", found, { object = find.full(found.schema, name),
        message = ('the function "%s" is not there: the statement that should have made it fails'):format(name) })
    end
    return found
  end
  if why == "no_schema" and not missing_ok then find.schema(context, schema) end
  if missing_ok or why ~= "missing" then return nil end
  local builtin <const> = require "dixis.lint.builtin"
  if not schema and builtin.has(name) then return nil end
  if not list then return find.no_function(context, schema, name) end
  context:report("missing-function", { object = find.full(schema, name),
    message = ('the function "%s" does not exist here with these arguments'):format(name) })
end

return signature
