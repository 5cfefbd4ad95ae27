-- What goes with an object that is dropped, and what stands in its way: PostgreSQL's dependencies.

local model_of = require "dixis.lint.model"

local depend = {}

--- `object` cannot be without `other`: dropping that needs CASCADE.
---@param object dixis.lint.Object
---@param other dixis.lint.Object
function depend.on(object, other)
  if object == other then return end
  object.depends = object.depends or {}
  object.depends[other] = true
  other.dependents = other.dependents or {}
  other.dependents[object] = true
end

--- `object` no longer needs what it needed.
---@param object dixis.lint.Object
function depend.free(object)
  for other in pairs(object.depends or {}) do other.dependents[object] = nil end
  object.depends = nil
end

local function has(list, wanted)
  for _, value in ipairs(list or {}) do
    if value == wanted then return true end
  end
  return false
end

-- What disappears silently with an object.
local function parts(object, each)
  if object.kind == "column" then
    for index in pairs(object.table.indexes) do
      if has(index.keys, object) or (index.mentions and index.mentions[object]) then each(index) end
    end
    for _, constraint in pairs(object.table.constraints) do
      if has(constraint.keys, object) then each(constraint) end
    end
    local keys <const> = object.table.partition_keys
    if keys and keys[object.name] then each(object.table) end
    if object.default_object then each(object.default_object) end
    for sequence in pairs(object.owned or {}) do each(sequence) end
  elseif object.kind == "constraint" then
    if object.index then each(object.index) end
  elseif object.kind == "index" then
    if object.constraint then each(object.constraint) end
  elseif object.multirange then
    each(object.multirange)
  elseif object.columns then
    for _, column in ipairs(object.order) do each(column) end
    for _, constraint in pairs(object.constraints) do each(constraint) end
    for index in pairs(object.indexes) do each(index) end
    for _, trigger in pairs(object.triggers) do each(trigger) end
    for _, policy in pairs(object.policies) do each(policy) end
    for child in pairs(object.partitions or {}) do each(child) end
  end
end

local function contents(object, each)
  if object.kind ~= "schema" then return end
  for _, relation in pairs(object.relations) do
    if relation.kind ~= "index" then each(relation) end
  end
  for _, type in pairs(object.types) do each(type) end
  for _, list in pairs(object.functions) do
    for _, found in pairs(list) do each(found) end
  end
end

local function rank(object)
  local place <const> = object.place or {}
  return ("%s %09d %s %s"):format(place.migration or "", place.line or 0, object.kind, object.name)
end

--- Puts objects in the order in which they were made: a set has none, and what is said first must not be chance.
---@generic T
---@param list T[]
---@param object_of? fun(entry: T): dixis.lint.Object
---@return T[] list
function depend.in_order(list, object_of)
  table.sort(list, function(a, b)
    return rank(object_of and object_of(a) or a) < rank(object_of and object_of(b) or b)
  end)
  return list
end

