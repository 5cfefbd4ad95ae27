-- What a column's name in a query means: the tables that can be seen there, from the inside out.

local builtin = require "dixis.lint.builtin"
local find = require "dixis.lint.find"
local node = require "dixis.lint.node"

local scope = {}

-- A scope: { items, parent, ctes, outputs }. An item is { name, relation } or { name, columns = set|nil }: a
-- part of FROM; without a relation and columns, it may have any column. A query's columns are { value = ... }.

local system_columns <const> = { ctid = true, xmin = true, xmax = true, cmin = true, cmax = true, tableoid = true }

-- The column in an item: true or the column itself; false when it is surely not there; nil: not known.
local function column_in(state, item, name)
  if item.relation then
    local found <const> = item.relation.columns[name]
    if found then return found end
    if system_columns[name] then return true end
    return not state.context.model:lacks(item.relation, "column", name) and nil
  end
  if not item.columns then return nil end
  return item.columns[name] ~= nil
end

local function use(state, item, name, found)
  if type(found) ~= "table" then return end
  find.column(state.context, item.relation, name)
  state.needs(found)
end

-- Another part of the same FROM that has the column for sure.
local function second(state, at, first, name)
  if at.merged or at.joining then return nil end
  local other
  for _, item in ipairs(at.items) do
    if not item.relation and not item.columns then return nil end
    local found <const> = item ~= first and column_in(state, item, name)
    if found == true and item.relation then return nil end -- a system column
    if type(found) == "table" and find.stands(state.context, found) or found == true then other = other or item end
  end
  return other
end

-- A variable of a block, and a column of the same name: PostgreSQL does not choose.
local function check_variable(state, at, name)
  if not (state.context.declared and state.context.declared[name]) then return end
  while at do
    if at.outputs and at.outputs[name] or at.open then return end
    for _, item in ipairs(at.items) do
      local found <const> = column_in(state, item, name)
      if type(found) == "table" and find.stands(state.context, found) then
        state.context:report("ambiguous-name", { object = name,
          message = ('"%s" can be the variable of this block or the column of "%s"'):format(name, item.name),
          fix = ('write "%s"."%s", or give the variable another name'):format(item.name, name) })
      end
      if found ~= false then return end
    end
    at = at.parent
  end
end

-- There in thought alone: what a statement that fails would have made, or what was missed before.
local function in_thought(found) return type(found) == "table" and found.cause ~= nil end

local function unqualified(state, at, name)
  local only, count, thought
  if state.parameters and (state.parameters[name] or state.parameters.any) then return check_variable(state, at, name) end
  while at do
    if at.outputs and at.outputs[name] or at.open then return end
    for _, item in ipairs(at.items) do
      local found = column_in(state, item, name)
      if in_thought(found) then
        thought = thought or { item = item, column = found }
        found = false
      end
      if found or found == nil then
        local other <const> = found and second(state, at, item, name)
        if other then
          state.context:report("ambiguous-name", { object = name,
            message = ('the column "%s" can be that of "%s" or of "%s"'):format(name, item.name, other.name),
            fix = ('write "%s"."%s"'):format(item.name, name) })
        end
        return use(state, item, name, found)
      end
      if item.name == name then return end
    end
    if not count or count == 0 then count, only = #at.items, at.items[1] end
    at = at.parent
  end
  if thought then
    use(state, thought.item, name, thought.column)
  elseif count == 1 and only.relation then
    find.column(state.context, only.relation, name)
  else
    state.context:report("missing-column", { object = name,
      message = (count == 0 and 'there is no table here that the column "%s" can be of' or
        'no table of this query has a column "%s"'):format(name),
      fix = count == 0 and "text is written in single quotes" or nil })
  end
end

-- They stand for rows without being in FROM.
local given <const> = { old = true, new = true, excluded = true }

local function qualified(state, at, qualifier, name)
  local known = true
  while at do
    for _, item in ipairs(at.items) do
      known = known and item.name ~= nil
      if item.name == qualifier then
        if not name then return end
        local found <const> = column_in(state, item, name)
        if found == false then
          -- t.f may be f(t).
          if builtin.takes_row(name) or state.context.model:functions(nil, name) then return end
          if item.relation then
            find.column(state.context, item.relation, name)
          else
            state.context:report("missing-column", { object = qualifier .. "." .. name,
              message = ('"%s" has no column "%s"'):format(qualifier, name) })
          end
        else
          use(state, item, name, found)
        end
        return
      end
    end
    at = at.parent
  end
  -- In a function of SQL, its name stands for its parameters.
  local other <const> = state.parameters and (not state.context.variables or state.parameters[qualifier]
    or state.parameters.any)
  if not known or not name or given[qualifier] or other then return end
  state.context:report("missing-table", { object = qualifier,
    message = ('"%s" is not in the FROM of this query'):format(qualifier) })
end

-- The column that a name means, where that is known; says nothing.
local function peek(state, at, fields)
  local name <const> = node.text(fields[#fields])
  local qualifier <const> = #fields == 2 and node.text(fields[1]) or nil
  local parameter <const> = state.parameters and (state.parameters.any or state.parameters[name])
  if not name or #fields > 2 or parameter == true then return nil end
  while at do
    for _, item in ipairs(at.items) do
      if not qualifier or item.name == qualifier then
        local found = column_in(state, item, name)
        if item.columns and found then return item.columns[name] end
        if in_thought(found) and not qualifier then found = false end
        if found ~= false or qualifier then return type(found) == "table" and found or nil end
      end
    end
    at = at.parent
  end
  return not qualifier and parameter or nil
end

--- What names mean in an expression of a query.
---@param state table   { context, needs, parameters }
---@param at table      the scope
---@param read_select fun(state: table, body: table, outer: table)
---@return dixis.lint.Names
function scope.resolver(state, at, read_select)
  return {
    column = function(fields)
      local name <const> = node.text(fields[#fields])
      if #fields == 1 then
        if name then unqualified(state, at, name) end
      elseif #fields == 2 then
        qualified(state, at, node.text(fields[1]), name)
      end
    end,
    peek = function(fields) return peek(state, at, fields) end,
    query = function(body) read_select(state, body, at) end,
  }
end

return scope
