-- Primary keys, indexes and foreign keys of two tables. As Prisma does, an index or foreign key is known by what it is
-- about; a name of its own is a difference in name.

local catalog = require "dixis.prisma.catalog"
local lazy = require "dixis.lazy"

local expression = lazy "dixis.prisma.expression"

local keys = {}

local UNKNOWN <const> = catalog.UNKNOWN

local function same_list(a, b)
  if a == UNKNOWN or b == UNKNOWN then return true end
  return table.concat(a, "\0") == table.concat(b, "\0")
end

local function listed(names)
  return names == UNKNOWN and "(?)" or "(" .. table.concat(names, ", ") .. ")"
end

local function same(a, b)
  return a == b or a == UNKNOWN or b == UNKNOWN
end

local function same_column(wanted, found)
  return wanted.name == found.name and same(wanted.order or "ASC", found.order or "ASC")
    and (same(wanted.ops, found.ops) or wanted.ops ~= nil and wanted.ops == found.class)
end

local function same_index(wanted, found)
  if not same(wanted.unique, found.unique) or not same(wanted.method, found.method) then return false end
  if found.include or (wanted.where == nil) ~= (found.where == nil) then return false end
  if not same(wanted.where, found.where) and not expression.same(wanted.where, found.where) then return false end
  if wanted.columns == UNKNOWN or found.columns == UNKNOWN then return true end
  if #wanted.columns ~= #found.columns then return false end
  for i, column in ipairs(wanted.columns) do
    if not same_column(column, found.columns[i]) then return false end
  end
  return true
end

local function index_text(index)
  local parts <const> = {}
  if index.columns ~= UNKNOWN then
    for i, column in ipairs(index.columns) do
      parts[i] = (column.name or "an expression") .. (column.ops and column.ops ~= UNKNOWN and " " .. column.ops or "")
        .. (column.order == "DESC" and " DESC" or "")
    end
  end
  return ("%s%s(%s)%s%s%s"):format(index.unique == true and "UNIQUE " or "",
    index.method ~= "btree" and index.method ~= UNKNOWN and index.method .. " " or "", table.concat(parts, ", "),
    index.include and " INCLUDE " .. listed(index.include) or "", index.where and " WHERE ..." or "",
    index.invalid and " INVALID" or "")
end

-- Prisma looks at no partial index and at none on an expression.
local function is_seen(index)
  if index.where then return false end
  if index.columns == UNKNOWN then return true end
  for _, column in ipairs(index.columns) do
    if not column.name then return false end
  end
  return true
end

local function names_of(entries)
  local names <const> = {}
  for name in pairs(entries) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- Pairs what is expected with what is there: first what is alike under one name, then what is alike, then what has at
