/* Small things that every primitive needs: handle types and typed option fields. */
#include "dixis.h"

void dx_handle_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close)
{
  luaL_newmetatable(L, name);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

static int field_error(lua_State *L, int arg, const char *name, const char *wanted)
{
  return luaL_argerror(
      L, arg,
      lua_pushfstring(L, "field '%s' must be a %s, not a %s", name, wanted, luaL_typename(L, -1)));
}

const char *dx_opt_string(lua_State *L, int arg, const char *name, const char *fallback)
{
  if (lua_isnoneornil(L, arg)) return fallback;
  luaL_checktype(L, arg, LUA_TTABLE);
  int type = lua_getfield(L, arg, name);
  if (type == LUA_TNIL) {
    lua_pop(L, 1);
    return fallback;
  }
  if (type != LUA_TSTRING) field_error(L, arg, name, "string");
  const char *value = lua_tostring(L, -1);
  lua_pop(L, 1); /* the table still holds it */
  return value;
}

lua_Number dx_opt_number(lua_State *L, int arg, const char *name, lua_Number fallback)
{
  if (lua_isnoneornil(L, arg)) return fallback;
  luaL_checktype(L, arg, LUA_TTABLE);
  int type = lua_getfield(L, arg, name);
  if (type != LUA_TNIL && type != LUA_TNUMBER) field_error(L, arg, name, "number");
  lua_Number value = type == LUA_TNIL ? fallback : lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

bool dx_opt_boolean(lua_State *L, int arg, const char *name, bool fallback)
{
  if (lua_isnoneornil(L, arg)) return fallback;
  luaL_checktype(L, arg, LUA_TTABLE);
  int type = lua_getfield(L, arg, name);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN) field_error(L, arg, name, "boolean");
  bool value = type == LUA_TNIL ? fallback : (bool)lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}
