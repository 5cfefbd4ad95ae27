-- ALTER COLUMN ... TYPE.

local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"
local kinds = require "dixis.lint.types"
local types = require "dixis.lint.hazard.types"

local type_change = {}

local quote <const> = subject.quote

-- USING "c"::type is what PostgreSQL does by itself.
local function is_plain_cast(context, expression, name, wanted)
  if not expression then return true end
  local cast <const> = expression.TypeCast
  if cast then return context:type_name(cast.typeName) == wanted and is_plain_cast(context, cast.arg, name, wanted) end
  local reference <const> = expression.ColumnRef
  return reference ~= nil and node.text(reference.fields[#reference.fields]) == name
end

local function is_indexed(relation, name)
  local column <const> = relation.columns[name]
  for index in pairs(relation.indexes) do
    if index.mentions and index.mentions[column] then return true end
    for _, key in ipairs(index.keys or {}) do
      if key == column then return true end
    end
  end
  return column == nil
end

local function is_enum(type)
  return type ~= nil and type.user ~= nil and type.user.kind == "enum" and not type.array
end

local function judge(context, on, command, from, to)
  local definition <const> = command.def.ColumnDef
  local found <const> = on.relation and on.relation.columns[command.name]
  local change = found and types.change(context:base_type(found.type),
    context:base_type(kinds.read(context.model, definition.typeName))) or "unknown"
  local domain <const> = context:domain(definition.typeName)
  if domain and domain.constrained and from ~= to then change = "rewrite" end
  if change ~= "unknown" and not is_plain_cast(context, definition.raw_default, command.name, to) then
    change = "rewrite"
  end
  if change == "timezone" and context.server_major and context.server_major < 12 then change = "rewrite" end
  if change == "timezone" and context.memory.utc then change = "indexes" end
  if change == "indexes" and on.relation and not is_indexed(on.relation, command.name) then change = "nothing" end
  return change
end

---@param context dixis.lint.Hazards
---@param on dixis.lint.Subject
---@param command table
---@return string? long
function type_change.change(context, on, command)
  local name <const> = command.name
  local definition <const> = command.def.ColumnDef
  local to <const> = context:type_name(definition.typeName)
  local found <const> = on.relation and on.relation.columns[name]
  local from <const> = found and kinds.text(found.type) or nil
  local change <const> = judge(context, on, command, from, to)
  if change == "nothing" then return nil end
  local long <const> = change == "indexes" and "indexes" or "rewrite"
  local why = {}
  if change == "unknown" then why[1] = "(Its present type is not known here; a change that only widens it writes nothing.)" end
  if change == "timezone" then
    why[1] = "With the session's time zone at UTC, PostgreSQL 12 and later write no row; with any other they write all."
  end
  if types.narrows(from, to) then why[#why + 1] = "It fails when a value does not fit." end
  if long == "rewrite" and change ~= "timezone" then
    why[#why + 1] = "Running code that was made for the old type can fail."
  end
  local new <const> = quote(name .. "_new")
  local fix, steps
  if change == "timezone" then
    fix = "make sure of the time zone in the same migration, before it"
    steps = { "SET LOCAL TIME ZONE 'UTC';",
      ("ALTER TABLE %s ALTER COLUMN %s TYPE %s;"):format(on.sql, quote(name), to) }
  elseif change == "indexes" then
    fix = "drop the indexes on it CONCURRENTLY before, and build them CONCURRENTLY after, in migrations of their own"
  elseif is_enum(found and found.type) and is_enum(kinds.read(context.model, definition.typeName)) then
    fix = "ALTER TYPE ... ADD VALUE writes no row; a value that is not used any more can stay. Where one has to go, do it when "
      .. "nobody waits, or over a new column"
  else
    fix = "add a column of the new type, write to both, fill the old rows in batches, move the code, drop the old column"
    steps = {
      "-- 1", ("ALTER TABLE %s ADD COLUMN %s %s;"):format(on.sql, new, to or "..."),
      "-- 2, with code that writes both", ("UPDATE %s SET %s = %s::%s WHERE %s IS DISTINCT FROM %s::%s;  -- in batches")
        :format(on.sql, new, quote(name), to or "...", new, quote(name), to or "..."),
      "-- 3, with code that uses the new one", ("ALTER TABLE %s DROP COLUMN %s;"):format(on.sql, quote(name)),
    }
  end
  say.hazard(context, "type-rewrites", { on = on, part = name, lock = "ACCESS EXCLUSIVE", long = long,
    what = ("ALTER COLUMN %s TYPE %s%s"):format(quote(name), to or "...", from and (" (from %s)"):format(from) or ""),
    why = #why > 0 and table.concat(why, " ") or nil, fix = fix, sql = steps, at = definition.location })
  return long
end

return type_change
