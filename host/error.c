/* The one shape of a failure: { kind, message, ... }, printable by tostring. */
#include "dixis.h"

#include <stdarg.h>

#define ERROR_TYPE "dixis.error"

static int error_tostring(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "message");
  if (!lua_isstring(L, -1)) lua_pushliteral(L, "unknown error");
  return 1;
}

static void push_error_v(lua_State *L, const char *kind, const char *format, va_list args)
{
  luaL_checkstack(L, 6, "error");
  char text[2048];
  vsnprintf(text, sizeof text, format, args);
  lua_createtable(L, 0, 4);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, text);
  lua_setfield(L, -2, "message");
  if (luaL_newmetatable(L, ERROR_TYPE)) {
    lua_pushcfunction(L, error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, ERROR_TYPE);
    lua_setfield(L, -2, "__name");
  }
  lua_setmetatable(L, -2);
}

void dx_push_error(lua_State *L, const char *kind, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  push_error_v(L, kind, format, args);
  va_end(args);
}

int dx_fail(lua_State *L, const char *kind, const char *format, ...)
{
  va_list args;
  lua_pushnil(L);
  va_start(args, format);
  push_error_v(L, kind, format, args);
  va_end(args);
  return 2;
}

int dx_fail_os(lua_State *L, int uv_code, const char *what)
{
  dx_fail(L, "os", "%s: %s", what, uv_strerror(uv_code));
  dx_field(L, "code", uv_err_name(uv_code));
  return 2;
}

void dx_field(lua_State *L, const char *name, const char *value)
{
  if (value == NULL) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

void dx_field_int(lua_State *L, const char *name, lua_Integer value)
{
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}
