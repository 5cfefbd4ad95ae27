-- Attributes and their arguments: whoever understands one asks for it, and what nobody asked for is an error.

local attributes = {}

---@class dixis.prisma.AttributeNode  of the grammar
---@field name string
---@field at integer
---@field arguments? table

---@class dixis.prisma.Attribute
---@field name string
---@field at integer
local Attribute = {}
Attribute.__index = Attribute

---@class dixis.prisma.Attributes
local Attributes = {}
Attributes.__index = Attributes

local kinds <const> = { text = "a text", number = "a number", name = "a name", list = "a list", call = "a function",
  object = "an object" }

-- A value as it was written, near enough for a message.
local function shown(value)
  if value.kind == "text" then return ('"%s"'):format(value.value) end
  if value.kind == "list" then return "[...]" end
  if value.kind == "call" then return value.value .. "(...)" end
  if value.kind == "object" then return "{...}" end
  return value.value
end
attributes.shown = shown

--- Demands a kind of value; gives what it holds.
---@param source dixis.prisma.Source
---@param value table
---@param kind "text"|"number"|"name"|"list"|"call"
---@return any
function attributes.value(source, value, kind)
  if value.kind ~= kind then
    source:fail(value.at, ("%s expected, but this is %s: %s"):format(kinds[kind], kinds[value.kind], shown(value)))
  end
  return value.value or value.items
end

--- The items of a list; a value that is none stands for a list of it alone.
---@param value table
---@return table[]
function attributes.items(value)
  return value.kind == "list" and value.items or { value }
end

local function check_filled(source, arguments)
  for _, argument in ipairs(arguments or {}) do
    if not argument.value then source:fail(argument.at, ("the argument '%s' has no value"):format(argument.name)) end
  end
end

-- What must hold for the arguments whatever the attribute.
local function check_arguments(source, given)
  check_filled(source, given)
  if given.trailing then source:fail(given.trailing, "there must be no comma after the last argument") end
  for _, argument in ipairs(given) do
    local value <const> = argument.value
    if value.kind == "call" then check_arguments(source, value.arguments) end
    for _, item in ipairs(value.kind == "list" and value.items or {}) do
      if item.kind == "call" then check_filled(source, item.arguments) end
    end
  end
end

---@param source dixis.prisma.Source
---@param node dixis.prisma.AttributeNode
---@return dixis.prisma.Attribute
local function open(source, node)
  local given <const> = node.arguments or {}
  check_arguments(source, given)
  local self <const> = setmetatable({ source = source, name = node.name, at = node.at, named = {}, left = {}, given = given },
    Attribute)
  for _, argument in ipairs(given) do
    self.left[argument] = true
    if not argument.name then
      if self.unnamed then
        source:fail(argument.at, "only one argument can be without a name", "a list is written [a, b]")
      end
      self.unnamed = argument
    elseif self.named[argument.name] then
      source:fail(argument.at, ("the argument '%s' is given twice"):format(argument.name))
    else
      self.named[argument.name] = argument
    end
  end
  return self
end

---@param message string
---@param hint? string
function Attribute:fail(message, hint)
  self.source:fail(self.at, message, hint)
end

--- An argument that may be missing.
---@param name string
---@return table? value
function Attribute:optional(name)
  local argument <const> = self.named[name]
  if not argument then return nil end
  self.left[argument] = nil
  return argument.value
end

--- The argument that needs no name.
---@param name string
---@param may_miss? boolean
---@return table value
function Attribute:default(name, may_miss)
  local argument <const> = self.named[name]
  if argument and self.unnamed then
    self.source:fail(argument.at, ("the argument '%s' is given twice, once without its name"):format(name))
  end
  local found <const> = argument or self.unnamed
  if not found then
    if not may_miss then self:fail(("the argument '%s' is missing"):format(name)) end
    return nil ---@diagnostic disable-line: return-type-mismatch
  end
  self.left[found] = nil
  return found.value
end

--- An argument with a text that is not empty.
---@param name string
---@return string?
function Attribute:text(name)
  local value <const> = self:optional(name)
  if not value then return nil end
  local text <const> = attributes.value(self.source, value, "text")
  if text == "" then self:fail(("the argument '%s' is empty"):format(name)) end
  return text
end

--- Asc or Desc.
---@return "Asc"|"Desc"|nil
function Attribute:sort()
  local value <const> = self:optional "sort"
  if not value then return nil end
  local sort <const> = attributes.value(self.source, value, "name")
  if sort ~= "Asc" and sort ~= "Desc" then self:fail(("'sort' is Asc or Desc, not %s"):format(sort)) end
  return sort
end

--- The predicate of a partial index, a preview feature of Prisma 7: a text, or true for one that is not looked into.
---@param preview table<string, boolean>
---@return string|true|nil
function Attribute:where(preview)
  local value <const> = preview.partialIndexes and self:optional "where"
  if not value then return nil end
  if value.kind == "object" then return true end
  local first <const> = value.kind == "call" and value.value == "raw" and value.arguments[1]
  if not first or first.value.kind ~= "text" or first.value.value == "" then
    self:fail 'the argument \'where\' is raw("...") or an object'
  end
  return first.value.value
end

--- Every argument must have been asked for.
function Attribute:close()
  for _, argument in ipairs(self.given) do
    if self.left[argument] then
      self.source:fail(argument.at, argument.name and ("'%s' has no argument '%s'"):format(self.name, argument.name)
        or ("'%s' takes no argument here"):format(self.name))
    end
  end
end

---@param source dixis.prisma.Source
---@param list dixis.prisma.AttributeNode[]
---@return dixis.prisma.Attributes
function attributes.of(source, list)
  return setmetatable({ source = source, list = list, used = {} }, Attributes)
end

--- An attribute that may be there once.
---@param name string
---@return dixis.prisma.Attribute?
function Attributes:single(name)
  local found
  for _, node in ipairs(self.list) do
    if node.name == name then
      if found then self.source:fail(node.at, ("the attribute '%s' can be there only once"):format(name)) end
      found = node
    end
  end
  if not found then return nil end
  self.used[found] = true
  return open(self.source, found)
end

--- Attributes that may be there more than once.
---@param name string
---@return fun(): dixis.prisma.Attribute?
function Attributes:each(name)
  local i = 0
  return function()
    for place = i + 1, #self.list do
      local node <const> = self.list[place]
      if node.name == name then
        i, self.used[node] = place, true
        return open(self.source, node)
      end
    end
  end
end

--- The attribute with a native type, "db.VarChar". Its arguments have no names.
---@return dixis.prisma.AttributeNode?
function Attributes:native()
  local found
  for _, node in ipairs(self.list) do
    if node.name:find(".", 1, true) then
      if found then self.source:fail(node.at, "a field has only one native type") end
      found, self.used[node] = node, true
    end
  end
  return found
end

--- Every attribute must have been asked for.
function Attributes:close()
  for _, node in ipairs(self.list) do
    if not self.used[node] then self.source:fail(node.at, ("the attribute '%s' is not known here"):format(node.name)) end
  end
end

return attributes
