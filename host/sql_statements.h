/* Scripts split into statements, for prim_sql.c. */
#ifndef DIXIS_SQL_STATEMENTS_H
#define DIXIS_SQL_STATEMENTS_H

#include <lua.h>

/* sql.parse(text, size?) -> statements, or nil and an error. */
int dx_sql_parse(lua_State *L);

#endif
