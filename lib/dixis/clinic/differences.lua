-- Where the result is not what the schema file says: what lint foretold, and what follows from other faults.

local lint_schema = require "dixis.lint.schema"
local rules = require "dixis.lint.rules"

local differences = {}

-- Everything applied, and nothing was hidden from lint: then it must have seen the same.
local function must_agree(self)
  local linted = self.linted
  return not self.failed and not linted.unknown and not linted.model.opaque and linted.counts.excepted == 0
end

local function foretold(self)
  local by_message <const>, rest <const> = {}, {}
  for _, finding in ipairs(self.linted.findings) do
    if rules.all[finding.rule].group == "schema" then
      by_message[finding.message] = finding
      rest[#rest + 1] = finding
    end
  end
  return by_message, rest
end

-- "public.Order.total" is missing because its statement failed, or its table's; or because of what is known of either.
local function cause_of(self, object, about)
  local of_table, name = object:match "^([^.]+%.([^.]+))"
  return about[object] or about[of_table] or self.unmade[object:match "[^.]+$"] or self.unmade[name]
end

-- Where the object, or the table that it is missing from, was made.
local function made_by(self, object)
  local schema, of_table, part = object:match "^([^.]+)%.([^.]+)%.?(.*)$"
  local model = self.linted.model
  local relation = schema and model:relation(schema, of_table)
  local object_of = relation and (relation.columns[part] or relation.constraints and relation.constraints[part]
    or part ~= "" and model:relation(schema, part)) or relation
  local place = object_of and object_of.place
  return place and ("%s:%d"):format(place.file, place.line) or nil
end

--- Adds the faults of the differences to a diagnosis.
---@param self table  of diagnose.lua
---@param found dixis.prisma.Difference[]
function differences.add(self, found)
  local about <const> = {}
  for _, fault in ipairs(self.faults) do
    if fault.object and fault.severity == "error" then about[fault.object] = about[fault.object] or fault end
  end
  local by_message, rest = foretold(self)
  for _, difference in ipairs(found) do
    local finding = by_message[difference.message]
    if (finding or difference).severity ~= "note" then -- more than the schema file says is for `dixis lint` to tell
      local fault
      if finding then
        fault = self:add_finding(finding, "both")
        self.of[finding] = fault
      else
        fault = self:add { kind = "cause", found = "real", rule = lint_schema.rule(difference.kind),
          severity = difference.severity, file = difference.file, line = difference.line, object = difference.object,
          message = difference.message }
      end
      fault.cause, fault.made_by = cause_of(self, difference.object, about), made_by(self, difference.object)
      if not finding and not fault.cause and must_agree(self) then
        self.missed_by_lint[#self.missed_by_lint + 1] = fault
      end
    end
  end
  for _, finding in ipairs(rest) do
    if finding.rule == "unreadable-schema" then
      self.of[finding] = self:add_finding(finding, "static")
    elseif not self.of[finding] and finding.severity ~= "note" and must_agree(self) then
      self:disagree(finding, "lint says that the result differs from the schema file, and it does not")
    end
  end
end

return differences
