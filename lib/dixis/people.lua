-- The people that a runbook names: who decides, and whom to call. What nobody has filled in yet is told with its line.

local define = require "dixis.define"

local people = {}

--- What stands where a name is yet to be written.
people.BLANK = "[FILL IN]"

local person_fields <const> = {
  name = { type = "string", required = true, help = "who" },
  role = { type = "string", help = "as in \"on-call engineer\"" },
  phone = { type = "string" },
  email = { type = "string" },
  chat = { type = "string", help = "as in \"#ops\" or \"@name\"" },
}
local fields <const> = {
  decision_maker = { type = "table", required = true, help = "who says go, stop and back" },
  contacts = { type = "list", required = true, help = "whom to call, in order" },
}
local ways <const> = { "phone", "email", "chat" }

--- Every field, for the reference page and its spec.
people.fields, people.person_fields = fields, person_fields

local function check_person(what, given)
  if type(given) ~= "table" then error(("%s must be a table: { name = \"...\", phone = \"...\" }"):format(what), 0) end
  local person = define.check_fields(what, given, person_fields)
  for _, way in ipairs(ways) do
    if person[way] then return person end
  end
  error(("%s: there is no way to reach %s: phone, email or chat"):format(what, person.name), 0)
end

--- Checks the field `people` of a runbook. Raises a plain message, for define.entry.
---@param given table
---@return table
function people.check(given)
  local checked = define.check_fields("people", given, fields)
  checked.decision_maker = check_person("people.decision_maker", checked.decision_maker)
  if #checked.contacts == 0 then error("people.contacts is empty", 0) end
  local contacts = {}
  for i, contact in ipairs(checked.contacts) do
    contacts[i] = check_person(("people.contacts[%d]"):format(i), contact)
  end
  checked.contacts = contacts
  return checked
end

local function line_of(role, person)
  local parts = { person.name }
  for _, way in ipairs(ways) do parts[#parts + 1] = person[way] end
  return ("%s: %s"):format(person.role and person.role ~= role and role and ("%s (%s)"):format(role, person.role)
    or person.role or role or "contact", table.concat(parts, ", "))
end

--- One line for each, the decision maker first.
---@param named table
---@return string[]
function people.lines(named)
  local lines = { line_of("decision maker", named.decision_maker) }
  for _, contact in ipairs(named.contacts) do lines[#lines + 1] = line_of(nil, contact) end
  return lines
end

local function has_blank(value)
  if type(value) == "string" then return value:find(people.BLANK, 1, true) ~= nil end
  if type(value) ~= "table" then return false end
  for _, item in pairs(value) do
    if has_blank(item) then return true end
  end
  return false
end

--- Where something is left to fill in, as "runbooks/prod.lua:31"; empty when all is.
---@param book dixis.Runbook
---@return string[] places
function people.blanks(book)
  local places = {}
  if not has_blank(book.people) then return places end
  for _, source in ipairs(book.sources) do
    -- What extends another runbook may have named its own people.
    if #places > 0 then break end
    local number = 0
    for line in (source.text .. "\n"):gmatch "(.-)\n" do
      number = number + 1
      if line:find(people.BLANK, 1, true) and not line:find "^%s*%-%-" then
        places[#places + 1] = ("%s:%d"):format(source.path, number)
      end
    end
  end
  -- The words may have been put together by the runbook's code.
  if #places == 0 then places[1] = book.path end
  return places
end

return people
