-- The scripts of a history: read one after the other, parsed, and forgotten.

local errors = require "dixis.errors"
local folder = require "dixis.migrate.folder"
local sql = require "host.sql"

local source = {}

-- The nodes of names in all trees of a history.
local names = {}

-- Not in the statements themselves: these are many, and as small as they can be.
local bodies <const> = setmetatable({}, { __mode = "k" })

--- A statement's tree; made once, until it is dropped.
---@param statement host.sql.Statement
---@return table? tree  nil: it nests absurdly deep
function source.body(statement)
  local body = bodies[statement]
  if not body then
    body = sql.tree(statement.tree, names)
    bodies[statement] = body
  end
  return body
end

--- The statement is done with.
---@param statement host.sql.Statement
function source.drop(statement)
  bodies[statement] = nil
end

--- A history begins: nothing of another one is kept.
function source.forget()
  names = {}
end

-- Where the last statement ends that stands before a byte: a semicolon behind which the text parses up to there.
local function parse_before(text, position)
  for _ = 1, 20 do
    local cut <const> = text:sub(1, position - 1):match "^.*();"
    if not cut then return {} end
    local statements <const> = sql.parse(text:sub(1, cut))
    if statements then return statements, cut end
    position = cut
  end
  return {}
end

---@class dixis.lint.Script
---@field statements host.sql.Statement[]
---@field problem? dixis.Error   the parser stopped there: what follows is not known

--- Parses a script; what stands before an error is still read.
---@param text string
---@return dixis.lint.Script
function source.parse(text)
  local statements, err = sql.parse(text)
  if statements then return { statements = statements } end
  if err.kind ~= "syntax" then return { statements = {}, problem = err } end
  return { statements = parse_before(text, err.position or 1), problem = err }
end

---@class dixis.lint.Source: dixis.Migration
---@field text? string  the script, when it is not in a file

--- The migrations of a folder, in Prisma's order.
---@param given string|dixis.lint.Source[]
---@return dixis.lint.Source[]
function source.migrations(given)
  if type(given) == "table" then return given end
  return errors.check(folder.list(given)).migrations
end

---@param migration dixis.lint.Source
---@return string
function source.text(migration)
  return migration.text or errors.check(folder.script(migration))
end

---@param sequence dixis.lint.Relation
---@return string
function source.nextval(sequence)
  local schema <const> = sequence.schema == "public" and "public" or sql.quote_identifier(sequence.schema)
  return ("nextval('%s.%s'::regclass)"):format(schema, sql.quote_identifier(sequence.name))
end

-- What ends a default: the column's next constraint, the next column, the end of the list.
local ends <const> = { NOT = true, NULL = true, PRIMARY = true, UNIQUE = true, CHECK = true, REFERENCES = true,
  CONSTRAINT = true, GENERATED = true, COLLATE = true, DEFAULT = true, DEFERRABLE = true, INITIALLY = true }

--- Skips what is one piece at a byte: a string, a quoted name, a comment.
---@param text string
---@param at integer
---@return integer? after
function source.skip(text, at)
  local byte <const> = text:sub(at, at)
  if byte == "'" then
    local escapes <const> = text:sub(at - 1, at - 1):find "[Ee]" and not text:sub(at - 2, at - 2):find "[%w_]"
    local from = at + 1
    while true do
      local stop <const> = text:find(escapes and "['\\]" or "'", from)
      if not stop then return #text + 1 end
      if text:sub(stop, stop) == "\\" or text:sub(stop + 1, stop + 1) == "'" then from = stop + 2 else return stop + 1 end
    end
  elseif byte == '"' then
    return (text:find('"', at + 1, true) or #text) + 1
  elseif byte == "$" and not text:sub(at - 1, at - 1):find "[%w_]" then
    local tag <const> = text:match("^%$[%a_\x80-\xFF]?[%w_\x80-\xFF]*%$", at)
    if not tag then return nil end
    local _, stop = text:find(tag, at + #tag, true)
    return (stop or #text) + 1
  elseif text:sub(at, at + 1) == "--" then
    return text:find("\n", at, true) or #text + 1
  elseif text:sub(at, at + 1) == "/*" then
    local _, stop = text:find("*/", at + 2, true)
    return (stop or #text) + 1
  end
end

-- The text of an expression that begins at a byte and ends where a column definition goes on.
local function expression_text(text, at, last)
  local from <const>, depth = at, 0
  local expecting = true -- an operand must come: NOT and NULL are none of the column's constraints then
  while at <= last do
    local skipped <const> = source.skip(text, at)
    local char <const> = text:sub(at, at)
    if skipped then
      if not (text:sub(at, at + 1) == "--" or text:sub(at, at + 1) == "/*") then expecting = false end
      at = skipped
    elseif char == "(" or char == "[" then
      depth, at, expecting = depth + 1, at + 1, true
    elseif char == ")" or char == "]" then
      if depth == 0 then break end
      depth, at, expecting = depth - 1, at + 1, false
    elseif depth == 0 and (char == "," or char == ";") then
      break
    elseif char:find "[%a_\x80-\xFF]" then
      local word <const> = text:match("^[%w_$\x80-\xFF]+", at)
      if depth == 0 and not expecting and ends[word:upper()] then break end
      at, expecting = at + #word, false
    elseif char:find "%s" then
      at = at + 1
    else
      expecting = not char:find "[%w.]"
      at = at + 1
    end
  end
  return (text:sub(from, math.min(at, last + 1) - 1):gsub("%s+$", ""))
end

--- The SQL of a column's default, as it is written.
---@param context dixis.lint.Context
---@param body table  the Constraint
---@return string|false
function source.default(context, body)
  local at <const> = body.location and math.tointeger(body.location)
  if not at then return false end
  local after <const> = context.text:match("^[Dd][Ee][Ff][Aa][Uu][Ll][Tt]()", at + 1)
  if not after then return false end
  local first <const> = context.text:match("^%s*()", after)
  return expression_text(context.text, first, context.statement.last)
end

--- The SQL behind SET DEFAULT, for the column that the clause names.
---@param context dixis.lint.Context
---@param tree table
---@return string|false
function source.expression(context, tree)
  local location
  local function least(value)
    for key, inner in pairs(value) do
      if key == "location" and inner >= 0 and (not location or inner < location) then location = inner end
      if type(inner) == "table" then least(inner) end
    end
  end
  least(tree)
  if not location then return false end
  -- A parenthesis before the first word has no place of its own.
  local first = math.tointeger(location) + 1
  local before <const> = context.text:sub(1, first - 1):match "[Dd][Ee][Ff][Aa][Uu][Ll][Tt]%s*()[%s(]*$"
  if before then first = before end
  return expression_text(context.text, first, context.statement.last)
end

return source
