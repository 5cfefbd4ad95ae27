-- The texts of a URL: percent-encoding, what may be said about it, and the password's removal.

local errors = require "dixis.errors"

local url_text = {}

local SHAPE <const> = "it looks like postgresql://user:password@host:5432/database"

--- nil and an error of kind "url"; the message must hold nothing of the URL's user and password.
---@param message string
---@param hint? string
---@return nil
---@return dixis.Error err
function url_text.fail(message, hint)
  return nil, errors.new("url", message, { hint = hint or SHAPE })
end

--- The words of a text as a set.
---@param text string
---@return table<string, boolean>
function url_text.set(text)
  local names = {}
  for name in text:gmatch "%S+" do names[name] = true end
  return names
end

---@param char string  one byte
---@return string
function url_text.encoded(char)
  return ("%%%02X"):format(char:byte())
end

--- Undoes percent-encoding; `where` names the part of the URL in an error.
---@param text string
---@param where string
---@return string? decoded
---@return dixis.Error? err
function url_text.decode(text, where)
  if text:gsub("%%%x%x", ""):find("%", 1, true) then
    return url_text.fail(("a '%%' in the %s is not followed by two hex digits"):format(where),
      "write a literal % as %25")
  end
  local decoded = text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  if decoded:find("\0", 1, true) then return url_text.fail(("%%00 in the %s is not possible"):format(where)) end
  return decoded
end

--- A function that takes the password out of any text, in every form in which it may turn up there.
--- Very short ones are left alone outside of URLs: masking "a" everywhere would hide nothing.
---@param password? string  decoded
---@param written string    as it stands in the URL
---@return fun(text: string): string
function url_text.redactor(password, written)
  local forms <const>, seen <const> = {}, {}
  local function add(form)
    if #form < 4 or seen[form] then return end
    seen[form] = true
    forms[#forms + 1] = form
  end
  if password then
    add(password)
    add(written)
    for _, plain in ipairs { "[^%w%-._~]", "[^%w%-._~!'()*]", "[^%w%-._~!$&'()*+,;=]", "[^%w%-._~!$&'()*+,;=:@/?]" } do
      local upper = password:gsub(plain, url_text.encoded)
      local lower = password:gsub(plain, function(char) return url_text.encoded(char):lower() end)
      add(upper)
      add(lower)
      add((upper:gsub("%%20", "+")))
    end
    table.sort(forms, function(a, b) return #a > #b end)
  end
  return function(text)
    text = text:gsub("(://[^:@/%s]*):[^@%s]*@", "%1:***@")
    for _, form in ipairs(forms) do
      text = text:gsub(form:gsub("%W", "%%%0"), "***")
    end
    return text
  end
end

return url_text
