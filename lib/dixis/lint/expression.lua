-- What an expression needs: functions, types, sequences, columns of its table, and values of enums.

local builtin = require "dixis.lint.builtin"
local depend = require "dixis.lint.depend"
local extension = require "dixis.lint.extension"
local find = require "dixis.lint.find"
local node = require "dixis.lint.node"
local operand = require "dixis.lint.operand"
local signature = require "dixis.lint.signature"
local types = require "dixis.lint.types"

local expression = {}

--- A type as it is written; reports it when it is missing.
---@param context dixis.lint.Context
---@param type_name table
---@return dixis.lint.Type
function expression.type(context, type_name)
  local found <const> = types.read(context.model, type_name)
  if type_name.typmods and not types.takes_modifiers(found) then
    context:report("type-modifier", { object = found.name,
      message = ('the type "%s" takes nothing in parentheses'):format(types.text(found):gsub("%(.-%)", "")) })
  end
  if found.builtin or found.serial then return found end
  if found.schema then find.schema(context, found.schema) end
  if found.user then
    if found.user.cause then
      context:follow("missing-type", found.user, { object = find.full(found.schema, found.name),
        message = ('the type "%s" is not there: the statement that should have made it fails'):format(found.name) })
    end
  elseif found.why == "missing" then
    local gone <const> = context.model:dropped("type", found.schema, found.name)
    local brought_by <const> = not gone and extension.of_type(found.name) or nil
    local index <const> = find.unbrought(context, "missing-type", { object = find.full(found.schema, found.name),
      message = ('the type "%s" does not exist here%s'):format(found.name, gone and find.history(context, gone)
        or brought_by and (': it comes with the extension "%s"'):format(brought_by) or "") }, brought_by)
    if index then
      local made <const> = context.model:born { kind = "type", schema = context.model:target(found.schema),
        name = found.name, cause = context.findings[index].cause or index, place = context.place, assumed = true }
      context.model:add_type(made)
      find.missed(context, "type " .. find.full(made.schema, made.name), index, gone or brought_by)
      found.user = made
    end
  end
  return found
end

local no_row <const> = { A_Const = true, A_Expr = true, BoolExpr = true, SQLValueFunction = true, A_ArrayExpr = true }

-- name(row) may mean row.name.
local function is_attribute(model, name, argument)
  local kind <const>, body <const> = next(argument)
  if no_row[kind] or kind == "TypeCast" and types.read(model, body.typeName).builtin then return false end
  for _, space in pairs(model.schemas) do
    for _, relation in pairs(space.relations) do
      if relation.columns and (relation.columns[name] or relation.open) then return true end
    end
    for _, type in pairs(space.types) do
      if type.attributes and type.attributes[name] then return true end
    end
  end
  return false
end

