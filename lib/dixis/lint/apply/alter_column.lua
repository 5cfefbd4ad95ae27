-- The commands of ALTER TABLE about columns.

local column = require "dixis.lint.column"
local constraint = require "dixis.lint.constraint"
local depend = require "dixis.lint.depend"
local drop = require "dixis.lint.drop"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local generated = require "dixis.lint.generated"
local inherit = require "dixis.lint.inherit"
local literal = require "dixis.lint.literal"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local partition = require "dixis.lint.partition"
local rows = require "dixis.lint.rows"
local source = require "dixis.lint.source"
local types = require "dixis.lint.types"
local value = require "dixis.lint.value"

local commands = {}

local function object_of(relation, name)
  return find.full(relation.schema, relation.name) .. "." .. name
end

-- The statement with IF NOT EXISTS before a column.
local function with_guard(context, definition)
  local statement <const> = context.statement
  local at <const> = definition.location and math.tointeger(definition.location)
  if statement.node ~= "AlterTableStmt" or not at then return nil end
  return context.text:sub(statement.first, at) .. "IF NOT EXISTS " .. context.text:sub(at + 1, statement.last) .. ";"
end

local function null_in_rows(context, relation, made, fix)
  context:report("null-in-rows", { object = object_of(relation, made.name),
    message = ('"%s" has rows (inserted %s), which have no value for the column "%s": it cannot be NOT NULL'):format(
      relation.name, context:where(made.unfilled), made.name), fix = fix })
end

-- The type of a definition, when it is for sure another than that of the column that is there.
local function another_type(context, before, definition)
  local old <const>, new <const> = types.text(before.type), types.text(types.read(context.model, definition.typeName))
  return old and new and old ~= new and new or nil
end

local function duplicate(context, relation, definition, before)
  local another <const> = another_type(context, before, definition)
  local created <const> = before.place and before.place == relation.place and not before.renamed
  -- IF NOT EXISTS would leave the column as it is, and hide that.
  local guarded <const> = not another and with_guard(context, definition) or nil
  context:report("duplicate-column", { before = before, object = object_of(relation, before.name),
    message = ('the column "%s" of "%s" is there already: it was %s%s'):format(before.name, relation.name,
      context:origin(before), another and (", as %s"):format(types.text(before.type)) or ""),
    fix = another and ("remove one of the two, or change the type here: ALTER COLUMN ... TYPE %s"):format(another)
      or ("remove it from the %s %s, or write ADD COLUMN IF NOT EXISTS here"):format(created and "CREATE TABLE" or "statement",
        context:where(before.renamed and { place = before.renamed } or before)),
    fix_sql = guarded, fix_file = guarded and context.file, fix_edit = guarded and "instead" })
end

-- The rows that are there get the default at once.
local function fill(context, relation, made, definition)
  for _, item in ipairs(definition.constraints or {}) do
    local constant <const> = item.Constraint.contype == "CONSTR_DEFAULT" and item.Constraint.raw_expr.A_Const
    local reason <const> = constant and relation.kind == "table" and literal.exceeds(made.type, constant, context.text)
    if reason then
      context:report("wrong-value", { object = object_of(relation, made.name),
        message = ('the default does not fit the column "%s": %s'):format(made.name, reason) })
    end
  end
end

function commands.AT_AddColumn(context, relation, command)
  local definition <const> = command.def.ColumnDef
  local name <const> = names.clip(definition.colname)
  local before <const> = relation.columns[name]
  if relation.parent and find.stands(context, relation) and find.stands(context, relation.parent) then
    context:report("wrong-object", { object = object_of(relation, name),
      message = ('a column cannot be added to "%s": it is a partition of "%s"'):format(relation.name, relation.parent.name),
      fix = ('add the column to "%s"'):format(relation.parent.name) })
    return
  end
  if find.stands(context, before) then
    if command.missing_ok then
      if before.place and before.place.migration ~= context.migration and not before.guarded then
        if another_type(context, before, definition) then
          context:report("hidden-difference", { object = object_of(relation, name),
            message = ('IF NOT EXISTS skips this: the column "%s" of "%s" was made as %s %s'):format(name, relation.name,
              types.text(before.type), context:where(before)) })
        else
          context:report("mixed-guard", { object = object_of(relation, name),
            message = ('the column "%s" of "%s" is made without IF NOT EXISTS %s, so this never makes it'):format(name,
              relation.name, context:where(before)) })
        end
      end
      return
    end
    duplicate(context, relation, definition, before)
    return
  end
  if before and (command.missing_ok or context.soft) and not before.cause then return end
  local made <const> = column.make(context, relation, definition)
  if before then made.maybe_before = true end
  find.came_later(context, find.key("column", relation, name), "added")
  made.guarded = command.missing_ok
  fill(context, relation, made, definition)
  if made.default == nil and not made.identity and not made.generated and rows.certain(context, relation)
    and not (made.type.user and made.type.user.kind == "domain") then
    made.unfilled = relation.rows
    if not made.nullable then null_in_rows(context, relation, made, "give it a DEFAULT, or add it without NOT NULL, fill it, "
      .. "and then SET NOT NULL") end
  end
  local entries <const> = {}
  column.collect(made, definition, entries)
  column.finish(context, relation, made)
  column.constraints(context, relation, entries)
  inherit.below(relation, function(child)
    if not child.columns[name] then
      context.model:add_column(child, context:make { name = name, type = made.type, nullable = made.nullable,
        default = made.default, parents = 1 })
    end
  end)
