-- What a PL/pgSQL body does to the model, followed branch by branch: a condition may be known, or both its branches
-- are only possible; what an EXCEPTION clause catches is no fault.

local condition = require "dixis.lint.condition"
local json = require "dixis.json"
local node = require "dixis.lint.node"
local sql = require "host.sql"

local body = {}

local MOST <const> = 1000 -- statements that are followed in a body

local run

-- ---- SQL in a body -----------------------------------------------------------------------------

-- Words with which a body may change the schema.
local changing <const> = { "create", "alter", "drop", "execute", "truncate", "call", "perform", "do", "rename", "set_config",
  "search_path", "select" }

--- May a text in some language change the schema?
---@param text string
---@return boolean
function body.may_change(text)
  local lower <const> = text:lower()
  for _, word in ipairs(changing) do
    if lower:find("%f[%w_]" .. word .. "%f[^%w_]") and word ~= "select" then return true end
  end
  return false
end

-- The statements of SQL text inside a body; their places are the block's.
local function run_sql(state, text)
  local statements <const> = sql.parse(text)
  if not statements then return state.context:doubt "SQL in this block is not understood" end
  for _, statement in ipairs(statements) do
    state.count = state.count + 1
    if state.count > MOST then return state.context:doubt "this block is too long to be followed" end
    state.apply(state.context, statement.node, json.decode(statement.tree), statement)
  end
end

-- What an expression of strings is worth, when it is made of constants; nil: not known.
local function constant(state, tree)
  local kind <const>, inner <const> = next(tree or {})
  if kind == "A_Const" then
    return node.constant_text(tree)
  elseif kind == "TypeCast" then
    return constant(state, inner.arg)
  elseif kind == "A_Expr" and inner.kind == "AEXPR_OP" and node.text(inner.name[1]) == "||" then
    local left <const>, right <const> = constant(state, inner.lexpr), constant(state, inner.rexpr)
    return left and right and left .. right
  elseif kind == "FuncCall" then
    local _, name = node.name(inner.funcname)
    local values <const> = {}
    for i, argument in ipairs(inner.args or {}) do values[i] = constant(state, argument) or false end
    if name == "quote_ident" and values[1] then return sql.quote_identifier(values[1]) end
    if name == "quote_literal" and values[1] then return sql.quote_literal(values[1]) end
    if name ~= "format" or not values[1] then return nil end
    local at, known = 1, true
    local text <const> = values[1]:gsub("%%([%%ILs])", function(form)
      if form == "%" then return "%" end
      at = at + 1
      local value <const> = values[at]
      if not value then known = false return "" end
      return form == "I" and sql.quote_identifier(value) or form == "L" and sql.quote_literal(value) or value
    end)
    return known and not text:find "%%%d" and text or nil
  elseif kind == "ColumnRef" then
    local names <const> = node.texts(inner.fields)
    return #names == #inner.fields and state.constants[table.concat(names, ".")] or nil
  end
end

-- The elements of an array of constants; nil: not known.
local function elements(state, tree)
  local kind <const>, inner <const> = next(tree or {})
  if kind == "TypeCast" then return elements(state, inner.arg) end
  if kind == "ColumnRef" then return #inner.fields == 1 and state.lists[node.text(inner.fields[1]) or ""] or nil end
  if kind ~= "A_ArrayExpr" then return nil end
  local list <const> = {}
  for i, element in ipairs(inner.elements or {}) do
    list[i] = constant(state, element)
    if not list[i] then return nil end
  end
  return list
end

