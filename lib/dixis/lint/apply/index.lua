-- CREATE INDEX.

local constraint = require "dixis.lint.constraint"
local depend = require "dixis.lint.depend"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local immutable = require "dixis.lint.immutable"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local opclass = require "dixis.lint.opclass"

local handlers = {}

-- The columns of an index and their names, as they go into an unnamed one.
local function index_keys(context, relation, body)
  local fields <const> = { keys = {}, columns = {}, unique = body.unique or false, method = body.accessMethod or "btree",
    where = body.whereClause and true or nil, mentions = {} }
  local texts <const>, needs <const> = {}, {}
  local function mention(other)
    -- An index goes with its columns, and those need their enums.
    if other.kind == "column" or other.kind == "enum" then
      fields.mentions[other] = true
    else
      needs[#needs + 1] = other
    end
  end
  for i, item in ipairs(body.indexParams or {}) do
    local element <const> = item.IndexElem
    if element.name then
      fields.keys[i] = find.column(context, relation, element.name) or false
      texts[i] = element.name
    else
      fields.keys[i], fields.expressions = false, true
      texts[i] = names.figure(element.expr) or "expr"
      expression.read(context, element.expr, relation, mention)
      immutable.check(context, relation, element.expr, "an index")
    end
    opclass.check(context, relation, element, fields.keys[i], fields.method)
    fields.columns[i] = { order = element.ordering == "SORTBY_DESC" and "DESC" or "ASC",
      ops = element.opclass and select(2, node.name(element.opclass)) or nil }
  end
  for i, item in ipairs(body.indexIncludingParams or {}) do
    local included <const> = find.column(context, relation, item.IndexElem.name)
    if included then mention(included) end
    texts[#(body.indexParams or {}) + i] = item.IndexElem.name
  end
  expression.read(context, body.whereClause, relation, mention)
  immutable.check(context, relation, body.whereClause, "an index")
  immutable.no_query(context, relation, body.whereClause, "an index")
  constraint.condition(context, relation, body.whereClause)
  fields.condition = body.whereClause
  if not next(fields.mentions) then fields.mentions = nil end
  return fields, texts, needs
end

-- A name that an index has twice gets a number.
local function distinct(texts)
  local made, seen = {}, {}
  for i, text in ipairs(texts) do
    local name, pass = text, 0
    while seen[name] do
      pass = pass + 1
      name = text .. pass
    end
    made[i], seen[name] = name, true
  end
  return made
end

local function same_index(index, fields)
  if index.unique ~= fields.unique or #(index.keys or {}) ~= #fields.keys then return false end
  for i, key in ipairs(index.keys) do
    if key ~= fields.keys[i] then return false end
  end
  return true
end

local methods <const> = { btree = true, hash = true, gist = true, gin = true, brin = true, spgist = true, rtree = true }
local brought <const> = { hnsw = "vector", ivfflat = "vector", bloom = "bloom", rum = "rum" }

local function check_method(context, method)
  local model <const> = context.model
  local extension <const> = brought[method]
  if not method or methods[method] or model.methods or model.opaque or model.epochs.schema > 0
    or extension and model.extensions[extension] then return end
  find.unbrought(context, "missing-extension", { object = method,
    message = ('there is no kind of index "%s" here%s'):format(method,
      extension and (': it comes with the extension "%s"'):format(extension) or "") }, extension)
end

function handlers.CreateAmStmt(context)
  context.model.methods = true
end

function handlers.IndexStmt(context, body)
  local relation <const> = find.relation(context, body.relation)
  if find.stands(context, relation) and (relation.kind == "view" or relation.kind == "index" or relation.kind == "sequence") then
    context:report("wrong-object", { object = find.full(relation.schema, relation.name),
      message = ('an index cannot be made on "%s": it is %s'):format(relation.name, names.with_article(relation.kind)) })
    return
  end
  local model <const> = context.model
  check_method(context, body.accessMethod)
  local fields <const>, texts <const>, needs <const> = index_keys(context, relation, body)
  local name <const> = names.clip(body.idxname or names.choose(relation.name, names.join(distinct(texts)), "idx",
    function(wanted) return model:relation_taken(relation.schema, wanted) end))
  local before <const> = model:relation_in(relation.schema, name)
  if body.if_not_exists and find.stands(context, before) then
    if before.kind ~= "index" then return end
    if before.table ~= relation or not same_index(before, fields) and not before.expressions then
      context:report("hidden-difference", { object = find.full(relation.schema, name),
        message = ('IF NOT EXISTS skips this: another index "%s"%s was made %s'):format(name,
          before.table ~= relation and (' on "%s"'):format(before.table.name) or "", context:where(before)) })
    end
    return
  end
  if before and body.if_not_exists then fields.maybe_other = true end
  local made <const> = constraint.index(context, relation, name, fields)
  for _, other in ipairs(made and needs or {}) do depend.on(made, other) end
end

return handlers
