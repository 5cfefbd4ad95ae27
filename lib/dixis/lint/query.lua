-- Queries: every table and column that they name, resolved as PostgreSQL would.

local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local grouping = require "dixis.lint.grouping"
local literal = require "dixis.lint.literal"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local scopes = require "dixis.lint.scope"
local types = require "dixis.lint.types"
local value = require "dixis.lint.value"

local query = {}

local read_select, read_statement

local function read_expression(state, tree, scope)
  if tree then expression.read(state.context, tree, scopes.resolver(state, scope, read_select), state.needs) end
end

-- Are there tables around a query whose columns can be meant in it?
local function has_outside(at)
  while at do
    if #at.items > 0 then return true end
    at = at.parent
  end
  return false
end

-- An expression that is true or false.
local function read_condition(state, tree, scope, of_groups)
  if not tree then return end
  read_expression(state, tree, scope)
  if not of_groups and not has_outside(scope.parent) then grouping.one_row(state.context, tree, "a WHERE") end
  local reason <const> = value.no_condition(state.context,
    value.of(state.context, tree, scopes.resolver(state, scope, read_select).peek))
  if reason then state.context:report("wrong-value", { message = reason }) end
end

-- ---- FROM --------------------------------------------------------------------------------------

local function find_cte(scope, name)
  local at = scope
  while at do
    local found <const> = at.ctes and at.ctes[name]
    if found ~= nil then return found end
    at = at.parent
  end
end

-- The columns of a query as those of a table.
local function as_set(list)
  if not list then return nil end
  local set <const> = {}
  for i, name in ipairs(list) do
    if not name then return nil end
    set[name] = { value = value.settled(list.values and list.values[i]) or false }
  end
  return set
end

