-- What ALTER COLUMN ... TYPE does to the rows, told by both types as format_type() writes them. That PostgreSQL does
-- the same is asked of a server for each pair, in spec/lint/hazard_types_spec.lua.

local types = {}

---@alias dixis.lint.TypeChange
---| "nothing"   only the catalog changes
---| "indexes"   the rows stay, indexes on the column are built anew
---| "timezone"  "indexes" when the session's time zone is UTC, else "rewrite"
---| "rewrite"   every row is written anew
---| "unknown"   a type is not known

-- numeric(10,2) -> "numeric", 10, 2; timestamp(3) without time zone -> "timestamp without time zone", 3
local function split(name)
  local before <const>, inside <const>, after <const> = name:match "^([^(]*)%(([^)]*)%)(.*)$"
  if not before then return name end
  local first <const>, second <const> = inside:match "^(%-?%d+),?(%-?%d*)$"
  return before .. after, tonumber(first), tonumber(second)
end

-- Precision of times: six digits unless it says fewer.
local times <const> = { ["timestamp without time zone"] = true, ["timestamp with time zone"] = true,
  ["time without time zone"] = true, ["time with time zone"] = true }

-- A longer limit, or none, fits whatever was there.
local function wider(from, to)
  return to == nil or (from ~= nil and to >= from)
end

local same <const> = {}
same["character varying"] = wider
same["bit varying"] = wider
function same.interval(from, to) return to == nil or to >= (from or 6) end
for name in pairs(times) do same[name] = same.interval end
function same.numeric(from, to, from_scale, to_scale)
  return to == nil or (from ~= nil and to >= from and (from_scale or 0) == (to_scale or 0))
end

-- Between two types whose values are stored alike; "indexes": they are ordered by other operators.
local alike <const> = {
  ["character varying text"] = "nothing", ["text character varying"] = "nothing",
  ["xml text"] = "nothing", ["xml character varying"] = "nothing", ["cidr inet"] = "nothing",
  ["citext text"] = "indexes", ["citext character varying"] = "indexes",
  ["text citext"] = "indexes", ["character varying citext"] = "indexes",
  ["integer oid"] = "indexes", ["oid integer"] = "indexes", ["bit bit varying"] = "indexes",
  ["timestamp without time zone timestamp with time zone"] = "timezone",
  ["timestamp with time zone timestamp without time zone"] = "timezone",
}

local function unqualified(name)
  return name:match '^[%w_]+%.([%w_]+)$' or name
end

--- What the change from one type to another does, when each value is cast as it is.
---@param from? string|false  as format_type() says; false: not known
---@param to? string|false
---@return dixis.lint.TypeChange
function types.change(from, to)
  if not from or not to then return "unknown" end
  if from == to then return "nothing" end
  local base_from <const>, size_from <const>, scale_from <const> = split(from)
  local base_to <const>, size_to <const>, scale_to <const> = split(to)
  if base_from == base_to then
    local fits <const> = same[base_from]
    return fits and fits(size_from, size_to, scale_from, scale_to) and "nothing" or "rewrite"
  end
  local key <const> = unqualified(base_from) .. " " .. unqualified(base_to)
  local found <const> = alike[key]
  if not found then return "rewrite" end
  -- A limit that the other type had not: each value is looked at. Times have six digits anyway.
  return (size_to == nil or found == "timezone" and size_to == 6) and found or "rewrite"
end

--- True when values may not fit: the change can fail, or cut them.
---@param from? string|false
---@param to? string|false
---@return boolean
function types.narrows(from, to)
  if not from or not to then return false end
  local order <const> = { smallint = 1, integer = 2, bigint = 3 }
  if order[from] and order[to] then return order[to] < order[from] end
  local base_from <const>, size_from <const> = split(from)
  local base_to <const>, size_to <const> = split(to)
  if size_to == nil or times[base_to] or base_to == "interval" then return false end
  local texts <const> = { text = true, ["character varying"] = true, character = true }
  if base_from ~= base_to and not (texts[base_from] and texts[base_to]) then return false end
  return size_from == nil or size_to < size_from
end

return types
