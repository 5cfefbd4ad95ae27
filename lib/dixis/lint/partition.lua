-- Partitioned tables: what their keys must have, and what their partitions have from them.

local find = require "dixis.lint.find"
local inherit = require "dixis.lint.inherit"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local types = require "dixis.lint.types"

local partition = {}

local function object_of(relation, name)
  return find.full(relation.schema, relation.name) .. (name and "." .. name or "")
end

--- PARTITION BY.
---@param made dixis.lint.Relation
---@param spec table
function partition.by(made, spec)
  made.kind = "partitioned"
  made.partition_keys = node.columns(spec)
  made.partition_columns = {}
  for _, item in ipairs(spec.partParams or {}) do
    local name <const> = item.PartitionElem.name
    if name then
      made.partition_keys[name] = true
      table.insert(made.partition_columns, name)
    else
      made.partition_expression = true
    end
  end
end

--- The columns that a table is partitioned by must be there.
---@param context dixis.lint.Context
---@param made dixis.lint.Relation
function partition.check_columns(context, made)
  for _, name in ipairs(made.partition_columns or {}) do find.column(context, made, name) end
end

---@param relation dixis.lint.Relation
---@param old string
---@param new string
function partition.renamed(relation, old, new)
  local keys <const> = relation.partition_keys
  if not keys or not keys[old] then return end
  keys[old], keys[new] = nil, true
  for i, name in ipairs(relation.partition_columns) do
    if name == old then relation.partition_columns[i] = new end
  end
end

--- A unique key holds in each partition alone: it must tell the partition.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param name string
---@param keys? (dixis.lint.Column|false)[]
function partition.check_key(context, relation, name, keys)
  if not relation.partition_columns or not keys or not find.stands(context, relation) then return end
  local has, missing = {}, {}
  for _, key in ipairs(keys) do
    if key then has[key.name] = true end
  end
  for _, column in ipairs(relation.partition_columns) do
    if not has[column] then missing[#missing + 1] = ('"%s"'):format(column) end
  end
  local reason <const> = relation.partition_expression and "it is partitioned by an expression"
    or #missing > 0 and ("it is partitioned by %s, which must be in it"):format(table.concat(missing, ", "))
  if not reason then return end
  context:report("partition-key", { object = object_of(relation),
    message = ('"%s" cannot have the unique key "%s": %s'):format(relation.name, name, reason),
    fix = relation.partition_expression and "make it in each partition, where it holds for that one alone"
      or ("add %s to the key"):format(table.concat(missing, ", ")) })
end

--- Says that a column cannot be changed because the table is partitioned by it.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param found dixis.lint.Column
---@param what string
---@return boolean
function partition.holds(context, relation, found, what)
  local keys <const> = relation.partition_keys
  if not (keys and keys[found.name] and find.stands(context, found)) then return false end
  context:report("still-needed", { object = object_of(relation, found.name),
    message = ('the column "%s" of "%s" cannot %s: the table is partitioned by it'):format(found.name, relation.name, what),
    fix = "make another table, move the rows, and let the two change names" })
  return true
end

--- Says that something belongs to the parent and is changed there alone.
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param kind "column"|"constraint"
---@param name string
---@param what string
---@return boolean
function partition.inherited(context, relation, kind, name, what)
  local parents <const> = { relation.parent }
  for parent in pairs(kind == "column" and relation.inherits or {}) do parents[#parents + 1] = parent end
  for _, parent in ipairs(parents) do
    local theirs <const> = (kind == "column" and parent.columns or parent.constraints)[name]
    -- A key of the parent has a name of its own here.
    if find.stands(context, relation) and find.stands(context, theirs)
      and (kind == "column" or theirs.type == "c" or theirs.type == "f" and not relation.constraints[name]) then
      context:report("still-needed", { object = object_of(relation, name),
        message = ('the %s "%s" of "%s" cannot %s: it comes from "%s"'):format(kind, name, relation.name, what, parent.name),
        fix = ('ALTER TABLE "%s" instead, which does it in all of them'):format(parent.name) })
      return true
    end
  end
  return false
end

-- Says so, when a table is surely not partitioned.
local function not_partitioned(context, parent)
  if parent.kind == "partitioned" or not find.stands(context, parent) or parent.open then return false end
  context:report("wrong-object", { object = object_of(parent),
    message = ('"%s" is %s, which has no partitions'):format(parent.name, names.with_article(parent.kind)) })
  return true
end

--- CREATE TABLE ... PARTITION OF.
---@param context dixis.lint.Context
---@param child dixis.lint.Relation
---@param parent dixis.lint.Relation
function partition.of(context, child, parent)
  not_partitioned(context, parent)
  inherit.partition(context.model, child, parent)
end

local function unlike(context, child, parent)
  for _, column in ipairs(child.order) do
    if find.stands(context, column) and not parent.columns[column.name] then
      return column.name, ('"%s" has no column "%s"'):format(parent.name, column.name)
    end
  end
  for _, theirs in ipairs(parent.order) do
    local own <const> = child.columns[theirs.name]
    if find.stands(context, theirs) and (not own or find.stands(context, own)) then
      if not own then return theirs.name, ('it has no column "%s"'):format(theirs.name) end
      local a <const>, b <const> = types.text(own.type), types.text(theirs.type)
      if a and b and a ~= b then
        return theirs.name, ('its column "%s" is %s, and there it is %s'):format(theirs.name, a, b)
      end
      if own.nullable and not theirs.nullable and not theirs.unsure_null and not own.unsure_null then
        return theirs.name, ('its column "%s" takes NULL, and there it does not'):format(theirs.name)
      end
    end
  end
  local lacking <const> = {}
  for name, theirs in pairs(parent.constraints) do
    if theirs.type == "c" and find.stands(context, theirs) and not child.constraints[name]
      and context.model:lacks(child, "constraint", name) then lacking[#lacking + 1] = name end
  end
  table.sort(lacking)
  if lacking[1] then return lacking[1], ('it has no constraint "%s"'):format(lacking[1]) end
end

--- ATTACH PARTITION.
---@param context dixis.lint.Context
---@param parent dixis.lint.Relation
---@param child dixis.lint.Relation
function partition.attach(context, parent, child)
  if not_partitioned(context, parent) then return end
  if find.stands(context, parent) and find.stands(context, child) and not parent.open and not child.open then
    if child.parent then
      context:report("wrong-object", { object = object_of(child),
        message = ('"%s" is a partition of "%s" already'):format(child.name, child.parent.name) })
      return
    end
    local name <const>, reason <const> = unlike(context, child, parent)
    if reason then
      context:report("wrong-column", { object = object_of(child, name),
        message = ('"%s" cannot be a partition of "%s": %s'):format(child.name, parent.name, reason) })
      return
    end
  end
  if context.soft then
    child.maybe = true
    return
  end
  inherit.partition(context.model, child, parent)
end

--- DETACH PARTITION.
---@param context dixis.lint.Context
---@param parent dixis.lint.Relation
---@param child dixis.lint.Relation
function partition.detach(context, parent, child)
  if not_partitioned(context, parent) then return end
  if find.stands(context, parent) and find.stands(context, child) and child.parent ~= parent then
    context:report("wrong-object", { object = object_of(child),
      message = ('"%s" is no partition of "%s"'):format(child.name, parent.name) })
    return
  end
  if context.soft then
    child.maybe = true
    return
  end
  if parent.partitions then parent.partitions[child] = nil end
  child.parent = nil
end

return partition
