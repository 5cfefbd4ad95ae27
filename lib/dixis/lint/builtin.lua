-- What every PostgreSQL database has: functions and operators; and which extension brings a function.

local lists = require "dixis.lint.builtin_functions"

local builtin = {}

local unlisted <const> = { "^pg_", "^RI_", "^binary_upgrade_" }
-- What reads and writes the values of a type: boolin, date_out, ... A name that only ends so is a project's: is_admin.
local of_values <const> = { "^(.-)_?in$", "^(.-)_?out$", "^(.-)_?recv$", "^(.-)_?send$" }
local with_values <const> = {}
for stem in ([[
  aclitem any anyarray anycompatible anycompatiblearray anycompatiblemultirange anycompatiblenonarray
  anycompatiblerange anyelement anyenum anymultirange anynonarray anyrange array bit bittypmod bool box box_conta
  bpchar bpchartypmod brin_bloom_summary brin_minmax_multi_summary bytea cash char cid cidr circle circle_conta
  cstring date domain enum event_trigger fdw_handler float4 float8 gtsvector index_am_handler inet int2 int2vector
  int4 int8 internal interval intervaltypmod json jsonb jsonpath language_handler line lseg macaddr macaddr8
  multirange name numeric numerictypmod oid oidvector path point poly poly_conta range record regclass
  regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype shell
  table_am_handler text tid time timestamp timestamptypmod timestamptz timestamptztypmod timetypmod timetz
  timetztypmod trigger tsm_handler tsquery tsvector txid_snapshot txid_snapshot_xm unknown utf8_to_w uuid varbit
  varbittypmod varchar varchartypmod void xid xid8 xml
]]):gmatch "%S+" do with_values[stem] = true end

-- What stands behind a name in one of the lists.
local function entry(list, name)
  local _, from <const> = list:find("\n  " .. name .. " ", 1, true)
  return from and list:sub(from, list:find("\n  %S", from) or -1)
end
builtin.entry = entry

--- Is there a function of that name in every PostgreSQL database, or may there be?
---@param name string
---@return boolean
function builtin.has(name)
  if entry(lists.signatures, name) or lists.names:find(name, 1, true)
    and lists.names:find("%f[%w_]" .. name:gsub("%W", "%%%0") .. "%f[^%w_]") then return true end
  for _, pattern in ipairs(unlisted) do
    if name:find(pattern) then return true end
  end
  for _, pattern in ipairs(of_values) do
    if with_values[name:match(pattern) or ""] then return true end
  end
  return false
end

---@class dixis.lint.Candidate  a function or operator that a call may mean
---@field params string[]       types of the arguments
---@field needed integer        so many of them must be given
---@field variadic? boolean     the last one may come more than once
---@field result string         type
---@field set? boolean          it gives rows
---@field kind? "@"|"#"         an aggregate, a window function
---@field since? integer        the version of PostgreSQL that it came with

local function read(word)
  local since <const>, mark <const>, params <const>, set <const>, result <const> =
    word:match "^(%d*):?([@#]?)([^>]*)>(%*?)(.+)$"
  local candidate <const> = { params = {}, needed = 0, result = result, set = set ~= "", kind = mark ~= "" and mark or nil,
    since = math.tointeger(since) }
  if params == "" then return candidate end
  for option, param in (params .. ","):gmatch "([?*]?)([^,]*)," do
    candidate.params[#candidate.params + 1] = param
    if option == "*" then candidate.variadic = true end
    if option ~= "?" then candidate.needed = #candidate.params end
  end
  if candidate.params[1] == "" then -- an operator that stands before its operand
    table.remove(candidate.params, 1)
    candidate.needed = 1
  end
  return candidate
end

local read_before <const> = {}

local function candidates(list, name)
  local before <const> = read_before[list] or {}
  read_before[list] = before
  if before[name] == nil then
    local words <const> = entry(list, name)
    local found <const> = {}
    for word in (words or ""):gmatch "%S+" do found[#found + 1] = read(word) end
    before[name] = words and found or false
  end
  return before[name] or nil
end

--- The functions of a name; nil: there is none, or what they take is not known here.
---@param name string
---@return dixis.lint.Candidate[]?
function builtin.functions(name) return candidates(lists.signatures, name) end

--- The operators of a name; nil: there is none.
---@param name string
---@return dixis.lint.Candidate[]?
function builtin.operators(name) return candidates(require "dixis.lint.builtin_operators", name) end

local of_row <const> = {}
for name in ([[array_agg concat count cume_dist dense_rank first_value hash_record json_agg json_build_array json_build_object
  jsonb_agg jsonb_build_array jsonb_build_object lag last_value lead mode num_nonnulls num_nulls percent_rank quote_literal
  quote_nullable rank record_out record_send row_to_json to_json to_jsonb any_value]]):gmatch "%S+" do of_row[name] = true end

--- May a function of that name take a row? Then t.name can mean name(t).
---@param name string
---@return boolean
function builtin.takes_row(name)
  return of_row[name] or name:find "^pg_" ~= nil
end

local extension_of <const> = {}
for extension, names in pairs {
  ["uuid-ossp"] = "uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuid_nil",
  pgcrypto = "digest hmac crypt gen_salt gen_random_bytes pgp_sym_encrypt pgp_sym_decrypt pgp_pub_encrypt pgp_pub_decrypt",
  pg_trgm = "similarity word_similarity strict_word_similarity show_trgm set_limit show_limit",
  unaccent = "unaccent", moddatetime = "moddatetime",
} do
  for name in names:gmatch "%S+" do extension_of[name] = extension end
end

--- The well-known extension that brings a function.
---@param name string
---@return string?
function builtin.extension(name)
  return extension_of[name]
end

return builtin
