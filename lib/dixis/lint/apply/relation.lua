-- CREATE TABLE and the like: tables, views, sequences, indexes.

local coerce = require "dixis.lint.coerce"
local column = require "dixis.lint.column"
local depend = require "dixis.lint.depend"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local inherit = require "dixis.lint.inherit"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local partition = require "dixis.lint.partition"
local query = require "dixis.lint.query"
local types = require "dixis.lint.types"
local value = require "dixis.lint.value"

local handlers = {}

-- The relation of that name, if it stands in the way. Types have row types in their way, and the reverse.
local function in_the_way(context, schema, name, row)
  local space <const> = context.model.schemas[schema]
  if not space then return nil end
  local relation <const>, type <const> = space.relations[name], row and space.types[name] or nil
  if find.stands(context, relation) then return relation end
  if find.stands(context, type) then return type end
end

local rule_of <const> = { sequence = "duplicate-sequence", index = "duplicate-index" }

local function report_duplicate(context, kind, schema, name, before)
  local word <const> = kind == "partitioned" and "table" or kind
  context:report(rule_of[kind] or "duplicate-table", { before = before, object = find.full(schema, name),
    message = before.kind == kind
      and ('the %s "%s" is there already: it was %s'):format(word, name, context:origin(before))
      or ('the %s "%s" cannot be made: %s of that name was %s'):format(word, name, names.with_article(before.kind),
        context:origin(before)),
    fix = "remove one of the two" })
end

--- Makes room for a new relation: says when one is there already. Nil: there is nothing to make.
---@param context dixis.lint.Context
---@param kind string
---@param range table
---@param options? { if_not_exists?: boolean, row?: boolean }
---@return dixis.lint.Relation? made
---@return dixis.lint.Relation? before  what is there instead
local function create(context, kind, range, options)
  local model <const> = context.model
  local temporary <const> = range.relpersistence == "t" or range.schemaname == "pg_temp"
  if range.schemaname and not temporary then find.schema(context, range.schemaname) end
  local schema <const> = temporary and "pg_temp" or model:target(range.schemaname)
  local name <const> = names.clip(range.relname)
  local before <const> = in_the_way(context, schema, name, options.row)
  if before then
    if options.if_not_exists and (before.columns or before.kind == "composite") then return nil, before end
    report_duplicate(context, kind, schema, name, before)
    return nil, before
  end
  local old <const> = model.schemas[schema] and model.schemas[schema].relations[name]
  local made <const> = context:make(model:new_relation(kind, schema, name))
  if old and not old.cause then
    -- It may have been there: then IF NOT EXISTS leaves it as it was.
    if options.if_not_exists or context.soft then made.open = true end
    if old.indexes then made.constraints, made.indexes = old.constraints, old.indexes end
  elseif old then
    find.came_later(context, find.full(made.schema, made.name), "created")
    for _, phantom in ipairs(old.order or {}) do
      if phantom.cause then made.phantoms = made.phantoms or {}; table.insert(made.phantoms, phantom) end
    end
  end
  made.guarded = options.if_not_exists
  model:add_relation(made)
  return made
end

-- Columns that were added to it before it was there: those statements fail.
local function add_phantoms(context, made)
  for _, phantom in ipairs(made.phantoms or {}) do
    if not made.columns[phantom.name] then
      local cause <const> = phantom.cause
      context.model:add_column(made, phantom)
      phantom.cause = cause
    end
  end
  made.phantoms = nil
end

-- The options of LIKE: INCLUDING GENERATED, INCLUDING IDENTITY.
local LIKE_GENERATED <const>, LIKE_IDENTITY <const> = 1 << 4, 1 << 5

-- The columns of another table, by LIKE with its options or by inheritance.
local function copy_columns(context, made, from, like)
  if from.open then made.open = true end
  for _, other in ipairs(from.order) do
    local own <const> = made.columns[other.name]
    if other.counted then context.model.drawn = true end -- both may have one sequence
    if own then
      own.parents = own.parents and own.parents + 1
    else
      local identity <const> = like and like & LIKE_IDENTITY ~= 0
      context.model:add_column(made, context:make { name = other.name, type = other.type, nullable = other.nullable,
        default = other.default, maybe = other.maybe, parents = not like and 1 or nil, unsure_null = true,
        generated = (not like or like & LIKE_GENERATED ~= 0) and other.generated or nil,
        identity = identity and other.identity or nil, always = identity and other.always or nil })
    end
  end
end

