-- Functions, triggers, policies and rules.

local constraint = require "dixis.lint.constraint"
local depend = require "dixis.lint.depend"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local query = require "dixis.lint.query"
local signature = require "dixis.lint.signature"

local handlers = {}

local function parameter_names(parameters)
  local found <const> = {}
  for _, item in ipairs(parameters or {}) do
    local name <const> = item.FunctionParameter.name
    if name then found[name] = true end
  end
  return found
end

-- The first parameter that has another name in the new definition; those without a name may get one.
local function renamed_parameter(old, new)
  for i, item in ipairs(old or {}) do
    local name <const>, other <const> = item.FunctionParameter.name, new and new[i]
    if not other or other.FunctionParameter.mode ~= item.FunctionParameter.mode then return nil end
    if name and name ~= other.FunctionParameter.name then return name end
  end
end

-- nil: volatile by its declaration, but its body, which is SQL, may be put in its place.
local function volatility(body)
  local said <const> = node.option(body.options, "volatility")
  local language <const> = node.option(body.options, "language")
  if said and node.text(said) ~= "volatile" then return node.text(said) end
  return (body.sql_body == nil and node.text(language) ~= "sql") and "volatile" or nil
end

function handlers.CreateFunctionStmt(context, body)
  local model <const> = context.model
  local schema, name = node.name(body.funcname)
  if schema then find.schema(context, schema) end
  schema = schema == "pg_temp" and schema or model:target(schema)
  for _, item in ipairs(body.parameters or {}) do expression.type(context, item.FunctionParameter.argType) end
  local returns <const> = body.returnType and expression.type(context, body.returnType)
  local arguments <const>, known <const> = signature.of(context, body.parameters)
  local list <const> = model:space(schema).functions
  local before <const> = list[name] and list[name][arguments]
  if find.stands(context, before) and known and not before.unsure then
    if not body.replace then
      context:report("duplicate-function", { before = before, object = find.full(schema, name),
        message = ('the function "%s"(%s) is there already: it was %s'):format(name, arguments, context:origin(before)),
        fix = "write CREATE OR REPLACE" })
      return
    end
    local renamed <const> = renamed_parameter(before.parameters, body.parameters)
    if renamed then
      context:report("cannot-replace", { object = find.full(schema, name),
        message = ('CREATE OR REPLACE cannot give the parameter "%s" of "%s" another name (it was made %s)'):format(renamed,
          name, context:where(before)),
        fix = "DROP FUNCTION first" })
      return
    end
    local old <const>, new <const> = before.returns and before.returns.text, returns and returns.text
    if old and new and old ~= new and (before.returns.builtin and returns.builtin) then
      context:report("cannot-replace", { object = find.full(schema, name),
        message = ('CREATE OR REPLACE cannot change what "%s" returns from %s to %s (it was made %s)'):format(name, old, new,
          context:where(before)),
        fix = "DROP FUNCTION first" })
      return
    end
  end
  if before and (body.replace or context.soft) then
    if before.cause then before.cause = nil end
    if not context.soft then before.place, before.maybe = context.place, nil end
    before.returns, before.plain, before.volatility = returns, handlers.is_plain(body), volatility(body)
    before.parameters, before.procedure = body.parameters or {}, body.is_procedure
    model:born(before)
    handlers.check_body(context, body, parameter_names(body.parameters))
    return
  end
  local made <const> = context:make(model:born { kind = "function", schema = schema, name = name, arguments = arguments,
    returns = returns, unsure = not known, plain = handlers.is_plain(body), volatility = volatility(body),
    parameters = body.parameters or {}, procedure = body.is_procedure })
  list[name] = list[name] or {}
  list[name][arguments] = made
  find.function_made(context, schema, name)
  -- It may call itself.
  handlers.check_body(context, body, parameter_names(body.parameters))
  if returns and returns.user then depend.on(made, returns.user) end
  for _, item in ipairs(body.parameters or {}) do
    local _, _, types = signature.of(context, { item })
    if types[1] and types[1].user then depend.on(made, types[1].user) end
  end
end

function handlers.AlterFunctionStmt(context, body)
  signature.find(context, body.func.ObjectWithArgs or body.func)
