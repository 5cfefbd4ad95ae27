-- What became of a fact by the later statements of its script: its table was renamed, its column dropped.

local history = {}

local function key(path)
  return (path[1] or "") .. "\0" .. (path[2] or "")
end

local function same(a, b)
  return a ~= nil and b ~= nil and a[1] == b[1] and a[2] == b[2]
end

local in_types <const> = { type = true, labels = true, label = true }
local no_place <const> = { schema = true, extension = true, ["function"] = true, hidden = true, unknown = true }
local of_column <const> = { column = true, column_type = true, not_null = true, default = true }
local of_constraint <const> = { constraint = true, validated = true }

local function in_relations(fact)
  return not in_types[fact.kind] and not no_place[fact.kind]
end

local function with(path, i, value)
  local copy = table.move(path, 1, #path, 1, {})
  copy[i] = value
  return copy
end

local function relocate(fact, path)
  fact.before = fact.before or {}
  table.insert(fact.before, fact.path)
  fact.path = path
end

local moves, drops = {}, {}

function moves.relation(fact, event)
  local to = event.to
  if in_relations(fact) and same(fact.path, event.from) then
    relocate(fact, with(with(fact.path, 1, to[1]), 2, to[2]))
  end
  if same(fact.of, event.from) then
    fact.of_before, fact.of = fact.of_before or fact.of, to
    if fact.path[1] ~= to[1] then relocate(fact, with(fact.path, 1, to[1])) end
  end
  if same(fact.refs, event.from) then fact.refs = to end
end

function moves.column(fact, event)
  local from, to = event.from, event.to
  if of_column[fact.kind] and same(fact.path, from) and fact.path[3] == from[3] then
    relocate(fact, with(fact.path, 3, to[3]))
  end
  if fact.columns and fact.columns[from[3]] and same(fact.of or fact.path, from) then
    fact.columns[from[3]], fact.columns[to[3]] = nil, true
  end
end

local function move_part(fact, event)
  local fits = fact.kind == event.kind or of_constraint[fact.kind] and event.kind == "constraint"
  if fits and same(fact.path, event.from) and fact.path[3] == event.from[3] then
    relocate(fact, with(fact.path, 3, event.to[3]))
  end
end
moves.constraint, moves.trigger, moves.policy = move_part, move_part, move_part

function moves.type(fact, event)
  if in_types[fact.kind] and same(fact.path, event.from) then
    relocate(fact, with(fact.path, 2, event.to[2]))
  end
end

function drops.relation(fact, event)
  if in_relations(fact) and fact.kind ~= "relation" and same(fact.path, event.from) then fact.gone = true end
  if same(fact.of, event.from) then fact.gone = true end
  if event.cascade and same(fact.refs, event.from) then fact.gone = true end
end

function drops.column(fact, event)
  local from = event.from
  if of_column[fact.kind] and fact.kind ~= "column" and same(fact.path, from) and fact.path[3] == from[3] then
    fact.gone = true
  end
  if fact.columns and fact.columns[from[3]] and same(fact.of or fact.path, from) then fact.gone = true end
end

function drops.constraint(fact, event)
  if fact.kind == "validated" and same(fact.path, event.from) and fact.path[3] == event.from[3] then fact.gone = true end
end

function drops.type(fact, event)
  if in_types[fact.kind] and fact.kind ~= "type" and same(fact.path, event.from) then fact.gone = true end
end

function drops.schema(fact, event)
  if fact.kind ~= "schema" and fact.kind ~= "extension" and fact.path[1] == event.from[1] then fact.gone = true end
end

local function relabel(fact, event)
  if fact.kind ~= "labels" or not same(fact.path, event.from) then return end
  if event.label then fact.extra[event.label] = true else fact.loose = true end
end

local function apply(fact, event)
  if event.what == "label" then return relabel(fact, event) end
  local rule = (event.what == "move" and moves or drops)[event.kind]
  if rule then rule(fact, event) end
end

-- Events by the thing that they are about, in their order.
local function index(events)
  local by_key, last_cascade = {}, 0
  for i, event in ipairs(events) do
    event.order = i
    if event.cascade then last_cascade = i end
    local place = event.kind == "schema" and event.from[1] or key(event.from)
    by_key[place] = by_key[place] or {}
    table.insert(by_key[place], event)
  end
  return by_key, last_cascade
end

local function next_event(by_key, fact, after)
  local found
  for _, place in ipairs { key(fact.path), fact.of and key(fact.of) or "", fact.refs and key(fact.refs) or "",
    fact.path[1] or "" } do
    for _, event in ipairs(by_key[place] or {}) do
      if event.order > after then
        if not found or event.order < found.order then found = event end
        break
      end
    end
  end
  return found
end

--- Brings every fact to where it is at the end of the script: `path` as it is then, `before` its earlier ones,
--- `gone` when a later statement took it away, `cascaded` when a later CASCADE may have.
---@param facts table[]
---@param events table[]
function history.follow(facts, events)
  local by_key, last_cascade = index(events)
  for _, fact in ipairs(facts) do
    local event = next_event(by_key, fact, fact.after)
    while event and not fact.gone do
      apply(fact, event)
      event = next_event(by_key, fact, event.order)
    end
    fact.cascaded = last_cascade > fact.after
  end
end

return history