end

function commands.AT_DropColumn(context, relation, command)
  local found <const> = find.column(context, relation, command.name, { missing_ok = command.missing_ok })
  if not found or partition.inherited(context, relation, "column", found.name, "be dropped")
    or partition.holds(context, relation, found, "be dropped") then return end
  drop.objects(context, { found }, command.behavior == "DROP_CASCADE",
    ('the column "%s" of "%s"'):format(found.name, relation.name))
  if found.removed then
    inherit.dropped(relation, found.name, not relation.only, function(inherited)
      drop.objects(context, { inherited }, true, "")
    end)
  end
end

local function altered(context, relation, command)
  return find.column(context, relation, command.name)
end

-- Says that a column is of the wrong kind for the statement. True: it is, for sure.
local function wrong(context, relation, found, reason, fix)
  if not find.stands(context, found) then return false end
  context:report("wrong-column", { object = object_of(relation, found.name),
    message = ('the column "%s" of "%s" %s'):format(found.name, relation.name, reason), fix = fix })
  return true
end

local function is_identity(found) return found.identity and not found.unsure_identity end

function commands.AT_ColumnDefault(context, relation, command)
  local found <const> = altered(context, relation, command)
  if found and is_identity(found) and wrong(context, relation, found, "is an identity: it has no default of its own",
    "ALTER COLUMN ... DROP IDENTITY before") then return end
  if not found then return end
  if context.soft then
    found.default = false
    if found.default_object then found.default_object.maybe = true end
    return
  end
  if command.def then
    column.set_default(context, found, source.expression(context, command.def), command.def)
  else
    column.set_default(context, found, nil)
  end
end

function commands.AT_SetNotNull(context, relation, command)
  local found <const> = altered(context, relation, command)
  if not found then return end
  if found.unfilled and rows.certain(context, relation, found.unfilled) and find.stands(context, found) then
    null_in_rows(context, relation, found, ('UPDATE "%s" SET "%s" = ... before'):format(relation.name, found.name))
    return
  end
  local row <const> = find.stands(context, found) and rows.with_null(context, relation, found)
  if row then
    context:report("null-in-rows", { object = object_of(relation, found.name),
      message = ('"%s" has a row (inserted %s) whose "%s" is NULL: it cannot be NOT NULL'):format(relation.name,
        context:where(row), found.name),
      fix = ('UPDATE "%s" SET "%s" = ... WHERE "%s" IS NULL before'):format(relation.name, found.name, found.name) })
    return
  end
  constraint.takes_null(context, found, false)
end

function commands.AT_DropNotNull(context, relation, command)
  local found <const> = altered(context, relation, command)
  if not found then return end
  if is_identity(found) and wrong(context, relation, found, "is an identity, which cannot be NULL") then return end
  if relation.primary and not relation.primary.maybe then
    for _, key in ipairs(relation.primary.keys or {}) do
      if key == found and find.stands(context, relation.primary) then
        context:report("still-needed", { object = object_of(relation, found.name),
          message = ('the column "%s" of "%s" is in the primary key: it cannot be nullable'):format(found.name,
            relation.name) })
        return
      end
    end
  end
  constraint.takes_null(context, found, true)
end

local blocks_type <const> = { view = "a view", matview = "a materialized view", policy = "a policy", trigger = "a trigger",
  column = "a generated column", rule = "a rule" }

-- An index or a check that holds a constant of the column's enum: PostgreSQL cannot compare it with another type.
local function compares_values(relation, found)
  local enum <const> = found.type.user
  if not enum or enum.kind ~= "enum" then return nil end
  for index in pairs(relation.indexes) do
    if index.mentions and index.mentions[enum] and index.mentions[found] then return index end
  end
  for _, other in pairs(relation.constraints) do
    if other.type == "c" and other.depends and other.depends[enum] then
      for _, key in ipairs(other.keys) do
        if key == found then return other end
      end
    end
  end
end

