-- gate.role: the role of the URL may do what migrations do, before the first of them finds out.

local errors = require "dixis.errors"
local sql = require "host.sql"

local query <const> = [[
SELECT n.nspname AS schema, pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS creates,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS uses,
       coalesce(pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE'), true) AS writes,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner
  FROM pg_catalog.pg_namespace n
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = '_prisma_migrations'
 WHERE n.nspname = coalesce($1, pg_catalog.current_schema())]]

return {
  type = "role",
  fields = { superuser = { type = "any", default = true, help = "false: refuse a superuser" } },
  describe = function() return "the role may create objects and write the ledger" end,
  act = function(run, args)
    local session = run:open_session()
    local user, row = run.identity.user, session:row(query, session.schema)
    if run.identity.superuser then
      if args.superuser == false then
        errors.refuse(("the role %s is a superuser"):format(user),
          "use the role that owns the tables: it cannot do more than it must")
      end
      return ("%s is a superuser: no right is checked; the tables' owner would be enough"):format(user)
    end
    if not row then return "the schema is not there" end -- gate.history says so in its own words
    local quoted_user, quoted_schema = sql.quote_identifier(user), sql.quote_identifier(row.schema)
    if not row.uses or not row.creates then
      errors.refuse(("the role %s may not create anything in the schema %s"):format(user, row.schema),
        ("as the schema's owner: GRANT USAGE, CREATE ON SCHEMA %s TO %s, or use the owner's role in the URL"):format(
          quoted_schema, quoted_user))
    end
    if not row.writes then
      errors.refuse(("the role %s may not write the ledger %s._prisma_migrations of %s"):format(user, row.schema, row.owner),
        ("GRANT SELECT, INSERT, UPDATE ON %s._prisma_migrations TO %s, or use %s in the URL"):format(quoted_schema,
          quoted_user, row.owner))
    end
    return ("%s may create in %s"):format(user, row.schema)
  end,
}
