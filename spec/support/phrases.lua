-- What is not the phrase, though it comes near: for the gate that asks for it.

local phrases = {}

-- Characters that look like others: Cyrillic, Greek, full width, mathematical.
local lookalikes <const> = {
  A = { "А", "Α", "Ａ", "𝐀", "Å" }, D = { "Ｄ", "Ԁ", "𝐃" }, E = { "Е", "Ε", "Ｅ" }, G = { "Ԍ", "Ｇ" },
  I = { "І", "Ι", "Ｉ", "l", "1", "|", "Ӏ" }, K = { "К", "Κ", "Ｋ", "K" }, N = { "Ν", "Ｎ" }, O = { "О", "Ο", "Ｏ", "0", "〇" },
  P = { "Р", "Ρ", "Ｐ" }, R = { "Ｒ", "𝐑" }, S = { "Ѕ", "Ｓ", "5", "$" }, T = { "Т", "Τ", "Ｔ" }, X = { "Х", "Χ", "Ｘ", "×" },
  ["-"] = { "–", "—", "‐", "‑", "−", "_", " ", "", "--", "－", "﹣", "\xC2\xAD" },
}
local around <const> = {
  " ", "  ", "\t", "\n", "\r", "\r\n", "\v", "\f", "\0", "\x7F", "\xC2\xA0", "\xE2\x80\x8B", "\xE2\x80\x8D", "\xEF\xBB\xBF",
  "\xE3\x80\x80", "\xE2\x80\xA8", "\xE2\x80\xAE", "\xCC\x81", "'", '"', "`", ".", ",", ";", "!", "?", "*", "%", "\\", "/", "-",
  "x", "X", "\xFF", "\xC0\x80", "\x1B[A", "$()", "--confirm=",
}
local others <const> = {
  "", "y", "Y", "yes", "YES", "ok", "OK", "true", "1", "*", ".*", "%", "^.*$", "nil", "null", "\0", "\n", "confirm", "sure",
  "DIXIS-STAGING-OK", "DIXIS-PROD", "PROD-OK", "DIXIS-PROD-OKAY", "DIXIS-PROD-KO", "DIXIS-PROD-NO", "DIXIS PROD OK",
  "DIXISPRODOK", "DIXIS_PROD_OK", "OK-PROD-DIXIS", "KO-DORP-SIXID", "DIXIS-PROD-OK DIXIS-PROD-OK", "' OR 1=1 --", "${PHRASE}",
  "<the phrase>", "&#68;IXIS-PROD-OK", "D%49XIS-PROD-OK", "\\x44IXIS-PROD-OK", "=?UTF-8?B?RElYSVMtUFJPRC1PSw==?=",
  "RElYSVMtUFJPRC1PSw==", ("x"):rep(4000), ("DIXIS-PROD-OK"):rep(300),
}

--- Many texts that are all different, and none of them the phrase.
---@param phrase string
---@return string[]
function phrases.near(phrase)
  local seen, list = { [phrase] = true }, {}
  local function add(text)
    if seen[text] then return end
    seen[text] = true
    list[#list + 1] = text
  end
  for _, text in ipairs(others) do add(text) end
  for _, text in ipairs(around) do
    add(text .. phrase)
    add(phrase .. text)
    add(text .. phrase .. text)
  end
  add(phrase:lower())
  add(phrase:upper())
  add(phrase:reverse())
  for i = 1, #phrase do
    local before, c, after = phrase:sub(1, i - 1), phrase:sub(i, i), phrase:sub(i + 1)
    add(before)
    add(phrase:sub(i + 1))
    add(before .. after)
    add(before .. c .. c .. after)
    add(before .. (c:lower() == c and c:upper() or c:lower()) .. after)
    add(before .. after:sub(1, 1) .. c .. after:sub(2))
    for bit = 0, 7 do add(before .. string.char(c:byte() ~ (1 << bit)) .. after) end
    for _, text in ipairs(around) do add(before .. text .. c .. after) end
    for _, other in ipairs(lookalikes[c:upper()] or {}) do add(before .. other .. after) end
  end
  return list
end

--- One random text near the phrase, never the phrase itself.
---@param phrase string
---@return string
function phrases.random(phrase)
  local text = phrase
  repeat
    for _ = 1, math.random(3) do
      local at = math.random(#text + 1)
      local cut, kind = math.random(0, 2), math.random(4)
      local put = kind == 1 and string.char(math.random(0, 255)) or kind == 2 and phrase:sub(at, at + math.random(0, 3))
        or kind == 3 and around[math.random(#around)] or ""
      text = text:sub(1, at - 1) .. put .. text:sub(at + cut)
    end
  until text ~= phrase
  return text
end

--- Answers the gate as --confirm does.
---@param phrase string
---@param answer string
---@return boolean opened
---@return any err
function phrases.ask(phrase, answer)
  local gate = require "dixis.gate.confirm"
  local run = { settings = { confirm = { answer } }, phrases = {}, current_item = "confirm" }
  return pcall(gate.act, run, { phrase = phrase })
end

return phrases
