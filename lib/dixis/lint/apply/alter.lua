-- ALTER TABLE, and the other ALTERs that share its form.

local commands = require "dixis.lint.apply.alter_column"
local constraint = require "dixis.lint.constraint"
local depend = require "dixis.lint.depend"
local drop = require "dixis.lint.drop"
local expression = require "dixis.lint.expression"
local find = require "dixis.lint.find"
local inherit = require "dixis.lint.inherit"
local names = require "dixis.lint.names"
local node = require "dixis.lint.node"
local partition = require "dixis.lint.partition"
local retype = require "dixis.lint.retype"

local handlers = {}

function commands.AT_AddConstraint(context, relation, command)
  constraint.add(context, relation, command.def.Constraint)
end

function commands.AT_DropConstraint(context, relation, command)
  if partition.inherited(context, relation, "constraint", command.name, "be dropped") then return end
  local found <const> = find.part(context, relation, "constraint", command.name, command.missing_ok)
  if not found then return end
  drop.objects(context, { found }, command.behavior == "DROP_CASCADE",
    ('the constraint "%s" of "%s"'):format(found.name, relation.name))
end

local function named_constraint(context, relation, command)
  local name <const> = command.name or command.def and command.def.Constraint and command.def.Constraint.conname
  return name and find.part(context, relation, "constraint", name)
end

function commands.AT_AlterConstraint(context, relation, command)
  named_constraint(context, relation, command)
  relation.deferred = true
end

function commands.AT_ValidateConstraint(context, relation, command)
  local found <const> = named_constraint(context, relation, command)
  if found then found.valid = true end
end

function commands.AT_SetLogged(_, relation) relation.unlogged = nil end
function commands.AT_SetUnLogged(_, relation) relation.unlogged = true end

local function named_trigger(context, relation, command)
  find.part(context, relation, "trigger", command.name)
end
local function triggers_off(context) context.model.foreign_keys_off = true end
commands.AT_DisableTrigAll, commands.AT_DisableTrigUser = triggers_off, triggers_off

