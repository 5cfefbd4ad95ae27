-- Tables that inherit, and partitions: what is done to the parent is done to them.

local depend = require "dixis.lint.depend"

local inherit = {}

--- The table got constraints, indexes or triggers whose names are not known here.
---@param model dixis.lint.Model
---@param relation dixis.lint.Relation
function inherit.unnamed(model, relation)
  relation.partly, model.partly = true, true
end

--- INHERITS: the child needs its parent.
---@param child dixis.lint.Relation
---@param parent dixis.lint.Relation
function inherit.from(child, parent)
  child.inherits = child.inherits or {}
  child.inherits[parent], child.partly = true, true
  depend.on(child, parent)
end

---@param child dixis.lint.Relation
---@param parent dixis.lint.Relation
function inherit.no_longer_from(child, parent)
  if child.inherits then child.inherits[parent] = nil end
  if child.depends then child.depends[parent] = nil end
  if parent.dependents then parent.dependents[child] = nil end
end

--- A partition goes with its parent, whose keys, indexes and triggers are made for it, too.
---@param model dixis.lint.Model
---@param child dixis.lint.Relation
---@param parent dixis.lint.Relation
function inherit.partition(model, child, parent)
  parent.partitions = parent.partitions or {}
  parent.partitions[child], child.parent = true, parent
  inherit.unnamed(model, child)
end

--- All below a table.
---@param relation dixis.lint.Relation
---@param visit fun(child: dixis.lint.Relation)
---@param seen? table  the server refuses a circle; a history may ask for one
function inherit.below(relation, visit, seen)
  seen = seen or { [relation] = true }
  local function go_on(child)
    if seen[child] then return end
    seen[child] = true
    visit(child)
    inherit.below(child, visit, seen)
  end
  for child in pairs(relation.partitions or {}) do go_on(child) end
  for child in pairs(relation.dependents or {}) do
    if child.inherits and child.inherits[relation] then go_on(child) end
  end
end

--- A column was dropped: the children lose it, unless they have it from elsewhere, too.
---@param relation dixis.lint.Relation
---@param name string
---@param all boolean   not ONLY
---@param drop fun(column: dixis.lint.Column)
function inherit.dropped(relation, name, all, drop)
  local children <const> = {}
  for child in pairs(relation.partitions or {}) do children[#children + 1] = child end
  for child in pairs(relation.dependents or {}) do
    if child.inherits and child.inherits[relation] then children[#children + 1] = child end
  end
  for _, child in ipairs(children) do
    local column <const> = child.columns[name]
    if column then
      column.parents = (column.parents or 1) - 1
      column.own = column.own or not all
      if column.parents <= 0 and not column.own then
        drop(column)
        inherit.dropped(child, name, true, drop)
      end
    end
  end
end

return inherit
