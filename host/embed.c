/* The Lua library inside the binary: a searcher for `require`, and the built-in runbooks as text.
 */
#include "dixis.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
  const char *name;
  size_t name_size;
  const char *begin, *end;
};

#include "chunks.h" /* made by host/embed.cmake */

static const struct chunk *find_chunk(const char *name)
{
  size_t size = strlen(name);
  for (const struct chunk *chunk = chunks; chunk->name != NULL; chunk++) {
    if (chunk->name_size == size && memcmp(chunk->name, name, size) == 0) return chunk;
  }
  return NULL;
}

/* While developing, DIXIS_LIB names a checkout whose lib/ is used instead of what is built in. */
static int load_from_checkout(lua_State *L, const char *root, const char *name)
{
  const char *path = luaL_gsub(L, name, ".", "/");
  int status = luaL_loadfilex(L, lua_pushfstring(L, "%s/lib/%s.lua", root, path), "t");
  if (status == LUA_OK) return 1;
  if (status != LUA_ERRFILE) return lua_error(L);
  return 0;
}

static int search_embedded(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1);
  const char *root = getenv("DIXIS_LIB");
  if (root != NULL && load_from_checkout(L, root, name)) return 1;
  const struct chunk *chunk = find_chunk(name);
  if (chunk == NULL || strchr(name, '/') != NULL) {
    lua_pushfstring(L, "no built-in module '%s'", name);
    return 1;
  }
  if (luaL_loadbufferx(L, chunk->begin, (size_t)(chunk->end - chunk->begin), name, "b") != LUA_OK) {
    return lua_error(L);
  }
  return 1;
}

/* host.embed: text(path) -> source of a built-in file or nil; list() -> array of their paths. */
static int embed_text(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  const struct chunk *chunk = strchr(path, '/') != NULL ? find_chunk(path) : NULL;
  if (chunk == NULL) {
    lua_pushnil(L);
  } else {
    lua_pushlstring(L, chunk->begin, (size_t)(chunk->end - chunk->begin));
  }
  return 1;
}

static int embed_list(lua_State *L)
{
  lua_newtable(L);
  lua_Integer n = 0;
  for (const struct chunk *chunk = chunks; chunk->name != NULL; chunk++) {
    if (strchr(chunk->name, '/') == NULL) continue;
    lua_pushstring(L, chunk->name);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

static int open_embed(lua_State *L)
{
  static const luaL_Reg functions[] = {{"text", embed_text}, {"list", embed_list}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushliteral(L, DIXIS_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}

void dx_embed_searcher(lua_State *L)
{
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open_embed);
  lua_setfield(L, -2, "host.embed");
  lua_pop(L, 1);
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchers");
  /* After preload, before the file system: what is built in cannot be replaced by a file. */
  for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search_embedded);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}