end

local function create_part(context, kind, relation, name, replace)
  local list <const> = kind == "trigger" and relation.triggers or relation.policies
  name = names.clip(name)
  local before <const> = list[name]
  if find.stands(context, before) and not replace then
    context:report("duplicate-" .. kind, { before = before, object = find.full(relation.schema, relation.name) .. "." .. name,
      message = ('the %s "%s" of "%s" is there already: it was %s'):format(kind, name, relation.name,
        context:origin(before)),
      fix = ('DROP %s IF EXISTS "%s" ON "%s" before this statement'):format(kind:upper(), name, relation.name),
      fix_sql = ('DROP %s IF EXISTS "%s" ON "%s";'):format(kind:upper(), name, relation.name), fix_file = context.file,
      fix_edit = "before" })
    return nil
  end
  if before then depend.free(before) end
  local made <const> = context:make(context.model:born { kind = kind, name = name, table = relation })
  list[name] = made
  find.came_later(context, find.key(kind, relation, name), "created")
  return made
end

local INSTEAD <const> = 1 << 6

-- What a trigger of that time cannot be on.
local function refusals(body)
  local instead <const> = (math.tointeger(body.timing) or 0) & INSTEAD ~= 0
  return { matview = "it has no triggers", sequence = "it has no triggers",
    table = instead and "INSTEAD OF is for views" or nil,
    view = body.row and not instead and "a trigger for each of its rows is INSTEAD OF" or nil }
end

local BEFORE <const>, INSERT <const> = 2, 4 -- as in pg_trigger.tgtype

function handlers.CreateTrigStmt(context, body)
  local relation <const> = find.relation(context, body.relation)
  find.refuse(context, relation, refusals(body))
  local made <const> = create_part(context, "trigger", relation, body.trigname, body.replace)
  if made then made.fills_nothing = not body.row or body.timing ~= BEFORE or (body.events or INSERT) & INSERT == 0 end
  for _, name in ipairs(node.texts(body.columns)) do
    local column <const> = find.column(context, relation, name)
    if column and made then depend.on(made, column) end
  end
  if body.whenClause then
    local items <const> = { { name = "old", relation = relation }, { name = "new", relation = relation } }
    query.expression(context, body.whenClause, items, made and expression.bind(made))
  end
  expression.call(context, body.funcname, made and expression.bind(made) or function() end)
  local schema <const>, name <const> = node.name(body.funcname)
  local own <const> = (context.model:functions(schema, name) or {})[""]
  local returns <const> = find.stands(context, own) and own.returns
  if returns and returns.builtin and returns.text ~= "trigger" then
    context:report("wrong-object", { object = find.full(own.schema, name),
      message = ('the function "%s" returns %s: what a trigger calls returns "trigger"'):format(name,
        returns.text or returns.name) })
  end
end

local function policy_needs(context, relation, policy, body)
  local needs <const> = policy and function(other)
    if other ~= relation then depend.on(policy, other) end
  end
  for _, tree in ipairs { body.qual or false, body.with_check or false } do
    if tree then query.expression(context, tree, { { name = relation.name, relation = relation } }, needs) end
  end
end

local no_policies <const> = { view = "a table alone has policies", matview = "a table alone has policies",
  sequence = "a table alone has policies" }

function handlers.CreatePolicyStmt(context, body)
  local relation <const> = find.relation(context, body.table)
  find.refuse(context, relation, no_policies)
  policy_needs(context, relation, create_part(context, "policy", relation, body.policy_name), body)
  constraint.condition(context, relation, body.qual)
  constraint.condition(context, relation, body.with_check)
end

function handlers.AlterPolicyStmt(context, body)
  local relation <const> = find.relation(context, body.table)
  local policy <const> = find.part(context, relation, "policy", body.policy_name)
  if policy and (body.qual or body.with_check) then depend.free(policy) end
  policy_needs(context, relation, policy, body)
end

function handlers.RuleStmt(context, body)
  local relation <const> = find.relation(context, body.relation)
  relation.ruled = true
  if body.rulename == "_RETURN" then relation.kind = "view" end
end

return handlers
