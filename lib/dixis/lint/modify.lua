-- Statements that change rows: INSERT, UPDATE, DELETE, MERGE. They can be parts of a query (WITH), and queries parts of them.

local constraint = require "dixis.lint.constraint"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local generated = require "dixis.lint.generated"
local grouping = require "dixis.lint.grouping"
local node = require "dixis.lint.node"
local rows = require "dixis.lint.rows"
local words = require "dixis.words"

--- The readers of these statements, made of those of a query (dixis.lint.query).
---@param query table<string, function>
---@return table<string, fun(state: table, body: table, outer?: table): (string|false)[]?>
return function(query)
  local read_expression, read_condition, read_select = query.read_expression, query.read_condition, query.read_select
  local from, with, new_scope, outputs = query.from, query.with, query.new_scope, query.outputs
  local check_names, check_value, read_joins = query.check_names, query.check_value, query.read_joins
  local has_merge, is_expanded = query.has_merge, query.is_expanded
  local readers = {}

  local function target_item(relation, range)
    return { name = range.alias and range.alias.aliasname or range.relname, relation = relation,
      aliased = range.alias ~= nil }
  end

  local function set_columns(state, targets, relation, scope)
    for _, item in ipairs(targets or {}) do
      local target <const> = item.ResTarget
      local column <const> = target.name and find.column(state.context, relation, target.name)
      if column then
        state.needs(column)
        column.unfilled = nil
        rows.changed(state.context, column)
        generated.updated(state.context, column, target.val)
      end
      read_expression(state, target.val, scope)
      if column and not target.indirection then
        expression.enum_value(state.context, column.type, target.val)
        check_value(state, column, target.val, scope)
      end
      if not scope.parent then grouping.one_row(state.context, target.val, "an UPDATE") end
    end
  end

  -- Constants that go into a column of an enum.
  local function insert_values(state, relation, targets, select)
    local lists <const> = select.valuesLists or {}
    for _, row in ipairs(lists) do
      for i, constant in ipairs(row.List and row.List.items or {}) do
        local column <const> = targets and targets[i] or not targets and relation.order[i]
        if column then
          expression.enum_value(state.context, column.type, constant)
          check_value(state, column, constant)
        end
      end
    end
  end

  -- As many values as columns; without a list of columns there may be fewer.
  local function check_count(state, relation, targets, count)
    if not count or relation.open or not find.stands(state.context, relation) then return end
    local wanted <const> = targets and #targets or #relation.order
    for _, column in ipairs(targets or relation.order) do
      if not column or not find.stands(state.context, column) then return end
    end
    if count > wanted or targets and count < wanted then
      state.context:report("wrong-value", { object = find.full(relation.schema, relation.name),
        message = ('%s cannot go into %s of "%s"'):format(words.count(count, "value"), words.count(wanted, "column"),
          relation.name) })
    end
  end

  local function count_of(lists)
    local items <const> = lists[1].List.items
    for _, item in ipairs(items) do
      local fields <const> = item.ColumnRef and item.ColumnRef.fields
      if is_expanded(item) or fields and fields[#fields].A_Star then return nil end
    end
    return #items
  end

  local function conflict_target(context, relation, infer)
    local columns, plain, seen = {}, true, {}
    for _, item in ipairs(infer.indexElems or {}) do
      local found <const> = item.IndexElem.name and find.column(context, relation, item.IndexElem.name)
      if found and not seen[found] then
        seen[found] = true
        columns[#columns + 1] = found
      end
      plain = plain and found and find.stands(context, found)
    end
    local model <const> = context.model
    if not plain or #columns == 0 or relation.open or relation.partly or relation.kind ~= "table"
      or not find.stands(context, relation) or model.epochs.constraint > relation.epoch
      or model.epochs.relation > relation.epoch then
      return
    end
    -- A partial index counts when the clause says the same; that is not compared.
    for index in pairs(relation.indexes) do
      if index.unique and (index.where or index.expressions) then return end
    end
    if constraint.key_for(relation, columns) then return end
    local list <const> = {}
    for i, column in ipairs(columns) do list[i] = column.name end
    context:report("conflict-target", { object = find.full(relation.schema, relation.name),
      message = ('ON CONFLICT ("%s"): "%s" has no unique index on just these columns'):format(table.concat(list, '", "'),
        relation.name) })
  end

  local more <const> = { "fromClause", "whereClause", "groupClause", "havingClause", "limitCount", "limitOffset",
    "distinctClause", "withClause" }

  -- SELECT of values alone is one row, as VALUES is; a function may give more than one.
  local function one_row(select)
    if select.op ~= "SETOP_NONE" then return nil end
    for _, clause in ipairs(more) do
      if select[clause] then return nil end
    end
    local items <const>, plain = {}, true
    node.walk(select.targetList, function(kind)
      if kind == "FuncCall" or kind == "A_Star" or kind == "SubLink" then plain = false end
    end)
    for i, item in ipairs(select.targetList or {}) do items[i] = item.ResTarget.val end
    return plain and { { List = { items = items } } } or nil
  end

  local of_itself <const> = { matview = "REFRESH alone changes its rows", sequence = "nextval() changes it" }

  -- A function's body may hold what fails when it is called.
  local function written(state, body, outer)
    local relation <const> = find.relation(state.context, body.relation)
    if not (outer or state.parameters) then find.refuse(state.context, relation, of_itself) end
    return relation
  end

  function readers.InsertStmt(state, body, outer)
    local scope <const> = new_scope(outer)
    with(state, body.withClause, scope)
    local relation <const> = written(state, body, outer)
    state.needs(relation)
    local targets
    for i, item in ipairs(body.cols or {}) do
      targets = targets or {}
      local column <const> = find.column(state.context, relation, item.ResTarget.name)
      if column then state.needs(column) end
      -- Of an element of an array, or a field of a row, the type is not known here.
      targets[i] = column and not item.ResTarget.indirection and column or false
    end
    if body.selectStmt then
      local lists = body.selectStmt.SelectStmt.valuesLists
      state.into = not lists and (targets or relation.order) or nil
      local list <const> = read_select(state, body.selectStmt.SelectStmt, scope)
      insert_values(state, relation, targets, body.selectStmt.SelectStmt)
      local count <const> = lists and count_of(lists) or not lists and list and #list
      check_count(state, relation, targets, count)
      generated.inserted(state.context, relation, targets, body, count or 1)
      lists = lists or one_row(body.selectStmt.SelectStmt)
      if lists and not (outer or state.parameters) then
        rows.check(state.context, relation, targets, lists)
        rows.inserted(state.context, relation, targets, lists, body.onConflictClause ~= nil
          or body.override == "OVERRIDING_USER_VALUE")
      else
        rows.unseen(relation)
      end
    else
      rows.unseen(relation)
    end
    if next(relation.triggers) then rows.deleted(state.context) end
    scope.items = { target_item(relation, body.relation) }
    local conflict <const> = body.onConflictClause
    if conflict then
      if conflict.infer then
        if conflict.infer.conname then find.part(state.context, relation, "constraint", conflict.infer.conname) end
        conflict_target(state.context, relation, conflict.infer)
        read_expression(state, conflict.infer.whereClause, scope)
      end
      scope.items[2] = { name = "excluded", relation = relation }
      set_columns(state, conflict.targetList, relation, scope)
      read_expression(state, conflict.whereClause, scope)
      scope.items[2] = nil
    end
    return outputs(state, body.returningList, scope)
  end

  -- The rows of one table, chosen together with those of others.
  local function choose(state, body, relation, others, scope)
    state.needs(relation)
    scope.items[1] = target_item(relation, body.relation)
    for _, item in ipairs(others or {}) do from(state, item, scope) end
    scope.merged = has_merge(others)
    check_names(state, scope)
    read_joins(state, scope)
  end

  function readers.UpdateStmt(state, body, outer)
    local scope <const> = new_scope(outer)
    with(state, body.withClause, scope)
    local relation <const> = written(state, body, outer)
    if next(relation.triggers) then rows.deleted(state.context) end
    choose(state, body, relation, body.fromClause, scope)
    set_columns(state, body.targetList, relation, scope)
    read_condition(state, body.whereClause, scope)
    return outputs(state, body.returningList, scope)
  end

  function readers.DeleteStmt(state, body, outer)
    local scope <const> = new_scope(outer)
    with(state, body.withClause, scope)
    local relation <const> = written(state, body, outer)
    rows.deleted_from(state.context, relation)
    choose(state, body, relation, body.usingClause, scope)
    read_condition(state, body.whereClause, scope)
    return outputs(state, body.returningList, scope)
  end

  -- WHEN NOT MATCHED THEN INSERT
  local function merge_insert(state, clause, relation, scope)
    local targets
    for i, item in ipairs(clause.targetList or {}) do
      targets = targets or {}
      targets[i] = find.column(state.context, relation, item.ResTarget.name) or false
    end
    if not clause.values then return end
    read_expression(state, clause.values, scope)
    check_count(state, relation, targets, #clause.values)
    for i, tree in ipairs(clause.values) do
      local column <const> = (targets or relation.order)[i]
      if column then check_value(state, column, tree, scope) end
    end
  end

  function readers.MergeStmt(state, body)
    local scope <const> = new_scope(nil)
    with(state, body.withClause, scope)
    local relation <const> = written(state, body)
    rows.deleted(state.context)
    rows.unseen(relation)
    choose(state, body, relation, { body.sourceRelation }, scope)
    read_condition(state, body.joinCondition, scope)
    -- A row that is not there yet has no columns.
    local source <const> = { items = table.move(scope.items, 2, #scope.items, 1, {}), parent = scope.outside }
    for _, item in ipairs(body.mergeWhenClauses) do
      local clause <const> = item.MergeWhenClause
      read_condition(state, clause.condition, clause.matched and scope or source)
      if clause.commandType == "CMD_UPDATE" then set_columns(state, clause.targetList, relation, scope) end
      if clause.commandType == "CMD_INSERT" then merge_insert(state, clause, relation, source) end
    end
  end

  return readers
end
