-- Transactions, settings, and code whose effect must be looked for: DO, CALL and functions.

local body = require "dixis.lint.body"
local builtin = require "dixis.lint.builtin"
local extension = require "dixis.lint.extension"
local find = require "dixis.lint.find"
local node = require "dixis.lint.node"
local query = require "dixis.lint.query"
local returns = require "dixis.lint.returns"
local rows = require "dixis.lint.rows"
local source = require "dixis.lint.source"
local sql = require "host.sql"

local handlers = {}

local begins <const> = { TRANS_STMT_BEGIN = true, TRANS_STMT_START = true }

function handlers.TransactionStmt(context, statement)
  if begins[statement.kind] then
    context.explicit, context.in_transaction, context.transaction = true, true, {}
  elseif statement.kind == "TRANS_STMT_COMMIT" then
    context.transaction, context.explicit = {}, nil
    context.in_transaction = context.implicit
  elseif statement.kind == "TRANS_STMT_ROLLBACK" or statement.kind == "TRANS_STMT_ROLLBACK_TO" then
    context:doubt "ROLLBACK undoes what statements before it did"
    context.transaction, context.explicit = {}, statement.kind == "TRANS_STMT_ROLLBACK_TO" and context.explicit or nil
  end
end

-- A search_path as a list; "$user" has no schema in a new database.
local function set_path(context, list, is_local)
  local model <const>, path <const> = context.model, {}
  for _, name in ipairs(list) do
    if name ~= "$user" and name ~= "" and name ~= "pg_catalog" then path[#path + 1] = name end
  end
  model.path, context.path_left = path, not is_local
end

function handlers.VariableSetStmt(context, set)
  local model <const> = context.model
  if set.kind == "VAR_RESET_ALL" or set.name == "search_path" and set.kind ~= "VAR_SET_VALUE" then
    model.path, context.path_left = model.default_path, nil
  elseif set.name == "search_path" then
    local list <const> = {}
    for i, item in ipairs(set.args or {}) do list[i] = node.constant_text(item) end
    set_path(context, list, set.is_local)
  elseif set.name == "check_function_bodies" then
    local value <const> = set.args and set.args[1]
    local text <const> = node.constant_text(value)
    context.skip_bodies = text == "false" or text == "off" or value and value.A_Const.ival ~= nil or nil
  elseif set.name == "session_replication_role" then
    model.foreign_keys_off = true
  elseif set.name == "role" or set.name == "session_authorization" then
    context:doubt("another role may have another search_path", "part")
  end
end

function handlers.DiscardStmt(context)
  context.model.path, context.path_left = context.model.default_path, nil
end

-- What a function called by a statement of its own may do to the schema.
local function calls(context, tree)
  node.walk(tree, function(kind, call)
    if kind ~= "FuncCall" then return end
    local schema <const>, name <const> = node.name(call.funcname)
    if name == "set_config" and (not schema or schema == "pg_catalog") then
      local setting <const> = node.constant_text(call.args[1])
      if setting ~= "search_path" then return end
      local value <const>, list <const> = node.constant_text(call.args[2]), {}
      if not value then
        context:doubt "the search_path is not a constant"
        return
      end
      for part in value:gmatch "[^,]+" do
        list[#list + 1] = part:match '^%s*"(.*)"%s*$' or part:match "^%s*(.-)%s*$":lower()
      end
      local is_local <const> = call.args[3] and call.args[3].A_Const
      set_path(context, list, is_local and is_local.boolval and is_local.boolval.boolval)
    elseif schema ~= "pg_catalog" and (schema or not builtin.has(name)) then
      rows.deleted(context)
      local list <const> = context.model:functions(schema, name)
      -- A name that is not there is an error, no doubt; a type's is a cast or a constructor.
      local plain = list ~= nil or context.failed ~= nil or context.model:type(schema, name) ~= nil
      for which in pairs(context.model.extensions) do plain = plain or extension.brings_plain(which, name) end
      for _, found in pairs(list or {}) do plain = plain and found.plain end
      if not plain and context.model:is_system(schema or "") == false then
        context:doubt(("%s() may change the schema"):format(name))
      end
    end
  end)
end

function handlers.after_select(context, select)
  calls(context, select)
end

function handlers.CallStmt(context, call)
  calls(context, { FuncCall = call.funccall })
end

local function body_text(options)
  local as <const> = node.option(options, "as")
  if type(as) ~= "table" then return nil end
  if as.String then return node.text(as) end
  return as.List and #as.List.items == 1 and node.text(as.List.items[1]) or nil
end

function handlers.DoStmt(context, body_of_do)
  rows.deleted(context)
  local text <const>, language <const> = body_text(body_of_do.args), node.option(body_of_do.args, "language")
  if not text or type(language) == "table" and node.text(language) ~= "plpgsql" then
    context:doubt "a DO block in another language may change the schema"
    return
  end
  body.follow(context, text, handlers.nested)
end

local polymorphic <const> = { anyelement = true, anyarray = true, anynonarray = true, anyenum = true, anyrange = true,
  anycompatible = true, anycompatiblearray = true }

local checked <const> = { SelectStmt = true, InsertStmt = true, UpdateStmt = true, DeleteStmt = true }

local languages <const> = { sql = true, plpgsql = true, c = true, internal = true }

-- A language comes with an extension of its name.
local function check_language(context, name)
  local model <const> = context.model
  if not name or languages[name:lower()] or model.extensions[name:lower()] or model.languages or model.opaque
    or model.epochs.schema > 0 then return end
  find.unbrought(context, "missing-extension", { object = name,
    message = ('the language "%s" does not exist here: it comes with the extension of its name'):format(name) }, name)
end

function handlers.CreatePLangStmt(context)
  context.model.languages = true
end

local function grammatical(message)
  for _, beginning in ipairs { "syntax error", "unexpected end", "mismatched parentheses", "unterminated" } do
    if message:find(beginning, 1, true) == 1 then return true end
  end
  return false
end

-- The server reads a body when it makes the function. What this parser does not read may be a fault, or of a later version.
local function check_syntax(context, language, text)
  if context.skip_bodies or context.variables or not text then return end
  local parsed, problem
  if language == "sql" then
    parsed, problem = sql.parse(text)
  elseif language == "plpgsql" then
    parsed, problem = sql.parse_plpgsql(context.text:sub(context.statement.first, context.statement.last))
  else
    return
  end
  -- Of other faults it cannot judge: it has no catalog to look types up in.
  if parsed or not grammatical(problem.message) then return end
  context.unknown = true
  context:report("cannot-know", { message = ("the parser does not read this function's body: %s"):format(problem.message) })
end

--- The body of a function in SQL is checked when it is created; of one in PL/pgSQL, only its syntax.
function handlers.check_body(context, definition, parameters)
  local language <const> = node.option(definition.options, "language")
  local text <const> = body_text(definition.options)
  local written <const> = type(language) == "table" and node.text(language) or nil
  check_language(context, written)
  check_syntax(context, written and written:lower(), text)
  if definition.sql_body or type(language) == "table" and node.text(language) == "sql" then
    if context.skip_bodies or context.soft then return end
    for _, item in ipairs(definition.parameters or {}) do
      local _, name = node.name(item.FunctionParameter.argType.names)
      if polymorphic[name] then return end
    end
    local _, own = node.name(definition.funcname)
    parameters[own] = true
    context.positional = returns.give_types(context, definition, parameters)
    local statements <const>, last, list = text and sql.parse(text) or nil, nil, nil
    for _, statement in ipairs(statements or {}) do
      if checked[statement.node] then
        list = query.read(context, { [statement.node] = source.body(statement) }, nil, parameters)
      end
      last = statement
    end
    context.positional = nil
    if statements and not context.failed then returns.check(context, definition, last, list) end
  end
end

--- True when a function's body cannot change the schema.
function handlers.is_plain(definition)
  local text <const> = body_text(definition.options)
  return definition.sql_body ~= nil or text ~= nil and not body.may_change(text)
end

return handlers
