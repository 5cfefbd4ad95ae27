/* A Lua state as dixis wants it: few libraries, strict globals, a memory cap. */
#include "dixis.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>

/* Lua's own heap may not grow past this; a runaway script gets "not enough memory". */
static const size_t memory_cap = (size_t)512 << 20;

static size_t memory_used;

static void *state_alloc(void *ud, void *block, size_t old_size, size_t new_size)
{
  (void)ud;
  if (block == NULL) old_size = 0; /* Lua passes a type tag here */
  if (new_size == 0) {
    free(block);
    memory_used -= old_size;
    return NULL;
  }
  if (new_size > old_size && memory_used + (new_size - old_size) > memory_cap) return NULL;
  void *grown = realloc(block, new_size);
  if (grown != NULL) memory_used += new_size - old_size;
  return grown;
}

static int global_missing(lua_State *L)
{
  return luaL_error(L, "undefined global '%s'", luaL_tolstring(L, 2, NULL));
}

static int global_new(lua_State *L)
{
  return luaL_error(L, "assignment to the undefined global '%s'", luaL_tolstring(L, 2, NULL));
}

/* A misspelt name fails where it stands instead of being nil three calls later. */
static void strict_globals(lua_State *L)
{
  lua_pushglobaltable(L);
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, global_missing);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, global_new);
  lua_setfield(L, -2, "__newindex");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

static void open_libraries(lua_State *L)
{
  static const luaL_Reg libraries[] = {
      {LUA_GNAME, luaopen_base},
      {LUA_LOADLIBNAME, luaopen_package},
      {LUA_TABLIBNAME, luaopen_table},
      {LUA_STRLIBNAME, luaopen_string},
      {LUA_MATHLIBNAME, luaopen_math},
      {LUA_UTF8LIBNAME, luaopen_utf8},
      {NULL, NULL},
  };
  for (const luaL_Reg *library = libraries; library->func != NULL; library++) {
    luaL_requiref(L, library->name, library->func, 1);
    lua_pop(L, 1);
  }
  /* Nothing is loaded from the file system: only primitives and the embedded library. */
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_pushliteral(L, "");
  lua_setfield(L, -2, "path");
  lua_pushliteral(L, "");
  lua_setfield(L, -2, "cpath");
  lua_pushnil(L);
  lua_setfield(L, -2, "loadlib");
  lua_pop(L, 1);
  static const char *const unused[] = {"dofile", "loadfile"};
  for (size_t i = 0; i < sizeof unused / sizeof *unused; i++) {
    lua_pushnil(L);
    lua_setglobal(L, unused[i]);
  }
}

static int state_open(lua_State *L)
{
  bool full = lua_toboolean(L, 1);
  if (full) {
    luaL_openlibs(L);
  } else {
    open_libraries(L);
  }
  dx_modules_preload(L);
  dx_embed_searcher(L);
  if (!full) strict_globals(L);
  /* Collect when the heap has grown by a third, not when it has doubled: peak memory counts more
   * than the few percent of time. */
  lua_gc(L, LUA_GCINC, 133, 0, 0);
  return 0;
}

lua_State *dx_state_new(bool full)
{
  memory_used = 0;
  lua_State *L = lua_newstate(state_alloc, NULL);
  if (L == NULL) return NULL;
  /* A new coroutine copies the extra space of the main thread: NULL means "not a task". */
  *(void **)lua_getextraspace(L) = NULL;
  lua_pushcfunction(L, state_open);
  lua_pushboolean(L, full);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_close(L);
    return NULL;
  }
  return L;
}
