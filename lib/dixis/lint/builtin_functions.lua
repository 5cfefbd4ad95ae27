-- The functions of pg_catalog up to PostgreSQL 18 that a script may call, but for those whose names begin with pg_.
-- Taken from pg_proc of PostgreSQL 15, and the release notes of later ones.

local functions = {}

-- A name, and the arguments and result of each function that has it. Before an argument, `?`: it may be left out, `*`: it
-- may come more than once; before a result, `*`: a set; before all, `@`: an aggregate, `#`: a window function, and the
-- version of PostgreSQL that it came with, where that is later than 15.
functions.signatures = [[

  abbrev cidr>text inet>text
  abs float4>float4 float8>float8 int2>int2 int4>int4 int8>int8 numeric>numeric
  acos float8>float8
  acosd float8>float8
  acosh float8>float8
  age timestamp,timestamp>interval timestamp>interval timestamptz,timestamptz>interval timestamptz>interval xid>int4
  any_value 16:@anyelement>anyelement
  area box>float8 circle>float8 path>float8
  array_agg @anyarray>anyarray @anynonarray>anyarray
  array_append anycompatiblearray,anycompatible>anycompatiblearray
  array_cat anycompatiblearray,anycompatiblearray>anycompatiblearray
  array_dims anyarray>text
  array_fill anyelement,_int4,_int4>anyarray anyelement,_int4>anyarray
  array_length anyarray,int4>int4
  array_lower anyarray,int4>int4
  array_ndims anyarray>int4
  array_position anycompatiblearray,anycompatible,int4>int4 anycompatiblearray,anycompatible>int4
  array_positions anycompatiblearray,anycompatible>_int4
  array_prepend anycompatible,anycompatiblearray>anycompatiblearray
  array_remove anycompatiblearray,anycompatible>anycompatiblearray
  array_replace anycompatiblearray,anycompatible,anycompatible>anycompatiblearray
  array_reverse 18:anyarray>anyarray
  array_sample 16:anyarray,int4>anyarray
  array_shuffle 16:anyarray>anyarray
  array_sort 18:anyarray>anyarray 18:anyarray,bool>anyarray 18:anyarray,bool,bool>anyarray
  array_to_json anyarray,bool>json anyarray>json
  array_to_string anyarray,text,text>text anyarray,text>text
  array_to_tsvector _text>tsvector
  array_upper anyarray,int4>int4
  ascii text>int4
  asin float8>float8
  asind float8>float8
  asinh float8>float8
  atan float8>float8
  atan2 float8,float8>float8
  atan2d float8,float8>float8
  atand float8>float8
  atanh float8>float8
  avg @float4>float8 @float8>float8 @int2>numeric @int4>numeric @int8>numeric @interval>interval @numeric>numeric
  bit_and @bit>bit @int2>int2 @int4>int4 @int8>int8
  bit_count bit>int8 bytea>int8
  bit_length bit>int4 bytea>int4 text>int4
  bit_or @bit>bit @int2>int2 @int4>int4 @int8>int8
  bit_xor @bit>bit @int2>int2 @int4>int4 @int8>int8
  bool_and @bool>bool
  bool_or @bool>bool
  bound_box box,box>box
  brin_desummarize_range regclass,int8>void
  brin_summarize_new_values regclass>int4
  brin_summarize_range regclass,int8>int4
  broadcast inet>inet
  btequalimage oid>bool
  btrim bytea,bytea>bytea text,text>text text>text
  btvarstrequalimage oid>bool
  cardinality anyarray>int4
  casefold 18:text>text
  cash_words money>text
  cbrt float8>float8
  ceil float8>float8 numeric>numeric
  ceiling float8>float8 numeric>numeric
  center box>point circle>point
  char_length bpchar>int4 text>int4
  character_length bpchar>int4 text>int4
  chr int4>text
  clock_timestamp >timestamptz
  col_description oid,int4>text
  concat *any>text
  concat_ws text,*any>text
  convert bytea,name,name>bytea
  convert_from bytea,name>text
  convert_to text,name>bytea
  corr @float8,float8>float8
  cos float8>float8
  cosd float8>float8
  cosh float8>float8
  cot float8>float8
  cotd float8>float8
  count @>int8 @any>int8
  covar_pop @float8,float8>float8
  covar_samp @float8,float8>float8
  crc32 18:bytea>int8
  crc32c 18:bytea>int8
  current_database >name
  current_query >text
  current_schema >name
  current_schemas bool>_name
  current_setting text,bool>text text>text
  current_user >name
  currtid2 text,tid>tid
  currval regclass>int8
  cursor_to_xml refcursor,int4,bool,bool,text>xml
  cursor_to_xmlschema refcursor,bool,bool,text>xml
  database_to_xml bool,bool,text>xml
  database_to_xml_and_xmlschema bool,bool,text>xml
  database_to_xmlschema bool,bool,text>xml
  date_add 16:timestamptz,interval>timestamptz 16:timestamptz,interval,text>timestamptz
  date_bin interval,timestamp,timestamp>timestamp interval,timestamptz,timestamptz>timestamptz
  date_part text,date>float8 text,interval>float8 text,time>float8 text,timestamp>float8 text,timestamptz>float8
    text,timetz>float8
  date_subtract 16:timestamptz,interval>timestamptz 16:timestamptz,interval,text>timestamptz
  date_trunc text,interval>interval text,timestamp>timestamp text,timestamptz,text>timestamptz text,timestamptz>timestamptz
  daterange_canonical daterange>daterange
  decode text,text>bytea
  degrees float8>float8
  dexp float8>float8
  diagonal box>lseg
  diameter circle>float8
  div numeric,numeric>numeric
  dlog1 float8>float8
  dlog10 float8>float8
  dround float8>float8
  dtrunc float8>float8
  encode bytea,text>text
  enum_first anyenum>anyenum
  enum_last anyenum>anyenum
  enum_range anyenum,anyenum>anyarray anyenum>anyarray
  erf 16:float8>float8
  erfc 16:float8>float8
  every @bool>bool
  exp float8>float8 numeric>numeric
  extract text,date>numeric text,interval>numeric text,time>numeric text,timestamp>numeric text,timestamptz>numeric
    text,timetz>numeric
  factorial int8>numeric
  family inet>int4
  first_value #anyelement>anyelement
  floor float8>float8 numeric>numeric
  fmgr_c_validator oid>void
  fmgr_internal_validator oid>void
  fmgr_sql_validator oid>void
  format text,*any>text text>text
  format_type oid,int4>text
  gamma 18:float8>float8
  gcd int4,int4>int4 int8,int8>int8 numeric,numeric>numeric
  gen_random_uuid >uuid
  generate_series int4,int4,int4>*int4 int4,int4>*int4 int8,int8,int8>*int8 int8,int8>*int8 numeric,numeric,numeric>*numeric
    numeric,numeric>*numeric timestamp,timestamp,interval>*timestamp timestamptz,timestamptz,interval>*timestamptz
    16:timestamptz,timestamptz,interval,text>*timestamptz
  generate_subscripts anyarray,int4,bool>*int4 anyarray,int4>*int4
  get_bit bit,int4>int4 bytea,int8>int4
  get_byte bytea,int4>int4
  get_current_ts_config >regconfig
  getdatabaseencoding >name
  getpgusername >name
  gin_clean_pending_list regclass>int8
  has_any_column_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_column_privilege name,oid,int2,text>bool name,oid,text,text>bool name,text,int2,text>bool name,text,text,text>bool
    oid,int2,text>bool oid,oid,int2,text>bool oid,oid,text,text>bool oid,text,int2,text>bool oid,text,text,text>bool
    oid,text,text>bool text,int2,text>bool text,text,text>bool
  has_database_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_foreign_data_wrapper_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_function_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_language_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_parameter_privilege name,text,text>bool oid,text,text>bool text,text>bool
  has_schema_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_sequence_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_server_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_table_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool text,text>bool
  has_tablespace_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool
    text,text>bool
  has_type_privilege name,oid,text>bool name,text,text>bool oid,oid,text>bool oid,text,text>bool oid,text>bool text,text>bool
  height box>float8
  host inet>text
  hostmask inet>inet
  icu_unicode_version 17:>text
  inet_client_addr >inet
  inet_client_port >int4
  inet_merge inet,inet>cidr
  inet_same_family inet,inet>bool
  inet_server_addr >inet
  inet_server_port >int4
  initcap text>text
  int4inc int4>int4
  int4range_canonical int4range>int4range
  int8dec int8>int8
  int8dec_any int8,any>int8
  int8inc int8>int8
  int8inc_any int8,any>int8
  int8range_canonical int8range>int8range
  is_normalized text,?text>bool
  isclosed path>bool
  isempty anymultirange>bool anyrange>bool
  isfinite date>bool interval>bool timestamp>bool timestamptz>bool
  ishorizontal line>bool lseg>bool point,point>bool
  isopen path>bool
  isparallel line,line>bool lseg,lseg>bool
  isperp line,line>bool lseg,lseg>bool
  isvertical line>bool lseg>bool point,point>bool
  json_agg @anyelement>json
  json_array_elements json>*json
  json_array_elements_text json>*text
  json_array_length json>int4
  json_build_array *any>json >json
  json_build_object *any>json >json
  json_each json>*record
  json_each_text json>*record
  json_extract_path json,*_text>json
  json_extract_path_text json,*_text>text
  json_object _text,_text>json _text>json
  json_object_agg @any,any>json
  json_object_keys json>*text
  json_populate_record anyelement,json,?bool>anyelement
  json_populate_recordset anyelement,json,?bool>*anyelement
  json_strip_nulls json>json 18:json,bool>json
  json_to_record json>record
  json_to_recordset json>*record
  json_to_tsvector json,jsonb>tsvector regconfig,json,jsonb>tsvector
  json_typeof json>text
  jsonb_agg @anyelement>jsonb
  jsonb_array_elements jsonb>*jsonb
  jsonb_array_elements_text jsonb>*text
  jsonb_array_length jsonb>int4
  jsonb_build_array *any>jsonb >jsonb
  jsonb_build_object *any>jsonb >jsonb
  jsonb_each jsonb>*record
  jsonb_each_text jsonb>*record
  jsonb_extract_path jsonb,*_text>jsonb
  jsonb_extract_path_text jsonb,*_text>text
  jsonb_insert jsonb,_text,jsonb,?bool>jsonb
  jsonb_object _text,_text>jsonb _text>jsonb
  jsonb_object_agg @any,any>jsonb
  jsonb_object_keys jsonb>*text
  jsonb_path_exists jsonb,jsonpath,?jsonb,?bool>bool
  jsonb_path_exists_tz jsonb,jsonpath,?jsonb,?bool>bool
  jsonb_path_match jsonb,jsonpath,?jsonb,?bool>bool
  jsonb_path_match_tz jsonb,jsonpath,?jsonb,?bool>bool
  jsonb_path_query jsonb,jsonpath,?jsonb,?bool>*jsonb
  jsonb_path_query_array jsonb,jsonpath,?jsonb,?bool>jsonb
  jsonb_path_query_array_tz jsonb,jsonpath,?jsonb,?bool>jsonb
  jsonb_path_query_first jsonb,jsonpath,?jsonb,?bool>jsonb
  jsonb_path_query_first_tz jsonb,jsonpath,?jsonb,?bool>jsonb
  jsonb_path_query_tz jsonb,jsonpath,?jsonb,?bool>*jsonb
  jsonb_populate_record anyelement,jsonb>anyelement
  jsonb_populate_recordset anyelement,jsonb>*anyelement
  jsonb_pretty jsonb>text
  jsonb_set jsonb,_text,jsonb,?bool>jsonb
  jsonb_set_lax jsonb,_text,jsonb,?bool,?text>jsonb
  jsonb_strip_nulls jsonb>jsonb 18:jsonb,bool>jsonb
  jsonb_to_record jsonb>record
  jsonb_to_recordset jsonb>*record
  jsonb_to_tsvector jsonb,jsonb>tsvector regconfig,jsonb,jsonb>tsvector
  jsonb_typeof jsonb>text
  justify_days interval>interval
  justify_hours interval>interval
  justify_interval interval>interval
  lag #anycompatible,int4,anycompatible>anycompatible #anyelement,int4>anyelement #anyelement>anyelement
  last_value #anyelement>anyelement
  lastval >int8
  lcm int4,int4>int4 int8,int8>int8 numeric,numeric>numeric
  lead #anycompatible,int4,anycompatible>anycompatible #anyelement,int4>anyelement #anyelement>anyelement
  left text,int4>text
  length bit>int4 bpchar>int4 bytea,name>int4 bytea>int4 lseg>float8 path>float8 text>int4 tsvector>int4
  lgamma 18:float8>float8
  like bytea,bytea>bool name,text>bool text,text>bool
  like_escape bytea,bytea>bytea text,text>text
  ln float8>float8 numeric>numeric
  lo_close int4>int4
  lo_creat int4>oid
  lo_create oid>oid
  lo_export oid,text>int4
  lo_from_bytea oid,bytea>oid
  lo_get oid,int8,int4>bytea oid>bytea
  lo_import text,oid>oid text>oid
  lo_lseek int4,int4,int4>int4
  lo_lseek64 int4,int8,int4>int8
  lo_open oid,int4>int4
  lo_put oid,int8,bytea>void
  lo_tell int4>int4
  lo_tell64 int4>int8
  lo_truncate int4,int4>int4
  lo_truncate64 int4,int8>int4
  lo_unlink oid>int4
  log float8>float8 numeric,numeric>numeric numeric>numeric
  log10 float8>float8 numeric>numeric
  loread int4,int4>bytea
  lower anymultirange>anyelement anyrange>anyelement text>text
  lower_inc anymultirange>bool anyrange>bool
  lower_inf anymultirange>bool anyrange>bool
  lowrite int4,bytea>int4
  lpad text,int4,text>text text,int4>text
  ltrim bytea,bytea>bytea text,text>text text>text
  macaddr8_set7bit macaddr8>macaddr8
  make_date int4,int4,int4>date
  make_interval ?int4,?int4,?int4,?int4,?int4,?int4,?float8>interval
  make_time int4,int4,float8>time
  make_timestamp int4,int4,int4,int4,int4,float8>timestamp
  make_timestamptz int4,int4,int4,int4,int4,float8,text>timestamptz int4,int4,int4,int4,int4,float8>timestamptz
  masklen inet>int4
  max @anyarray>anyarray @anyenum>anyenum @bpchar>bpchar @date>date @float4>float4 @float8>float8 @inet>inet @int2>int2
    @int4>int4 @int8>int8 @interval>interval @money>money @numeric>numeric @oid>oid @pg_lsn>pg_lsn @text>text @tid>tid
    @time>time @timestamp>timestamp @timestamptz>timestamptz @timetz>timetz @xid8>xid8 18:@bytea>bytea 18:@record>record
  md5 bytea>text text>text
  merge_action 17:>text
  min @anyarray>anyarray @anyenum>anyenum @bpchar>bpchar @date>date @float4>float4 @float8>float8 @inet>inet @int2>int2
    @int4>int4 @int8>int8 @interval>interval @money>money @numeric>numeric @oid>oid @pg_lsn>pg_lsn @text>text @tid>tid
    @time>time @timestamp>timestamp @timestamptz>timestamptz @timetz>timetz @xid8>xid8 18:@bytea>bytea 18:@record>record
  min_scale numeric>int4
  mod int2,int2>int2 int4,int4>int4 int8,int8>int8 numeric,numeric>numeric
  multirange anyrange>anymultirange
  multirange_intersect_agg_transfn anymultirange,anymultirange>anymultirange
  mxid_age xid>int4
  nameconcatoid name,oid>name
  netmask inet>inet
  network inet>cidr
  nextval regclass>int8
  normalize text,?text>text
  notlike bytea,bytea>bool name,text>bool text,text>bool
  now >timestamptz
  npoints path>int4 polygon>int4
  nth_value #anyelement,int4>anyelement
  ntile #int4>int4
  num_nonnulls *any>int4
  num_nulls *any>int4
  numeric_div_trunc numeric,numeric>numeric
  numeric_exp numeric>numeric
  numeric_inc numeric>numeric
  numeric_ln numeric>numeric
  numeric_log numeric,numeric>numeric
  numeric_sqrt numeric>numeric
  numnode tsquery>int4
  obj_description oid,name>text oid>text
  octet_length bit>int4 bpchar>int4 bytea>int4 text>int4
  oidvectortypes oidvector>text
  overlaps time,interval,time,interval>bool time,interval,time,time>bool time,time,time,interval>bool time,time,time,time>bool
    timestamp,interval,timestamp,interval>bool timestamp,interval,timestamp,timestamp>bool
    timestamp,timestamp,timestamp,interval>bool timestamp,timestamp,timestamp,timestamp>bool
    timestamptz,interval,timestamptz,interval>bool timestamptz,interval,timestamptz,timestamptz>bool
    timestamptz,timestamptz,timestamptz,interval>bool timestamptz,timestamptz,timestamptz,timestamptz>bool
    timetz,timetz,timetz,timetz>bool
  overlay bit,bit,int4,int4>bit bit,bit,int4>bit bytea,bytea,int4,int4>bytea bytea,bytea,int4>bytea text,text,int4,int4>text
    text,text,int4>text
  parse_ident text,?bool>_text
  pclose path>path
  phraseto_tsquery regconfig,text>tsquery text>tsquery
  pi >float8
  plainto_tsquery regconfig,text>tsquery text>tsquery
  plpgsql_validator oid>void
  popen path>path
  position bit,bit>int4 bytea,bytea>int4 text,text>int4
  postgresql_fdw_validator _text,oid>bool
  pow float8,float8>float8 numeric,numeric>numeric
  power float8,float8>float8 numeric,numeric>numeric
  query_to_xml text,bool,bool,text>xml
  query_to_xml_and_xmlschema text,bool,bool,text>xml
  query_to_xmlschema text,bool,bool,text>xml
  querytree tsquery>text
  quote_ident text>text
  quote_literal anyelement>text text>text
  quote_nullable anyelement>text text>text
  radians float8>float8
  radius circle>float8
  random >float8 17:int4,int4>int4 17:int8,int8>int8 17:numeric,numeric>numeric
  random_normal 16:?float8,?float8>float8
  range_agg @anymultirange>anymultirange @anyrange>anymultirange
  range_intersect_agg @anymultirange>anymultirange @anyrange>anyrange
  range_intersect_agg_transfn anyrange,anyrange>anyrange
  range_merge anymultirange>anyrange anyrange,anyrange>anyrange
  regexp_count text,text,int4,text>int4 text,text,int4>int4 text,text>int4
  regexp_instr text,text,int4,int4,int4,text,int4>int4 text,text,int4,int4,int4,text>int4 text,text,int4,int4,int4>int4
    text,text,int4,int4>int4 text,text,int4>int4 text,text>int4
  regexp_like text,text,text>bool text,text>bool
  regexp_match text,text,text>_text text,text>_text
  regexp_matches text,text,text>*_text text,text>*_text
  regexp_replace text,text,text,int4,int4,text>text text,text,text,int4,int4>text text,text,text,int4>text
    text,text,text,text>text text,text,text>text
  regexp_split_to_array text,text,text>_text text,text>_text
  regexp_split_to_table text,text,text>*text text,text>*text
  regexp_substr text,text,int4,int4,text,int4>text text,text,int4,int4,text>text text,text,int4,int4>text text,text,int4>text
    text,text>text
  regr_avgx @float8,float8>float8
  regr_avgy @float8,float8>float8
  regr_count @float8,float8>int8
  regr_intercept @float8,float8>float8
  regr_r2 @float8,float8>float8
  regr_slope @float8,float8>float8
  regr_sxx @float8,float8>float8
  regr_sxy @float8,float8>float8
  regr_syy @float8,float8>float8
  repeat text,int4>text
  replace text,text,text>text
  reverse text>text 18:bytea>bytea
  right text,int4>text
  round float8>float8 numeric,int4>numeric numeric>numeric
  row_number #>int8
  row_security_active oid>bool text>bool
  row_to_json record,bool>json record>json
  rpad text,int4,text>text text,int4>text
  rtrim bytea,bytea>bytea text,text>text text>text
  scale numeric>int4
  schema_to_xml name,bool,bool,text>xml
  schema_to_xml_and_xmlschema name,bool,bool,text>xml
  schema_to_xmlschema name,bool,bool,text>xml
  session_user >name
  set_bit bit,int4,int4>bit bytea,int8,int4>bytea
  set_byte bytea,int4,int4>bytea
  set_config text,text,bool>text
  set_masklen cidr,int4>cidr inet,int4>inet
  setseed float8>void
  setval regclass,int8,bool>int8 regclass,int8>int8
  setweight tsvector,char,_text>tsvector tsvector,char>tsvector
  sha224 bytea>bytea
  sha256 bytea>bytea
  sha384 bytea>bytea
  sha512 bytea>bytea
  shobj_description oid,name>text
  sign float8>float8 numeric>numeric
  similar_escape text,text>text
  similar_to_escape text,text>text text>text
  sin float8>float8
  sind float8>float8
  sinh float8>float8
  slope point,point>float8
  split_part text,text,int4>text
  sqrt float8>float8 numeric>numeric
  statement_timestamp >timestamptz
  stddev @float4>float8 @float8>float8 @int2>numeric @int4>numeric @int8>numeric @numeric>numeric
  stddev_pop @float4>float8 @float8>float8 @int2>numeric @int4>numeric @int8>numeric @numeric>numeric
  stddev_samp @float4>float8 @float8>float8 @int2>numeric @int4>numeric @int8>numeric @numeric>numeric
  string_agg @bytea,bytea>bytea @text,text>text
  string_to_array text,text,text>_text text,text>_text
  string_to_table text,text,text>*text text,text>*text
  strip tsvector>tsvector
  strpos text,text>int4
  substr bytea,int4,int4>bytea bytea,int4>bytea text,int4,int4>text text,int4>text
  substring bit,int4,int4>bit bit,int4>bit bytea,int4,int4>bytea bytea,int4>bytea text,int4,int4>text text,int4>text
    text,text,text>text text,text>text
  sum @float4>float4 @float8>float8 @int2>int8 @int4>int8 @int8>numeric @interval>interval @money>money @numeric>numeric
  system_user 16:>text
  table_to_xml regclass,bool,bool,text>xml
  table_to_xml_and_xmlschema regclass,bool,bool,text>xml
  table_to_xmlschema regclass,bool,bool,text>xml
  tan float8>float8
  tand float8>float8
  tanh float8>float8
  textlen text>int4
  timeofday >text
  timezone interval,timestamp>timestamptz interval,timestamptz>timestamp interval,timetz>timetz text,timestamp>timestamptz
    text,timestamptz>timestamp text,timetz>timetz 17:timestamp>timestamptz 17:timestamptz>timestamp 17:timetz>timetz
  to_ascii text,int4>text text,name>text text>text
  to_bin 17:int4>text 17:int8>text
  to_char float4,text>text float8,text>text int4,text>text int8,text>text interval,text>text numeric,text>text
    timestamp,text>text timestamptz,text>text
  to_date text,text>date
  to_hex int4>text int8>text
  to_json anyelement>json
  to_jsonb anyelement>jsonb
  to_number text,text>numeric
  to_oct 17:int4>text 17:int8>text
  to_regclass text>regclass
  to_regcollation text>regcollation
  to_regnamespace text>regnamespace
  to_regoper text>regoper
  to_regoperator text>regoperator
  to_regproc text>regproc
  to_regprocedure text>regprocedure
  to_regrole text>regrole
  to_regtype text>regtype
  to_timestamp float8>timestamptz text,text>timestamptz
  to_tsquery regconfig,text>tsquery text>tsquery
  to_tsvector json>tsvector jsonb>tsvector regconfig,json>tsvector regconfig,jsonb>tsvector regconfig,text>tsvector
    text>tsvector
  transaction_timestamp >timestamptz
  translate text,text,text>text
  trim_array anyarray,int4>anyarray
  trim_scale numeric>numeric
  trunc float8>float8 macaddr8>macaddr8 macaddr>macaddr numeric,int4>numeric numeric>numeric
  ts_debug regconfig,text>*record text>*record
  ts_delete tsvector,_text>tsvector tsvector,text>tsvector
  ts_filter tsvector,_char>tsvector
  ts_headline json,tsquery,text>json json,tsquery>json jsonb,tsquery,text>jsonb jsonb,tsquery>jsonb
    regconfig,json,tsquery,text>json regconfig,json,tsquery>json regconfig,jsonb,tsquery,text>jsonb
    regconfig,jsonb,tsquery>jsonb regconfig,text,tsquery,text>text regconfig,text,tsquery>text text,tsquery,text>text
    text,tsquery>text
  ts_lexize regdictionary,text>_text
  ts_parse oid,text>*record text,text>*record
  ts_rank _float4,tsvector,tsquery,int4>float4 _float4,tsvector,tsquery>float4 tsvector,tsquery,int4>float4
    tsvector,tsquery>float4
  ts_rank_cd _float4,tsvector,tsquery,int4>float4 _float4,tsvector,tsquery>float4 tsvector,tsquery,int4>float4
    tsvector,tsquery>float4
  ts_rewrite tsquery,text>tsquery tsquery,tsquery,tsquery>tsquery
  ts_stat text,text>*record text>*record
  ts_token_type oid>*record text>*record
  tsquery_phrase tsquery,tsquery,int4>tsquery tsquery,tsquery>tsquery
  tsvector_to_array tsvector>_text
  txid_current >int8
  txid_current_if_assigned >int8
  txid_current_snapshot >txid_snapshot
  txid_snapshot_xip txid_snapshot>*int8
  txid_snapshot_xmax txid_snapshot>int8
  txid_snapshot_xmin txid_snapshot>int8
  txid_status int8>text
  txid_visible_in_snapshot int8,txid_snapshot>bool
  unicode_assigned 17:text>bool
  unicode_version 17:>text
  unistr text>text
  unnest anyarray>*anyelement anymultirange>*anyrange tsvector>*record
  upper anymultirange>anyelement anyrange>anyelement text>text
  upper_inc anymultirange>bool anyrange>bool
  upper_inf anymultirange>bool anyrange>bool
  uuid_extract_timestamp 17:uuid>timestamptz
  uuid_extract_version 17:uuid>int2
  uuidv4 18:>uuid
  uuidv7 18:?interval>uuid
  var_pop @float4>float8 @float8>float8 @int2>numeric @int4>numeric @int8>numeric @numeric>numeric
  var_samp @float4>float8 @float8>float8 @int2>numeric @int4>numeric @int8>numeric @numeric>numeric
  variance @float4>float8 @float8>float8 @int2>numeric @int4>numeric @int8>numeric @numeric>numeric
  version >text
  websearch_to_tsquery regconfig,text>tsquery text>tsquery
  width box>float8
  width_bucket anycompatible,anycompatiblearray>int4 float8,float8,float8,int4>int4 numeric,numeric,numeric,int4>int4
  xml_is_well_formed text>bool
  xml_is_well_formed_content text>bool
  xml_is_well_formed_document text>bool
  xmlagg @xml>xml
  xmlcomment text>xml
  xmlexists text,xml>bool
  xmlvalidate xml,text>bool
  xpath text,xml,_text>_xml text,xml>_xml
  xpath_exists text,xml,_text>bool text,xml>bool
]]

