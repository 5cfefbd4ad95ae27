-- Functions in SQL: what their parameters are, and what they give back.

local node = require "dixis.lint.node"
local types = require "dixis.lint.types"
local value = require "dixis.lint.value"
local words = require "dixis.words"

local returns = {}

--- Parameters that go in, by their numbers; those with names are known by these, too.
---@param context dixis.lint.Context
---@param definition table   a CreateFunctionStmt
---@param parameters table<string, true|{ value: dixis.lint.Value|false }>
---@return (dixis.lint.Value|false)[]
function returns.give_types(context, definition, parameters)
  local list <const> = {}
  for _, item in ipairs(definition.parameters or {}) do
    local parameter <const> = item.FunctionParameter
    if parameter.mode ~= "FUNC_PARAM_OUT" and parameter.mode ~= "FUNC_PARAM_TABLE" then
      local given <const> = value.of_type(context, types.read(context.model, parameter.argType)) or false
      list[#list + 1] = given
      if parameter.name and parameter.mode ~= "FUNC_PARAM_INOUT" then parameters[parameter.name] = { value = given } end
    end
  end
  return list
end

local gives_rows <const> = { SelectStmt = true, InsertStmt = true, UpdateStmt = true, DeleteStmt = true }

--- What a function in SQL returns is what its last statement gives.
---@param context dixis.lint.Context
---@param definition table   a CreateFunctionStmt
---@param last? host.sql.Statement
---@param list? table        the columns of its result; nil: not known
function returns.check(context, definition, last, list)
  local outputs <const> = {}
  for _, item in ipairs(definition.parameters or {}) do
    local mode <const> = item.FunctionParameter.mode
    if mode == "FUNC_PARAM_INOUT" then return end
    if mode == "FUNC_PARAM_OUT" or mode == "FUNC_PARAM_TABLE" then
      outputs[#outputs + 1] = types.read(context.model, item.FunctionParameter.argType)
    end
  end
  local declared <const> = definition.returnType and types.read(context.model, definition.returnType)
  if #outputs == 0 then
    if not declared or not value.of_type(context, declared) then return end
    outputs[1] = declared
  end
  local _, name = node.name(definition.funcname)
  local reason
  if not last then
    reason = "its body is empty"
  elseif not gives_rows[last.node] or not list then
    return
  elseif #list == 1 and not (list.values and list.values[1]) then
    return -- a row, perhaps
  elseif #list ~= #outputs then
    reason = ("its last statement gives %s, and not %d"):format(words.count(#list, "column"), #outputs)
  end
  for i, type in ipairs(reason and {} or outputs) do
    local why <const> = value.refused(context, type, list.values and value.settled(list.values[i]) or nil)
    reason = reason or why and ("its last statement does not give that: %s"):format(why)
  end
  if reason then
    context:report("wrong-value", { object = name, message = ('what the function "%s" returns: %s'):format(name, reason) })
  end
end

return returns
