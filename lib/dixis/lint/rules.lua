-- The one registry of lint's rules.

local rules = {}

---@class dixis.lint.Rule
---@field severity "error"|"warning"|"note"
---@field title string
---@field group "order"|"duplicate"|"schema"|"folder"|"hazard"
---@field off? boolean   silent unless it is asked for

---@type table<string, dixis.lint.Rule>
rules.all = {}

--- Adds rules; a name can be given once.
---@param group string
---@param added table<string, { [1]: string, [2]: string, off?: boolean }>  name -> severity, title
function rules.add(group, added)
  for name, entry in pairs(added) do
    assert(not rules.all[name], name)
    rules.all[name] = { severity = entry[1], title = entry[2], group = group, off = entry.off }
  end
end

rules.add("order", {
  ["missing-table"] = { "error", "a statement names a table or view that does not exist at that point" },
  ["missing-column"] = { "error", "a statement names a column that does not exist at that point" },
  ["missing-index"] = { "error", "a statement names an index that does not exist at that point" },
  ["missing-sequence"] = { "error", "a statement names a sequence that does not exist at that point" },
  ["missing-constraint"] = { "error", "a statement names a constraint that does not exist at that point" },
  ["missing-type"] = { "error", "a statement names a type that does not exist at that point" },
  ["missing-enum-value"] = { "error", "a statement names an enum value that does not exist at that point" },
  ["missing-function"] = { "error", "a statement names a function that does not exist at that point" },
  ["missing-trigger"] = { "error", "a statement names a trigger that does not exist at that point" },
  ["missing-policy"] = { "error", "a statement names a policy that does not exist at that point" },
  ["missing-schema"] = { "error", "a statement names a schema that does not exist at that point" },
  ["missing-extension"] = { "error", "a statement names an extension that was not created" },
  ["missing-operator-class"] = { "error", "an index's method cannot hold a column of that type" },
  ["not-immutable"] = { "error", "an index or a generated column is computed by what is not immutable" },
  ["wrong-column"] = { "error", "a column is not as the statement needs it: an identity, generated, with a default" },
  ["null-in-rows"] = { "error", "a column must not be NULL, and the rows that are there have no value for it" },
  ["wrong-object"] = { "error", "the object is of another kind than the statement says" },
  ["partition-key"] = { "error", "a unique key of a partitioned table without a column that it is partitioned by" },
  ["foreign-key-target"] = { "error", "a foreign key refers to columns without a primary key or unique constraint" },
  ["duplicate-row"] = { "error", "rows that migrations insert have the same values in a unique key" },
  ["missing-row"] = { "error", "a row refers to one that no migration inserts" },
  ["wrong-value"] = { "error", "a value is of another type than what it is for" },
  ["not-grouped"] = { "error", "a query with groups names a column that a group has many values of" },
  ["misplaced-aggregate"] = { "error", "an aggregate, or what gives rows, where one row is looked at" },
  ["type-modifier"] = { "error", "a type has a length or precision that it does not take" },
  ["ambiguous-name"] = { "error", "a name can mean more than one thing" },
  ["conflict-target"] = { "error", "ON CONFLICT names columns that no unique index covers" },
  ["foreign-key-type"] = { "error", "a foreign key's columns are of other types than those that it refers to" },
  ["still-needed"] = { "error", "something cannot be dropped or changed, because other objects depend on it" },
  ["cannot-replace"] = { "error", "CREATE OR REPLACE cannot change what was there into this" },
  ["cannot-cast"] = { "error", "a column's type cannot be changed without USING" },
  ["enum-value-same-transaction"] = { "error", "an enum value is used in the transaction that adds it" },
  ["not-in-transaction"] = { "error", "the statement cannot run inside a transaction block" },
  ["cannot-know"] = { "note", "what this does to the schema is not known before it runs" },
})

