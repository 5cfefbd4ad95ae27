-- Columns that get their values from the server alone: GENERATED ALWAYS, be it as an identity or by an expression.

local find = require "dixis.lint.find"

local generated = {}

--- Does GENERATED ... AS IDENTITY say ALWAYS?
---@param option any  generated_when of the constraint; the option's value in ALTER COLUMN ... SET GENERATED
---@return boolean
function generated.always(option)
  return option == "a" or type(option) == "table" and option.Integer ~= nil and option.Integer.ival == ("a"):byte()
end

---@param value any
---@return boolean
function generated.is_default(value) return type(value) == "table" and value.SetToDefault ~= nil end

local function takes_none(context, column)
  return column and (column.generated or column.always and not column.unsure_identity) and find.stands(context, column)
end

local function refuse(context, column, reason, fix)
  context:report("wrong-column", { object = find.full(column.table.schema, column.table.name) .. "." .. column.name,
    message = ('the column "%s" of "%s" %s'):format(column.name, column.table.name, reason), fix = fix })
end

local function has_value(lists, at)
  for _, row in ipairs(lists) do
    local value <const> = row.List.items[at]
    if value and not generated.is_default(value) then return true end
  end
  return false
end

--- Does INSERT give such a column a value?
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param targets? (dixis.lint.Column|false)[]
---@param body table
---@param count integer  how many values the query gives at least
function generated.inserted(context, relation, targets, body, count)
  if relation.kind ~= "table" or relation.open or not find.stands(context, relation) then return end
  local lists <const> = body.selectStmt.SelectStmt.valuesLists
  for at, column in ipairs(targets or relation.order) do
    -- A column that may not be there puts those behind it in doubt.
    if not column or not targets and (at > count or not find.stands(context, column)) then return end
    if takes_none(context, column) and (column.generated or body.override == "OVERRIDING_NOT_SET")
      and (not lists or has_value(lists, at)) then
      if column.generated then
        refuse(context, column, "is generated: it takes no value", "leave the column out")
      else
        refuse(context, column, "is an identity that is GENERATED ALWAYS: it takes no value",
          "leave the column out, or write OVERRIDING SYSTEM VALUE before VALUES or SELECT")
      end
      return
    end
  end
end

--- Does UPDATE give it one?
---@param context dixis.lint.Context
---@param column dixis.lint.Column
---@param value? table
function generated.updated(context, column, value)
  if column.table.kind ~= "table" or not takes_none(context, column) then return end
  local many <const> = value and value.MultiAssignRef
  if many then
    local row <const> = many.source.RowExpr
    value = row and row.args[many.colno]
  end
  if generated.is_default(value) then return end
  refuse(context, column, ("is %s: it can only be updated to DEFAULT"):format(column.generated and "generated"
    or "an identity that is GENERATED ALWAYS"))
end

return generated
