-- What a runbook is: the table it declares, its validation, and how one extends another.

local address = require "dixis.address"
local define = require "dixis.define"
local errors = require "dixis.errors"
local near = require "dixis.near"
local guard = require "dixis.lazy" "dixis.guard"
local people = require "dixis.people"
local refs = require "dixis.refs"

local runbook = {}

---@class dixis.Runbook
---@field name string
---@field version string
---@field title string
---@field target { env?: string, environment: string, maintenance?: string|dixis.Ref }
---@field options table<string, table>
---@field uses table<string, any[]>
---@field gates dixis.Item[]
---@field steps dixis.Item[]
---@field criteria dixis.Item[]
---@field notices dixis.Item[]
---@field people? { decision_maker: table, contacts: table[] }
---@field way_back? string[]   lines that are printed when the run goes red
---@field guard? table        watches the target while steps run: see dixis.guard
---@field watch? { after: any, every: any }  go on judging the criteria
---@field sign? { env: string, required: boolean }  the variable that holds the key that receipts are signed with
---@field audit any            put runs on record in the target, or the option that says so
---@field explain boolean      `dixis plan --explain` is allowed
---@field path string
---@field built_in boolean     its file is not one of the project's
---@field chunks table<string, string>  what Lua calls its files in messages -> their paths
---@field files { path: string, digest: string }[]  those of them that are not built in
---@field sources { path: string, text: string }[]  its text and those that it extends
---@field digest string  SHA-256 of its text (and of those that it extends)
local Runbook = {}
Runbook.__name = "dixis.runbook"
Runbook.__index = Runbook

local fields <const> = {
  name = { type = "string", required = true, help = "short name, as in \"staging\"" },
  version = { type = "string", required = true, help = "as in \"1.0.0\"" },
  title = { type = "string", required = true, help = "one line for people" },
  target = { type = "table", required = true, help = "{ env = \"DATABASE_URL_X\", environment = \"x\" }" },
  options = { type = "table", default = {} },
  uses = { type = "table", default = {} },
  gates = { type = "list", required = true },
  steps = { type = "list", required = true },
  criteria = { type = "list", required = true },
  notices = { type = "list", default = {}, help = "whom to tell how it goes" },
  people = { type = "table", help = "{ decision_maker = { ... }, contacts = { ... } }" },
  way_back = { type = "list" },
  guard = { type = "table", help = "{ every = \"5s\", abort = { ... } }: watch the target while steps run" },
  watch = { type = "table", help = "{ after = \"1h\" }: go on judging the criteria for so long" },
  sign = { type = "table", help = "{ env = \"DIXIS_SIGNING_KEY\" }: sign receipts with the key in that variable" },
  audit = { type = "any", default = false, help = "true: put runs on record in the target too, in dixis.run" },
  explain = { type = "boolean", default = false, help = "allow `dixis plan --explain`, which takes locks" },
}
local target_fields <const> = {
  env = { type = "string", help = "the variable that holds the target's URL; none when a gate makes the target" },
  environment = { type = "string", required = true, help = "\"staging\", \"production\", ..." },
  maintenance = { type = "string", help = "work from this database beside the target, which need not be there" },
}
local watch_fields <const> = {
  after = { type = "duration", required = true, help = "how long" },
  every = { type = "duration", default = 30, help = "how often" },
}
local sign_fields <const> = {
  env = { type = "string", required = true, help = "the variable that holds the private key" },
  required = { type = "boolean", default = false, help = "true: refuse to run without it" },
}
local option_fields <const> = {
  type = { type = "string", required = true },
  default = { type = "any" },
  choices = { type = "list" },
  required = { type = "boolean", default = false, help = "there is no run without a value" },
  help = { type = "string", required = true, help = "one line for `plan`" },
}
local option_types <const> = {
  string = true, boolean = true, integer = true, duration = true, path = true, url = true, choice = true,
}
local uses_fields <const> = {
  env = { type = "list" }, exec = { type = "list" }, net = { type = "list" }, read = { type = "list" },
  write = { type = "list" },
}
local lists <const> = { gates = "gate", steps = "step", criteria = "check", notices = "notice" }
local list_order <const> = { "gates", "steps", "criteria", "notices" }

---@param value any
---@return boolean
function runbook.is_runbook(value)
  return getmetatable(value) == Runbook
end

local function check_options(options)
  for name, option in pairs(options) do
    if type(name) ~= "string" or not name:match "^[%a_][%w_]*$" then
      error(("options: '%s' is no name for an option"):format(tostring(name)), 0)
    end
    if type(option) ~= "table" then error(("options.%s must be a table"):format(name), 0) end
    local checked = define.check_fields("options." .. name, option, option_fields)
    if not option_types[checked.type] then
      error(("options.%s: unknown type '%s'%s"):format(name, checked.type,
        near.suggest(checked.type, near.keys(option_types))), 0)
    end
    if checked.type == "choice" and not checked.choices then
      error(("options.%s: a choice needs choices = { ... }"):format(name), 0)
    end
    if checked.default ~= nil then
      local value, problem = runbook.option_value(checked, checked.default)
      if problem then error(("options.%s: its default %s"):format(name, problem), 0) end
      checked.default = value
    end
    options[name] = checked
  end
end

