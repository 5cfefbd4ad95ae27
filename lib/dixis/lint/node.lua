-- Small readings of the parser's trees that all of lint needs.

local node = {}

--- The text of a String node.
---@param value? table
---@return string?
function node.text(value)
  local found <const> = value and value.String
  return found and (found.sval or "")
end

--- The texts of a list of String nodes.
---@param list? table[]
---@return string[]
function node.texts(list)
  local found <const> = {}
  for i, value in ipairs(list or {}) do found[i] = node.text(value) end
  return found
end

--- Schema and name of a qualified name; nil for the schema that is not said.
---@param parts table[]
---@return string? schema
---@return string name
function node.name(parts)
  local last <const> = #parts
  return last > 1 and node.text(parts[last - 1]) or nil, node.text(parts[last])
end

--- Schema, name and part of what is inside of a table: a column, a constraint, a trigger.
---@param parts table[]
---@return string? schema
---@return string? name
---@return string part
function node.part(parts)
  local last <const> = #parts
  return last > 2 and node.text(parts[last - 2]) or nil, last > 1 and node.text(parts[last - 1]) or nil,
    node.text(parts[last])
end

--- The text of a constant in quotes; nil: it is none.
---@param tree? table
---@return string?
function node.constant_text(tree)
  local constant <const> = tree and tree.A_Const
  return constant and constant.sval and (constant.sval.sval or "") or nil
end

--- The number of an A_Const that is an integer. libpg_query leaves out what is below 1: that is read where it stands.
---@param constant table
---@param text string  of the file
---@return integer?  nil: not known
function node.integer(constant, text)
  local positive <const> = constant.ival.ival
  if positive then return positive end
  local digits <const> = constant.location and text:match("^%-%s*%d+", constant.location + 1)
  if digits then return math.tointeger((digits:gsub("%s", ""))) end
  return constant.location and text:find("^0", constant.location + 1) and 0 or nil
end

--- The value of an option of a DefElem list: its node, or true.
---@param options? table[]
---@param wanted string
---@return any
function node.option(options, wanted)
  for _, option in ipairs(options or {}) do
    local element <const> = option.DefElem
    if element and element.defname == wanted then return element.arg or true end
  end
end

-- The keys below which there is more, always in the same order: what is found first must not be chance.
local function inner_keys(value)
  local first, more
  for key, inner in pairs(value) do
    if type(inner) == "table" then
      if not first then
        first = key
      else
        more = more or { first }
        more[#more + 1] = key
      end
    end
  end
  if more then table.sort(more) end
  return first, more
end

--- Calls `visit(kind, body)` for every node below a value, outer ones first; what returns false is not entered.
---@param value any
---@param visit fun(kind: string, body: table): boolean?
function node.walk(value, visit)
  if type(value) ~= "table" then return end
  if #value > 0 then
    for _, inner in ipairs(value) do node.walk(inner, visit) end
    return
  end
  local first <const>, more <const> = inner_keys(value)
  if more then
    for _, key in ipairs(more) do
      if visit(key, value[key]) ~= false then node.walk(value[key], visit) end
    end
  elseif first and visit(first, value[first]) ~= false then
    node.walk(value[first], visit)
  end
end

--- The columns that an expression names: those of one or two parts, by their last.
---@param value any
---@return table<string, true>
function node.columns(value)
  local found <const> = {}
  node.walk(value, function(kind, body)
    if kind == "ColumnRef" then
      local name <const> = node.text(body.fields[#body.fields])
      if name then found[name] = true end
      return false
    end
  end)
  return found
end

return node
