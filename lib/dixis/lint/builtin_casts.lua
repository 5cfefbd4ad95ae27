-- What types there are conversions between, and what kinds of types: pg_cast and pg_type of PostgreSQL 15, and the
-- casts of bytea that came with 18.

local conversions = {}

-- A type, and what it becomes where that is needed.
conversions.implicit = [[

  bit varbit
  bpchar name text varchar
  char text
  cidr inet
  date timestamp timestamptz
  float4 float8
  int2 float4 float8 int4 int8 numeric oid regclass regcollation regconfig regdictionary regnamespace regoper regoperator
    regproc regprocedure regrole regtype
  int4 float4 float8 int8 numeric oid regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc
    regprocedure regrole regtype
  int8 float4 float8 numeric oid regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc
    regprocedure regrole regtype
  macaddr macaddr8
  macaddr8 macaddr
  name text
  numeric float4 float8
  oid regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype
  regclass oid
  regcollation oid
  regconfig oid
  regdictionary oid
  regnamespace oid
  regoper oid regoperator
  regoperator oid regoper
  regproc oid regprocedure
  regprocedure oid regproc
  regrole oid
  regtype oid
  text bpchar name regclass varchar
  time interval timetz
  timestamp timestamptz
  varbit bit
  varchar bpchar name regclass text
]]

-- Only where it is put into a column.
conversions.assignment = [[

  bool bpchar text varchar
  box polygon
  bpchar char
  char bpchar varchar
  cidr bpchar text varchar
  float4 int2 int4 int8 numeric
  float8 float4 int2 int4 int8 numeric
  inet bpchar cidr text varchar
  int4 int2 money
  int8 int2 int4 money
  interval time
  json jsonb
  jsonb json
  money numeric
  name bpchar varchar
  numeric int2 int4 int8 money
  oid int4 int8
  path polygon
  point box
  polygon path
  regclass int4 int8
  regcollation int4 int8
  regconfig int4 int8
  regdictionary int4 int8
  regnamespace int4 int8
  regoper int4 int8
  regoperator int4 int8
  regproc int4 int8
  regprocedure int4 int8
  regrole int4 int8
  regtype int4 int8
  text char
  timestamp date time
  timestamptz date time timestamp timetz
  timetz time
  varchar char
  xml bpchar text varchar
]]

-- Only where a cast is written.
conversions.explicit = [[

  bit int4 int8
  bool int4
  box circle lseg point
  bpchar xml
  bytea int2 int4 int8
  char int4
  circle box point polygon
  daterange datemultirange
  int2 bytea
  int4 bit bool char bytea
  int4range int4multirange
  int8 bit bytea
  int8range int8multirange
  jsonb bool float4 float8 int2 int4 int8 numeric
  lseg point
  numrange nummultirange
  polygon box circle point
  text xml
  tsrange tsmultirange
  tstzrange tstzmultirange
  varchar xml
  xid8 xid
]]

-- A category, and its types; `!`: the one that is preferred.
conversions.categories = [[

  A int2vector oidvector
  B !bool
  D date time timestamp !timestamptz timetz
  G box circle line lseg path point polygon
  I cidr !inet
  N float4 !float8 int2 int4 int8 money numeric !oid regclass regcollation regconfig regdictionary regnamespace regoper
    regoperator regproc regprocedure regrole regtype
  R datemultirange daterange int4multirange int4range int8multirange int8range nummultirange numrange tsmultirange tsrange
    tstzmultirange tstzrange
  S bpchar name !text varchar
  T !interval
  U aclitem bytea cid gtsvector json jsonb jsonpath macaddr macaddr8 pg_lsn refcursor tid tsquery tsvector txid_snapshot uuid
    xid xid8 xml
  V bit !varbit
  Z char
]]

return conversions