local function aliased(list, alias)
  if not list or not alias or not alias.colnames then return list end
  local renamed <const> = table.move(list, 1, #list, 1, { values = list.values })
  for i, name in ipairs(node.texts(alias.colnames)) do renamed[i] = name end
  return renamed
end

local from_items = {}

local function from(state, tree, scope)
  local kind <const>, body <const> = next(tree)
  local reader <const> = from_items[kind]
  if reader then return reader(state, body, scope) end
  scope.items[#scope.items + 1] = { name = body.alias and body.alias.aliasname }
end

function from_items.RangeVar(state, body, scope)
  local name <const> = body.alias and body.alias.aliasname or body.relname
  local item = { name = name, aliased = body.alias ~= nil }
  local cte <const> = not body.schemaname and find_cte(scope, body.relname)
  if cte then
    item.list = aliased(cte.list, body.alias)
    item.columns = as_set(item.list)
  else
    local relation <const> = find.relation(state.context, body)
    state.needs(relation)
    if not (body.alias and body.alias.colnames) then item.relation = relation end
  end
  scope.items[#scope.items + 1] = item
end

function from_items.RangeSubselect(state, body, scope)
  local list <const> = read_select(state, body.subquery.SelectStmt, body.lateral and scope or scope.outside)
  local item <const> = { name = body.alias and body.alias.aliasname, aliased = true, list = aliased(list, body.alias) }
  item.columns = as_set(item.list)
  scope.items[#scope.items + 1] = item
end

-- What a column of one side of a join is.
local function value_of_side(state, scope, first, last, name)
  local side <const> = { items = table.move(scope.items, first, last, 1, {}) }
  return value.of(state.context, { ColumnRef = { fields = { { String = { sval = name } } } } },
    scopes.resolver(state, side, read_select).peek)
end

-- USING compares the columns of both sides.
local function check_using(state, scope, first, middle, using)
  for _, name in ipairs(using) do
    local reason <const> = value.incomparable(state.context, value_of_side(state, scope, first, middle, name),
      value_of_side(state, scope, middle + 1, #scope.items, name))
    if reason then state.context:report("wrong-value", { object = name, message = ('USING ("%s"): %s'):format(name, reason) }) end
  end
end

function from_items.JoinExpr(state, body, scope)
  local first <const> = #scope.items + 1
  from(state, body.larg, scope)
  local middle <const> = #scope.items
  from(state, body.rarg, scope)
  check_using(state, scope, first, middle, node.texts(body.usingClause))
  if body.quals then
    scope.later[#scope.later + 1] = body.quals
    scope.conditions[#scope.conditions + 1] = body.quals
  end
  if body.alias then scope.items[#scope.items + 1] = { name = body.alias.aliasname, joined = true } end
  if body.join_using_alias then
    scope.items[#scope.items + 1] = { name = body.join_using_alias.aliasname, aliased = true,
      columns = as_set(node.texts(body.usingClause)) }
  end
  for _, name in ipairs(node.texts(body.usingClause)) do
    scope.later[#scope.later + 1] = { ColumnRef = { fields = { { String = { sval = name } } } } }
  end
end

function from_items.RangeFunction(state, body, scope)
  read_expression(state, body.functions, scope)
  scope.items[#scope.items + 1] = { name = body.alias and body.alias.aliasname }
end

function from_items.RangeTableSample(state, body, scope)
  from(state, body.relation, scope)
end

local function has_merge(tree)
  local found = false
  node.walk(tree, function(kind, body)
    if kind == "JoinExpr" and (body.usingClause or body.isNatural) then found = true end
    return kind ~= "SelectStmt"
  end)
  return found
end

-- Every part of FROM needs a name of its own; those inside of a join with an alias are not seen.
local function check_names(state, scope)
  local seen <const> = {}
  for _, item in ipairs(scope.items) do
    if item.joined then return end
  end
  for _, item in ipairs(scope.items) do
    local other <const> = item.name and seen[item.name]
    if other and (item.aliased or other.aliased or item.relation == other.relation) then
      state.context:report("ambiguous-name", { object = item.name,
        message = ('"%s" is twice in the FROM of this query'):format(item.name), fix = "give one of them an alias" })
      return
    end
    if item.name then seen[item.name] = item end
  end
end

-- A condition of a join sees the two sides alone.
local function read_joins(state, scope)
  scope.joining = true
  read_expression(state, scope.later, scope)
  local peek <const> = scopes.resolver(state, scope, read_select).peek
  for _, tree in ipairs(scope.conditions) do
    local reason <const> = value.no_condition(state.context, value.of(state.context, tree, peek))
    if reason then state.context:report("wrong-value", { message = reason }) end
  end
  scope.joining = nil
end

-- ---- SELECT ------------------------------------------------------------------------------------

local function with(state, clause, scope)
  if not clause then return end
  scope.ctes = scope.ctes or {}
  -- A query in FROM sees them, and nothing else of this one.
  scope.outside = { items = {}, parent = scope.parent, ctes = scope.ctes }
  for _, item in ipairs(clause.recursive and clause.ctes or {}) do
    local cte <const> = item.CommonTableExpr
    scope.ctes[cte.ctename] = { list = cte.aliascolnames and node.texts(cte.aliascolnames) }
  end
  for _, item in ipairs(clause.ctes or {}) do
    local cte <const> = item.CommonTableExpr
    local aliases <const> = cte.aliascolnames
    local list <const> = read_statement(state, cte.ctequery, scope)
    -- SEARCH and CYCLE add columns.
    local more <const> = cte.search_clause or cte.cycle_clause
    scope.ctes[cte.ctename] = { list = not more and aliased(list, aliases and { colnames = aliases }) or nil }
  end
end

-- What `*` stands for; nil: not known.
local function star(state, scope, qualifier)
  local list <const>, values <const> = {}, {}
  local found = not qualifier
  for _, item in ipairs(scope.items) do
    if not qualifier or item.name == qualifier then
      found = true
      if item.relation and not item.relation.open then
        for _, column in ipairs(item.relation.order) do
          -- What is there in thought alone is not among them.
          if not column.cause then
            list[#list + 1] = column.name
            values[#list] = find.stands(state.context, column) and value.of_type(state.context, column.type) or false
            state.needs(column)
          end
        end
      elseif item.list then
        for i, name in ipairs(item.list) do
          list[#list + 1] = name
          values[#list] = value.settled(item.list.values and item.list.values[i]) or false
        end
      else
        return nil
      end
    end
  end
  list.values = values
  return found and list or nil
end

local function is_expanded(tree)
  local parts <const> = tree and tree.A_Indirection and tree.A_Indirection.indirection
  return parts ~= nil and parts[#parts].A_Star ~= nil
end

-- Does a value fit the column that it goes into?
local function check_value(state, column, tree, scope)
  if not find.stands(state.context, column) then return end
  local given <const> = value.of(state.context, tree, scope and scopes.resolver(state, scope, read_select).peek)
  local refused <const> = value.refused(state.context, column.type, given)
  local reason <const> = refused or tree.A_Const and literal.exceeds(column.type, tree.A_Const, state.context.text)
  if not reason then return end
  local castable <const> = refused and given.key and not value.not_cast(state.context, column.type, given)
  state.context:report("wrong-value", { object = find.full(column.table.schema, column.table.name) .. "." .. column.name,
    message = ('the value does not fit the column "%s": %s'):format(column.name, reason),
    fix = castable and ("cast it to %s, where its values are such"):format(types.text(column.type)) or nil })
end

-- Constants in quotes are text already where the rows of two queries meet, or equal ones are dropped.
local function check_output(state, column, tree, scope)
  if column and tree and not tree.A_Const then check_value(state, column, tree, scope) end
end

local function outputs(state, targets, scope, into)
  local list, known = { values = {} }, true
  local peek <const> = scopes.resolver(state, scope, read_select).peek
  for _, item in ipairs(targets or {}) do
    local target <const> = item.ResTarget
    local fields <const> = target.val and target.val.ColumnRef and target.val.ColumnRef.fields
    if is_expanded(target.val) then known = false end
    if fields and fields[#fields].A_Star then
      local expanded <const> = star(state, scope, #fields > 1 and node.text(fields[#fields - 1]) or nil)
      -- With USING and NATURAL, a column of both sides comes once.
      if expanded and not scope.merged then
        table.move(expanded.values, 1, #expanded, #list + 1, list.values)
        table.move(expanded, 1, #expanded, #list + 1, list)
      else
        known = false
      end
    else
      read_expression(state, target.val, scope)
      if known and into then check_output(state, into[#list + 1], target.val, scope) end
      list[#list + 1] = target.name or names.figure(target.val) or "?column?"
      list.values[#list] = value.of(state.context, target.val, peek) or false
    end
  end
  return known and list or nil
end

local function new_scope(outer)
  return { items = {}, parent = outer, outside = outer, later = {}, conditions = {} }
end

-- Both sides of a UNION have as many columns, of types that go together.
local function join_sides(state, body, list, other)
  if not list or not other then return list end
  local operation <const> = body.op:match "_(%a+)$"
  if #list ~= #other then
    state.context:report("wrong-value", { message = ("one side of the %s has %d columns, the other one %d"):format(
      operation, #list, #other) })
    return list
  end
  local joined <const> = table.move(list, 1, #list, 1, { values = {} })
  for i in ipairs(list) do
    local common <const>, reason <const> = value.together(state.context, list.values[i], other.values[i])
    joined.values[i] = common or false
    if reason then
      return nil, state.context:report("wrong-value", { message = ("column %d of the %s: %s"):format(i, operation, reason) })
    end
  end
  if not body.all then grouping.distinct(state.context, operation, joined) end
  return joined
end

local function read_union(state, body, scope)
  local left <const>, right <const> = read_select(state, body.larg, scope), read_select(state, body.rarg, scope)
  local list <const> = join_sides(state, body, left, right)
  value.keep_results(state.context, body, list and list.values)
  return list
end

local NUMBER <const> = types.builtin("int8", false)
local FEW <const> = 100 -- rows of VALUES whose types are looked at

-- LIMIT and OFFSET take a number.
local function check_limits(state, body, scope)
  local peek <const> = scopes.resolver(state, scope, read_select).peek
  for _, name in ipairs { "limitCount", "limitOffset" } do
    read_expression(state, body[name], scope)
    local reason <const> = value.refused(state.context, NUMBER, value.of(state.context, body[name], peek))
    if reason then
      state.context:report("wrong-value", { message = ("%s: %s"):format(name == "limitCount" and "LIMIT" or "OFFSET", reason) })
    end
  end
end

-- FOR UPDATE OF names parts of FROM.
local function check_locks(state, body, scope)
  for _, item in ipairs(body.lockingClause or {}) do
    for _, range in ipairs(item.LockingClause.lockedRels or {}) do
      local found = false
      for _, part in ipairs(scope.items) do found = found or not part.name or part.name == range.RangeVar.relname end
      if not found then
        state.context:report("missing-table", { object = range.RangeVar.relname,
          message = ('"%s" is not in the FROM of this query'):format(range.RangeVar.relname) })
      end
    end
  end
end

local function read_values(state, body, scope)
  read_expression(state, body.valuesLists, scope)
  local list <const> = { values = {} }
  for _, row in ipairs(body.valuesLists) do
    if #(row.List.items or {}) ~= #(body.valuesLists[1].List.items or {}) then
      state.context:report("wrong-value", { message = "the rows of VALUES have not all as many values" })
      break
    end
  end
  local peek <const> = scopes.resolver(state, scope, read_select).peek
  for i = 1, #(body.valuesLists[1].List.items or {}) do
    list[i] = "column" .. i
    local joined
    for _, row in ipairs(#body.valuesLists <= FEW and body.valuesLists or {}) do
      if not row.List.items[i] then break end
      local given <const> = value.of(state.context, row.List.items[i], peek)
      joined = joined == nil and (given or false) or value.together(state.context, joined, given or false) or false
    end
    list.values[i] = joined or false
  end
  return list
end

function read_select(state, body, outer)
  local scope <const> = new_scope(outer)
  local into <const> = state.into
  state.into = nil
  with(state, body.withClause, scope)
  if body.larg then return read_union(state, body, scope) end
  if body.valuesLists then return read_values(state, body, scope) end
  for _, item in ipairs(body.fromClause or {}) do from(state, item, scope) end
  scope.merged = has_merge(body.fromClause)
  check_names(state, scope)
  read_joins(state, scope)
  local list <const> = outputs(state, body.targetList, scope, into)
  value.keep_results(state.context, body, list and list.values)
  read_condition(state, body.whereClause, scope)
  read_condition(state, body.havingClause, scope, true)
  read_expression(state, body.windowClause, scope)
  scope.outputs = as_set(list)
  scope.open = not scope.outputs
  for _, name in ipairs { "groupClause", "sortClause", "distinctClause" } do read_expression(state, body[name], scope) end
  check_limits(state, body, scope)
  check_locks(state, body, scope)
  grouping.check(state.context, body, list, scopes.resolver(state, scope, read_select).peek, has_outside(outer))
  return list
end

-- ---- Statements --------------------------------------------------------------------------------

local readers = require "dixis.lint.modify" {
  read_expression = read_expression, read_condition = read_condition, read_select = read_select, from = from, with = with,
  new_scope = new_scope, outputs = outputs, check_names = check_names, check_value = check_value, read_joins = read_joins,
  has_merge = has_merge, is_expanded = is_expanded,
}

function readers.SelectStmt(state, body, outer) return read_select(state, body, outer) end

function read_statement(state, tree, outer)
  local kind <const>, body <const> = next(tree)
  local reader <const> = readers[kind]
  return reader and reader(state, body, outer) or nil
end

local function nothing() end

--- Reads a query, or a statement that changes rows.
---@param context dixis.lint.Context
---@param tree table   { SelectStmt = ... } and the like
---@param needs? fun(object: dixis.lint.Object)  called with each table, column, function, type it needs
---@param parameters? table<string, true>  names that are no columns; `any`: all may be
---@return (string|false)[]? columns  of its result; nil: not known
function query.read(context, tree, needs, parameters)
  if context.variables then parameters = context.variables end
  return read_statement({ context = context, needs = needs or nothing, parameters = parameters }, tree)
end

--- Reads an expression about the rows of a table, with queries in it.
---@param context dixis.lint.Context
---@param tree any
---@param items { name: string, relation: dixis.lint.Relation }[]
---@param needs? fun(object: dixis.lint.Object)
function query.expression(context, tree, items, needs)
  local scope <const> = new_scope(nil)
  scope.items = items
  read_expression({ context = context, needs = needs or nothing }, tree, scope)
end

return query