-- What a text with holes can change at most: nil for everything, false for nothing that counts here.
local scope_of_command <const> = { AT_DropConstraint = "constraint", AT_AddConstraint = "constraint",
  AT_ValidateConstraint = false, AT_EnableRowSecurity = false, AT_DisableRowSecurity = false, AT_ForceRowSecurity = false,
  AT_ChangeOwner = false, AT_DropColumn = "column", AT_AddColumn = "column", AT_SetNotNull = false, AT_DropNotNull = false,
  AT_ColumnDefault = false, AT_EnableTrig = false, AT_DisableTrig = false, AT_AlterColumnType = "column",
  AT_EnableTrigAll = false, AT_DisableTrigAll = false, AT_EnableTrigUser = false, AT_DisableTrigUser = false }
local scope_of_node <const> = { CreateTrigStmt = "part", CreatePolicyStmt = "part", GrantStmt = false, CommentStmt = false,
  InsertStmt = false, UpdateStmt = false, DeleteStmt = false, TruncateStmt = false, AlterOwnerStmt = false,
  CreateFunctionStmt = "function", VacuumStmt = false, RefreshMatViewStmt = false, GrantRoleStmt = false,
  AlterRoleSetStmt = false, CreateRoleStmt = false, AlterRoleStmt = false, AlterDatabaseSetStmt = false }
local scope_of_drop <const> = { OBJECT_TRIGGER = "part", OBJECT_POLICY = "part", OBJECT_FUNCTION = "function" }