--- All that goes when the objects are dropped, and what forbids it.
---@param objects dixis.lint.Object[]
---@param cascade boolean
---@return dixis.lint.Object[] going
---@return { object: dixis.lint.Object, needs: dixis.lint.Object }[] blockers
function depend.closure(objects, cascade)
  local going <const>, set <const>, found <const> = {}, {}, {}
  local function add(object)
    if set[object] then return end
    set[object] = true
    going[#going + 1] = object
  end
  for _, object in ipairs(objects) do add(object) end
  local at = 1
  while going[at] do
    local object <const> = going[at]
    at = at + 1
    parts(object, add)
    local function needs(other)
      if cascade then add(other) else found[#found + 1] = { object = other, needs = object } end
    end
    for other in pairs(object.dependents or {}) do needs(other) end
    contents(object, needs)
  end
  local blockers <const> = {}
  for _, entry in ipairs(found) do
    if not set[entry.object] then blockers[#blockers + 1] = entry end
  end
  return going, depend.in_order(blockers, function(entry) return entry.object end)
end

local function remove_from(list, value)
  for i, entry in ipairs(list) do
    if entry == value then return table.remove(list, i) end
  end
end

local function forget_in(relation, scope, name, place, stamp)
  relation.gone = relation.gone or {}
  relation.gone[scope .. " " .. name] = { place = place, epoch = stamp }
end

local removers = {}
function removers.column(_, object)
  object.table.columns[object.name] = nil
  remove_from(object.table.order, object)
end
function removers.constraint(model, object)
  object.table.constraints[object.name] = nil
  if object.table.primary == object then object.table.primary = nil end
  model:count_constraint(object.table.schema, object.name, -1)
end
removers.trigger = function(_, object) object.table.triggers[object.name] = nil end
removers.policy = function(_, object) object.table.policies[object.name] = nil end
removers.rule = function(_, object) object.table.rules[object.name] = nil end
function removers.default(_, object)
  object.column.default, object.column.default_object = nil, nil
end
removers["function"] = function(model, object)
  local list <const> = model:space(object.schema).functions[object.name]
  if not list then return end
  list[object.arguments] = nil
  if not next(list) then model:space(object.schema).functions[object.name] = nil end
end
function removers.schema(model, object) model.schemas[object.name] = nil end
function removers.extension(model, object) model.extensions[object.name] = nil end
function removers.type(model, object) model:space(object.schema).types[object.name] = nil end
removers.enum, removers.domain, removers.range, removers.composite =
  removers.type, removers.type, removers.type, removers.type
function removers.relation(model, object)
  local relations <const> = model:space(object.schema).relations
  if relations[object.name] == object then relations[object.name] = nil end
  if object.kind == "index" then object.table.indexes[object] = nil end
  if object.owner and object.owner.owned then object.owner.owned[object] = nil end
  if object.parent then object.parent.partitions[object] = nil end
end

-- ---- Undoing -----------------------------------------------------------------------------------

-- What removers take away, besides the object itself.
local function remember(model, object)
  local entry <const> = { object = object, depends = {}, dependents = {} }
  for other in pairs(object.depends or {}) do entry.depends[#entry.depends + 1] = other end
  for other in pairs(object.dependents or {}) do
    if other.depends and other.depends[object] then entry.dependents[#entry.dependents + 1] = other end
  end
  if object.kind == "column" then
    for i, column in ipairs(object.table.order) do
      if column == object then entry.at = i end
    end
  elseif object.kind == "constraint" then
    entry.primary = object.table.primary == object
  elseif object.kind == "default" then
    entry.default = object.column.default
  end
  model.undo = model.undo or {}
  model.undo[#model.undo + 1] = entry
end

local restorers = {}
function restorers.column(_, object, entry)
  local relation <const> = object.table
  if relation.columns[object.name] then remove_from(relation.order, relation.columns[object.name]) end
  relation.columns[object.name] = object
  table.insert(relation.order, math.min(entry.at or 1, #relation.order + 1), object)
end
function restorers.constraint(model, object, entry)
  object.table.constraints[object.name] = object
  if entry.primary then object.table.primary = object end
  model:count_constraint(object.table.schema, object.name, 1)
end
function restorers.trigger(_, object) object.table.triggers[object.name] = object end
function restorers.policy(_, object) object.table.policies[object.name] = object end
function restorers.default(_, object, entry)
  object.column.default, object.column.default_object = entry.default, object
end
restorers["function"] = function(model, object)
  local functions <const> = model:space(object.schema).functions
  functions[object.name] = functions[object.name] or {}
  functions[object.name][object.arguments] = object
end
function restorers.type(model, object) model:add_type(object) end
restorers.enum, restorers.domain, restorers.range, restorers.composite =
  restorers.type, restorers.type, restorers.type, restorers.type
function restorers.relation(model, object)
  model:add_relation(object)
  if object.kind == "index" then object.table.indexes[object] = true end
  if object.owner then
    object.owner.owned = object.owner.owned or {}
    object.owner.owned[object] = true
  end
  if object.parent then object.parent.partitions[object] = true end
end

local for_good <const> = { schema = true, extension = true, rule = true }

--- A statement that fails has taken nothing away: all that it did take is there again.
---@param model dixis.lint.Model
---@param reason integer  the finding that says why
function depend.restore(model, reason)
  local undo <const> = model.undo or {}
  model.undo = nil
  for i = #undo, 1, -1 do
    local entry <const> = undo[i]
    local object <const> = entry.object
    if not for_good[object.kind] then
      local restorer <const> = restorers[object.kind] or restorers.relation
      restorer(model, object, entry)
      for _, other in ipairs(entry.depends) do depend.on(object, other) end
      for _, other in ipairs(entry.dependents) do depend.on(other, object) end
      object.removed, object.lingers = nil, object.lingers or reason
    end
  end
end

--- Takes an object out of the model. What belongs to it is the caller's (closure).
---@param model dixis.lint.Model
---@param object dixis.lint.Object
---@param place dixis.lint.Place
function depend.remove(model, object, place)
  remember(model, object)
  local remover <const> = removers[object.kind] or removers.relation
  remover(model, object)
  depend.free(object)
  for other in pairs(object.dependents or {}) do
    if other.depends then other.depends[object] = nil end
  end
  object.removed = true
  if object.table and object.kind ~= "index" then
    forget_in(object.table, model_of.scope(object), object.name, place, model.stamp)
  else
    model:note_dropped(object, place)
  end
end

return depend
