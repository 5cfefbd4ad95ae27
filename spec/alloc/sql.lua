local sql <const> = require "host.sql"

local statements <const> = assert(sql.parse("create table t (a int); -- c\nselect 'x', 2;"))
assert(#statements == 2)
assert(not sql.parse("select from where"))
assert(sql.fingerprint("select 1"))
assert(not sql.fingerprint("selec"))
assert(sql.normalise("select 'secret'"))
assert(not sql.normalise("selec"))
assert(sql.quote_identifier("Order") == '"Order"')
assert(sql.quote_literal("it's") == "'it''s'")
