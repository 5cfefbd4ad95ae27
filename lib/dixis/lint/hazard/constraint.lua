-- Constraints on tables that are in use: which of them read all rows or build an index under a lock, and which do not.

local column = require "dixis.lint.hazard.column"
local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local constraint = {}

local quote <const> = subject.quote

local function list(texts)
  local quoted <const> = {}
  for i, text in ipairs(texts) do quoted[i] = quote(text) end
  return table.concat(quoted, ", ")
end

-- The name of what is added, or the one that PostgreSQL would give.
local function name_of(on, definition, columns, label)
  return definition.conname or table.concat({ on.name, table.unpack(columns) }, "_") .. "_" .. label
end

local function described(definition, text)
  return definition.conname and ("ADD CONSTRAINT %s %s"):format(quote(definition.conname), text) or "ADD " .. text
end

local two_steps <const> = "two migrations: the constraint NOT VALID, which new rows must pass from then on; then its "
  .. "validation, which reads the old rows and lets others read and write meanwhile"

function constraint.check(context, on, definition, inline)
  if definition.skip_validation then
    context.memory.not_valid[on.key .. "." .. (definition.conname or "")] = definition
    return nil
  end
  local columns <const> = inline and { inline } or {}
  local name <const> = quote(name_of(on, definition, columns, "check"))
  say.hazard(context, "check-scans", { what = described(definition, "CHECK"), on = on, lock = "ACCESS EXCLUSIVE",
    long = "scan", why = "It fails when one of them does not pass.", at = definition.location, fix = two_steps, sql = {
      "-- 1", ("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s) NOT VALID;"):format(on.sql, name,
        context:text_of_check(definition) or "..."),
      "-- 2", ("ALTER TABLE %s VALIDATE CONSTRAINT %s;"):format(on.sql, name),
    } })
  return "scan"
end

-- The other table of a foreign key; nil when this migration made it.
local function target_of(context, definition)
  return subject.of(context, definition.pktable)
end