--- Do the functions of a name take so many arguments?
---@param context dixis.lint.Context
---@param list table<string, dixis.lint.Object>
---@param schema? string
---@param name string
---@param arguments table[]
function expression.check_call(context, list, schema, name, arguments)
  local failed
  for _, found in pairs(list) do
    if signature.takes(found, #arguments) then
      if not found.cause then return end
      failed = failed or found
    elseif not found.cause and not find.stands(context, found) then
      return
    end
  end
  if failed then
    context:follow("missing-function", failed, { object = find.full(schema, name),
      message = ('the function "%s" is not there: the statement that should have made it fails'):format(name) })
    return
  end
  if not schema and (builtin.has(name) or builtin.extension(name)) or context.model:may_bring("function", name)
    or context.model.path_unsure then return end
  context:report("missing-function", { object = find.full(schema, name),
    message = ('the function "%s" does not exist here with %d argument%s'):format(name, #arguments,
      #arguments == 1 and "" or "s") })
end

--- A function by its name alone; reports it when it is missing.
---@param context dixis.lint.Context
---@param parts table[]
---@param needs fun(object: dixis.lint.Object)
---@param arguments? table[]
function expression.call(context, parts, needs, arguments)
  local schema <const>, name <const> = node.name(parts)
  if schema == "pg_catalog" then return end
  local list, why = context.model:functions(schema, name)
  if list then
    expression.check_call(context, list, schema, name, arguments or {})
    -- Of several with the same name it is not known here which one is meant.
    local _, only = next(list)
    if next(list, next(list)) == nil then needs(only) end
    return
  end
  if schema then find.schema(context, schema) end
  if why ~= "missing" or not schema and builtin.has(name) then return end
  -- A cast may be written like a call.
  if context.model:type(schema, name) or context.model:relation(schema, name) or types.is_builtin(name) then return end
  if arguments and #arguments == 1 and is_attribute(context.model, name, arguments[1]) then return end
  find.no_function(context, schema, name, builtin.extension(name) or nil)
end

local by_name <const> = { nextval = true, currval = true, setval = true }

-- 'name'::regclass as a RangeVar.
local function regclass(text)
  local parts <const> = {}
  local rest = text
  while rest ~= "" do
    local quoted <const>, after = rest:match '^"([^"]+)"%.?(.*)$'
    if quoted then
      parts[#parts + 1], rest = quoted, after
    else
      local plain <const>, behind = rest:match "^([%w_$\x80-\xFF]+)%.?(.*)$"
      if not plain then return nil end
      parts[#parts + 1], rest = plain:lower(), behind
    end
  end
  if #parts == 0 or #parts > 2 then return nil end
  return { schemaname = parts[2] and parts[1] or nil, relname = parts[#parts] }
end
expression.regclass = regclass

local function check_label(context, enum, text)
  local label <const> = enum.labels[text]
  if not label then
    if enum.open or not context.model:certain(enum) or context.model.epochs.type > enum.epoch then return end
    context:report("missing-enum-value", { object = find.full(enum.schema, enum.name) .. "." .. text,
      message = ("the enum \"%s\" has no value '%s' here"):format(enum.name, text) })
  elseif label.cause then
    context:follow("missing-enum-value", label, { object = find.full(enum.schema, enum.name) .. "." .. text,
      message = ("the value '%s' of \"%s\" is not there: the statement that should have added it fails"):format(text,
        enum.name) })
  elseif context.in_transaction and label.transaction == context.transaction and not label.maybe
    -- Since PostgreSQL 17, the transaction that made the type may.
    and ((context.server_major or 15) < 17 or enum.transaction ~= context.transaction) then
    context:report("enum-value-same-transaction", { object = find.full(enum.schema, enum.name) .. "." .. text,
      message = ("the value '%s' was added to the enum \"%s\" %s: PostgreSQL does not let the same transaction use it")
        :format(text, enum.name, context:where(label)),
      fix = "put this statement into a migration of its own, after this one" })
  end
end

--- Values of an enum, or of an array of it, where they are used as constants.
---@param context dixis.lint.Context
---@param type dixis.lint.Type
---@param value? table
function expression.enum_value(context, type, value)
  local enum <const> = type.user
  if not enum or enum.kind ~= "enum" or enum.cause or not value then return end
  -- A cast to another type is judged where that is read.
  if value.TypeCast then value = value.TypeCast.arg end
  local text <const> = node.constant_text(value)
  if not type.array then
    if text then check_label(context, enum, text) end
  elseif text then
    if not text:find '["\\]' then
      for label in (text:match "^{(.*)}$" or ""):gmatch "%s*([^,{}]+)" do
        if label:upper() ~= "NULL" then check_label(context, enum, (label:gsub("%s+$", ""))) end
      end
    end
  elseif value.A_ArrayExpr then
    for _, element in ipairs(value.A_ArrayExpr.elements or {}) do
      if node.constant_text(element) then check_label(context, enum, node.constant_text(element)) end
    end
  end
end

-- The columns of the one table that an expression is about.
local function column_in(relation)
  return function(fields) return relation.columns[node.text(fields[#fields]) or ""] end
end
expression.column_in = column_in

local function nothing() end

-- A column of the one table whose columns can be named.
local function column_of(context, relation, fields, needs)
  local name <const> = node.text(fields[#fields])
  if not name or not (#fields == 1 or #fields == 2 and node.text(fields[1]) == relation.name) then return end
  -- The table's own name means the whole row.
  if #fields == 1 and name == relation.name then return end
  local column <const> = find.column(context, relation, name, { system = true })
  if column then needs(column) end
end

---@class dixis.lint.Names  what names in an expression mean, where that is more than the columns of a table
---@field column fun(fields: table[])
---@field query fun(body: table)
---@field peek fun(fields: table[]): dixis.lint.Column?

--- Reads an expression.
---@param context dixis.lint.Context
---@param tree any
---@param where? dixis.lint.Relation|dixis.lint.Names  nil: columns are not looked for
---@param needs? fun(object: dixis.lint.Object)  called with each thing that the expression depends on
function expression.read(context, tree, where, needs)
  if not tree then return end
  needs = needs or nothing
  local peek <const> = where and (where.peek or where.columns and column_in(where)) or nil
  local reading <const> = { context = context, peek = peek, needs = needs, rows = {}, label = expression.enum_value }
  local parts <const> = {}
  node.walk(tree, function(kind, body)
    local query <const> = kind == "MultiAssignRef" and body.source
      or kind == "A_Expr" and body.lexpr and body.lexpr.RowExpr and body.rexpr
    if query and query.SubLink then reading.rows[query.SubLink] = true end
    if operand.judges(kind) then parts[#parts + 1] = { kind = kind, body = body } end
    if kind == "FuncCall" then
      local _, name = node.name(body.funcname)
      -- What a sequence gives next is not known any more.
      if name == "nextval" or name == "setval" then context.model.drawn = true end
      local first = by_name[name] and body.args and body.args[1]
      if first and first.TypeCast then
        local _, type = node.name(first.TypeCast.typeName.names)
        first = type == "regclass" and first.TypeCast.arg or nil
      end
      local range <const> = first and node.constant_text(first) and regclass(node.constant_text(first))
      if range then needs(find.relation(context, range, { kind = "sequence" })) end
      expression.call(context, body.funcname, needs, body.args)
    elseif kind == "TypeCast" then
      local type <const> = expression.type(context, body.typeName)
      if type.user then needs(type.user) end
      expression.enum_value(context, type, body.arg)
    elseif kind == "ColumnRef" then
      if where and where.query then
        where.column(body.fields)
      elseif where then
        column_of(context, where, body.fields, needs)
      end
      return false
    elseif kind == "SubLink" then
      if not where or not where.query then return false end
    elseif kind == "SelectStmt" then
      if where and where.query then where.query(body) end
      return false
    end
  end)
  -- What is inside is known then, queries too.
  for i = #parts, 1, -1 do operand.judge(reading, parts[i].kind, parts[i].body) end
end

--- Makes an object depend on what an expression needs.
---@param object dixis.lint.Object
---@param except? dixis.lint.Object  a table whose own columns do not count: what uses them goes with them
---@return fun(other: dixis.lint.Object)
function expression.bind(object, except)
  return function(other)
    if other.kind == "column" and other.table == except then return end
    depend.on(object, other)
  end
end

return expression