--- `dixis.runbook { ... }`: checks keys and types; the rest is checked by validate.
---@param given table
---@return dixis.Runbook
function runbook.new(given)
  if type(given) ~= "table" then error("dixis.runbook takes a table", 0) end
  local book = define.check_fields("dixis.runbook", given, fields)
  book.target = define.check_fields("target", book.target, target_fields)
  book.uses = define.check_fields("uses", book.uses, uses_fields)
  if book.guard then book.guard = guard.check(book.guard) end
  if book.watch then book.watch = define.check_fields("watch", book.watch, watch_fields) end
  if book.people then book.people = people.check(book.people) end
  if book.sign then book.sign = define.check_fields("sign", book.sign, sign_fields) end
  check_options(book.options)
  return setmetatable(book, Runbook)
end

--- A value for an option, from --set (text) or from the runbook (typed).
---@param option table
---@param value any
---@return any value
---@return string? problem
function runbook.option_value(option, value)
  local kind = option.type
  if kind == "boolean" then
    if type(value) == "boolean" then return value end
    if value == "true" or value == "yes" or value == "1" then return true end
    if value == "false" or value == "no" or value == "0" then return false end
    return nil, "must be true or false"
  elseif kind == "integer" then
    local whole = math.tointeger(tonumber(value))
    if whole then return whole end
    return nil, "must be a whole number"
  elseif kind == "duration" then
    return define.convert(value, "duration")
  elseif type(value) ~= "string" then
    return nil, "must be a string"
  elseif kind == "choice" then
    for _, choice in ipairs(option.choices) do
      if choice == value then return value end
    end
    return nil, "must be one of " .. table.concat(option.choices, ", ")
  elseif kind == "url" then
    if value:match "^https?://[^%s/]+" then return value end
    return nil, "must be an http:// or https:// address"
  elseif value == "" then
    return nil, "must not be empty"
  end
  return value
end

local within <const> = { read = true, write = true }

local function inside(folder, path)
  return type(path) == "string" and path:sub(1, #folder + 1) == folder .. "/" and not path:find("..", 1, true)
end

local function declares(book, what, wanted)
  if what == "env" and wanted == book.target.env then return true end
  for _, value in ipairs(book.uses[what] or {}) do
    if refs.is_ref(value) then
      if refs.is_ref(wanted) and wanted.name == value.name then return true end
    elseif value == wanted or what == "net" and address.covers(value, wanted) or within[what] and inside(value, wanted) then
      return true
    end
  end
  return false
end

-- Whatever an item touches must stand in the runbook's `uses`, where a reviewer looks.
local function check_uses(book, item, where)
  local needs = item.definition.uses and item.definition.uses(item.args) or {}
  for what, values in pairs(needs) do
    for _, value in ipairs(values) do
      if not declares(book, what, value) then
        errors.raise("runbook", ("%s: %s '%s' uses %s %s, which the runbook does not declare"):format(
          where, item.kind, item.name, what, tostring(value)),
          { hint = ("add it to uses.%s"):format(what) })
      end
    end
  end
end

-- Some runbooks work in a place of their own.
local function makes_target(book)
  for _, gate in ipairs(book.gates) do
    if gate.definition.makes_target then return true end
  end
  return false
end

--- Checks what needs the whole table: items, their names, references, declared uses.
---@param book dixis.Runbook
---@param where string  file name for messages
function runbook.validate(book, where)
  local seen = {}
  local function bad(message, hint) errors.raise("runbook", where .. ": " .. message, { hint = hint, file = where }) end
  local function check_refs(name, value)
    refs.each(value, function(ref)
      if ref.source == "option" and not book.options[ref.name] then
        bad(("'%s' refers to option '%s', which the runbook does not have%s"):format(name, ref.name,
          near.suggest(ref.name, near.keys(book.options))))
      end
    end)
  end
  check_refs("target", book.target)
  check_refs("watch", book.watch)
  check_refs("guard", book.guard)
  for _, list in ipairs(list_order) do
    for i, item in ipairs(book[list]) do
      if not define.is_item(item) then
        bad(("%s[%d] is a %s, not a %s"):format(list, i, type(item), lists[list]))
      end
      if item.kind ~= lists[list] then
        bad(("%s[%d] ('%s') is a %s; %s are made with %s.*"):format(list, i, item.name, item.kind, list, lists[list]))
      end
      if seen[item.name] then
        bad(("two items are called '%s'"):format(item.name), "give one of them another name = \"...\"")
      end
      seen[item.name] = true
      check_refs(item.name, item.args)
      check_uses(book, item, where)
    end
  end
  if #book.steps == 0 then bad "has no steps" end
  if book.sign and not declares(book, "env", book.sign.env) then
    bad(("sign uses env %s, which the runbook does not declare"):format(book.sign.env), "add it to uses.env")
  end
  check_refs("audit", { book.audit })
  if not book.target.env and not makes_target(book) then
    bad("target: field 'env' is missing (the variable that holds the target's URL)")
  end
end

-- ---- For dixis.extend ----------------------------------------------------------------------------

--- The lists of items, in order; what they hold is in runbook.lists.
runbook.list_order, runbook.lists = list_order, lists
runbook.check_options = check_options

--- Every field, for the reference page and its spec.
runbook.fields = { runbook = fields, target = target_fields, sign = sign_fields, option = option_fields, uses = uses_fields,
  watch = watch_fields, guard = guard.fields, guard_abort = guard.abort_fields }
runbook.option_types = option_types

--- Makes a runbook of a table whose fields have been checked.
---@param book table
---@return dixis.Runbook
function runbook.make(book)
  return setmetatable(book, Runbook)
end

return runbook
