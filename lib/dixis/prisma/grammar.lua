-- The grammar of the Prisma schema language, in LPeg. It knows shapes, no meanings: schema.lua does.
--
-- Blocks come out as { kind, name, at, entries }; entries of a model are fields and block attributes,
-- of an enum values and block attributes, of a datasource or generator properties. `at` is a byte
-- position. As soon as it is clear what a piece is, what must follow is demanded: the first missing
-- part raises { at, message }, so errors stand where a reader would look.

local lpeg = require "lpeg"

local C <const>, Cc <const>, Cg <const>, Cp <const>, Cs <const>, Ct <const> =
  lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Cp, lpeg.Cs, lpeg.Ct
local P <const>, R <const>, S <const>, V <const> = lpeg.P, lpeg.R, lpeg.S, lpeg.V

local grammar = {}

local function raise(at, message)
  error({ at = at, message = message }, 0)
end

local function must(pattern, message)
  return pattern + P(function(_, at) raise(at, message) end)
end

local newline <const> = P "\r\n" + S "\r\n"
local line_comment <const> = P "//" * (1 - S "\r\n") ^ 0
local block_comment <const> = P "/*" * (1 - P "*/") ^ 0 * must(P "*/", "this comment has no end")
local comment <const> = line_comment + block_comment
local gap <const> = (S " \t" + block_comment) ^ 0
local blank <const> = (S " \t\r\n" + comment) ^ 0
local line_end <const> = line_comment ^ -1 * (newline + -1)

local letter <const> = R("az", "AZ", "\x80\xFF")
local name <const> = C((letter + R "09") * (letter + R "09" + S "_-") ^ 0)
local path <const> = C(name / 0 * (P "." * name / 0) ^ 0)

local function code_point(hex)
  local number = tonumber(hex, 16)
  return (number >= 0xD800 and number <= 0xDFFF) and "\u{FFFD}" or utf8.char(number)
end

local hex <const> = R("09", "af", "AF")
local escape <const> = P "\\" / "" * must(S '"\\/' + P "n" / "\n" + P "r" / "\r" + P "t" / "\t"
  + P "u" / "" * (hex * hex * hex * hex / code_point), "unknown escape sequence; a backslash is written \\\\")
local text <const> = P '"' * Cs((escape + (1 - S '"\\\r\n')) ^ 0) * must(P '"', "this text has no closing quote")

local function node(kind, pattern)
  return Ct(Cg(Cp(), "at") * Cg(Cc(kind), "kind") * pattern)
end

-- Arguments and lists may go over lines.
local function listed(item)
  return blank * (item * (blank * P "," * blank * item) ^ 0 * (blank * P ",") ^ -1) ^ -1 * blank
end

local function rules(first)
  return P {
    first,
    value = node("text", Cg(text, "value")) + V "number" + V "list" + V "call" + node("name", Cg(path, "value")),
    number = node("number", Cg(C(P "-" ^ -1 * R "09" ^ 1 * (P "." * R "09" ^ 1) ^ -1) * -(letter + "_"), "value")),
    list = node("list", P "[" * Cg(Ct(listed(V "value")), "items") * must(P "]", "',' or ']' expected")),
    call = node("call", Cg(path, "value") * gap * Cg(V "arguments", "arguments")),
    arguments = P "(" * Ct(listed(V "argument")) * must(P ")", "',' or ')' expected"),
    argument = Ct(Cg(name, "name") * blank * P ":" * blank * Cg(must(V "value", "a value expected"), "value"))
      + Ct(Cg(V "value", "value")),
  }
end

local value <const>, arguments <const> = rules "value", rules "arguments"

local function attribute(sign, kind)
  return node(kind, P(sign) * gap * Cg(must(path, "the name of an attribute expected"), "name")
    * (gap * Cg(arguments, "arguments")) ^ -1)
end

local block_attribute <const> = attribute("@@", "block_attribute")
local field_attributes <const> = Ct((gap * attribute(P "@" * -P "@", "attribute")) ^ 0)

local unsupported <const> = P "Unsupported" * gap * P "(" * gap * must(text, "a type's name in quotes expected")
  * gap * must(P ")", "')' expected")
local field_type <const> = Cg(Cp(), "type_at") * (Cg(unsupported, "unsupported") + Cg(path, "type"))
  * gap * (Cg(P "[" * gap * must(P "]", "']' expected") * Cc(true), "list") * gap) ^ -1
  * Cg(P "?" * Cc(true), "optional") ^ -1

local field <const> = node("field", Cg(name, "name") * gap * must(field_type, "the field's type expected")
  * Cg(field_attributes, "attributes"))
local enum_value <const> = node("value", Cg(name, "name") * Cg(field_attributes, "attributes"))
local property <const> = node("property", Cg(name, "name") * gap * must(P "=", "'=' expected") * gap
  * Cg(must(value, "a value expected"), "value"))

local function block(keyword, entry, what)
  local header = P(keyword) * -(letter + R "09" + S "_-") * gap
  local body = blank * (entry * gap * must(line_end, "the end of the line expected") * blank) ^ 0
  return node(keyword, header * Cg(must(name, ("the name of the %s expected"):format(keyword)), "name") * gap
    * must(P "{", "'{' expected") * gap * must(line_end, "the end of the line expected after '{'")
    * Cg(Ct(body), "entries") * must(P "}", what .. " or '}' expected"))
end

local fields <const> = block_attribute + field
local file <const> = Ct(blank * ((
    block("model", fields, "a field, an attribute")
    + block("view", fields, "a field, an attribute")
    + block("type", fields, "a field, an attribute")
    + block("enum", block_attribute + enum_value, "a value, an attribute")
    + block("datasource", property, "a property")
    + block("generator", property, "a property")
  ) * blank) ^ 0) * must(-1, "model, enum, datasource, generator, view or type expected")

--- The blocks of a text.
---@param source string
---@return table[]? blocks
---@return { at: integer, message: string }? problem
function grammar.parse(source)
  local ok, blocks = pcall(lpeg.match, file, source)
  if ok then return blocks end
  if type(blocks) == "table" then return nil, blocks end
  return nil, { at = 1, message = "nests too deeply" }
end

return grammar
