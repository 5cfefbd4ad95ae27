-- Finding what a statement names: reports what is missing, once, and goes on as if it were there.

local model_of = require "dixis.lint.model"
local names = require "dixis.lint.names"
local near = require "dixis.near"

local find = {}

local NONE <const> = {}

--- What something that lives in a table is missed under.
---@param what "column"|"constraint"|"trigger"|"policy"
---@param relation dixis.lint.Relation
---@param name string
---@return string
function find.key(what, relation, name)
  return ("%s %s.%s.%s"):format(what, relation.schema, relation.name, name)
end

local function full(schema, name)
  return (schema or "public") .. "." .. name
end

local function suggestion(wanted, known)
  local meant <const> = near.find(wanted, known)
  return meant and (' (did you mean "%s"?)'):format(meant) or ""
end

--- What became of a thing that is not there any more, for the end of a message.
---@param context dixis.lint.Context
---@param gone { place: dixis.lint.Place, to?: string }
---@return string
function find.history(context, gone)
  local what <const> = gone.to and ('renamed to "%s"'):format(gone.to) or "dropped"
  return (": it was %s %s"):format(what, context:where(gone))
end

-- Where this statement is, for a finding about one before it.
local function later(context, finding)
  return finding.migration == context.migration and ("in line %d"):format(context.place.line)
    or ("by %s"):format(context.migration)
end

--- Something is made that was missed before: the finding says where it comes from.
---@param context dixis.lint.Context
---@param key string   as in dixis.lint.Model.missing
---@param how string   "created", "added", ...
function find.came_later(context, key, how)
  local index <const> = context.model.missing[key]
  local finding <const> = index and context.findings[index]
  if not finding or finding.created then return end
  finding.created = context.place
  local own <const> = finding.migration == context.migration
  -- Taken away and given to another in one migration: that is no matter of order.
  if own and finding.takes then return end
  finding.message = finding.message .. (": it is %s only later, %s"):format(how, later(context, finding))
  finding.fix = own and ("move that (line %d) before this statement"):format(context.place.line)
    or ("move %s before %s, or this statement behind it"):format(context.migration, finding.migration)
end

local taking <const> = { DropStmt = true, RenameStmt = true }

--- Remembers who missed what, for find.came_later. What was there once and is gone has its story already.
---@param context dixis.lint.Context
---@param key string
---@param index? integer  the finding
---@param gone? table
---@param command? string  the form of ALTER TABLE that takes such a thing away, and its name
function find.missed(context, key, index, gone, command)
  if not index or gone then return end
  local statement <const> = context.statement
  context.findings[index].takes = taking[statement.node] or command and statement.tree:find(command, 1, true) ~= nil
  context.model.missing[key] = context.model.missing[key] or index
end

