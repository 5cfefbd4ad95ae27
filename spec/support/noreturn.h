/* For clang-tidy only: Lua's header does not say that these never return. */
#ifndef DIXIS_NORETURN_H
#define DIXIS_NORETURN_H

#include <lauxlib.h>
#include <lua.h>

__attribute__((noreturn)) int lua_error(lua_State *L);
__attribute__((noreturn)) int luaL_error(lua_State *L, const char *format, ...);
__attribute__((noreturn)) int luaL_argerror(lua_State *L, int arg, const char *message);
__attribute__((noreturn)) int luaL_typeerror(lua_State *L, int arg, const char *type);

#endif
