-- The fields that all notices have beside their own, and what may stand in them.

local near = require "dixis.near"
local refs = require "dixis.refs"
local text = require "dixis.notice.text"

local shared <const> = {
  language = { type = "string", default = "en", help = "of the text: " .. table.concat(text.languages, " or ") },
  moments = { type = "list", default = text.moments, help = "when it is sent" },
  every = { type = "duration", help = "how often to say that it still goes on" },
}

local notice_fields = {}

--- The fields of a notice: its own and the shared ones.
---@param own table<string, table>
---@return table<string, table>
function notice_fields.with(own)
  for name, field in pairs(shared) do own[name] = field end
  return own
end

--- Raises, as plain text, for a value that is none of the known ones; a reference is only known later.
---@param what string
---@param value any
---@param known string[]
function notice_fields.must_be_one_of(what, value, known)
  if refs.is_ref(value) then return end
  for _, one in ipairs(known) do
    if one == value then return end
  end
  error(("field '%s': unknown value '%s'%s"):format(what, tostring(value), near.suggest(tostring(value), known)), 0)
end

---@param args table
function notice_fields.check(args)
  notice_fields.must_be_one_of("language", args.language, text.languages)
  for _, moment in ipairs(args.moments) do notice_fields.must_be_one_of("moments", moment, text.moments) end
end

return notice_fields