local function scopes_of(statement)
  local tree <const> = json.decode(statement.tree)
  if statement.node == "AlterTableStmt" and tree.objtype ~= "OBJECT_TYPE" then
    local scopes <const> = {}
    for _, item in ipairs(tree.cmds or {}) do
      local scope <const> = scope_of_command[item.AlterTableCmd.subtype]
      if scope == nil then return nil end
      if scope then scopes[#scopes + 1] = scope end
    end
    return scopes
  end
  local scope = scope_of_node[statement.node]
  if statement.node == "DropStmt" then scope = scope_of_drop[tree.removeType] end
  if statement.node == "RenameStmt" and tree.renameType == "OBJECT_TABCONSTRAINT" then scope = "constraint" end
  if scope == nil then return nil end
  return scope and { scope } or {}
end

-- The text of a dynamic statement, with a name in each hole.
local function template(tree)
  local kind <const>, inner <const> = next(tree or {})
  if kind == "A_Const" then return node.constant_text(tree) or "0" end
  if kind == "TypeCast" then return template(inner.arg) end
  if kind == "A_Expr" and inner.kind == "AEXPR_OP" and node.text(inner.name[1]) == "||" then
    return template(inner.lexpr) .. template(inner.rexpr)
  end
  if kind == "FuncCall" and select(2, node.name(inner.funcname)) == "format" then
    return (template(inner.args[1]):gsub("%%%d*%$?([%%ILs])", { ["%"] = "%", I = "hole", L = "'hole'", s = "hole" }))
  end
  return "hole"
end

local function doubt_dynamic(state, tree)
  local statements <const> = sql.parse(template(tree))
  local all <const> = {}
  for _, statement in ipairs(statements or {}) do
    local scopes <const> = scopes_of(statement)
    if not scopes then
      all[1] = "all"
      break
    end
    table.move(scopes, 1, #scopes, #all + 1, all)
  end
  if not statements or all[1] == "all" then
    return state.context:doubt "this block makes a statement out of names that are known only when it runs"
  end
  for _, scope in ipairs(all) do
    state.context:doubt(("this block changes something (%s) whose name is known only when it runs"):format(scope), scope)
  end
end

-- The tree of an expression of PL/pgSQL.
local function tree_of(query)
  local statements <const> = sql.parse("SELECT " .. query)
  local select <const> = statements and #statements == 1 and json.decode(statements[1].tree)
  local target <const> = select and select.targetList and select.targetList[1]
  return target and target.ResTarget.val, select
end

-- ---- Statements of PL/pgSQL --------------------------------------------------------------------

local statements = {}

local function query_of(holder)
  return holder and holder.PLpgSQL_expr and holder.PLpgSQL_expr.query or ""
end

-- Reads an expression that is evaluated for sure when its statement is reached: it can name what is not there.
local function evaluate(state, holder)
  local query <const> = query_of(holder)
  if query ~= "" and sql.parse("SELECT " .. query) then run_sql(state, "SELECT " .. query) end
end

-- Does what may not be reached.
local function softly(context, fn, ...)
  local before <const> = context.soft
  context.soft = true
  fn(...)
  context.soft = before
end

-- The same of an expression that may not be reached.
local function perhaps(state, holder) softly(state.context, evaluate, state, holder) end

function statements.PLpgSQL_stmt_assign(state, stmt)
  local value <const> = query_of(stmt.expr):match "^[^=]-:?=(.*)$"
  if value then evaluate(state, { PLpgSQL_expr = { query = value } }) end
end

function statements.PLpgSQL_stmt_raise(state, stmt)
  for _, holder in ipairs(stmt.params or {}) do evaluate(state, holder) end
end

-- Assertions can be switched off.
function statements.PLpgSQL_stmt_assert(state, stmt) perhaps(state, stmt.cond) end

function statements.PLpgSQL_stmt_execsql(state, stmt)
  run_sql(state, query_of(stmt.sqlstmt))
end

function statements.PLpgSQL_stmt_perform(state, stmt)
  run_sql(state, query_of(stmt.expr))
end

function statements.PLpgSQL_stmt_call(state, stmt)
  run_sql(state, query_of(stmt.expr))
end

function statements.PLpgSQL_stmt_dynexecute(state, stmt)
  evaluate(state, stmt.query)
  for _, holder in ipairs(stmt.params or {}) do evaluate(state, holder) end
  local tree <const> = tree_of(query_of(stmt.query))
  local text <const> = tree and constant(state, tree)
  if text then return run_sql(state, text) end
  doubt_dynamic(state, tree)
end

-- Runs statements that may run or not.
local function possibly(state, list) softly(state.context, run, state, list) end

function statements.PLpgSQL_stmt_if(state, stmt)
  local branches <const> = { { stmt.cond, stmt.then_body } }
  for _, item in ipairs(stmt.elsif_list or {}) do
    local branch <const> = item.PLpgSQL_if_elsif
    branches[#branches + 1] = { branch.cond, branch.stmts }
  end
  local sure = true
  for _, branch in ipairs(branches) do
    if sure then evaluate(state, branch[1]) else perhaps(state, branch[1]) end
    local known = condition.holds(state.context, query_of(branch[1]))
    if known == nil then sure = false end
    if known == true and sure then return run(state, branch[2]) end
    if known ~= false then possibly(state, branch[2]) end
    if known == true then return end
  end
  if sure then run(state, stmt.else_body) else possibly(state, stmt.else_body) end
end

-- What a loop asks before its first turn, if there is one.
local function loop(state, stmt)
  for _, field in ipairs { "cond", "lower", "upper", "step", "query" } do
    if stmt[field] then evaluate(state, stmt[field]) end
  end
  possibly(state, stmt.body)
end
statements.PLpgSQL_stmt_loop, statements.PLpgSQL_stmt_while = loop, loop
statements.PLpgSQL_stmt_fori, statements.PLpgSQL_stmt_forc = loop, loop

function statements.PLpgSQL_stmt_dynfors(state, stmt)
  local text <const> = constant(state, (tree_of(query_of(stmt.query))))
  if text then run_sql(state, text) end
  loop(state, stmt)
end

-- Runs the body of a loop for each of the known values of its variable; when it may end before, it is only possible.
local function each(state, stmt, variable, list)
  local steady = list ~= nil and variable ~= nil and not state.text:find("%f[%w_]" .. variable:match "^[^.]+" .. "%s*:=")
  node.walk(stmt.body, function(kind)
    if kind == "PLpgSQL_stmt_exit" or kind == "PLpgSQL_stmt_return" then steady = false end
  end)
  if not steady then return possibly(state, stmt.body) end
  local before <const> = state.constants[variable]
  for _, text in ipairs(list) do
    state.constants[variable] = text
    run(state, stmt.body)
  end
  state.constants[variable] = before
end

function statements.PLpgSQL_stmt_foreach_a(state, stmt)
  evaluate(state, stmt.expr)
  each(state, stmt, state.names[stmt.varno or -1], elements(state, tree_of(query_of(stmt.expr))))
end

local function unqualified(parts)
  local _, name = node.name(parts)
  return name
end

-- FOR name IN SELECT unnest(ARRAY['a', 'b'])
function statements.PLpgSQL_stmt_fors(state, stmt)
  run_sql(state, query_of(stmt.query))
  local parsed <const> = sql.parse(query_of(stmt.query))
  local select <const> = parsed and #parsed == 1 and parsed[1].node == "SelectStmt" and json.decode(parsed[1].tree)
  local fields <const> = stmt.var and stmt.var.PLpgSQL_row and stmt.var.PLpgSQL_row.fields
  local plain <const> = select and not select.fromClause and not select.whereClause and select.targetList
  local target <const> = plain and #plain == 1 and plain[1].ResTarget
  local call <const> = target and target.val and target.val.FuncCall
  if not call or select.larg or not fields or #fields ~= 1 or unqualified(call.funcname) ~= "unnest" then
    return possibly(state, stmt.body)
  end
  local name <const> = fields[1].name
  each(state, stmt, state.records[name] and name .. "." .. (target.name or "unnest") or name, elements(state, call.args[1]))
end

function statements.PLpgSQL_stmt_case(state, stmt)
  if stmt.t_expr then evaluate(state, stmt.t_expr) end
  for i, item in ipairs(stmt.case_when_list or {}) do
    if i == 1 then evaluate(state, item.PLpgSQL_case_when.expr) else perhaps(state, item.PLpgSQL_case_when.expr) end
    possibly(state, item.PLpgSQL_case_when.stmts)
  end
  possibly(state, stmt.else_stmts)
end

-- What each rule's fault is called in EXCEPTION WHEN.
local conditions_of <const> = {
  duplicate_object = { "duplicate-type", "duplicate-enum-value", "duplicate-constraint", "duplicate-trigger",
    "duplicate-policy", "duplicate-extension" },
  duplicate_table = { "duplicate-table", "duplicate-index", "duplicate-sequence" },
  duplicate_column = { "duplicate-column" }, duplicate_function = { "duplicate-function" },
  duplicate_schema = { "duplicate-schema" }, undefined_table = { "missing-table", "missing-index", "missing-sequence" },
  undefined_column = { "missing-column" }, undefined_function = { "missing-function", "wrong-value" },
  undefined_object = { "missing-type", "missing-constraint", "missing-trigger", "missing-policy", "missing-index" },
  invalid_schema_name = { "missing-schema" }, invalid_table_definition = { "duplicate-primary-key" },
  dependent_objects_still_exist = { "still-needed" }, datatype_mismatch = { "wrong-value", "cannot-cast" },
  invalid_text_representation = { "wrong-value" }, not_null_violation = { "null-in-rows" },
  unique_violation = { "duplicate-row" }, foreign_key_violation = { "missing-row" },
}

local function caught_by(exceptions)
  local rules, everything = {}, false
  for _, item in ipairs(exceptions.exc_list or {}) do
    for _, entry in ipairs(item.PLpgSQL_exception.conditions or {}) do
      local name <const> = entry.PLpgSQL_condition.condname
      if name == "others" or not conditions_of[name] then everything = everything or name == "others" end
      for _, rule in ipairs(conditions_of[name] or {}) do rules[rule] = true end
    end
  end
  return function(rule) return everything or rules[rule] or false end
end

function statements.PLpgSQL_stmt_block(state, stmt)
  local exceptions <const> = stmt.exceptions and stmt.exceptions.PLpgSQL_exception_block
  if not exceptions then return run(state, stmt.body) end
  local context <const> = state.context
  local before <const> = context.caught
  local catches <const> = caught_by(exceptions)
  context.caught = function(rule) return catches(rule) or before and before(rule) or false end
  -- What fails takes the whole block with it: of several statements it is not known which of them last.
  if #(stmt.body or {}) > 1 then possibly(state, stmt.body) else run(state, stmt.body) end
  context.caught = before
  for _, item in ipairs(exceptions.exc_list or {}) do possibly(state, item.PLpgSQL_exception.action) end
end

function statements.PLpgSQL_stmt_return(state) state.returned = true end

function run(state, list)
  for _, item in ipairs(list or {}) do
    if state.returned and not state.context.soft then return end
    local kind <const>, stmt <const> = next(item)
    local statement <const> = statements[kind]
    if statement then statement(state, stmt) end
  end
end

-- The variables that are there in all of a body: those of its one DECLARE, unless they go before columns, or columns before
-- them.
local function declared(text, datums)
  local lower <const> = text:lower()
  if not lower:find "^%s*declare%f[%s]" or select(2, lower:gsub("%f[%w_]declare%f[^%w_]", "")) > 1
    or lower:find("variable_conflict", 1, true) or lower:find "%f[%w_]cursor%f[^%w_]" then return {} end
  local names <const> = {}
  for _, item in ipairs(datums) do
    local variable <const> = item.PLpgSQL_var
    -- What has no type of its own is the variable of a loop.
    if variable and variable.datatype.PLpgSQL_type.typname ~= "UNKNOWN" then names[variable.refname] = true end
  end
  return names
end

--- Follows the body of a DO block.
---@param context dixis.lint.Context
---@param text string   the body
---@param apply fun(context: dixis.lint.Context, kind: string, tree: table, statement: host.sql.Statement)
function body.follow(context, text, apply)
  local tag = "$dixis$"
  while text:find(tag, 1, true) do tag = tag:sub(1, -2) .. "x$" end
  local tree <const> = sql.parse_plpgsql("DO " .. tag .. text .. tag)
  local parsed <const> = tree and json.decode(tree)
  local found <const> = parsed and parsed[1] and parsed[1].PLpgSQL_function
  if not found then
    if body.may_change(text) then context:doubt "this block is not understood" end
    return
  end
  local state <const> = { context = context, apply = apply, count = 0, text = text, constants = {}, lists = {}, names = {},
    records = {} }
  -- A name with a label before it may be a variable, too.
  local names <const> = { any = text:find("<<", 1, true) and true or nil }
  context.declared = declared(text, found.datums or {})
  for i, item in ipairs(found.datums or {}) do
    local _, datum <const> = next(item)
    if datum.refname then names[datum.refname] = true end
    local variable <const> = item.PLpgSQL_var
    if variable then
      state.names[i - 1] = variable.refname
      state.records[variable.refname] = variable.datatype.PLpgSQL_type.typname:find "record" ~= nil
    end
    if variable and variable.default_val then
      local value <const> = tree_of(query_of(variable.default_val))
      -- A variable may be given another value: then it is no constant.
      if not text:find(variable.refname .. "%s*:?=") or select(2, text:gsub(variable.refname .. "[^;\n]-:?=", "")) < 2 then
        state.constants[variable.refname] = value and constant(state, value)
        state.lists[variable.refname] = value and elements(state, value)
      end
    end
  end
  local soft <const>, variables <const> = context.soft, context.variables
  context.variables = names
  for _, item in ipairs(found.datums or {}) do
    if item.PLpgSQL_var and item.PLpgSQL_var.default_val then evaluate(state, item.PLpgSQL_var.default_val) end
  end
  run(state, { found.action })
  context.soft, context.variables, context.caught, context.declared = soft, variables, nil, nil
end

return body
