-- Which types an index's method takes, and which extension brings an operator class.

local find = require "dixis.lint.find"
local node = require "dixis.lint.node"
local types = require "dixis.lint.types"

local opclass = {}

local function set(text)
  local made <const> = {}
  for name in text:gmatch "[^,]+" do made[name] = true end
  return made
end

local scalars <const> = "smallint,integer,bigint,numeric,real,double precision,text,character varying,character,boolean,uuid,"
  .. "date,timestamp without time zone,timestamp with time zone,bytea"
local unordered <const> = "json,xml,point,line,lseg,box,path,polygon,circle"

-- Without an extension, these have no default operator class for the method.
local without <const> = { btree = set(unordered), hash = set(unordered), gin = set(scalars .. ",json,xml"),
  gist = set(scalars .. ",json,jsonb,xml"), brin = set "json,jsonb,xml,point,line,lseg,path,polygon,circle,boolean" }
-- The extension that brings one.
local brought <const> = { gin = "btree_gin", gist = "btree_gist" }

local named <const> = { gin_trgm_ops = "pg_trgm", gist_trgm_ops = "pg_trgm", gin__int_ops = "intarray",
  gist__int_ops = "intarray", vector_cosine_ops = "vector", vector_l2_ops = "vector", vector_ip_ops = "vector",
  hstore_ops = "hstore", gin_hstore_ops = "hstore", gist_hstore_ops = "hstore", gist_ltree_ops = "ltree" }

-- No other method has these.
local method_of <const> = { jsonb_path_ops = "gin", gin_trgm_ops = "gin", gist_trgm_ops = "gist", gin__int_ops = "gin",
  gist__int_ops = "gist" }

local function report(context, relation, message, extension)
  find.unbrought(context, "missing-operator-class", { object = find.full(relation.schema, relation.name),
    message = message }, extension)
end

--- Can the index be made of this element?
---@param context dixis.lint.Context
---@param relation dixis.lint.Relation
---@param element table  an IndexElem
---@param column? dixis.lint.Column|false  nil, false: an expression
---@param method string
function opclass.check(context, relation, element, column, method)
  local model <const> = context.model
  -- An extension that is not known may bring any.
  if model.opaque or model.epochs.schema > 0 then return end
  if element.opclass then
    local _, name <const> = node.name(element.opclass)
    local extension <const> = named[name]
    if extension and not model.extensions[extension] then
      report(context, relation,
        ('the operator class "%s" does not exist here: it comes with the extension "%s"'):format(name, extension), extension)
    elseif method_of[name] and method_of[name] ~= method then
      report(context, relation, ('the operator class "%s" is of indexes by %s, and this is one by %s'):format(name,
        method_of[name], method))
    end
    return
  end
  local list <const> = without[method]
  local type <const> = column and find.stands(context, column) and column.type
  local text <const> = type and type.builtin and not type.array and type.text
  if not list or not text or not list[(text:gsub("%(.-%)", ""))] then return end
  local extension = brought[method]
  if extension and model.extensions[extension] then return end
  if text:find "^json" or text == "xml" then extension = nil end
  report(context, relation, ('"%s" is %s, which an index by %s cannot hold%s'):format(column.name, types.text(type), method,
    extension and (' without the extension "%s"'):format(extension) or ""), extension)
end

return opclass
