-- Which tables surely have rows: those that a migration inserted as constants, as long as nothing was deleted anywhere.

local find = require "dixis.lint.find"
local rows = {}

--- INSERT ... VALUES: behind it there is a row, be it this one or the one that it conflicts with.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
function rows.inserted(context, relation)
  local quiet <const> = relation.kind == "table" and not next(relation.triggers) and not relation.parent
  if context.soft or context.failed or not quiet or not find.stands(context, relation) then return end
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
