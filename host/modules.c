/* The one table of primitives: a new one is declared and listed here, and described in lib/meta/.
 */
#include "dixis.h"

#include <lua-cjson.h>
#include <lua-lpeg.h>

int luaopen_host_clock(lua_State *L);
int luaopen_host_digest(lua_State *L);
int luaopen_host_fs(lua_State *L);
int luaopen_host_http(lua_State *L);
int luaopen_host_journal(lua_State *L);
int luaopen_host_pg(lua_State *L);
int luaopen_host_process(lua_State *L);
int luaopen_host_smtp(lua_State *L);
int luaopen_host_sql(lua_State *L);
int luaopen_host_tty(lua_State *L);

static const luaL_Reg modules[] = {
    {"host.task", luaopen_host_task},
    {"host.clock", luaopen_host_clock},
    {"host.digest", luaopen_host_digest},
    {"host.fs", luaopen_host_fs},
    {"host.http", luaopen_host_http},
    {"host.journal", luaopen_host_journal},
    {"host.pg", luaopen_host_pg},
    {"host.process", luaopen_host_process},
    {"host.smtp", luaopen_host_smtp},
    {"host.sql", luaopen_host_sql},
    {"host.tty", luaopen_host_tty},
    {"cjson", luaopen_cjson},
    {"lpeg", luaopen_lpeg},
    {NULL, NULL},
};

void dx_modules_preload(lua_State *L)
{
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, modules, 0);
  lua_pop(L, 1);
}
