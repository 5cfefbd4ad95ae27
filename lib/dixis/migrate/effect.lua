-- Is what a statement makes there already? Asked of the catalog, when it is not known whether it ran.

local effect_catalog = require "dixis.migrate.effect_catalog"
local facts = require "dixis.migrate.effect_facts"
local history = require "dixis.migrate.effect_history"
local holds = require "dixis.migrate.effect_holds"
local sql = require "host.sql"

local effect = {}

---@alias dixis.Effect
---| "present"  the catalog shows it
---| "absent"   the catalog shows that it is not there
---| "invalid"  an index that was not finished
---| "differs"  something of that name is there, but not as the statement makes it
---| "unseen"   it leaves nothing, or later statements of the script took it away again
---| "unknown"  the catalog does not show it: rows, code of its own

---@class dixis.StatementEffect
---@field state dixis.Effect
---@field name? string   what was looked at
---@field note? string   what is different
---@field again boolean  running it once more does no harm
---@field proof boolean  its presence shows that it ran

local quote <const> = sql.quote_identifier

local words <const> = {
  column = "column %s", column_type = "column %s", not_null = "NOT NULL of %s", default = "the default of %s",
  constraint = "constraint %s", validated = "constraint %s", trigger = "trigger %s", policy = "policy %s",
  label = "value %s",
}

local function name_of(fact)
  local path = fact.path
  if fact.kind == "primary" then return "the primary key" end
  if words[fact.kind] then return words[fact.kind]:format(quote(path[3])) end
  if fact.kind == "schema" or fact.kind == "extension" then return quote(path[1]) end
  return path[2] and quote(path[1]) .. "." .. quote(path[2])
end

-- ---- One fact ----------------------------------------------------------------------------------

local function ask(catalog, fact, path, context)
  local found, note = holds[fact.kind](catalog, fact, path, context.renamed)
  if found == "renamed" then return context.from_nothing and "present" or "unseen" end
  if type(found) == "string" then return found, note end
  return found and "present" or "absent", note
end

-- Where a later statement renames it, it may still have its old name: the script may not have come so far.
local function state_of(catalog, fact, context)
  local state, note = ask(catalog, fact, fact.path, context)
  if state == "present" or context.from_nothing then return state, note end
  for _, path in ipairs(fact.before or {}) do
    if ask(catalog, fact, path, context) == "present" then return "present" end
  end
  return state, note
end

local untold <const> = { hidden = "unseen", data = "unknown", unknown = "unknown" }

local function judge(catalog, fact, context)
  fact.state, fact.note = state_of(catalog, fact, context)
  if fact.state == "absent" and fact.cascaded and fact.want ~= false then fact.state = "unseen" end
end

-- Kinds whose value says more than that something is there.
local telling <const> = { column_type = true, labels = true }

