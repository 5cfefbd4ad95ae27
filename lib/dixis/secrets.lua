-- The secrets of a run, and their removal from all that is shown or kept.

local digest = require "host.digest"
local json = require "dixis.json"

local Secrets = {}
Secrets.__index = Secrets

local MASK <const> = "***"

local secrets = {}

---@class dixis.Secrets
---@return dixis.Secrets
function secrets.new()
  return setmetatable({ forms = {}, list = {} }, Secrets)
end

local function percent_encoded(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- Registers a secret in the forms in which it may turn up. Very short ones are left alone: masking
--- "a" everywhere would make the record unreadable and hide nothing.
---@param text string?
function Secrets:add(text)
  if not text or #text < 4 then return end
  local hex = text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  for _, form in ipairs { text, percent_encoded(text), percent_encoded(text):lower(), json.encode(text):sub(2, -2),
    (digest.base64(text):gsub("=+$", "")), hex, hex:upper() } do
    if not self.forms[form] then
      self.forms[form] = true
      self.list[#self.list + 1] = form
    end
  end
  table.sort(self.list, function(a, b) return #a > #b end)
end

---@param text string
---@return string
function Secrets:clean(text)
  for _, form in ipairs(self.list) do
    local from, to = text:find(form, 1, true)
    while from do
      text = text:sub(1, from - 1) .. MASK .. text:sub(to + 1)
      from, to = text:find(form, from + #MASK, true)
    end
  end
  return text
end

--- A copy of the value with every string in it cleaned; the value itself when there is nothing to clean.
---@generic T
---@param value T
---@return T
function Secrets:clean_all(value)
  if #self.list == 0 then return value end
  if type(value) == "string" then return self:clean(value) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, item in pairs(value) do copy[key] = self:clean_all(item) end
  return copy
end

return secrets
