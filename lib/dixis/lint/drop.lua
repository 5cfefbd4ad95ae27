-- Dropping: what goes along, and what stands in the way.

local depend = require "dixis.lint.depend"
local find = require "dixis.lint.find"

local drop = {}

local words <const> = { matview = "materialized view", partitioned = "table" }

local function describe(object)
  local word <const> = words[object.kind] or object.kind
  if object.kind == "default" then
    return ('the default of "%s"."%s"'):format(object.table.name, object.column.name)
  elseif object.kind == "constraint" and object.type == "f" then
    return ('the foreign key "%s" of "%s"'):format(object.name, object.table.name)
  elseif object.table then
    return ('the %s "%s" of "%s"'):format(word, object.name, object.table.name)
  end
  return ('the %s "%s"'):format(word, object.name)
end

local MOST <const> = 3 -- of what stands in the way that are named

-- What needs what is dropped, as one reason.
local function report_blockers(context, blockers, name, what)
  local texts <const>, seen <const> = {}, {}
  local lingers, alone
  for _, blocker in ipairs(blockers) do
    local object <const> = blocker.object
    if not seen[object] and find.stands(context, object) and find.stands(context, blocker.needs)
      and object.refused ~= context.place then
      seen[object] = true
      texts[#texts + 1] = ("%s (made %s)"):format(describe(object), context:where(object))
      -- What should have let go of it before, and failed, is the reason, unless something else is in the way, too.
      local reason <const> = object.lingers or object.wanted and object.wanted.cause
      lingers, alone = lingers or reason, alone or not reason
    end
  end
  local count <const> = #texts
  if count == 0 then return end
  local more <const> = count > MOST and (" and %d more"):format(count - MOST) or ""
  context:report("still-needed", { before = not alone and { lingers = lingers } or nil, object = name,
    message = ("%s cannot be dropped: %s%s %s it"):format(what, table.concat(texts, ", ", 1, math.min(count, MOST)), more,
      count > 1 and "need" or "needs"),
    fix = count > 1 and "drop those first, or write CASCADE" or "drop that first, or write CASCADE" })
end

--- Drops objects with all that goes with them; reports what still needs them.
---@param context dixis.lint.Context
---@param objects dixis.lint.Object[]
---@param cascade boolean
---@param what string  what is dropped, for the message
function drop.objects(context, objects, cascade, what)
  local going <const>, blockers <const> = depend.closure(objects, cascade)
  local unsure = false
  local first <const> = objects[1]
  local name <const> = first and find.full(first.schema or first.table and first.table.schema, first.name)
  report_blockers(context, blockers, name, what)
  for _, blocker in ipairs(blockers) do
    -- What a statement that fails would have made is in nobody's way.
    unsure = unsure or not blocker.object.cause
  end
  if context.failed and not context.soft then
    for _, object in ipairs(objects) do object.refused = context.place end
    -- For sure it is not dropped: what stumbles over it later does so for that reason.
    for _, object in ipairs(going) do object.lingers = object.lingers or context.failed end
    return
  end
  if context.soft or unsure then
    -- It is not known whether they are still there.
    for _, object in ipairs(going) do object.maybe = true end
    return
  end
  -- A schema goes behind what is in it.
  for _, last in ipairs { false, true } do
    for _, object in ipairs(going) do
      if not object.removed and (object.kind == "schema") == last then
        depend.remove(context.model, object, context.place)
      end
    end
  end
end

return drop
