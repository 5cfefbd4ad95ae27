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

-- Unicode's spaces; the rest beyond ASCII counts as letters, but for punctuation such as quotes and dashes.
local wide_space <const> = P "\u{A0}" + P "\u{1680}" + "\xE2\x80" * (R "\x80\x8A" + S "\xAF") + P "\u{205F}" + P "\u{3000}"
local punctuation <const> = P "\xE2" * S "\x80\x81" + P "\u{FEFF}"
local newline <const> = P "\r\n" + S "\r\n"
local space <const> = S " \t" + wide_space
local line_comment <const> = P "//" * (1 - S "\r\n") ^ 0
local block_comment <const> = P "/*" * (1 - P "*/") ^ 0 * P "*/"
  + P "/*" * P(function(_, at) raise(at - 2, "this comment has no end") end)
local comment <const> = line_comment + block_comment
local gap <const> = space ^ 0
local blank <const> = (space + newline + comment) ^ 0
local line_end <const> = gap * comment ^ -1 * gap * newline

local letter <const> = R("az", "AZ") + R "\x80\xFF" - (wide_space + punctuation)
local name <const> = C((letter + R "09") * (letter + R "09" + S "_-") ^ 0)
local path <const> = C(name / 0 * (P "." ^ 1 * (name / 0) ^ -1) ^ 0)

local hex <const> = R("09", "af", "AF")

local function code_point(first, second)
  local high <const>, low <const> = tonumber(first, 16), second and tonumber(second, 16)
  if low then return utf8.char(0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF)) end
  return utf8.char(high)
end

local high <const> = P "\\u" * C(S "dD" * S "89abAB" * hex * hex)
local low <const> = P "\\u" * C(S "dD" * S "cdefCDEF" * hex * hex)
local plain <const> = P "\\u" * C(hex * hex * hex * hex - S "dD" * S "89abcdefABCDEF")
local letters <const> = P '\\"' / '"' + P "\\\\" / "\\" + P "\\/" / "/" + P "\\b" / "\b" + P "\\f" / "\f" + P "\\n" / "\n"
  + P "\\r" / "\r" + P "\\t" / "\t"
local escape <const> = letters + high * low / code_point + plain / code_point
  + P "\\" * P(function(_, at) raise(at - 1, "unknown escape sequence; a backslash is written \\\\") end)
local text <const> = P '"' * Cs((escape + (1 - (S '"\\' + R "\0\x1F"))) ^ 0) * must(P '"', "this text has no closing quote")

local function node(kind, pattern)
  return Ct(Cg(Cp(), "at") * Cg(Cc(kind), "kind") * pattern)
end

local function list(item)
  return gap * (item * (gap * P "," * gap * item) ^ 0) ^ -1 * gap
end

-- What closes a list must be on the same line: Prisma knows no others.
local function closed(sign)
  return P(sign) + P(function(subject, at)
    local broken <const> = subject:find("^[ \t,]*[\r\n]", at)
    raise(at, ("',' or '%s' expected%s"):format(sign, broken and "; an attribute stays on one line" or ""))
  end)
end

-- A comma after the last one and a name without a value are for the attribute to judge.
local function rules(first)
  return P {
    first,
    value = V "call" + V "list" + V "number" + node("text", Cg(text, "value")) + node("name", Cg(path, "value")),
    number = node("number", Cg(C(P "-" ^ -1 * R "09" ^ 1 * (P "." * R "09" ^ 1) ^ -1), "value")),
    list = node("list", P "[" * Cg(Ct(list(V "value")), "items") * closed "]"),
    call = node("call", Cg(path, "value") * gap * Cg(V "arguments", "arguments")),
    arguments = P "(" * Ct(list(V "argument") * Cg(Cp() * P ",", "trailing") ^ -1 * gap) * closed ")",
    -- { a: 1 } is Prisma 7's, and not looked into.
    object = node("object", "{" * (V "object" + (1 - S "{}\r\n")) ^ 0 * "}"),
    argument = Ct(Cg(Cp(), "at")
      * (Cg(name, "name") * gap * P ":" * gap * Cg(V "object" + V "value", "value") ^ -1 + Cg(V "value", "value"))),
  }
end

local value <const>, arguments <const> = rules "value", rules "arguments"

local function attribute(sign, kind)
  return node(kind, P(sign) * gap * Cg(must(path, "the name of an attribute expected"), "name")
    * (gap * Cg(arguments, "arguments")) ^ -1)
end

local block_attribute <const> = attribute("@@", "block_attribute")
local field_attributes <const> = Ct((gap * attribute(P "@" * -P "@", "attribute")) ^ 0)

local function legacy(pattern, message)
  return #pattern * P(function(_, at) raise(at, message) end)
end

local unsupported <const> = P "Unsupported(" * gap * must(text, "a type's name in quotes expected")
  * gap * must(P ")", "')' expected")
local field_type <const> = Cg(Cp(), "type_at") * (Cg(unsupported, "unsupported") + Cg(name, "type"))
  * (gap * P "[]" * (legacy(gap * P "?", "a list cannot be optional: either Type[] or Type?") + Cg(Cc(true), "list"))
    + gap * P "?" * Cg(Cc(true), "optional")
    + legacy(gap * P "!", "a field is required without '!'")) ^ -1
  + legacy(P "[", "a list is written Type[]") + legacy(P ":", "there is no ':' between a field and its type")

local field <const> = node("field", Cg(name, "name") * gap * must(field_type, "the field's type expected")
  * Cg(field_attributes, "attributes"))
local enum_value <const> = node("value", Cg(name, "name") * Cg(field_attributes, "attributes"))
local property <const> = node("property", Cg(name, "name") * gap * must(P "=", "'=' expected") * gap
  * Cg(must(value, "a value expected"), "value"))

local function block(keyword, entry, what)
  local header = P(keyword) * gap
  local body = V "blank" * (entry * V "line_end" * V "blank") ^ 0
  return node(keyword, header * Cg(must(name, ("the name of the %s expected"):format(keyword)), "name") * gap
    * must(P "{", "'{' expected") * (1 - S "\r\n") ^ 0 * must(newline, "the block has no end")
    * Cg(Ct(body), "entries") * (P "}" + P(function(_, at) raise(at, what .. " or '}' expected") end)))
end

-- Rules that blocks share: LPeg copies what is put together by value.
local file <const> = P {
  Ct(V "blank" * ((
    block("model", V "fields", "a field, an attribute")
    + block("view", V "fields", "a field, an attribute")
    + block("type", V "fields", "a field, an attribute")
    + block("enum", V "values", "a value, an attribute")
    + block("datasource", V "property", "a property")
    + block("generator", V "property", "a property")
  ) * V "blank") ^ 0) * must(-1, "model, enum, datasource, generator, view or type expected"),
  blank = blank,
  line_end = must(line_end, "the end of the line expected"),
  fields = block_attribute + field,
  values = block_attribute + enum_value,
  property = property,
}

--- The blocks of a text.
---@param source string
---@return table[]? blocks
---@return { at: integer, message: string }? problem
function grammar.parse(source)
  local ok, blocks = pcall(lpeg.match, file, source)
  if ok then return blocks end
  if type(blocks) == "table" then
    -- What is missing at the end of the file is missed where its last line ends.
    if blocks.at > #source then blocks.at = #source:gsub("%s+$", "") end
    return nil, blocks
  end
  return nil, { at = 1, message = "nests too deeply" }
end

return grammar