-- These are there too: what operators, types and aggregates are made of, and what takes or gives what no script has.
functions.names = [[

  aclcontains acldefault aclexplode aclinsert aclitemeq aclremove amvalidate anyarray_send anycompatiblearray_send anytextcat
  array_eq array_ge array_gt array_larger array_le array_lt array_ne array_send array_smaller arraycontained arraycontains
  arrayoverlap bit bit_send bitand bitcat bitcmp biteq bitge bitgt bitle bitlt bitne bitnot bitor bitshiftleft bitshiftright
  bittypmodin bitxor bool booland_statefunc booleq boolge boolgt boolle boollt boolne boolor_statefunc boolsend box box_above
  box_above_eq box_add box_below box_below_eq box_center box_contain box_contain_pt box_contained box_distance box_div box_eq
  box_ge box_gt box_intersect box_le box_left box_lt box_mul box_overabove box_overbelow box_overlap box_overleft
  box_overright box_right box_same box_send box_sub bpchar bpchar_larger bpchar_pattern_ge bpchar_pattern_gt bpchar_pattern_le
  bpchar_pattern_lt bpchar_smaller bpcharcmp bpchareq bpcharge bpchargt bpchariclike bpcharicnlike bpcharicregexeq
  bpcharicregexne bpcharle bpcharlike bpcharlt bpcharne bpcharnlike bpcharregexeq bpcharregexne bpcharsend bpchartypmodin
  brin_bloom_summary_send brin_minmax_multi_summary_send btarraycmp btboolcmp btbpchar_pattern_cmp btcharcmp btfloat48cmp
  btfloat4cmp btfloat84cmp btfloat8cmp btint24cmp btint28cmp btint2cmp btint42cmp btint48cmp btint4cmp btint82cmp btint84cmp
  btint8cmp btnamecmp btnametextcmp btoidcmp btoidvectorcmp btrecordcmp btrecordimagecmp bttext_pattern_cmp bttextcmp
  bttextnamecmp bttidcmp byteacat byteacmp byteaeq byteage byteagt byteale bytealike bytealt byteane byteanlike byteasend
  cash_cmp cash_div_cash cash_div_flt4 cash_div_flt8 cash_div_int2 cash_div_int4 cash_div_int8 cash_eq cash_ge cash_gt cash_le
  cash_lt cash_mi cash_mul_flt4 cash_mul_flt8 cash_mul_int2 cash_mul_int4 cash_mul_int8 cash_ne cash_pl cash_send cashlarger
  cashsmaller char chareq charge chargt charle charlt charne charsend cideq cidr cidr_send cidsend circle circle_above
  circle_add_pt circle_below circle_center circle_contain circle_contain_pt circle_contained circle_distance circle_div_pt
  circle_eq circle_ge circle_gt circle_le circle_left circle_lt circle_mul_pt circle_ne circle_overabove circle_overbelow
  circle_overlap circle_overleft circle_overright circle_right circle_same circle_send circle_sub_pt close_ls close_lseg
  close_pb close_pl close_ps close_sb cume_dist date date_cmp date_cmp_timestamp date_cmp_timestamptz date_eq
  date_eq_timestamp date_eq_timestamptz date_ge date_ge_timestamp date_ge_timestamptz date_gt date_gt_timestamp
  date_gt_timestamptz date_larger date_le date_le_timestamp date_le_timestamptz date_lt date_lt_timestamp date_lt_timestamptz
  date_mi date_mi_interval date_mii date_ne date_ne_timestamp date_ne_timestamptz date_pl_interval date_pli date_send
  date_smaller datemultirange daterange daterange_subdiff datetime_pl datetimetz_pl dcbrt dense_rank dist_bp dist_bs
  dist_cpoint dist_cpoly dist_lp dist_ls dist_pathp dist_pb dist_pc dist_pl dist_polyc dist_polyp dist_ppath dist_ppoly
  dist_ps dist_sb dist_sl dist_sp dpow dsqrt elem_contained_by_multirange elem_contained_by_range enum_cmp enum_eq enum_ge
  enum_gt enum_larger enum_le enum_lt enum_ne enum_send enum_smaller float4 float48div float48eq float48ge float48gt float48le
  float48lt float48mi float48mul float48ne float48pl float4_accum float4abs float4div float4eq float4ge float4gt float4larger
  float4le float4lt float4mi float4mul float4ne float4pl float4send float4smaller float4um float4up float8 float84div
  float84eq float84ge float84gt float84le float84lt float84mi float84mul float84ne float84pl float8_accum float8_avg
  float8_combine float8_corr float8_covar_pop float8_covar_samp float8_regr_accum float8_regr_avgx float8_regr_avgy
  float8_regr_combine float8_regr_intercept float8_regr_r2 float8_regr_slope float8_regr_sxx float8_regr_sxy float8_regr_syy
  float8_stddev_pop float8_stddev_samp float8_var_pop float8_var_samp float8abs float8div float8eq float8ge float8gt
  float8larger float8le float8lt float8mi float8mul float8ne float8pl float8send float8smaller float8um float8up flt4_mul_cash
  flt8_mul_cash gin_cmp_tslexeme gin_compare_jsonb has_largeobject_privilege hash_aclitem hash_aclitem_extended hash_array
  hash_array_extended hash_multirange hash_multirange_extended hash_numeric hash_numeric_extended hash_range
  hash_range_extended hash_record hash_record_extended hashbpchar hashbpcharextended hashchar hashcharextended hashenum
  hashenumextended hashfloat4 hashfloat4extended hashfloat8 hashfloat8extended hashinet hashinetextended hashint2
  hashint2extended hashint4 hashint4extended hashint8 hashint8extended hashmacaddr hashmacaddr8 hashmacaddr8extended
  hashmacaddrextended hashname hashnameextended hashoid hashoidextended hashoidvector hashoidvectorextended hashtext
  hashtextextended hashtid hashtidextended in_range inet_send inetand inetmi inetmi_int8 inetnot inetor inetpl int2 int24div
  int24eq int24ge int24gt int24le int24lt int24mi int24mul int24ne int24pl int28div int28eq int28ge int28gt int28le int28lt
  int28mi int28mul int28ne int28pl int2_avg_accum int2_avg_accum_inv int2_mul_cash int2_sum int2abs int2and int2div int2eq
  int2ge int2gt int2int4_sum int2larger int2le int2lt int2mi int2mod int2mul int2ne int2not int2or int2pl int2send int2shl
  int2shr int2smaller int2um int2up int2vectorsend int2xor int4 int42div int42eq int42ge int42gt int42le int42lt int42mi
  int42mul int42ne int42pl int48div int48eq int48ge int48gt int48le int48lt int48mi int48mul int48ne int48pl int4_avg_accum
  int4_avg_accum_inv int4_avg_combine int4_mul_cash int4_sum int4abs int4and int4div int4eq int4ge int4gt int4larger int4le
  int4lt int4mi int4mod int4mul int4multirange int4ne int4not int4or int4pl int4range int4range_subdiff int4send int4shl
  int4shr int4smaller int4um int4up int4xor int8 int82div int82eq int82ge int82gt int82le int82lt int82mi int82mul int82ne
  int82pl int84div int84eq int84ge int84gt int84le int84lt int84mi int84mul int84ne int84pl int8_avg int8_mul_cash int8_sum
  int8abs int8and int8div int8eq int8ge int8gt int8inc_float8_float8 int8larger int8le int8lt int8mi int8mod int8mul
  int8multirange int8ne int8not int8or int8pl int8pl_inet int8range int8range_subdiff int8send int8shl int8shr int8smaller
  int8um int8up int8xor integer_pl_date inter_lb inter_sb inter_sl interval interval_accum interval_accum_inv interval_avg
  interval_cmp interval_combine interval_div interval_eq interval_ge interval_gt interval_hash interval_hash_extended
  interval_larger interval_le interval_lt interval_mi interval_mul interval_ne interval_pl interval_pl_date interval_pl_time
  interval_pl_timestamp interval_pl_timestamptz interval_pl_timetz interval_send interval_smaller interval_um intervaltypmodin
  json_array json_array_element json_array_element_text json_arrayagg json_exists json_object_field json_object_field_text
  json_objectagg json_query json_scalar json_send json_serialize json_table json_value jsonb_array_element
  jsonb_array_element_text jsonb_cmp jsonb_concat jsonb_contained jsonb_contains jsonb_delete jsonb_delete_path jsonb_eq
  jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_ge jsonb_gt jsonb_hash jsonb_hash_extended jsonb_le jsonb_lt jsonb_ne
  jsonb_object_field jsonb_object_field_text jsonb_path_exists_opr jsonb_path_match_opr jsonb_send jsonpath_send line
  line_distance line_eq line_horizontal line_interpt line_intersect line_parallel line_perp line_send line_vertical lseg
  lseg_center lseg_distance lseg_eq lseg_ge lseg_gt lseg_horizontal lseg_interpt lseg_intersect lseg_le lseg_length lseg_lt
  lseg_ne lseg_parallel lseg_perp lseg_send lseg_vertical macaddr macaddr8 macaddr8_and macaddr8_cmp macaddr8_eq macaddr8_ge
  macaddr8_gt macaddr8_le macaddr8_lt macaddr8_ne macaddr8_not macaddr8_or macaddr8_send macaddr_and macaddr_cmp macaddr_eq
  macaddr_ge macaddr_gt macaddr_le macaddr_lt macaddr_ne macaddr_not macaddr_or macaddr_send makeaclitem mode money
  mul_d_interval multirange_adjacent_multirange multirange_adjacent_range multirange_after_multirange multirange_after_range
  multirange_before_multirange multirange_before_range multirange_cmp multirange_contained_by_multirange
  multirange_contained_by_range multirange_contains_elem multirange_contains_multirange multirange_contains_range
  multirange_eq multirange_ge multirange_gt multirange_intersect multirange_le multirange_lt multirange_minus multirange_ne
  multirange_overlaps_multirange multirange_overlaps_range multirange_overleft_multirange multirange_overleft_range
  multirange_overright_multirange multirange_overright_range multirange_send multirange_union name nameeq nameeqtext namege
  namegetext namegt namegttext nameiclike nameicnlike nameicregexeq nameicregexne namele nameletext namelike namelt namelttext
  namene namenetext namenlike nameregexeq nameregexne namesend network_cmp network_eq network_ge network_gt network_larger
  network_le network_lt network_ne network_overlap network_smaller network_sub network_subeq network_sup network_supeq numeric
  numeric_abs numeric_add numeric_cmp numeric_div numeric_eq numeric_ge numeric_gt numeric_larger numeric_le numeric_lt
  numeric_mod numeric_mul numeric_ne numeric_pl_pg_lsn numeric_power numeric_send numeric_smaller numeric_sub numeric_uminus
  numeric_uplus numerictypmodin nummultirange numrange numrange_subdiff oid oideq oidge oidgt oidlarger oidle oidlt oidne
  oidsend oidsmaller oidvectoreq oidvectorge oidvectorgt oidvectorle oidvectorlt oidvectorne oidvectorsend on_pb on_pl
  on_ppath on_ps on_sb on_sl path path_add path_add_pt path_contain_pt path_distance path_div_pt path_inter path_length
  path_mul_pt path_n_eq path_n_ge path_n_gt path_n_le path_n_lt path_npoints path_send path_sub_pt percent_rank
  percentile_cont percentile_disc plpgsql_call_handler point point_above point_add point_below point_distance point_div
  point_eq point_horiz point_left point_mul point_ne point_right point_send point_sub point_vert poly_above poly_below
  poly_center poly_contain poly_contain_pt poly_contained poly_distance poly_left poly_npoints poly_overabove poly_overbelow
  poly_overlap poly_overleft poly_overright poly_right poly_same poly_send polygon pt_contained_circle pt_contained_poly
  range_adjacent range_adjacent_multirange range_after range_after_multirange range_before range_before_multirange range_cmp
  range_contained_by range_contained_by_multirange range_contains range_contains_elem range_contains_multirange range_eq
  range_ge range_gt range_intersect range_le range_lt range_minus range_ne range_overlaps range_overlaps_multirange
  range_overleft range_overleft_multirange range_overright range_overright_multirange range_send range_union rank record_eq
  record_ge record_gt record_image_eq record_image_ge record_image_gt record_image_le record_image_lt record_image_ne
  record_le record_lt record_ne record_send regclass regclasssend regcollationsend regconfigsend regdictionarysend
  regnamespacesend regoperatorsend regopersend regproceduresend regprocsend regrolesend regtypesend satisfies_hash_partition
  spg_poly_quad_compress starts_with suppress_redundant_updates_trigger text text_ge text_gt text_larger text_le text_lt
  text_pattern_ge text_pattern_gt text_pattern_le text_pattern_lt text_smaller textanycat textcat texteq texteqname textgename
  textgtname texticlike texticnlike texticregexeq texticregexne textlename textlike textltname textne textnename textnlike
  textregexeq textregexne textsend tideq tidge tidgt tidlarger tidle tidlt tidne tidsend tidsmaller time time_cmp time_eq
  time_ge time_gt time_hash time_hash_extended time_larger time_le time_lt time_mi_interval time_mi_time time_ne
  time_pl_interval time_send time_smaller timedate_pl timestamp timestamp_cmp timestamp_cmp_date timestamp_cmp_timestamptz
  timestamp_eq timestamp_eq_date timestamp_eq_timestamptz timestamp_ge timestamp_ge_date timestamp_ge_timestamptz timestamp_gt
  timestamp_gt_date timestamp_gt_timestamptz timestamp_hash timestamp_hash_extended timestamp_larger timestamp_le
  timestamp_le_date timestamp_le_timestamptz timestamp_lt timestamp_lt_date timestamp_lt_timestamptz timestamp_mi
  timestamp_mi_interval timestamp_ne timestamp_ne_date timestamp_ne_timestamptz timestamp_pl_interval timestamp_send
  timestamp_smaller timestamptypmodin timestamptz timestamptz_cmp timestamptz_cmp_date timestamptz_cmp_timestamp
  timestamptz_eq timestamptz_eq_date timestamptz_eq_timestamp timestamptz_ge timestamptz_ge_date timestamptz_ge_timestamp
  timestamptz_gt timestamptz_gt_date timestamptz_gt_timestamp timestamptz_larger timestamptz_le timestamptz_le_date
  timestamptz_le_timestamp timestamptz_lt timestamptz_lt_date timestamptz_lt_timestamp timestamptz_mi timestamptz_mi_interval
  timestamptz_ne timestamptz_ne_date timestamptz_ne_timestamp timestamptz_pl_interval timestamptz_send timestamptz_smaller
  timestamptztypmodin timetypmodin timetz timetz_cmp timetz_eq timetz_ge timetz_gt timetz_hash timetz_hash_extended
  timetz_larger timetz_le timetz_lt timetz_mi_interval timetz_ne timetz_pl_interval timetz_send timetz_smaller timetzdate_pl
  timetztypmodin ts_match_qv ts_match_tq ts_match_tt ts_match_vq tsmultirange tsq_mcontained tsq_mcontains tsquery_and
  tsquery_cmp tsquery_eq tsquery_ge tsquery_gt tsquery_le tsquery_lt tsquery_ne tsquery_not tsquery_or tsquerysend tsrange
  tsrange_subdiff tstzmultirange tstzrange tstzrange_subdiff tsvector_cmp tsvector_concat tsvector_eq tsvector_ge tsvector_gt
  tsvector_le tsvector_lt tsvector_ne tsvector_update_trigger tsvector_update_trigger_column tsvectorsend txid_snapshot_send
  unique_key_recheck unknownsend uuid_cmp uuid_eq uuid_ge uuid_gt uuid_hash uuid_hash_extended uuid_le uuid_lt uuid_ne
  uuid_send varbit varbit_send varbitcmp varbiteq varbitge varbitgt varbitle varbitlt varbitne varbittypmodin varchar
  varcharsend varchartypmodin void_send xid xid8_larger xid8_smaller xid8cmp xid8eq xid8ge xid8gt xid8le xid8lt xid8ne
  xid8send xideq xideqint4 xidneq xidneqint4 xidsend xml xml_send xmlconcat2
]]

return functions