local function change_type(context, relation, found, command)
  local definition <const> = command.def.ColumnDef
  local type <const> = expression.type(context, definition.typeName)
  if not found or partition.inherited(context, relation, "column", found.name, "get another type")
    or partition.holds(context, relation, found, "get another type") then return end
  found.wanted = { type = type, old = found.type }
  local blockers <const> = {}
  for other in pairs(found.dependents or {}) do
    if blocks_type[other.kind] then blockers[#blockers + 1] = other end
  end
  for _, other in ipairs(depend.in_order(blockers)) do
    if find.stands(context, other) and find.stands(context, found) then
      context:report("still-needed", { object = object_of(relation, found.name),
        message = ('the type of "%s"."%s" cannot be changed: %s uses it ("%s", made %s)'):format(relation.name, found.name,
          blocks_type[other.kind], other.name, context:where(other)),
        fix = "drop it before, and make it again behind" })
      return
    end
  end
  local comparing <const> = type.user ~= found.type.user and compares_values(relation, found)
  if comparing and find.stands(context, comparing) and find.stands(context, found) then
    context:report("still-needed", { object = object_of(relation, found.name),
      message = ('the type of "%s"."%s" cannot be changed: the %s "%s" (made %s) compares it with a value of the old one')
        :format(relation.name, found.name, comparing.kind, comparing.name, context:where(comparing)),
      fix = "drop it before, and make it again behind" })
    return
  end
  if find.stands(context, found) and value.refused(context, type, value.of_type(context, found.type)) then
    if not definition.raw_default then
      context:report("cannot-cast", { object = object_of(relation, found.name),
        message = ('"%s"."%s" cannot be changed from %s to %s without USING'):format(relation.name, found.name,
          types.text(found.type), types.text(type)),
        fix = ('add USING "%s"::%s'):format(found.name, types.text(type)) })
      return
    elseif found.default and not found.default:upper():find "^NULL" then
      context:report("cannot-cast", { object = object_of(relation, found.name),
        message = ('the default of "%s"."%s" (%s) cannot be changed to %s; USING does not help it'):format(relation.name,
          found.name, found.default, types.text(type)),
        fix = ('ALTER COLUMN "%s" DROP DEFAULT before, and SET DEFAULT behind'):format(found.name) })
      return
    end
  end
  local reason <const> = definition.raw_default and find.stands(context, found) and not found.cause
    and value.refused(context, type, value.of(context, definition.raw_default, expression.column_in(relation)))
  if reason then
    context:report("cannot-cast", { object = object_of(relation, found.name),
      message = ('USING does not give what the new type of "%s"."%s" takes: %s'):format(relation.name, found.name, reason) })
  end
  if context.failed or context.soft then return end
  if found.type.user and found.depends then
    found.depends[found.type.user] = nil
    found.type.user.dependents[found] = nil
    -- The default is still a value of the old type, which is cast.
    if found.default and found.default_object and found.type.user.kind == "enum" then
      depend.on(found.default_object, found.type.user)
    end
  end
  found.type, found.unfilled = type, nil
  rows.changed(context, found)
  if type.user then depend.on(found, type.user) end
end

function commands.AT_AlterColumnType(context, relation, command)
  local found <const> = altered(context, relation, command)
  change_type(context, relation, found, command)
  -- It has the old type or the new one, also where one of them would not do.
  if found and context.soft then found.type = { text = false, name = "?" } end
end

function commands.AT_AddIdentity(context, relation, command)
  local found <const> = altered(context, relation, command)
  if not found then return end
  if is_identity(found) and wrong(context, relation, found, "is an identity already")
    or found.default and not found.default:upper():find "^NULL"
      and wrong(context, relation, found, "has a default, which an identity cannot have",
      ('ALTER COLUMN "%s" DROP DEFAULT before'):format(found.name))
    or found.nullable and not found.unsure_null and wrong(context, relation, found, "takes NULL, which an identity cannot",
      ('ALTER COLUMN "%s" SET NOT NULL before'):format(found.name)) then return end
  found.identity, found.unsure_identity = true, context.soft or nil
  found.always = generated.always(command.def.Constraint.generated_when)
  local name <const> = names.choose(relation.name, found.name, "seq",
    function(wanted) return context.model:relation_taken(relation.schema, wanted) end)
  local sequence <const> = context:make(context.model:new_relation("sequence", relation.schema, name))
  sequence.owner, sequence.identity, found.owned = found, true, found.owned or {}
  found.owned[sequence] = true
  context.model:add_relation(sequence)
end

function commands.AT_DropIdentity(context, relation, command)
  local found <const> = altered(context, relation, command)
  if not found then return end
  if not found.identity and not command.missing_ok and wrong(context, relation, found, "is no identity",
    "write DROP IDENTITY IF EXISTS, or remove this") then return end
  if context.soft then
    found.unsure_identity = true
    return
  end
  found.identity, found.unsure_identity, found.always = nil, nil, nil
  for sequence in pairs(found.owned or {}) do
    if sequence.identity then depend.remove(context.model, sequence, context.place) end
  end
end

function commands.AT_DropExpression(context, relation, command)
  local found <const> = find.column(context, relation, command.name, { missing_ok = command.missing_ok })
  if not found then return end
  found.generated = nil
  depend.free(found)
  if found.type.user then depend.on(found, found.type.user) end
end

function commands.AT_SetIdentity(context, relation, command)
  local found <const> = altered(context, relation, command)
  if not found or not found.identity and wrong(context, relation, found, "is no identity",
    "ALTER COLUMN ... ADD GENERATED BY DEFAULT AS IDENTITY") then return end
  local option <const> = node.option(command.def.List.items, "generated")
  if option then found.always = not context.soft and generated.always(option) end
end

local function only_column(context, relation, command)
  if command.name then altered(context, relation, command) end
end
for _, name in ipairs { "AT_SetStatistics", "AT_SetStorage", "AT_SetOptions", "AT_ResetOptions" } do
  commands[name] = only_column
end

return commands