-- least the name. Gives the pairs, and both rests.
local function pair(wanted, found, alike)
  local both <const>, taken <const>, paired <const> = {}, {}, {}
  local wanted_names <const>, found_names <const> = names_of(wanted), names_of(found)
  local function take(name, other)
    if other and not paired[name] and not taken[other] then
      paired[name], taken[other], both[#both + 1] = true, true, { wanted[name], found[other] }
    end
  end
  for _, name in ipairs(wanted_names) do take(name, found[name] and alike(wanted[name], found[name]) and name) end
  for _, name in ipairs(wanted_names) do
    for _, other in ipairs(found_names) do take(name, alike(wanted[name], found[other]) and other) end
  end
  for _, name in ipairs(wanted_names) do take(name, found[name] and name) end
  local missing <const>, extra <const> = {}, {}
  for _, name in ipairs(wanted_names) do missing[#missing + 1] = not paired[name] and wanted[name] or nil end
  for _, name in ipairs(found_names) do extra[#extra + 1] = not taken[name] and found[name] or nil end
  return both, missing, extra
end

local function covers(index, names)
  if not same(index.unique, true) or index.where or index.columns == UNKNOWN or #index.columns ~= #names then return false end
  for i, column in ipairs(index.columns) do
    if column.name ~= names[i] then return false end
  end
  return true
end

-- Before Prisma 6 the table of an implicit relation had a unique index in the place of a primary key.
local function old_join_index(wanted, found)
  if not wanted.join_table or found.indexes == UNKNOWN then return nil end
  for name, index in pairs(found.indexes) do
    if covers(index, wanted.primary_key.columns) then return name end
  end
end

local function compare_primary(report, key, wanted, found)
  local want <const>, have <const> = wanted.primary_key, found.primary_key
  if have == UNKNOWN then return end
  if want and not have then
    local stand_in <const> = old_join_index(wanted, found)
    if not stand_in and not report.incomplete then
      report:add("missing_primary_key", "error", key, want, "PRIMARY KEY " .. listed(want.columns))
    end
    return stand_in
  elseif have and not want then
    report:add("extra_primary_key", "note", key, wanted, nil, "PRIMARY KEY " .. listed(have.columns))
  elseif want and not same_list(want.columns, have.columns) then
    report:add("primary_key", "error", key, want, "PRIMARY KEY " .. listed(want.columns), "PRIMARY KEY " .. listed(have.columns))
  elseif want and not same(want.name, have.name) then
    report:add("primary_key_name", "warning", key, want, ("primary key named %s"):format(want.name),
      ("named %s"):format(have.name))
  end
end

-- Whether the other index does for the client what a unique one is there for; the order of its columns does not matter.
local function still_unique(want, have)
  if have.unique == false or have.where and not want.where then return false end
  if want.columns == UNKNOWN or have.columns == UNKNOWN then return true end
  local names <const> = {}
  for _, column in ipairs(want.columns) do names[column.name] = true end
  for _, column in ipairs(have.columns) do
    if not names[column.name or ""] then return false end
  end
  return #have.columns == #want.columns
end

local function compare_indexes(report, key, wanted, found, stand_in)
  if found.indexes == UNKNOWN then return end
  local both <const>, missing <const>, extra <const> = pair(wanted.indexes, found.indexes, same_index)
  for _, two in ipairs(both) do
    local want <const>, have <const> = two[1], two[2]
    local object <const> = key .. "." .. want.name
    if not same_index(want, have) then
      local lost <const> = want.unique == true and not still_unique(want, have)
      report:add("index", lost and "error" or "warning", object, want, index_text(want), index_text(have))
    elseif have.invalid then
      report:add("index", want.unique and "error" or "warning", object, want, index_text(want), index_text(have))
    elseif want.name ~= have.name then
      report:add("index_name", "warning", object, want, ("index named %s"):format(want.name), ("named %s"):format(have.name))
    end
  end
  if not report.incomplete then
    for _, want in ipairs(missing) do
      report:add(want.unique and "missing_unique" or "missing_index", want.unique and "error" or "warning",
        key .. "." .. want.name, want, "the index " .. index_text(want), nil, want.name)
    end
  end
  for _, have in ipairs(extra) do
    if is_seen(have) and have.name ~= stand_in then
      report:add(have.unique == true and "extra_unique" or "extra_index", "note", key .. "." .. have.name, wanted, nil,
        ("the index %s"):format(index_text(have)))
    end
  end
end

local function same_target(a, b)
  return same(a.table, b.table) and same_list(a.columns, b.columns) and same_list(a.ref_columns, b.ref_columns)
end

local function foreign_key_text(foreign_key)
  local function action(event, what) return what ~= UNKNOWN and (" ON %s %s"):format(event, what) or "" end
  return ("FOREIGN KEY %s REFERENCES %s %s%s%s"):format(listed(foreign_key.columns), tostring(foreign_key.table),
    listed(foreign_key.ref_columns), action("DELETE", foreign_key.on_delete), action("UPDATE", foreign_key.on_update))
end

local function compare_foreign_keys(report, key, wanted, found)
  if found.foreign_keys == UNKNOWN then return end
  local both <const>, missing <const>, extra <const> = pair(wanted.foreign_keys, found.foreign_keys, same_target)
  for _, two in ipairs(both) do
    local want <const>, have <const> = two[1], two[2]
    local object <const> = key .. "." .. want.name
    if not (same_target(want, have) and same(want.on_delete, have.on_delete) and same(want.on_update, have.on_update)) then
      report:add("foreign_key", "warning", object, want, foreign_key_text(want), foreign_key_text(have))
    elseif want.name ~= have.name then
      report:add("foreign_key_name", "warning", object, want, ("foreign key named %s"):format(want.name),
        ("named %s"):format(have.name))
    end
  end
  if not report.incomplete then
    for _, want in ipairs(missing) do
      report:add("missing_foreign_key", "warning", key .. "." .. want.name, want, foreign_key_text(want), nil, want.name)
    end
  end
  for _, have in ipairs(extra) do
    report:add("extra_foreign_key", "note", key .. "." .. have.name, wanted, nil, foreign_key_text(have))
  end
end

--- Adds the differences between the keys and indexes to a report.
---@param report table
---@param key string  of the table
---@param wanted dixis.Catalog.Table
---@param found dixis.Catalog.Table
function keys.compare(report, key, wanted, found)
  local stand_in <const> = compare_primary(report, key, wanted, found)
  compare_indexes(report, key, wanted, found, stand_in)
  compare_foreign_keys(report, key, wanted, found)
end

return keys
