-- ALTER TABLE's forms for columns: which of them write or read every row, and which break the code that is running.

local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local source = require "dixis.lint.source"
local subject = require "dixis.lint.hazard.subject"
local volatility = require "dixis.lint.hazard.volatility"

local column = {}

local quote <const> = subject.quote
local serials <const> = { serial = "integer", bigserial = "bigint", smallserial = "smallint", serial4 = "integer",
  serial8 = "bigint", serial2 = "smallint" }

-- ADD COLUMN's constraints by their kind.
local function read_constraints(definition)
  local found <const> = { all = {} }
  for _, entry in ipairs(definition.constraints or {}) do
    local constraint <const> = entry.Constraint
    found[constraint.contype] = found[constraint.contype] or constraint
    found.all[#found.all + 1] = constraint
  end
  return found
end

local function in_batches(on, set, where)
  return ("UPDATE %s SET %s WHERE %s;  -- in batches of some thousand rows, outside of the migration")
    :format(on.sql, set, where)
end

-- What has to be written into each row; the first reason that there is.
local function rewriting(context, definition, has)
  local type_name <const> = #definition.typeName.names == 1 and node.text(definition.typeName.names[1])
  if serials[type_name] then
    return "serial-rewrites", type_name .. " (its next value is stored in each row)", serials[type_name]
  end
  if has.CONSTR_IDENTITY then
    return "serial-rewrites", "GENERATED ... AS IDENTITY (its next value is stored in each row)",
      context:type_name(definition.typeName)
  end
  if has.CONSTR_GENERATED then return "generated-rewrites", "GENERATED ... STORED (computed for each row)" end
  local default <const> = has.CONSTR_DEFAULT
  if default and context.server_major and context.server_major < 11 then
    return "default-rewrites", "a DEFAULT (PostgreSQL before 11 stores it in each row)"
  end
  if default then
    local name <const>, sure <const>, at <const> = volatility.find(context, default.raw_expr)
    if name then
      local text <const> = sure and "a volatile DEFAULT (%s() is called for each row)"
        or "a DEFAULT that calls %s() (for each row, unless it is STABLE, IMMUTABLE, or plain SQL)"
      return "default-rewrites", text:format(name), at
    end
  end
  local domain <const> = context:domain(definition.typeName)
  if domain and domain.constrained then
    return "domain-rewrites", "a domain that has constraints (checked for each row)"
  end
end

local function rewrite_fix(context, on, name, has, kind, extra)
  local quoted <const> = quote(name)
  if kind == "serial-rewrites" then
    local sequence <const> = quote(on.name .. "_" .. name .. "_seq")
    return "add the column without it, so that only the catalog changes, and number the rows in batches", {
      ("ALTER TABLE %s ADD COLUMN %s %s;"):format(on.sql, quoted, extra or "bigint"),
      ("CREATE SEQUENCE %s OWNED BY %s.%s;"):format(sequence, on.sql, quoted),
      ("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT nextval('%s');"):format(on.sql, quoted, (sequence:gsub("'", "''"))),
      in_batches(on, quoted .. " = DEFAULT", quoted .. " IS NULL"),
    }
  elseif kind == "generated-rewrites" then
    return "add a plain column that a trigger fills, and fill the old rows in batches; or compute it in a view", {
      ("ALTER TABLE %s ADD COLUMN %s %s;"):format(on.sql, quoted, extra),
      in_batches(on, quoted .. " = ...", quoted .. " IS NULL"),
    }
  elseif kind == "domain-rewrites" then
    return "add the column with the domain's base type and a CHECK that is NOT VALID, and validate it later"
  end
  local steps <const> = {
    ("ALTER TABLE %s ADD COLUMN %s %s;"):format(on.sql, quoted, extra),
    ("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;  -- for new rows"):format(on.sql, quoted,
      source.default(context.lint, has.CONSTR_DEFAULT) or "..."),
    in_batches(on, quoted .. " = DEFAULT", quoted .. " IS NULL"),
  }
  if has.CONSTR_NOTNULL then steps[#steps + 1] = "-- and SET NOT NULL at last, as not-null-scans says" end
  return "add the column without the default, then set the default for new rows, then fill the old ones in batches", steps
end

local function required(context, on, definition, has)
  local name <const> = definition.colname
  if not has.CONSTR_NOTNULL and not has.CONSTR_PRIMARY then return end
  local rows <const> = on.rows
  say.hazard(context, "required-column", {
    what = ("ADD COLUMN %s NOT NULL without a DEFAULT fails as soon as %s has a row."):format(quote(name), on.sql),
    on = on, part = name, at = definition.location,
    why = (rows and rows > 0 and ("It has %d now."):format(rows) or "Where it is empty, it works.")
      .. " Running code that inserts without this column fails too.",
    fix = "give it a DEFAULT that is not volatile (no rewrite since PostgreSQL 11), or add it without NOT NULL, fill it, "
      .. "and make it NOT NULL as not-null-scans says",
    sql = { ("ALTER TABLE %s ADD COLUMN %s %s NOT NULL DEFAULT ...;")
      :format(on.sql, quote(name), context:type_name(definition.typeName) or "...") },
    severity = rows and (rows > 0 and "error" or "note") or "warning",
  })
end

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
---@return string? long   what keeps the lock
function column.add(context, on, command)
  local definition <const> = command.def.ColumnDef
  local name <const> = definition.colname
  if command.missing_ok and on.relation and on.relation.columns[name] then return end
  local has <const> = read_constraints(definition)
  local kind <const>, reason <const>, extra <const> = rewriting(context, definition, has)
  if kind then
    local fix <const>, steps <const> = rewrite_fix(context, on, name, has, kind,
      kind == "serial-rewrites" and extra or context:type_name(definition.typeName) or "...")
    say.hazard(context, kind, { what = ("ADD COLUMN %s with %s"):format(quote(name), reason), on = on, part = name,
      lock = "ACCESS EXCLUSIVE", long = "rewrite", fix = fix, sql = steps, at = definition.location })
  elseif not has.CONSTR_DEFAULT then
    required(context, on, definition, has)
  end
  return kind and "rewrite"
end

local function says_not_null(constraint, column_of)
  return constraint.valid == true and constraint.not_null ~= nil and constraint.not_null[column_of] == true
end

--- True when the column cannot hold NULL, or a valid CHECK says so: then SET NOT NULL reads no row.
---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param name string
---@return boolean
function column.known_not_null(context, on, name)
  local relation <const> = on.relation
  local found <const> = relation and relation.columns[name]
  if found and found.nullable == false then return true end
  if context.server_major and context.server_major < 12 then return false end
  for _, constraint in pairs(relation and relation.constraints or {}) do
    if found and says_not_null(constraint, found) then return true end
  end
  return false
end

--- Reports that making a column NOT NULL reads all rows.
---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param name string
---@param what string
---@param at? integer
function column.scan_for_null(context, on, name, what, at)
  local check <const> = quote(on.name .. "_" .. name .. "_not_null")
  say.hazard(context, "not-null-scans", { what = what, on = on, part = name, lock = "ACCESS EXCLUSIVE", long = "scan",
    at = at, why = "It fails when one of them is NULL.",
    fix = "three migrations: a CHECK that new rows must pass; its validation, which blocks nobody; then SET NOT NULL, "
      .. "which trusts the valid CHECK since PostgreSQL 12",
    sql = {
      "-- 1", ("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;"):format(on.sql, check, quote(name)),
      "-- 2", ("ALTER TABLE %s VALIDATE CONSTRAINT %s;"):format(on.sql, check),
      "-- 3", ("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;"):format(on.sql, quote(name)),
      ("ALTER TABLE %s DROP CONSTRAINT %s;"):format(on.sql, check),
    } })
end

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
---@return string? long
function column.set_not_null(context, on, command)
  if column.known_not_null(context, on, command.name) then return nil end
  column.scan_for_null(context, on, command.name, ("ALTER COLUMN %s SET NOT NULL"):format(quote(command.name)),
    context:find(command.name))
  return "scan"
end

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
function column.drop_not_null(context, on, command)
  local found <const> = on:column(context, command.name)
  if not found or found.nullable or context:goes(on, command.name) then return end
  say.report(context, "drop-not-null", { object = on.key .. "." .. command.name, at = context:find(command.name),
    message = ("%s.%s may be NULL from now on: running code that never expected that can fail on the first such row.")
      :format(on.sql, quote(command.name)),
    fix = "deploy code that can read NULL first; only then code that writes it" })
end

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
function column.default(context, on, command)
  local name <const> = command.name
  local found <const> = on:column(context, name)
  if command.def or not found or not found.default then return end
  -- Taken away for a change of the type and given again.
  if context:later("default", on, name) or context:goes(on, name) then return end
  local nullable <const> = found.nullable or context:later("nullable", on, name)
  say.report(context, "drop-default", { object = on.key .. "." .. name, at = context:find(name),
    message = ("%s.%s has no default from now on: running code that inserts without it %s."):format(on.sql, quote(name),
      nullable and "writes NULL" or "fails, because it is NOT NULL"),
    fix = "deploy code that writes the column itself first" })
end

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
function column.drop(context, on, command)
  local name <const> = command.name
  if on.relation and not on:column(context, name) and (on:has_new_column(context, name) or command.missing_ok) then
    return
  end
  local again <const> = context:later("column", on, name)
  say.report(context, "drop-column", { object = on.key .. "." .. name, at = context:find(name),
    message = ("DROP COLUMN %s loses its data, and running code that names it fails: Prisma names every column of its "
      .. "model in each SELECT.%s"):format(quote(name),
        again and " The column of that name that this migration adds begins empty." or ""),
    fix = again and "change the type in place with USING, or add the new column under another name, fill it from the old "
        .. "one, move the code, and drop the old one in a later migration"
      or "remove it from the code and from the schema file first (Prisma: @ignore on the field), deploy that, and drop it "
        .. "in a later migration" })
end

--- Changes of how a column gets its values.
---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
function column.generated(context, on, command)
  if not on:column(context, command.name) then return end
  local does <const> = { AT_AddIdentity = "is numbered by the database", AT_SetIdentity = "is numbered in another way",
    AT_DropIdentity = "is not numbered by the database any more", AT_DropExpression = "is not computed any more" }
  say.report(context, "generated-change", { object = on.key .. "." .. command.name, at = context:find(command.name),
    message = ("%s.%s %s: running code that inserts can fail, or write other values than before.")
      :format(on.sql, quote(command.name), does[command.subtype]),
    fix = "deploy code that works with both first" })
end

return column
