-- Schemas that differ from good ones by a token or a line: most of them are wrong in one place.

local lpeg = require "lpeg"

local variants = {}

local P <const>, R <const>, S <const> = lpeg.P, lpeg.R, lpeg.S
local token <const> = P '"' * (P "\\" * 1 + (1 - S '"\\\n')) ^ 0 * '"' + P "@" ^ 1 + (R("az", "AZ", "09") + "_") ^ 1
  + P "//" * (1 - P "\n") ^ 0 + S " \t" ^ 1 + 1
local tokens_of <const> = lpeg.Ct(lpeg.C(token) ^ 0)

local odd <const> = { "?", "[]", "!", '"', "\\", "/*", "*/", "//", "@db.Text", "@unique", "@id", "@@id([id])", "@ignore",
  "@@ignore", "@updatedAt", "@default(now())", '@map("x")', '@@map("x")', '@relation("x")', "SetNull", "1", "-", "é", " ", "\n" }

local function pick(list) return list[math.random(#list)] end

local function change_line(text, all)
  local lines <const> = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  local i <const>, j <const>, way <const> = math.random(#lines), math.random(#lines), math.random(4)
  if way == 1 then
    table.remove(lines, i)
  elseif way == 2 then
    table.insert(lines, j, lines[i])
  elseif way == 3 then
    lines[i], lines[j] = lines[j], lines[i]
  else
    local other <const> = {}
    for line in pick(all):gmatch "[^\n]+" do other[#other + 1] = line end
    table.insert(lines, i, pick(other))
  end
  return table.concat(lines, "\n")
end

local function change_token(text, pool)
  local tokens <const> = tokens_of:match(text)
  local i <const>, j <const>, way <const> = math.random(#tokens), math.random(#tokens), math.random(6)
  if way == 1 then
    table.remove(tokens, i)
  elseif way == 2 then
    table.insert(tokens, i, tokens[i])
  elseif way == 3 then
    tokens[i], tokens[j] = tokens[j], tokens[i]
  elseif way == 4 then
    table.insert(tokens, i, pick(odd))
  else
    tokens[i] = pick(pool)
  end
  return table.concat(tokens)
end

--- So many variants, always the same ones for a seed. The datasource stays what it is.
---@param good string[]  schemas
---@param count integer
---@param seed integer
---@return string[]
function variants.of(good, count, seed)
  math.randomseed(seed)
  local pool <const>, found <const> = {}, {}
  for _, text in ipairs(good) do table.move(tokens_of:match(text), 1, #tokens_of:match(text), #pool + 1, pool) end
  while #found < count do
    local text <const> = pick(good)
    local changed <const> = math.random(4) == 1 and change_line(text, good) or change_token(text, pool)
    if changed:find "\n *url *=" and changed:find 'datasource %w+ {\n *provider *= "postgres' then found[#found + 1] = changed end
  end
  return found
end

return variants