rules.add("schema", {
  ["missing-model"] = { "error", "no migration makes the table of a model" },
  ["missing-view"] = { "note", "no migration makes a view of the schema file" },
  ["missing-field"] = { "error", "no migration makes the column of a field" },
  ["missing-enum"] = { "error", "no migration makes an enum of the schema file" },
  ["missing-label"] = { "error", "no migration adds a value of an enum of the schema file" },
  ["missing-model-key"] = { "warning", "no migration makes a model's primary key" },
  ["missing-model-unique"] = { "warning", "no migration makes a unique of the schema file" },
  ["missing-model-index"] = { "warning", "no migration makes an index of the schema file" },
  ["missing-relation"] = { "warning", "no migration makes the foreign key of a relation" },
  ["field-type"] = { "warning", "a column has another type than its field" },
  ["field-nullability"] = { "warning", "a column takes NULL and its field does not, or the reverse" },
  ["field-default"] = { "warning", "a column has another default than its field" },
  ["model-key"] = { "warning", "a table has another primary key than its model" },
  ["model-index"] = { "warning", "an index differs from the schema file's" },
  ["relation-differs"] = { "warning", "a foreign key differs from its relation" },
  ["key-name"] = { "note", "a key has another name than the schema file gives it" },
  ["extra-table"] = { "note", "migrations make a table that no model is for" },
  ["extra-column"] = { "warning", "migrations make a column that no field is for" },
  ["extra-enum"] = { "note", "migrations make an enum that the schema file does not have" },
  ["extra-label"] = { "note", "migrations add a value of an enum that the schema file does not have" },
  ["extra-key"] = { "note", "migrations make a primary key that the model does not have" },
  ["extra-unique"] = { "note", "migrations make a unique index that the schema file does not have" },
  ["extra-index"] = { "note", "migrations make an index that the schema file does not have" },
  ["extra-relation"] = { "note", "migrations make a foreign key that no relation is for" },
  ["unreadable-schema"] = { "error", "the schema file is not valid" },
})

rules.add("duplicate", {
  ["column-made-later"] = { "note", "a table that is missing gets a column later, which it must not have before" },
  ["duplicate-table"] = { "error", "a table or view is created that is there already" },
  ["duplicate-column"] = { "error", "a column is added that is there already" },
  ["duplicate-index"] = { "error", "an index is created that is there already" },
  ["duplicate-sequence"] = { "error", "a sequence is created that is there already" },
  ["duplicate-constraint"] = { "error", "a constraint is added that is there already" },
  ["duplicate-type"] = { "error", "a type is created that is there already" },
  ["duplicate-enum-value"] = { "error", "an enum value is added that is there already" },
  ["duplicate-function"] = { "error", "a function is created that is there already with the same arguments" },
  ["duplicate-trigger"] = { "error", "a trigger is created that is there already" },
  ["duplicate-policy"] = { "error", "a policy is created that is there already" },
  ["duplicate-schema"] = { "error", "a schema is created that is there already" },
  ["duplicate-extension"] = { "error", "an extension is created that is there already" },
  ["duplicate-primary-key"] = { "error", "a table gets a second primary key" },
  ["hidden-difference"] = { "warning", "IF NOT EXISTS skips a definition that differs from what is there" },
  ["mixed-guard"] = { "note", "created without IF NOT EXISTS in one migration and with it in another" },
})

rules.add("folder", {
  ["missing-script"] = { "error", "a migration's directory has no migration.sql" },
  ["wrong-provider"] = { "error", "migration_lock.toml names another database" },
  ["unseen-file"] = { "warning", "a file that Prisma does not read, where migration.sql is expected" },
  ["unseen-folder"] = { "warning", "a directory that Prisma does not look into" },
  ["no-timestamp"] = { "warning", "a migration's name does not begin with a timestamp" },
  ["doubled-timestamp"] = { "warning", "two migrations have the same timestamp" },
  ["sort-order"] = { "warning", "other tools see the migrations in another order than Prisma" },
  ["missing-lock-file"] = { "note", "there is no migration_lock.toml" },
  ["empty-migration"] = { "note", "a migration without statements" },
  ["invalid-suppression"] = { "warning", "a comment for lint that does not count" },
  ["unused-suppression"] = { "warning", "a comment for lint that switches nothing off" },
})

rules.add("hazard", require "dixis.lint.hazard.rules")

return rules
