-- What notices say: a template of a language, filled in with the facts of a run.

local near = require "dixis.near"

local text = {}

--- When a notice is sent.
text.moments = { "before", "started", "waiting", "running", "succeeded", "failed" }
text.languages = { "el", "en" }

---@param language string
---@return table<string, { subject: string, lines: string[] }>
local function templates(language)
  for _, known in ipairs(text.languages) do
    if known == language then return require("dixis.notice.text." .. language) end
  end
  error(("notices do not speak '%s'%s"):format(tostring(language), near.suggest(tostring(language), text.languages)), 0)
end

-- nil when a fact is missing: a line without its fact is left out.
local function fill(line, facts)
  local missing
  local filled = line:gsub("{([%a_]+)}", function(name)
    local value = facts[name]
    missing = missing or value == nil
    return value == nil and "" or tostring(value)
  end)
  return not missing and filled or nil
end

--- The subject and the text of a notice.
---@param language string
---@param moment string
---@param facts table<string, any>
---@return string subject
---@return string text
function text.compose(language, moment, facts)
  local template = templates(language)[moment]
  local lines = {}
  for _, line in ipairs(template.lines) do
    local filled = fill(line, facts)
    if filled then lines[#lines + 1] = filled end
  end
  return fill(template.subject, facts) or template.subject, table.concat(lines, "\n")
end

return text