---@param on? dixis.lint.Subject  nil: the table is new
function constraint.foreign(context, on, definition, inline)
  local target <const> = target_of(context, definition)
  local other <const> = target and (not on or target.key ~= on.key) and target or nil
  if other then context:locked(other, "SHARE ROW EXCLUSIVE") end
  if not on then
    if other and context:wants "foreign-key-locks-both" then
      say.hazard(context, "foreign-key-locks-both", { what = described(definition, "FOREIGN KEY"), on = other,
        lock = "SHARE ROW EXCLUSIVE", long = "held", at = definition.location,
        fix = "keep the migration short; nothing that takes long beside this" })
    end
    return nil
  end
  local columns <const> = inline and { inline } or node.texts(definition.fk_attrs)
  if definition.skip_validation then
    context.memory.not_valid[on.key .. "." .. (definition.conname or "")] = definition
    return nil
  end
  local references <const> = node.texts(definition.pk_attrs)
  local name <const> = quote(name_of(on, definition, columns, "fkey"))
  local table_name <const> = target and target.sql
    or subject.sql_name(definition.pktable.schemaname or "public", definition.pktable.relname)
  say.hazard(context, "foreign-key-scans", { what = described(definition, "FOREIGN KEY"), on = on,
    lock = "SHARE ROW EXCLUSIVE", long = "scan", at = definition.location,
    also = other and { { on = other, lock = "SHARE ROW EXCLUSIVE" } } or nil,
    why = "It fails when a row refers to none.", fix = two_steps, sql = {
      "-- 1", ("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s%s%s NOT VALID;"):format(on.sql, name,
        list(columns), table_name, #references > 0 and " (" .. list(references) .. ")" or "", constraint.actions(definition)),
      "-- 2", ("ALTER TABLE %s VALIDATE CONSTRAINT %s;"):format(on.sql, name),
    } })
  return "scan"
end

local actions <const> = { r = "RESTRICT", c = "CASCADE", n = "SET NULL", d = "SET DEFAULT" }

function constraint.actions(definition)
  local delete <const>, update <const> = actions[definition.fk_del_action], actions[definition.fk_upd_action]
  return (delete and " ON DELETE " .. delete or "") .. (update and " ON UPDATE " .. update or "")
end

---@param inline? string  the column that it is a part of
function constraint.unique(context, on, definition, inline)
  local primary <const> = definition.contype == "CONSTR_PRIMARY"
  local word <const> = primary and "PRIMARY KEY" or "UNIQUE"
  local columns <const> = inline and { inline } or node.texts(definition.keys)
  if definition.indexname then
    if not primary then return nil end
    local long
    for _, name in ipairs(context:index_columns(on, definition.indexname)) do
      if not column.known_not_null(context, on, name) then
        column.scan_for_null(context, on, name, ("ADD PRIMARY KEY USING INDEX %s, which makes %s NOT NULL,")
          :format(quote(definition.indexname), quote(name)), definition.location)
        long = "scan"
      end
    end
    return long
  end
  local name <const> = primary and (definition.conname or on.name .. "_pkey") or name_of(on, definition, columns, "key")
  local new <const> = quote(name .. "_idx")
  say.hazard(context, "unique-builds-index", { what = described(definition, word), on = on, lock = "ACCESS EXCLUSIVE",
    long = "index", at = definition.location,
    why = primary and "Rows with NULL or equal values make it fail." or "Equal values make it fail.",
    fix = "build the index first, alone in its migration, which blocks nobody; then make it the constraint, which takes "
      .. "a moment", sql = {
      "-- 1", ("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s);"):format(new, on.sql, list(columns)),
      "-- 2", ("ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s;"):format(on.sql, quote(name), word, new),
    } })
  return "index"
end

function constraint.exclusion(context, on, definition)
  say.hazard(context, "exclusion-builds-index", { what = described(definition, "EXCLUDE"), on = on,
    lock = "ACCESS EXCLUSIVE", long = "index", why = "PostgreSQL has no way to do this without the lock.",
    at = definition.location,
    fix = "do it in a maintenance window, or keep the rule by a trigger, or move the rows to a new table that has it" })
  return "index"
end

local handlers <const> = { CONSTR_CHECK = constraint.check, CONSTR_FOREIGN = constraint.foreign,
  CONSTR_UNIQUE = constraint.unique, CONSTR_PRIMARY = constraint.unique, CONSTR_EXCLUSION = constraint.exclusion }

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
---@return string? long
function constraint.add(context, on, command)
  local definition <const> = command.def.Constraint
  local handler <const> = handlers[definition.contype]
  if handler then return handler(context, on, definition) end
end

--- The constraints inside of ADD COLUMN. A foreign key on a column that begins as NULL needs no look at the rows.
---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param definition table  ColumnDef
---@return string? long
function constraint.of_column(context, on, definition)
  local long, default
  for _, entry in ipairs(definition.constraints or {}) do
    default = default or entry.Constraint.contype == "CONSTR_DEFAULT"
  end
  for _, entry in ipairs(definition.constraints or {}) do
    local inner <const> = entry.Constraint
    local handler <const> = handlers[inner.contype]
    if inner.contype == "CONSTR_FOREIGN" and not default then
      local target <const> = target_of(context, inner)
      if target then context:locked(target, "SHARE ROW EXCLUSIVE") end
    elseif handler then
      long = handler(context, on, inner, definition.colname) or long
    end
  end
  return long
end

--- VALIDATE in the transaction of NOT VALID.
---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
---@return string? long
function constraint.validate(context, on, command)
  local added <const> = context.memory.not_valid[on.key .. "." .. command.name]
  if not added or not context.in_transaction then return nil end
  local name <const> = quote(command.name)
  say.hazard(context, "validate-too-soon", { on = on, part = command.name, long = "scan", at = context:find(command.name),
    lock = added.contype == "CONSTR_FOREIGN" and "SHARE ROW EXCLUSIVE" or "ACCESS EXCLUSIVE",
    what = ("VALIDATE CONSTRAINT %s in the transaction that added it NOT VALID, whose lock is still held,"):format(name),
    fix = "validate it in a migration of its own", sql = ("ALTER TABLE %s VALIDATE CONSTRAINT %s;"):format(on.sql, name) })
  return "scan"
end

-- What it is about goes with the same migration, or another foreign key of the same columns comes.
local function moot(context, on, found)
  if context:later("drop", on, "") then return true end
  local names <const> = {}
  for i, key in ipairs(found.keys or {}) do
    if key and context:goes(on, key.name) then return true end
    names[i] = key and key.name or ""
  end
  return found.type == "f" and context:later("reference", on, table.concat(names, "\0"))
end

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
function constraint.drop(context, on, command)
  local found <const> = on.relation and on.relation.constraints[command.name]
  if not found or context:fresh_object(found) then return end
  local other <const> = found.type == "f" and found.target ~= on.relation and subject.of_relation(context, found.target)
  if other then context:locked(other, "ACCESS EXCLUSIVE") end
  if context:later("constraint", on, command.name) or moot(context, on, found) then return end
  local kinds <const> = { p = "The primary key", u = "That values differ", f = "That rows refer to rows that are there",
    c = "What the CHECK says" }
  say.report(context, "drop-constraint", { object = on.key .. "." .. command.name, at = context:find(command.name),
    message = ("%s is not enforced any more on %s without constraint %s: running code may lean on it%s.%s"):format(
      kinds[found.type] or "A rule", on.sql, quote(command.name),
      found.type == "u" and " (ON CONFLICT, Prisma's upsert)" or "",
      other and (" %s is locked too: ACCESS EXCLUSIVE, until the migration ends."):format(other.sql) or ""),
    fix = "drop it only when no code needs it; adding it again later reads all rows" })
end

return constraint