--- Reports what is missing because an extension was not created, and remembers who waits for it.
---@param context dixis.lint.Context
---@param rule string
---@param finding table
---@param which? string  the extension; nil: none is known to bring it
---@return integer? index
function find.unbrought(context, rule, finding, which)
  if not which then return context:report(rule, finding) end
  finding.fix = ('CREATE EXTENSION IF NOT EXISTS "%s" before this statement'):format(which)
  finding.fix_sql = ('CREATE EXTENSION IF NOT EXISTS "%s";'):format(which)
  finding.fix_file, finding.fix_edit = context.file, "before"
  local index <const> = context:report(rule, finding)
  local awaited <const> = context.model.awaited
  awaited[which] = awaited[which] or {}
  awaited[which][#awaited[which] + 1] = index
  return index
end

--- Reports a function of whose name there is none; who names it again fails for the same reason.
---@param context dixis.lint.Context
---@param schema? string
---@param name string
---@param which? string  the extension that brings one
function find.no_function(context, schema, name, which)
  local model <const> = context.model
  local key <const> = full(schema or model:target(), name)
  local before <const> = model.unmade[key]
  if before then
    context:follow("missing-function", before, { object = key,
      message = ('the function "%s" is not there: what should have made it fails, or is missing'):format(name) })
    return
  end
  local gone <const> = model:dropped("function", schema, name)
  if gone then which = nil end
  local known <const> = near.keys((model.schemas[schema or model:target()] or { functions = {} }).functions)
  local index <const> = find.unbrought(context, "missing-function", { object = key,
    message = ('the function "%s" does not exist here%s'):format(name, gone and find.history(context, gone)
      or which and (': it comes with the extension "%s"'):format(which) or suggestion(name, known)) }, which)
  if not index then return end
  if not which then find.missed(context, "function " .. key, index, gone) end
  model.unmade[key] = { cause = context.findings[index].cause or index }
end

--- A function is made: one of its name is not missing any more.
---@param context dixis.lint.Context
---@param schema string
---@param name string
function find.function_made(context, schema, name)
  local key <const> = full(schema, name)
  context.model.unmade[key] = nil
  find.came_later(context, "function " .. key, "created")
end

--- An extension is created: those that waited for it say where.
---@param context dixis.lint.Context
---@param which string
---@param guarded boolean  it may be there already
function find.brought_later(context, which, guarded)
  for _, index in ipairs(context.model.awaited[which] or {}) do
    local finding <const> = context.findings[index]
    finding.message = ("%s, which is created only later, %s"):format(finding.message, later(context, finding))
    if not guarded then -- a second one before would be in its way
      finding.fix, finding.fix_sql = ('move CREATE EXTENSION "%s" before this statement'):format(which), nil
      finding.fix_file, finding.fix_edit = nil, nil
    end
  end
  context.model.awaited[which] = nil
end

local rule_of <const> = { index = "missing-index", sequence = "missing-sequence" }

--- Reports a schema that does not exist; the schema is there in thought from then on.
---@param context dixis.lint.Context
---@param schema string
function find.schema(context, schema)
  local model <const> = context.model
  local found <const> = model.schemas[schema]
  if found then
    if found.cause and not context.soft then
      context:follow("missing-schema", found, { object = schema,
        message = ('the schema "%s" would have been made by a statement that fails'):format(schema) })
    end
    return
  end
  if model:is_system(schema) or schema == "pg_temp" or model.epochs.schema > 0
    or model:may_bring("schema", schema) then return end
  local index <const> = context:report("missing-schema", { object = schema,
    message = ('the schema "%s" does not exist'):format(schema),
    fix = ('CREATE SCHEMA IF NOT EXISTS "%s" before this statement'):format(schema),
    fix_sql = ('CREATE SCHEMA IF NOT EXISTS "%s";'):format(schema), fix_file = context.file, fix_edit = "before" })
  local made <const> = model:space(schema)
  made.open, made.cause = true, index
end

-- As if it were there, with columns that are not known.
local function assume(context, kind, schema, name, cause, missing)
  local model <const> = context.model
  local relation <const> = model:new_relation(kind == "index" and "index" or kind == "sequence" and "sequence" or "table",
    model:target(schema), name)
  relation.open, relation.assumed, relation.cause, relation.place = true, true, cause, context.place
  if kind == "index" then
    relation.table, relation.keys = model:new_relation("table", relation.schema, ""), {}
    relation.table.open = true
  end
  relation.maybe = not cause or nil
  -- In a branch that may not be taken, it is surely missing and nothing is said yet: the next one to need it says so.
  local unsaid <const> = missing and not cause
  local catalog <const> = model:is_system(relation.schema) or not schema and name:find "^pg_" ~= nil
  if not unsaid and not catalog then model:add_relation(relation) end
  return relation
end

-- An index has no columns, rows and triggers that could be asked for: a table in thought takes its place.
local function no_table(context, index, what)
  if find.stands(context, index) then
    context:report("wrong-object", { object = full(index.schema, index.name),
      message = ('"%s" is an index, not %s (%s)'):format(index.name, names.with_article(what), context:origin(index)) })
  end
  local relation <const> = context.model:new_relation("table", index.schema, index.name)
  relation.open, relation.assumed, relation.place = true, true, context.place
  relation.cause = context.failed and (context.findings[context.failed].cause or context.failed)
  relation.maybe = not relation.cause or nil
  return relation
end

--- The relation of a RangeVar.
---@param context dixis.lint.Context
---@param range table
---@param options? { kind?: string, missing_ok?: boolean, any?: boolean }  any: an index too, where a table is meant
---@return dixis.lint.Relation? relation  nil: not there, and the statement says that this is fine
function find.relation(context, range, options)
  options = options or NONE
  local model <const> = context.model
  local schema <const>, name <const> = range.schemaname, names.clip(range.relname)
  local what <const> = options.kind or "table"
  if schema then find.schema(context, schema) end
  local found <const>, why = model:relation(schema, name)
  if found then
    if found.cause and not options.missing_ok then
      context:follow(rule_of[what] or "missing-table", found, { object = full(found.schema, name),
        message = ('the %s "%s" is not there: what should have made it fails, or is missing'):format(what, name) })
    end
    if found.kind == "index" and what ~= "index" and what ~= "sequence" and not options.any then
      return no_table(context, found, what)
    end
    return found
  end
  if options.missing_ok then return nil end
  local cause
  -- A composite type has columns, too.
  if why == "missing" and model:type(schema, name) then why = "unknown" end
  -- Partitions get indexes whose names are not followed.
  if what == "index" and model.partly then why = "unknown" end
  if why == "missing" then
    local gone <const> = model:dropped("relation", schema, name)
    local known <const> = near.keys((model.schemas[schema or model:target()] or { relations = {} }).relations)
    local rule <const> = rule_of[what] or "missing-table"
    cause = context:report(rule, { object = full(schema or model:target(), name),
      message = ('the %s "%s" does not exist here%s'):format(what, name,
        gone and find.history(context, gone) or suggestion(name, known)) })
    find.missed(context, full(schema or model:target(), name), cause, gone)
  end
  return assume(context, what, schema, name, cause, why == "missing")
end

local kind_of <const> = { view = "view", ["materialized view"] = "matview", sequence = "sequence", index = "index" }

--- Is a relation of the kind that the statement says? Says it when it is not.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param word? string  "view", "materialized view", "sequence", "index"; others go with any
---@return boolean
function find.is_kind(context, relation, word)
  local wanted <const> = kind_of[word]
  if not wanted or relation.kind == wanted or relation.assumed then return true end
  if find.stands(context, relation) then
    context:report("wrong-object", { object = full(relation.schema, relation.name),
      message = ('"%s" is %s, not %s (%s)'):format(relation.name, names.with_article(relation.kind),
        names.with_article(wanted), context:origin(relation)) })
  end
  return false
end

--- Says why a relation of its kind is nothing for the statement.
---@param context dixis.lint.Context
---@param relation? dixis.lint.Relation
---@param reasons table<string, string>  by the kinds that are not taken: what goes on behind 'it is a view'
function find.refuse(context, relation, reasons)
  if not relation or not reasons[relation.kind] or not find.stands(context, relation) then return end
  context:report("wrong-object", { object = full(relation.schema, relation.name),
    message = ('"%s" is %s (%s): %s'):format(relation.name, names.with_article(relation.kind), context:origin(relation),
      reasons[relation.kind]) })
end

local system_columns <const> = { ctid = true, xmin = true, xmax = true, cmin = true, cmax = true, tableoid = true }

--- A column of a relation.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param name string
---@param options? { missing_ok?: boolean, system?: boolean }
---@return dixis.lint.Column? column
function find.column(context, relation, name, options)
  options = options or NONE
  if not relation.order then return nil end -- an index: its columns have no names of their own
  name = names.clip(name)
  local found <const> = relation.columns[name]
  if found then
    if found.cause and not options.missing_ok and found.cause ~= relation.cause then
      context:follow("missing-column", found, { object = full(relation.schema, relation.name) .. "." .. name,
        message = ('the column "%s" of "%s" is not there: the statement that should have added it fails'):format(name,
          relation.name) })
    end
    return found
  end
  if options.missing_ok or options.system and system_columns[name] then return nil end
  if not context.model:lacks(relation, "column", name) then return nil end
  local gone <const> = relation.gone and relation.gone["column " .. name]
  local index <const> = context:report("missing-column", { object = full(relation.schema, relation.name) .. "." .. name,
    message = ('the column "%s" of "%s" does not exist here%s'):format(name, relation.name,
      gone and find.history(context, gone) or suggestion(name, near.keys(relation.columns))) })
  find.missed(context, find.key("column", relation, name), index, gone, ('"AT_DropColumn","name":"%s"'):format(name))
  if index then
    local column <const> = { name = name, type = { text = false, name = "?" }, nullable = true, place = context.place,
      cause = context.findings[index].cause or index, assumed = true }
    context.model:add_column(relation, column)
    return column
  end
end

--- Something else that lives in a table: a constraint, trigger or policy.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param what "constraint"|"trigger"|"policy"
---@param name string
---@param missing_ok? boolean
---@return dixis.lint.Object?
function find.part(context, relation, what, name, missing_ok)
  name = names.clip(name)
  local list <const> = what == "constraint" and relation.constraints or what == "trigger" and relation.triggers
    or relation.policies
  local found <const> = list[name]
  if found then
    if found.cause and not missing_ok then
      context:follow("missing-" .. what, found, { object = full(relation.schema, relation.name) .. "." .. name,
        message = ('the %s "%s" is not there: the statement that should have made it fails'):format(what, name) })
    end
    return found
  end
  if missing_ok or not context.model:lacks(relation, model_of.scope { kind = what }, name) then return nil end
  local gone <const> = relation.gone and relation.gone[model_of.scope { kind = what } .. " " .. name]
  local index <const> = context:report("missing-" .. what, { object = full(relation.schema, relation.name) .. "." .. name,
    message = ('the %s "%s" of "%s" does not exist here%s'):format(what, name, relation.name,
      gone and find.history(context, gone) or suggestion(name, near.keys(list))) })
  find.missed(context, find.key(what, relation, name), index, gone, ('"AT_DropConstraint","name":"%s"'):format(name))
end

--- Is something like it there for sure? What is only likely or assumed makes room.
---@param context dixis.lint.Context
---@param object? dixis.lint.Object|false
---@return boolean
function find.stands(context, object)
  return object and not object.cause and context.model:certain(object) or false
end

find.full = full

return find
