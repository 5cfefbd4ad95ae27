-- The schema file and the history held against each other, when the history has run.

local compare = require "dixis.prisma.compare"
local schema_file = require "dixis.prisma.schema"

local schema = {}

-- Without these, Prisma's client fails at run time.
local rules_of <const> = {
  missing_table = "missing-model", missing_view = "missing-view", missing_column = "missing-field",
  missing_enum = "missing-enum", missing_label = "missing-label", missing_primary_key = "missing-model-key",
  missing_unique = "missing-model-unique", missing_index = "missing-model-index", missing_foreign_key = "missing-relation",
  type = "field-type", nullability = "field-nullability", default = "field-default", primary_key = "model-key",
  index = "model-index", foreign_key = "relation-differs", primary_key_name = "key-name", index_name = "key-name",
  foreign_key_name = "key-name", extra_table = "extra-table", extra_column = "extra-column", extra_enum = "extra-enum",
  extra_label = "extra-label", extra_primary_key = "extra-key", extra_unique = "extra-unique", extra_index = "extra-index",
  extra_foreign_key = "extra-relation",
}

--- What lint calls a difference of this kind.
---@param kind dixis.prisma.DifferenceKind
---@return string rule
function schema.rule(kind)
  return rules_of[kind]
end

local rank <const> = { note = 1, warning = 2, error = 3 }

---@param path string
---@return dixis.prisma.Schema? schema
---@return dixis.Error? err
function schema.load(path)
  return schema_file.load(path)
end

--- Adds a finding for each difference.
---@param context dixis.lint.Context
---@param expected dixis.Catalog  of the schema file
---@param actual dixis.Catalog    of the model
---@param path string             of the schema file
function schema.compare(context, expected, actual, path)
  local rules <const> = require "dixis.lint.rules"
  context.statement, context.index, context.migration = nil, 0, nil
  for _, difference in ipairs(compare.catalogs(expected, actual)) do
    local rule <const> = rules_of[difference.kind]
    local severity = rules.all[rule].severity
    -- Never worse than the rule, and no worse than what it means here.
    if rank[difference.severity] < rank[severity] then severity = difference.severity end
    -- What the schema file does not speak of has its place in a migration; what was there before them has none.
    local place = difference.file and difference or actual.tables[difference.object] or actual.enums[difference.object]
    place = place and place.file and place or { file = path }
    context.file = place.file
    context:report(rule, { message = difference.message, object = difference.object, severity = severity,
      line = place.line or 1, column = 1, name = difference.name })
  end
end

return schema