-- Several statements speak of the same thing. When the last one holds, it can have been so before all of
-- them; when it does not, the one before it is what holds now, unless that is how it was before all of them.
local function judge_group(catalog, group, context)
  local last = group[#group]
  local turns
  for _, fact in ipairs(group) do
    if fact.want ~= last.want then turns = true end
  end
  for i, fact in ipairs(group) do
    if not turns or i == #group then judge(catalog, fact, context) else fact.state = "unseen" end
  end
  if not turns then return end
  if last.state == "present" then
    if not context.from_nothing and not telling[last.kind] then last.state = "unseen" end
  elseif last.state == "absent" and group[1].want ~= last.want then
    for i = #group - 1, 1, -1 do
      if group[i].want ~= last.want then
        judge(catalog, group[i], context)
        break
      end
    end
  end
end

local function judge_all(catalog, reader, context)
  local groups, order = {}, {}
  local function group(fact, path)
    local key = fact.kind .. "\0" .. table.concat(path, "\0")
    if not groups[key] then
      groups[key] = {}
      order[#order + 1] = key
    end
    table.insert(groups[key], fact)
  end
  for _, fact in ipairs(reader.facts) do
    if fact.gone then
      fact.state = "unseen"
    elseif untold[fact.kind] then
      fact.state = untold[fact.kind]
    else
      group(fact, fact.path)
      -- Under the names that it had before it was there for a while too.
      for _, path in ipairs(fact.before or {}) do
        group(setmetatable({ path = path, before = {} }, { __index = fact }), path)
      end
    end
  end
  for _, key in ipairs(order) do judge_group(catalog, groups[key], context) end
end

-- ---- One statement -----------------------------------------------------------------------------

local function summary(list)
  local count, firm, again, relation = {}, false, #list > 0, nil
  for _, fact in ipairs(list) do
    count[fact.state] = (count[fact.state] or 0) + 1
    if fact.state == "present" and not fact.soft then firm = true end
    if not fact.again then again = false end
    if not fact.part then relation = relation or fact end
  end
  return count, firm, again, relation
end

-- A statement is done as a whole or not at all: what contradicts that was made by something else.
local function combine(list)
  local count, firm, again, main = summary(list)
  local out = { again = again, proof = firm and not again, name = main and name_of(main) }
  local function pick(state)
    for _, fact in ipairs(list) do
      if fact.state == state then return fact end
    end
  end
  if count.invalid then
    out.state, out.name = "invalid", name_of(pick "invalid")
  elseif count.differs then
    out.state, out.note = "differs", name_of(pick "differs") .. " " .. (pick("differs").note or "")
  elseif count.absent and firm then
    local missing = pick "absent"
    out.state = "differs"
    out.note = name_of(missing) .. " " .. (missing.note or (missing.want == false and "is there" or "is not there"))
  elseif count.absent then
    out.state, out.note = "absent", pick("absent").note and name_of(pick "absent") .. " " .. pick("absent").note or nil
  elseif count.unknown and not firm then
    out.state = "unknown"
  elseif count.present then
    out.state = "present"
  else
    out.state = count.unseen and "unseen" or "unknown"
  end
  return out
end

--- The effects of all that was read, statement by statement.
---@async
---@param catalog dixis.Catalog
---@param reader table  of dixis.migrate.effect_facts
---@param from_nothing? boolean  it began with an empty database and must have ended
---@return dixis.StatementEffect[]
function effect.judged(catalog, reader, from_nothing)
  local context = { from_nothing = from_nothing, renamed = {} }
  for _, event in ipairs(reader.events) do
    if event.what == "move" and event.kind == "type" then context.renamed[event.from[2]] = event.to[2] end
  end
  history.follow(reader.facts, reader.events)
  judge_all(catalog, reader, context)
  local of_statement, out = {}, {}
  for i = 1, reader.at do of_statement[i] = {} end
  for _, fact in ipairs(reader.facts) do table.insert(of_statement[fact.at], fact) end
  for i = 1, reader.at do out[i] = combine(of_statement[i]) end
  return out
end

--- The effects of a whole script, statement by statement.
---@async
---@param catalog dixis.Catalog
---@param statements host.sql.Statement[]
---@param from_nothing? boolean  as above
---@return dixis.StatementEffect[]
function effect.script(catalog, statements, from_nothing)
  local reader = facts.reader(catalog)
  for _, statement in ipairs(statements) do facts.read(reader, statement) end
  return effect.judged(catalog, reader, from_nothing)
end

--- What a script makes that was not there before: key -> name. Parts of a table go with the table.
---@async
---@param catalog dixis.Catalog
---@param statements host.sql.Statement[]
---@return table<string, string>
function effect.made(catalog, statements)
  local reader, made = facts.reader(catalog), {}
  for _, statement in ipairs(statements) do facts.read(reader, statement) end
  for _, fact in ipairs(reader.facts) do
    if fact.want ~= false and not (fact.part or fact.soft or fact.again or untold[fact.kind]) then
      made[fact.kind .. "\0" .. table.concat(fact.path, "\0")] = name_of(fact)
    end
  end
  return made
end

--- The state of one statement's effect, and the name of what was looked at.
---@async
---@param session dixis.Session
---@param statement host.sql.Statement
---@return "present"|"absent"|"invalid"|"unknown" state
---@return string? name
function effect.of(session, statement)
  local found = effect.script(effect_catalog.new(session), { statement })[1]
  local told = found.state == "present" or found.state == "absent" or found.state == "invalid"
  return told and found.state or "unknown", found.name
end

return effect
