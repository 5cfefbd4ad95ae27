/* The part of host.process that looks at the process itself: environment, user, own binary. */
#include "process.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static bool is_program(const char *file)
{
  struct stat stat_;
  return stat(file, &stat_) == 0 && S_ISREG(stat_.st_mode) && access(file, X_OK) == 0;
}

const char *process_find(lua_State *L, const char *program, const char *path)
{
  if (program[0] == '/') return is_program(program) ? lua_pushstring(L, program) : NULL;
  if (strchr(program, '/') != NULL) {
    char cwd[PATH_MAX];
    if (!is_program(program) || getcwd(cwd, sizeof cwd) == NULL) return NULL;
    return lua_pushfstring(L, "%s/%s", cwd, program);
  }
  if (program[0] == '\0') return NULL;
  /* Relative entries of PATH would let the working directory choose what runs: passed over. */
  while (*path != '\0') {
    size_t size = strcspn(path, ":");
    if (path[0] == '/') {
      lua_pushlstring(L, path, size);
      const char *file = lua_pushfstring(L, "%s/%s", lua_tostring(L, -1), program);
      lua_remove(L, -2);
      if (is_program(file)) return file;
      lua_pop(L, 1);
    }
    path += size + (path[size] == ':');
  }
  return NULL;
}

const char *process_executable(void)
{
  static char path[PATH_MAX];
  if (path[0] != '\0') return path;
  ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (size < 0) size = 0;
  path[size] = '\0';
  static const char deleted[] = " (deleted)";
  size_t tail = sizeof deleted - 1;
  if ((size_t)size > tail && strcmp(path + size - tail, deleted) == 0)
    path[size - (ssize_t)tail] = '\0';
  return path;
}

static int self_which(lua_State *L)
{
  const char *program = luaL_checkstring(L, 1);
  const char *path = luaL_optstring(L, 2, getenv("PATH"));
  if (process_find(L, program, path != NULL ? path : "") == NULL) lua_pushnil(L);
  return 1;
}

static int self_getenv(lua_State *L)
{
  lua_pushstring(L, getenv(luaL_checkstring(L, 1)));
  return 1;
}

static int compare_names(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int self_env_names(lua_State *L)
{
  size_t count = 0;
  while (environ != NULL && environ[count] != NULL)
    count++;
  const char **entries = lua_newuserdatauv(L, (count + 1) * sizeof *entries, 0);
  lua_newtable(L);
  int pinned = lua_gettop(L);
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    const char *equals = strchr(environ[i], '=');
    if (equals == NULL) continue;
    entries[n++] = lua_pushlstring(L, environ[i], (size_t)(equals - environ[i]));
    lua_rawseti(L, pinned, (lua_Integer)n);
  }
  qsort(entries, n, sizeof *entries, compare_names);
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    lua_pushstring(L, entries[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int self_unsetenv(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1);
  luaL_argcheck(L, name[0] != '\0' && strchr(name, '=') == NULL, 1, "not a variable's name");
  unsetenv(name);
  return 0;
}

static int self_pid(lua_State *L)
{
  lua_pushinteger(L, getpid());
  return 1;
}

static int self_hostname(lua_State *L)
{
  char name[HOST_NAME_MAX + 1] = "";
  gethostname(name, sizeof name - 1);
  lua_pushstring(L, name);
  return 1;
}

static int self_user(lua_State *L)
{
  uid_t uid = geteuid();
  struct passwd *entry = getpwuid(uid);
  if (entry != NULL) {
    lua_pushstring(L, entry->pw_name);
  } else {
    lua_pushfstring(L, "%d", (int)uid);
  }
  lua_pushinteger(L, uid);
  return 2;
}

static int self_executable(lua_State *L)
{
  lua_pushstring(L, process_executable());
  return 1;
}

static int self_user_info(lua_State *L)
{
  struct passwd *entry = getpwnam(luaL_checkstring(L, 1));
  if (entry == NULL) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, entry->pw_uid);
  lua_setfield(L, -2, "uid");
  lua_pushinteger(L, entry->pw_gid);
  lua_setfield(L, -2, "gid");
  lua_pushstring(L, entry->pw_dir);
  lua_setfield(L, -2, "home");
  return 1;
}

void process_add_self(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"which", self_which},
      {"getenv", self_getenv},
      {"env_names", self_env_names},
      {"unsetenv", self_unsetenv},
      {"pid", self_pid},
      {"hostname", self_hostname},
      {"user", self_user},
      {"executable", self_executable},
      {"user_info", self_user_info},
      {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
