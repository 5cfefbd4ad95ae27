-- Clinics, and what their records say.
local book = require "spec.support.book"
local dixis = require "spec.support.dixis"
local fs = require "host.fs"

local clinics = {}

--- Runs the clinic in a folder.
---@async
function clinics.clinic(folder, arguments, env)
  local result = dixis.run({ "run", "clinic", table.unpack(arguments or {}) }, { cwd = folder, env = env })
  return result, (dixis.journal(folder))
end

--- The events of a type.
function clinics.of_type(events, kind)
  local list = {}
  for _, event in ipairs(events) do
    if event.type == kind then list[#list + 1] = event end
  end
  return list
end

--- The names of the red criteria.
function clinics.red(events)
  local names = {}
  for i, event in ipairs(clinics.of_type(events, "criterion.red")) do names[i] = event.name end
  return table.concat(names, " ")
end

--- "rule line" of each cause, and of what follows from it, in brackets.
function clinics.outline(events)
  local lines, of = {}, {}
  for _, fault in ipairs(clinics.of_type(events, "fault.found")) do
    local short = ("%s %s:%d"):format(fault.kind == "gap" and "gap" or fault.rule, (fault.migration or "?"):match "[^_]+$",
      fault.line or 0)
    if fault.cause then
      table.insert(of[fault.cause], ("%s:%d"):format(fault.migration:match "[^_]+$", fault.line))
    elseif fault.severity == "error" then
      of[fault.id] = { short }
      lines[#lines + 1] = of[fault.id]
    else
      of[fault.id] = { short .. " (" .. fault.severity .. ")" }
      lines[#lines + 1] = of[fault.id]
    end
  end
  for i, parts in ipairs(lines) do
    lines[i] = #parts == 1 and parts[1] or ("%s <- %s"):format(parts[1], table.concat(parts, " ", 2))
  end
  return table.concat(lines, "\n")
end

--- A project without what is only worth knowing, as a lock file that is not there.
function clinics.project(scripts)
  local folder = book.project(scripts)
  assert(fs.write(folder .. "/prisma/migrations/migration_lock.toml", 'provider = "postgresql"\n'))
  return folder
end

return clinics
