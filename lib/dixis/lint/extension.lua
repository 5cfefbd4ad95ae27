-- What the well-known extensions bring, by the names of it: what is called otherwise does not come with them.

local extension = {}

-- Patterns of whole names, of functions and types.
local names_of <const> = {
  plpgsql = "plpgsql_.*",
  ["uuid-ossp"] = "uuid_.*",
  pgcrypto = "armor dearmor crypt digest encrypt.* decrypt.* fips_mode gen_random_.* gen_salt hmac pgp_.*",
  citext = "citext.* text[in].* regexp_.* replace split_part strpos translate min max",
  pg_trgm = ".*trgm.* .*similarity.* set_limit show_limit",
  hstore = [[.*hstore.* hs_.* akeys avals defined delete each exist exists_all exists_any fetchval isdefined isexists
    populate_record skeys svals slice slice_array tconvert]],
  unaccent = "unaccent.*",
  btree_gin = "gin_.*",
  btree_gist = "gbt.* gist_.* .*_dist",
  ltree = ".*ltree.* .*lt_?q.* .*ltxtq.* lquery.* index lca nlevel subltree subpath hash_.*",
  fuzzystrmatch = "difference dmetaphone.* daitch_mokotoff levenshtein.* metaphone .*soundex",
  intarray = [[_int.* g_int.* ginint4_.* int.*array.* intset.* intbig_.* r?boolop bqarr_.* icount idx querytree
    query_int sort.* subarray uniq]],
  tablefunc = "connectby crosstab.* normal_rand tablefunc_.*",
  cube = ".*cube.* distance_.*",
  earthdistance = "earth.* .*_to_gc gc_to_sec geo_distance latitude longitude ll_to_earth",
  isn = "isn.* .*is[bms]n.* .*ean13.* .*upc.* is_valid make_valid",
  seg = "g?seg.*",
  lo = "lo lo_.*",
  moddatetime = "moddatetime", autoinc = "autoinc", insert_username = "insert_username", refint = "check_.*_key",
  tcn = "triggered_change_notification", dict_int = "dint.*", dict_xsyn = "dxsyn.*", bloom = "blhandler",
  intagg = "int_.*", pgulid = ".*ulid.*",
  pageinspect = ".*page.* .*metap.* .*_info .*_data .*_flags .*_split .*_stats .*_items",
  xml2 = "xml_.* xpath.* xslt_process", pgrowlocks = "pgrowlocks", sslinfo = "ssl_.*",
  tsm_system_rows = "system_rows", tsm_system_time = "system_time",
  pg_stat_statements = "pg_.*", pg_buffercache = "pg_.*", pg_prewarm = "pg_.* autoprewarm_.*", pgstattuple = "pg.*",
  pg_uuidv7 = "uuid_.*",
  vector = [[.*vector.* .*vec_.* halfvec.* sparsevec.* hnsw.* ivfflat.* array_to_.* .*_distance .*inner_product l[12]_.*
    binary_quantize avg sum]],
  postgis = [[_?st_.* _?postgis.* _?geom.* _?geog.* .*geometry.* _?raster.* _?add_raster.* _?add_overview.*
    _?drop_raster.* _?drop_overview.* _?updaterastersrid box.* gidx.* spheroid.* gserialized_.* overlaps_.* .*contain.*
    path point polygon bytea text json jsonb equals find_srid valid_detail get_proj4_from_srid addauth checkauth.*
    lockrow unlockrows gettransactionid .*longtransactions.* addband.* agg_.* rastbandarg reclassarg unionarg
    summarystats]],
}

-- Those of tables, views and indexes.
local relations_of <const> = {
  pg_stat_statements = "pg_.*", pg_buffercache = "pg_.*",
  postgis = "spatial_ref_sys.* geometry_columns geography_columns raster_.*",
}

-- They bring operators and casts that types of the system are used with.
local with_rules <const> = { postgis = true }

--- Is what it brings of its own types, and nothing but functions, types and operators for them?
---@param which string
---@return boolean
function extension.is_plain(which) return names_of[which] ~= nil and not with_rules[which] end

--- Does a function come with it that leaves the schema as it is? Those of postgis for columns of a table do not.
---@param which string
---@param name string
---@return boolean
function extension.brings_plain(which, name)
  return names_of[which] ~= nil and not name:find "^_?add" and not name:find "^_?drop" and not name:find "^_?update"
    and not name:find "^populate" and extension.may_bring(which, "function", name)
end

local type_of <const> = { citext = "citext", hstore = "hstore", ltree = "ltree", lquery = "ltree", ltxtquery = "ltree",
  vector = "vector", halfvec = "vector", sparsevec = "vector", geometry = "postgis", geography = "postgis",
  box2d = "postgis", box3d = "postgis", cube = "cube", earth = "earthdistance", seg = "seg" }

--- The well-known extension that brings a type.
---@param name string
---@return string?
function extension.of_type(name) return type_of[name] end

--- May an extension bring something of that name? Of one that is not known, anything may come.
---@param which string
---@param scope string   "relation", "type", "function", "schema"
---@param name string
---@return boolean
function extension.may_bring(which, scope, name)
  if not names_of[which] then return true end
  local list <const> = scope == "relation" and relations_of[which] or (scope == "type" or scope == "function")
    and names_of[which] or ""
  for pattern in list:gmatch "%S+" do
    if name:find("^" .. pattern .. "$") then return true end
  end
  return false
end

return extension
