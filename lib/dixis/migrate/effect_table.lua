-- The facts of CREATE TABLE, ALTER TABLE and of renaming.

local facts = require "dixis.migrate.effect_facts"

local rules = {}

local serials <const> = {
  serial = "int4", serial4 = "int4", bigserial = "int8", serial8 = "int8", smallserial = "int2", serial2 = "int2",
}

-- A type as the catalog shows it: name, modifiers as text, array or not.
local function wanted_type(type_name)
  local names, mods = type_name.names or {}, {}
  local name = facts.text(names[#names])
  for i, mod in ipairs(type_name.typmods or {}) do
    local value = mod.A_Const and mod.A_Const.ival
    mods[i] = value and ("%d"):format(value.ival or 0) or "?"
  end
  if name == "numeric" and #mods == 1 then mods[2] = "0" end
  local text = #mods > 0 and table.concat(mods, ",") or nil
  if name == "interval" or (text and text:find("?", 1, true)) then text = false end -- not compared
  return { name = #names == 1 and serials[name] or name, mods = text, array = type_name.arrayBounds ~= nil }
end

local function names_in(list, into)
  for _, item in ipairs(list or {}) do into[facts.text(item)] = true end
  return into
end

local keyed <const> = { CONSTR_PRIMARY = true, CONSTR_UNIQUE = true, CONSTR_FOREIGN = true, CONSTR_CHECK = true,
  CONSTR_EXCLUSION = true }

local function constraint_fact(reader, schema, table_name, constraint, more)
  if not keyed[constraint.contype] then return end
  local name, kind = constraint.conname, "constraint"
  if not name then
    if constraint.contype ~= "CONSTR_PRIMARY" then
      if not more.part then reader:fact("unknown", {}, true, {}) end
      return
    end
    kind, name = "primary", ""
  end
  more.columns = facts.columns_of(constraint.raw_expr, names_in(constraint.keys, names_in(constraint.fk_attrs, {})))
  if constraint.pktable then
    local other, refs = reader:relation(constraint.pktable, true)
    more.refs = other and { other, refs }
  end
  reader:fact(kind, { schema, table_name, name }, true, more)
end

local function column_facts(reader, schema, table_name, column, more)
  local path = { schema, table_name, column.colname }
  reader:fact("column", path, true, { again = more.again, part = more.part })
  if column.typeName then
    reader:fact("column_type", { schema, table_name, column.colname }, wanted_type(column.typeName),
      { again = more.again, part = true })
  end
  for _, item in ipairs(column.constraints or {}) do
    if item.Constraint and item.Constraint.conname then
      constraint_fact(reader, schema, table_name, item.Constraint, { again = more.again, part = true })
    end
  end
end

function rules.CreateStmt(reader, body)
  if body.relation.relpersistence == "t" then return reader:hidden() end
  local schema, name = reader:relation(body.relation, false)
  if not schema then return end
  local again = body.if_not_exists
  reader:fact("relation", { schema, name }, true, { again = again })
  for _, element in ipairs(body.tableElts or {}) do
    if element.ColumnDef then
      column_facts(reader, schema, name, element.ColumnDef, { again = again, part = true })
    elseif element.Constraint then
      constraint_fact(reader, schema, name, element.Constraint, { again = again, part = true })
    end
  end
end

-- What pg_get_expr would begin with, for the constants that schemas are full of; nil: cannot be compared.
local function constant(node)
  if node and node.TypeCast then node = node.TypeCast.arg end
  local value = node and node.A_Const
  if not value or value.isnull then return nil end
  if value.sval then return "'" .. (value.sval.sval or ""):gsub("'", "''") .. "'" end
  if value.boolval then return tostring(value.boolval.boolval or false) end
  if value.ival then return value.ival.ival and ("%d"):format(value.ival.ival) or facts.not_positive end
  if value.fval then return value.fval.fval end
end

local commands = {}

function commands.AT_AddColumn(reader, schema, name, command)
  column_facts(reader, schema, name, command.def.ColumnDef, { again = command.missing_ok })
end

function commands.AT_DropColumn(reader, schema, name, command)
  local path = { schema, name, command.name }
  reader:fact("column", path, false, { again = command.missing_ok, soft = command.missing_ok })
  reader:event { what = "drop", kind = "column", from = path, cascade = command.behavior == "DROP_CASCADE" }
end

function commands.AT_SetNotNull(reader, schema, name, command)
  reader:fact("not_null", { schema, name, command.name }, true, { again = true, soft = true })
end

function commands.AT_DropNotNull(reader, schema, name, command)
  reader:fact("not_null", { schema, name, command.name }, false, { again = true, soft = true })
end

function commands.AT_ColumnDefault(reader, schema, name, command)
  local want = command.def ~= nil and { constant = constant(command.def) }
  reader:fact("default", { schema, name, command.name }, want, { again = true, soft = true })
end

function commands.AT_AlterColumnType(reader, schema, name, command)
  reader:fact("column_type", { schema, name, command.name }, wanted_type(command.def.ColumnDef.typeName),
    { again = true, soft = true })
end

function commands.AT_AddConstraint(reader, schema, name, command)
  constraint_fact(reader, schema, name, command.def.Constraint, {})
end

function commands.AT_DropConstraint(reader, schema, name, command)
  local path = { schema, name, command.name }
  reader:fact("constraint", path, false, { again = command.missing_ok, soft = command.missing_ok })
  reader:event { what = "drop", kind = "constraint", from = path, cascade = command.behavior == "DROP_CASCADE" }
end

function commands.AT_ValidateConstraint(reader, schema, name, command)
  reader:fact("validated", { schema, name, command.name }, true, { again = true, soft = true })
end

function rules.AlterTableStmt(reader, body)
  local schema, name = reader:relation(body.relation, true)
  if not schema then return end
  for _, item in ipairs(body.cmds or {}) do
    local command = item.AlterTableCmd
    local rule = body.objtype ~= "OBJECT_TYPE" and commands[command.subtype]
    if rule then rule(reader, schema, name, command) else reader:fact("unknown", {}, true, {}) end
  end
end

-- ---- Renaming ----------------------------------------------------------------------------------

local function moved(reader, kind, from, to, missing_ok)
  reader:fact(kind, from, false, { again = missing_ok, soft = missing_ok })
  reader:fact(kind, to, true, { again = missing_ok })
  reader:event { what = "move", kind = kind, from = from, to = to }
end

local renamed_relations <const> = { OBJECT_TABLE = true, OBJECT_VIEW = true, OBJECT_MATVIEW = true,
  OBJECT_INDEX = true, OBJECT_SEQUENCE = true, OBJECT_FOREIGN_TABLE = true }
local renamed_parts <const> = { OBJECT_COLUMN = "column", OBJECT_TABCONSTRAINT = "constraint",
  OBJECT_TRIGGER = "trigger", OBJECT_POLICY = "policy" }

function rules.RenameStmt(reader, body)
  local part = renamed_parts[body.renameType]
  if renamed_relations[body.renameType] then
    local schema, name = reader:relation(body.relation, true)
    if schema then moved(reader, "relation", { schema, name }, { schema, body.newname }, body.missing_ok) end
  elseif part and body.relation then
    local schema, name = reader:relation(body.relation, true)
    if schema then
      moved(reader, part, { schema, name, body.subname }, { schema, name, body.newname }, body.missing_ok)
    end
  elseif body.renameType == "OBJECT_TYPE" or body.renameType == "OBJECT_DOMAIN" then
    local schema, name = reader:name(body.object.List.items, false)
    if schema then moved(reader, "type", { schema, name }, { schema, body.newname }) end
  elseif body.renameType == "OBJECT_SCHEMA" then
    reader:fact("schema", { body.subname }, false, {})
    reader:fact("schema", { body.newname }, true, {})
    reader:event { what = "drop", kind = "schema", from = { body.subname } }
  end
end

function rules.AlterObjectSchemaStmt(reader, body)
  if not body.relation then return end
  local schema, name = reader:relation(body.relation, true)
  if schema then moved(reader, "relation", { schema, name }, { body.newschema, name }, body.missing_ok) end
end

return rules