local function elements(context, made, body)
  local entries <const> = {}
  for _, element in ipairs(body.tableElts or {}) do
    local definition <const> = element.ColumnDef
    if definition then
      if made.columns[definition.colname] and not made.parent_columns then
        context:report("duplicate-column", { object = find.full(made.schema, made.name) .. "." .. definition.colname,
          message = ('the column "%s" is twice in "%s"'):format(definition.colname, made.name) })
      end
      local inherited <const> = made.columns[definition.colname]
      local own <const> = column.make(context, made, definition)
      if inherited then
        own.parents, own.own = inherited.parents, true
        if own.default == nil then own.default = inherited.default end
        for i, other in ipairs(made.order) do
          if other == inherited then made.order[i] = own end
        end
      end
      column.collect(own, definition, entries)
    elseif element.Constraint then
      entries[#entries + 1] = { body = element.Constraint }
    elseif element.TableLikeClause then
      local like <const> = element.TableLikeClause
      copy_columns(context, made, find.relation(context, like.relation), math.tointeger(like.options) or 0)
      -- Its defaults, keys and indexes may come with it.
      if like.options then inherit.unnamed(context.model, made) end
    end
  end
  for _, made_column in ipairs(made.order) do column.finish(context, made, made_column) end
  column.constraints(context, made, entries)
end

-- What IF NOT EXISTS skips, when it is not what is there.
local function compare_hidden(context, before, body)
  if before.assumed or before.open or not before.order or not find.stands(context, before) then return end
  if before.kind ~= "table" then
    context:report("hidden-difference", { object = find.full(before.schema, before.name),
      message = ('IF NOT EXISTS makes no table: "%s" is a %s, made %s'):format(before.name, before.kind,
        context:where(before)) })
    return
  end
  local missing <const> = {}
  for _, element in ipairs(body.tableElts or {}) do
    if element.TableLikeClause then return end
    local definition <const> = element.ColumnDef
    if definition then
      if not before.columns[definition.colname] then missing[#missing + 1] = definition.colname end
    end
  end
  local object <const> = find.full(before.schema, before.name)
  if #missing > 0 then
    context:report("hidden-difference", { object = object,
      message = ('IF NOT EXISTS skips this: "%s" was made %s, without "%s"'):format(before.name, context:where(before),
        table.concat(missing, '", "')),
      fix = "add the columns with ALTER TABLE ... ADD COLUMN" })
  elseif not before.guarded and before.place and before.place.migration ~= context.migration then
    context:report("mixed-guard", { object = object,
      message = ('"%s" is made without IF NOT EXISTS %s, so this never makes it'):format(before.name,
        context:where(before)) })
  end
end

-- The table is there, made in another way: what needs the columns that only this statement would have given it fails
-- for that reason.
local function add_ungiven(context, before, body)
  if not context.failed or not before.order or before.open or before.kind ~= "table" then return end
  for _, element in ipairs(body.tableElts or {}) do
    local name <const> = element.ColumnDef and names.clip(element.ColumnDef.colname)
    if name and not before.columns[name] then
      context.model:add_column(before, context:make { name = name, type = { text = false, name = "?" }, nullable = true,
        unsure_null = true, assumed = true })
    end
  end
end

function handlers.CreateStmt(context, body)
  local made, before = create(context, "table", body.relation, { if_not_exists = body.if_not_exists, row = true })
  if not made then
    if body.if_not_exists then compare_hidden(context, before, body) else add_ungiven(context, before, body) end
    return
  end
  made.making = true
  if body.relation.relpersistence == "u" then made.unlogged = true end
  if body.partspec then partition.by(made, body.partspec) end
  for _, item in ipairs(body.inhRelations or {}) do
    local parent <const> = find.relation(context, item.RangeVar)
    copy_columns(context, made, parent)
    made.parent_columns = true
    if body.partbound then
      partition.of(context, made, parent)
    else
      inherit.from(made, parent)
    end
  end
  if body.ofTypename then
    local type <const> = expression.type(context, body.ofTypename).user
    if type then depend.on(made, type) end
    made.open = true
  end
  elements(context, made, body)
  partition.check_columns(context, made)
  made.making, made.parent_columns = nil, nil
  add_phantoms(context, made)
end

function handlers.CreateForeignTableStmt(context, body)
  handlers.CreateStmt(context, body.base)
end

-- The type that a column of a query has in what is made of it.
local function type_of(given)
  local found <const> = value.settled(given or nil)
  if not found or not found.key then return { text = false, name = "?" } end
  return found.type.serial and coerce.type(found.key) or found.type
end

local function add_outputs(context, made, columns, aliases)
  if not columns then
    made.open = true
    return
  end
  local had <const> = #made.order -- of a view that is replaced
  for i, name in ipairs(columns) do
    name = aliases[i] or name
    if not name then
      made.open = true
    elseif made.columns[name] and i > had then
      context:report("duplicate-column", { object = find.full(made.schema, made.name) .. "." .. name,
        message = ('the column "%s" is twice in "%s"'):format(name, made.name), fix = "give one of them an alias" })
    elseif not made.columns[name] then
      context.model:add_column(made, context:make { name = name, type = type_of(columns.values and columns.values[i]),
        nullable = true })
    end
  end
end

local function as_query(context, made, tree, aliases, keeps)
  local columns <const> = query.read(context, tree, keeps and expression.bind(made) or nil)
  if made then made.unseen = true end
  if made then add_outputs(context, made, columns, aliases) end
end

function handlers.CreateTableAsStmt(context, body)
  local kind <const> = body.objtype == "OBJECT_MATVIEW" and "matview" or "table"
  local made <const> = create(context, kind, body.into.rel, { if_not_exists = body.if_not_exists, row = true })
  as_query(context, made, body.query, node.texts(body.into.colNames), kind == "matview" and made)
end

-- OR REPLACE may only add columns at the end.
local function check_replace(context, before, columns, aliases)
  if before.open or not columns then return end
  for i, old in ipairs(before.order) do
    local new <const> = aliases[i] or columns[i]
    if new == false then return end
    if new ~= old.name then
      context:report("cannot-replace", { object = find.full(before.schema, before.name),
        message = new and ('CREATE OR REPLACE VIEW cannot change the name of column "%s" to "%s" (the view was made %s)')
            :format(old.name, new, context:where(before))
          or ('CREATE OR REPLACE VIEW cannot drop the column "%s" (the view was made %s)'):format(old.name,
            context:where(before)),
        fix = "DROP VIEW first" })
      return
    end
    local given <const> = value.settled(columns.values and columns.values[i])
    local key <const> = find.stands(context, old) and coerce.key(context.model, old.type)
    if key and given and given.key and given.key ~= key then
      context:report("cannot-replace", { object = find.full(before.schema, before.name),
        message = ('CREATE OR REPLACE VIEW cannot change the column "%s" from %s to %s (the view was made %s)'):format(old.name,
          types.text(old.type), given.said, context:where(before)), fix = "DROP VIEW first" })
      return
    end
  end
end

function handlers.ViewStmt(context, body)
  local aliases <const> = node.texts(body.aliases)
  local before <const> = body.replace and context.model:relation(
    body.view.relpersistence == "t" and "pg_temp" or context.model:target(body.view.schemaname), body.view.relname)
  if before and before.kind == "view" and not before.cause then
    local added <const> = {}
    local columns <const> = query.read(context, body.query, function(other) added[#added + 1] = other end)
    if find.stands(context, before) then check_replace(context, before, columns, aliases) end
    if context.failed or context.soft then
      before.maybe = context.soft and before.maybe
      return
    end
    depend.free(before)
    for _, other in ipairs(added) do depend.on(before, other) end
    add_outputs(context, before, columns, aliases)
    before.place = context.place
    return
  end
  local made <const> = create(context, "view", body.view, { row = true })
  as_query(context, made, body.query, aliases, made)
end

function handlers.SelectStmt(context, body, statement)
  if not body.intoClause then
    query.read(context, { SelectStmt = body })
    handlers.after_select(context, body, statement)
    return
  end
  local made <const> = create(context, "table", body.intoClause.rel, { row = true })
  as_query(context, made, { SelectStmt = body }, node.texts(body.intoClause.colNames))
end

-- A sequence's owner, by OWNED BY.
local function own(context, sequence, options)
  local owner <const> = node.option(options, "owned_by")
  local parts <const> = owner and owner.List and owner.List.items
  if not parts or #parts < 2 then return end
  local schema <const>, table_name <const>, name <const> = node.part(parts)
  local relation <const> = find.relation(context, { schemaname = schema, relname = table_name })
  local found <const> = relation and find.column(context, relation, name)
  if not found or not sequence then return end
  if sequence.owner and sequence.owner.owned then sequence.owner.owned[sequence] = nil end
  sequence.owner, found.owned = found, found.owned or {}
  found.owned[sequence] = true
end

function handlers.CreateSeqStmt(context, body)
  own(context, create(context, "sequence", body.sequence, { if_not_exists = body.if_not_exists }), body.options)
end

function handlers.AlterSeqStmt(context, body)
  local sequence <const> = find.relation(context, body.sequence, { kind = "sequence", missing_ok = body.missing_ok })
  own(context, sequence, body.options)
  for _, option in ipairs(body.options or {}) do
    if option.DefElem.defname ~= "owned_by" then context.model.drawn = true end
  end
end

return handlers
