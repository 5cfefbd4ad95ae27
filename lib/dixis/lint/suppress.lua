-- Exceptions written into a migration: `-- dixis-lint: off RULE because REASON`, for the whole file.

local rules = require "dixis.lint.rules"
local near = require "dixis.near"

local suppress = {}

local ASKED <const> = "write: -- dixis-lint: off RULE because REASON"

---@class dixis.lint.Suppression
---@field rule string
---@field line integer
---@field used? boolean

--- The exceptions of a script, and what is wrong with them.
---@param text string
---@param report fun(rule: string, line: integer, message: string, fix: string)
---@return dixis.lint.Suppression[]
function suppress.read(text, report)
  local found <const> = {}
  if not text:find("dixis-lint:", 1, true) then return found end
  local line = 0
  for content in (text .. "\n"):gmatch "(.-)\r?\n" do
    line = line + 1
    local said = content:match "^%s*%-%-%s*dixis%-lint:%s*(.-)%s*$"
    local names, reason = (said or ""):match "^off%s+(.-)%s+because%s+(%S.*)$"
    if said and not reason then
      report("invalid-suppression", line, said:find "^off%s" and "this exception gives no reason, so it does not count"
        or "this is no exception that dixis knows", ASKED)
    elseif said then
      for name in names:gmatch "[^%s,]+" do
        if rules.all[name] then
          found[#found + 1] = { rule = name, line = line }
        else
          report("invalid-suppression", line, ("there is no rule '%s'%s"):format(name,
            near.suggest(name, near.keys(rules.all))), ASKED)
        end
      end
    end
  end
  return found
end

return suppress
