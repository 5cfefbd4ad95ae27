-- Which tables surely have rows: those that a migration inserted as constants, as long as nothing was deleted anywhere.

local find = require "dixis.lint.find"

local rows = {}

local function quiet(context, relation)
  return relation.kind == "table" and not next(relation.triggers) and not relation.parent and not relation.open
    and find.stands(context, relation) and not context.soft
end

local function is_default(value) return value.SetToDefault ~= nil end
local function is_null(value) return value.A_Const ~= nil and value.A_Const.isnull == true end

-- What is wrong with a column's value in the rows.
local function fault(column, values)
  local given, all_default, has_null = values ~= nil, true, false
  for _, value in ipairs(values or {}) do
    all_default = all_default and is_default(value)
    has_null = has_null or is_null(value)
  end
  if given and not all_default and column.generated then return "wrong-column", "is generated: it takes no value" end
  if column.nullable or column.unsure_null or column.type.user and column.type.user.kind == "domain" then return nil end
  if has_null then return "null-in-rows", "cannot be NULL" end
  if all_default and column.default == nil and not column.identity and not column.generated then
    return "null-in-rows", "cannot be NULL, has no default, and gets no value here"
  end
end

--- Can the rows of INSERT ... VALUES be in the table?
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param targets? (dixis.lint.Column|false)[]
---@param lists table[]
function rows.check(context, relation, targets, lists)
  if not quiet(context, relation) then return end
  local place_of <const> = {}
  for i, column in ipairs(targets or relation.order) do
    if not column then return end
    place_of[column] = i
  end
  for _, column in ipairs(relation.order) do
    local at <const> = place_of[column]
    local values = at and {} or nil
    for i, row in ipairs(at and lists or {}) do values[i] = row.List.items[at] end
    if at and #values < #lists then values = nil end
    local rule <const>, reason = fault(column, values)
    if rule and find.stands(context, column) then
      context:report(rule, { object = find.full(relation.schema, relation.name) .. "." .. column.name,
        message = ('the column "%s" of "%s" %s'):format(column.name, relation.name, reason) })
      return
    end
  end
end

--- INSERT ... VALUES: behind it there is a row, be it this one or the one that it conflicts with.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
function rows.inserted(context, relation)
  if context.failed or not quiet(context, relation) then return end
  relation.rows = { place = context.place, stamp = context.model.stamp, deleted = context.model.deleted }
end

--- Rows went away, in this table or by ON DELETE CASCADE in another one; or may have, or were filled.
---@param context dixis.lint.Context
function rows.deleted(context)
  context.model.deleted = (context.model.deleted or 0) + 1
end

--- Has the table rows, for sure?
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param known? table  those that are meant; the last ones when absent
---@return boolean
function rows.certain(context, relation, known)
  local model <const> = context.model
  known = known or relation.rows
  return known ~= nil and known.stamp == model.stamp and known.deleted == model.deleted and find.stands(context, relation)
end

return rows