for _, name in ipairs { "AT_EnableTrig", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig", "AT_DisableTrig" } do
  commands[name] = named_trigger
end

function commands.AT_ClusterOn(context, relation, command)
  find.relation(context, { schemaname = relation.schema, relname = command.name }, { kind = "index" })
end

function commands.AT_ReplicaIdentity(context, relation, command)
  local name <const> = command.def.ReplicaIdentityStmt.name
  if name then find.relation(context, { schemaname = relation.schema, relname = name }, { kind = "index" }) end
end

function commands.AT_AttachPartition(context, relation, command)
  if relation.kind == "index" then
    find.relation(context, command.def.PartitionCmd.name, { kind = "index" })
    return
  end
  local child <const> = find.relation(context, command.def.PartitionCmd.name)
  partition.attach(context, relation, child)
end

function commands.AT_DetachPartition(context, relation, command)
  local child <const> = find.relation(context, command.def.PartitionCmd.name)
  partition.detach(context, relation, child)
end

local function inherits(context, relation, parent)
  return find.stands(context, relation) and find.stands(context, parent) and relation.inherits ~= nil
    and relation.inherits[parent]
end

function commands.AT_AddInherit(context, relation, command)
  local parent <const> = find.relation(context, command.def.RangeVar)
  if context.soft then
    relation.maybe = true
  elseif inherits(context, relation, parent) then
    context:report("wrong-object", { object = find.full(relation.schema, relation.name),
      message = ('"%s" inherits from "%s" already'):format(relation.name, parent.name) })
  else
    inherit.from(relation, parent)
  end
end

function commands.AT_DropInherit(context, relation, command)
  local parent <const> = find.relation(context, command.def.RangeVar)
  if context.soft then
    relation.maybe = true
  elseif find.stands(context, relation) and find.stands(context, parent) and not relation.open
    and not inherits(context, relation, parent) then
    context:report("wrong-object", { object = find.full(relation.schema, relation.name),
      message = ('"%s" does not inherit from "%s"'):format(relation.name, parent.name) })
  else
    inherit.no_longer_from(relation, parent)
  end
end

-- PostgreSQL runs these in passes: what is dropped goes first, constraints come last.
local pass_of <const> = { AT_DropColumn = 1, AT_DropConstraint = 1, AT_AlterColumnType = 2, AT_AddColumn = 4,
  AT_AddConstraint = 6, AT_SetNotNull = 5, AT_AddIdentity = 5 }

local function in_passes(cmds)
  if #cmds == 1 then return cmds end
  local order <const> = {}
  for i, item in ipairs(cmds) do
    local command <const> = item.AlterTableCmd
    local pass = pass_of[command.subtype] or 5
    if command.subtype == "AT_ColumnDefault" then pass = command.def and 6 or 1 end
    order[i] = { item, pass, i }
  end
  table.sort(order, function(a, b)
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[3] < b[3]
  end)
  for i, entry in ipairs(order) do order[i] = entry[1] end
  return order
end

local changeable <const> = { "type", "nullable", "unsure_null", "default", "default_object", "identity",
  "unsure_identity", "always", "generated", "unfilled" }

local function needs_of(object)
  local list <const> = {}
  for other in pairs(object and object.depends or {}) do list[#list + 1] = other end
  return list
end

local function need_again(object, list)
  if not object then return end
  depend.free(object)
  for _, other in ipairs(list) do depend.on(object, other) end
end

-- How the columns are that the commands name.
local function columns_now(relation, cmds)
  local kept <const> = {}
  local function keep(name)
    local column <const> = relation.columns[names.clip(name)]
    if not column or kept[column] then return end
    local entry <const> = { needs = needs_of(column), default_needs = needs_of(column.default_object) }
    for _, field in ipairs(changeable) do entry[field] = column[field] end
    kept[column] = entry
  end
  for _, item in ipairs(cmds) do
    local command <const> = item.AlterTableCmd
    local added <const> = command.subtype == "AT_AddConstraint" and command.def.Constraint
    if command.name then keep(command.name) end
    for _, name in ipairs(node.texts(added and added.keys)) do keep(name) end
  end
  return kept
end

-- All of the commands are done, or none.
local function take_back(kept, reason)
  for column, entry in pairs(kept) do
    local default <const> = entry.default_object
    if default and default ~= column.default_object then default.lingers = default.lingers or reason end
    for _, field in ipairs(changeable) do column[field] = entry[field] end
    need_again(column, entry.needs)
    need_again(column.default_object, entry.default_needs)
  end
end

local word_of <const> = { OBJECT_INDEX = "index", OBJECT_SEQUENCE = "sequence", OBJECT_VIEW = "view",
  OBJECT_MATVIEW = "materialized view", OBJECT_TYPE = "type" }

local function set(words)
  local made <const> = {}
  for word in words:gmatch "%S+" do made["AT_" .. word] = true end
  return made
end

-- What ALTER TABLE does with what is no table.
local fits <const> = {
  view = set "ColumnDefault AddIdentity SetIdentity DropIdentity ChangeOwner SetRelOptions ResetRelOptions",
  matview = set [[SetStatistics SetOptions ResetOptions SetStorage SetCompression ChangeOwner ClusterOn
    DropCluster SetAccessMethod SetTableSpace SetRelOptions ResetRelOptions ReplicaIdentity]],
  index = set "SetStatistics ChangeOwner SetTableSpace SetRelOptions ResetRelOptions AttachPartition",
  sequence = set "ChangeOwner SetLogged SetUnLogged",
}

-- Is it of a kind that the commands do not go with? Says so.
local function is_unfit(context, relation, cmds)
  local list <const> = fits[relation.kind]
  for _, item in ipairs(list and cmds or {}) do
    local command <const> = item.AlterTableCmd.subtype
    if not list[command] then
      if find.stands(context, relation) then
        context:report("wrong-object", { object = find.full(relation.schema, relation.name),
          message = ('ALTER TABLE cannot do this with "%s" (%s): it is %s'):format(relation.name,
            command:sub(4):gsub("(%l)(%u)", "%1 %2"):upper(), names.with_article(relation.kind)) })
      end
      return true
    end
  end
  return false
end

function handlers.AlterTableStmt(context, body)
  local model <const> = context.model
  if body.objtype == "OBJECT_TYPE" then
    local type <const> = model:type(body.relation.schemaname, body.relation.relname)
    if type then type.open = true else expression.type(context, { names = { body.relation.schemaname
      and { String = { sval = body.relation.schemaname } }, { String = { sval = body.relation.relname } } } }) end
    return
  end
  local relation <const> = find.relation(context, body.relation,
    { kind = word_of[body.objtype], missing_ok = body.missing_ok, any = true })
  if not relation then return end
  if relation.cause and body.missing_ok then
    relation.open = true -- it is there in thought alone, and the statement passes it over
    return
  end
  if not find.is_kind(context, relation, word_of[body.objtype])
    or is_unfit(context, relation, body.cmds or {}) then return end
  for _, item in ipairs(body.cmds or {}) do
    -- USING sees the columns as they were before all of it.
    local definition <const> = item.AlterTableCmd.subtype == "AT_AlterColumnType" and item.AlterTableCmd.def.ColumnDef
    if definition then expression.read(context, definition.raw_default, relation) end
  end
  relation.only = not body.relation.inh
  local before <const> = columns_now(relation, body.cmds or {})
  for _, item in ipairs(in_passes(body.cmds or {})) do
    local command <const> = item.AlterTableCmd
    local rule <const> = commands[command.subtype]
    if rule then rule(context, relation, command) end
  end
  local retyped <const> = {}
  for _, column in ipairs(relation.order or {}) do
    if column.wanted and not column.wanted.cause then retyped[#retyped + 1] = column end
  end
  for _, column in ipairs(retyped) do
    if not context.failed then constraint.recheck(context, relation, column) end
  end
  if retyped[1] and not context.failed then retype.check(context, relation) end
  local failed <const> = context.failed
  for _, column in ipairs(retyped) do
    column.wanted = failed and { type = column.wanted.type, cause = context.findings[failed].cause or failed } or nil
  end
  if failed then take_back(before, failed) end
end

return handlers
