-- How one runbook is made of another: `dixis.extend(parent, changes)`.

local define = require "dixis.define"
local near = require "dixis.near"
local people = require "dixis.people"
local runbook = require "dixis.runbook"

local extend = {}

local function find(book, name)
  for _, list in ipairs(runbook.list_order) do
    for i, item in ipairs(book[list]) do
      if item.name == name then return list, i end
    end
  end
end

local function names_of(book)
  local names = {}
  for _, list in ipairs(runbook.list_order) do
    for _, item in ipairs(book[list]) do names[#names + 1] = item.name end
  end
  return names
end

local function must_find(book, name, verb)
  local list, i = find(book, name)
  if list then return list, i end
  error(("dixis.extend: nothing called '%s' to %s%s"):format(tostring(name), verb,
    near.suggest(tostring(name), names_of(book))), 0)
end

local changes_fields <const> = {
  name = { type = "string", required = true, help = "the new runbook's own name" },
  version = { type = "string" },
  title = { type = "string" },
  target = { type = "table" },
  options = { type = "table", default = {}, help = "options to add or to describe anew" },
  set = { type = "table", default = {}, help = "new defaults of options" },
  uses = { type = "table", default = {}, help = "added to what the parent uses" },
  replace = { type = "table", default = {}, help = "name -> item" },
  remove = { type = "list", default = {}, help = "names" },
  insert = { type = "list", default = {}, help = "{ before|after = name, item, ... }" },
  gates = { type = "list", help = "instead of the parent's" },
  steps = { type = "list", help = "instead of the parent's" },
  criteria = { type = "list", help = "instead of the parent's" },
  notices = { type = "list", help = "instead of the parent's" },
  people = { type = "table", help = "instead of the parent's" },
  way_back = { type = "list" },
  guard = { type = "table" },
  watch = { type = "table" },
  sign = { type = "table" },
  audit = { type = "any" },
  explain = { type = "boolean" },
}

local function copy_list(list)
  return table.move(list, 1, #list, 1, {})
end

local function apply_options(book, changes)
  runbook.check_options(changes.options)
  for name, option in pairs(changes.options) do book.options[name] = option end
  for name, value in pairs(changes.set) do
    local option = book.options[name]
    if not option then
      error(("dixis.extend: no option '%s' to set%s"):format(tostring(name),
        near.suggest(tostring(name), near.keys(book.options))), 0)
    end
    local converted, problem = runbook.option_value(option, value)
    if problem then error(("dixis.extend: option '%s' %s"):format(name, problem), 0) end
    local changed = {}
    for key, field in pairs(option) do changed[key] = field end
    changed.default = converted
    book.options[name] = changed
  end
end

local function apply_items(book, changes)
  for name, item in pairs(changes.replace) do
    local list, i = must_find(book, name, "replace")
    if not define.is_item(item) then
      error(("dixis.extend: replace.%s must be a gate, step or check"):format(name), 0)
    end
    local renamed = {}
    for key, value in pairs(item) do renamed[key] = value end
    renamed.name = item.args.name or name
    book[list][i] = setmetatable(renamed, getmetatable(item))
  end
  for _, name in ipairs(changes.remove) do
    local list, i = must_find(book, name, "remove")
    table.remove(book[list], i)
  end
  for n, insertion in ipairs(changes.insert) do
    if type(insertion) ~= "table" or (insertion.before == nil) == (insertion.after == nil) then
      error(("dixis.extend: insert[%d] needs before = \"name\" or after = \"name\""):format(n), 0)
    end
    local list, i = must_find(book, insertion.before or insertion.after, "insert beside")
    if #insertion == 0 then error(("dixis.extend: insert[%d] holds no item"):format(n), 0) end
    for offset, item in ipairs(insertion) do
      table.insert(book[list], i + offset - (insertion.before and 1 or 0), item)
    end
  end
end

--- Every field, for the reference page and its spec.
extend.fields = changes_fields

--- `dixis.extend(parent, changes)`: a new runbook; the parent stays as it was.
---@param parent dixis.Runbook
---@param given table
---@return dixis.Runbook
function extend.apply(parent, given)
  local changes = define.check_fields("dixis.extend", given, changes_fields)
  local book = {}
  for key, value in pairs(parent) do book[key] = value end
  for _, list in ipairs(runbook.list_order) do book[list] = copy_list(changes[list] or parent[list]) end
  book.options, book.uses = {}, {}
  for name, option in pairs(parent.options) do book.options[name] = option end
  for _, key in ipairs { "name", "version", "title", "way_back", "audit", "explain" } do
    if changes[key] ~= nil then book[key] = changes[key] end
  end
  if changes.guard then book.guard = require("dixis.guard").check(changes.guard) end
  if changes.watch then book.watch = define.check_fields("watch", changes.watch, runbook.fields.watch) end
  if changes.sign then book.sign = define.check_fields("sign", changes.sign, runbook.fields.sign) end
  if changes.people then book.people = people.check(changes.people) end
  if changes.target then
    local target = {}
    for key, value in pairs(parent.target) do target[key] = value end
    for key, value in pairs(changes.target) do target[key] = value end
    book.target = define.check_fields("target", target, runbook.fields.target)
  end
  local more = define.check_fields("uses", changes.uses, runbook.fields.uses)
  for what in pairs(runbook.fields.uses) do
    book.uses[what] = copy_list(parent.uses[what] or {})
    for _, value in ipairs(more[what] or {}) do table.insert(book.uses[what], value) end
  end
  apply_options(book, changes)
  apply_items(book, changes)
  return runbook.make(book)
end

return extend
