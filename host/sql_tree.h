/* Parse trees as Lua tables, for prim_sql.c. */
#ifndef DIXIS_SQL_TREE_H
#define DIXIS_SQL_TREE_H

#include <lua.h>

/* sql.tree(json, names?) -> value, or nil and an error of kind "too_large". */
int dx_sql_tree(lua_State *L);

#endif
