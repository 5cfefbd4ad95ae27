/* The arguments of run and start, read and checked before anything is acquired. */
#include "process.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int process_signal(const char *name)
{
  static const struct {
    const char *name;
    int number;
  } known[] = {{"TERM", SIGTERM}, {"KILL", SIGKILL}, {"INT", SIGINT},
               {"QUIT", SIGQUIT}, {"HUP", SIGHUP},   {"USR1", SIGUSR1},
               {"USR2", SIGUSR2}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};
  if (strncmp(name, "SIG", 3) == 0) name += 3;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(name, known[i].name) == 0) return known[i].number;
  }
  return 0;
}

/* A C string that holds all of the Lua string on top of the stack, or an argument error. */
static const char *whole_string(lua_State *L, int arg, const char *what)
{
  size_t size;
  if (lua_type(L, -1) != LUA_TSTRING) {
    luaL_argerror(L, arg, lua_pushfstring(L, "%s must be strings", what));
  }
  const char *text = lua_tolstring(L, -1, &size);
  if (strlen(text) != size) luaL_argerror(L, arg, lua_pushfstring(L, "%s: zero byte", what));
  return text;
}

/* The functions below leave what they make on the stack, which keeps it alive until the fork. */

static char *const *read_argv(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer n = luaL_len(L, 1);
  luaL_argcheck(L, n >= 1 && n < 100000, 1, "a program and its arguments expected");
  const char **argv = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *argv, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    argv[i - 1] = whole_string(L, 1, "arguments");
    lua_pop(L, 1); /* the caller's table holds it */
  }
  argv[n] = NULL;
  return (char *const *)argv;
}

static const char *add_variable(lua_State *L, const char *name, const char *value)
{
  if (name[0] == '\0' || strchr(name, '=') != NULL) luaL_argerror(L, 2, "env: a malformed name");
  return lua_pushfstring(L, "%s=%s", name, value);
}

static char *const *read_env(lua_State *L, const char *secret_env)
{
  bool given = lua_istable(L, 2) && lua_getfield(L, 2, "env") != LUA_TNIL;
  if (!given) {
    lua_newtable(L);
    const char *path = getenv("PATH");
    if (path != NULL) {
      lua_pushstring(L, path);
      lua_setfield(L, -2, "PATH");
    }
  } else if (!lua_istable(L, -1)) {
    luaL_argerror(L, 2, "field 'env' must be a table");
  }
  int env = lua_gettop(L);
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, env); lua_pop(L, 1))
    n++;
  const char **envp = lua_newuserdatauv(L, (n + 2) * sizeof *envp, 0);
  lua_createtable(L, (int)n + 1, 0);
  int pinned = lua_gettop(L);
  n = 0;
  for (lua_pushnil(L); lua_next(L, env); lua_pop(L, 1)) {
    const char *value = whole_string(L, 2, "env: values");
    lua_pushvalue(L, -2);
    const char *name = whole_string(L, 2, "env: names");
    lua_pop(L, 1);
    envp[n++] = add_variable(L, name, value);
    lua_rawseti(L, pinned, (lua_Integer)n);
  }
  if (secret_env != NULL) {
    envp[n++] = add_variable(L, secret_env, "/proc/self/fd/3");
    lua_rawseti(L, pinned, (lua_Integer)n);
  }
  envp[n] = NULL;
  return (char *const *)envp;
}

static const char *path_of(char *const *envp)
{
  for (; *envp != NULL; envp++) {
    if (strncmp(*envp, "PATH=", 5) == 0) return *envp + 5;
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

static bool read_user(struct spawn *spawn, const char *name)
{
  struct passwd *entry = getpwnam(name);
  if (entry == NULL) return false;
  spawn->uid = entry->pw_uid;
  spawn->gid = entry->pw_gid;
  spawn->change_user = entry->pw_uid != geteuid();
  spawn->ngroups = SPAWN_MAX_GROUPS;
  if (getgrouplist(name, spawn->gid, spawn->groups, &spawn->ngroups) < 0) {
    spawn->ngroups = SPAWN_MAX_GROUPS;
  }
  return true;
}

static void check_names(lua_State *L)
{
  static const char *const known[] = {
      "env",         "cwd",        "input",        "secret", "secret_env",
      "timeout",     "max_output", "on_output",    "user",   "die_with_parent",
      "stdout_path", "keep_stdin", "leave_running"};
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    size_t i = 0, n = sizeof known / sizeof *known;
    while (i < n && strcmp(name, known[i]) != 0)
      i++;
    if (i == n) luaL_argerror(L, 2, lua_pushfstring(L, "there is no option '%s'", name));
  }
}

/* A string option that may hold any bytes. */
static const char *read_bytes(lua_State *L, const char *name, size_t *size)
{
  const char *bytes = dx_opt_string(L, 2, name, NULL);
  *size = 0;
  if (bytes == NULL) return NULL;
  lua_getfield(L, 2, name);
  *size = lua_rawlen(L, -1);
  lua_pop(L, 1);
  return bytes;
}

static bool has_on_output(lua_State *L)
{
  if (!lua_istable(L, 2)) return false;
  int type = lua_getfield(L, 2, "on_output");
  lua_pop(L, 1);
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TFUNCTION, 2,
                "field 'on_output' must be a function");
  return type == LUA_TFUNCTION;
}

bool options_read(lua_State *L, struct options *options)
{
  luaL_checkstack(L, 30, "options");
  *options = (struct options){0};
  struct spawn *spawn = &options->spawn;
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    check_names(L);
  }
  spawn->argv = read_argv(L);
  const char *secret_env = dx_opt_string(L, 2, "secret_env", NULL);
  spawn->secret = read_bytes(L, "secret", &spawn->secret_size);
  luaL_argcheck(L, (spawn->secret != NULL) == (secret_env != NULL), 2,
                "'secret' and 'secret_env' belong together");
  spawn->envp = read_env(L, secret_env);
  spawn->cwd = dx_opt_string(L, 2, "cwd", NULL);
  spawn->stdout_path = dx_opt_string(L, 2, "stdout_path", NULL);
  options->input = read_bytes(L, "input", &options->input_size);
  options->keep_stdin = dx_opt_boolean(L, 2, "keep_stdin", false);
  options->leave_running = dx_opt_boolean(L, 2, "leave_running", false);
  options->timeout = dx_opt_number(L, 2, "timeout", 0);
  luaL_argcheck(L, options->timeout >= 0 && options->timeout < 1e9, 2, "'timeout' is out of range");
  lua_Number max = dx_opt_number(L, 2, "max_output", 1 << 20);
  luaL_argcheck(L, max >= 0 && max <= 1 << 28, 2, "'max_output' is out of range");
  options->max_output = (size_t)max;
  options->on_output = has_on_output(L);
  spawn->stdin_pipe = options->keep_stdin || options->input_size > 0;
  const char *death = dx_opt_string(L, 2, "die_with_parent", NULL);
  if (death != NULL) {
    spawn->death_signal = process_signal(death);
    luaL_argcheck(L, spawn->death_signal != 0, 2, "'die_with_parent' is no signal");
  }
  const char *user = dx_opt_string(L, 2, "user", NULL);
  if (user != NULL && !read_user(spawn, user)) {
    dx_fail(L, "not_found", "there is no user '%s'", user);
    return false;
  }
  const char *program = spawn->argv[0];
  /* Our own binary is found even after it was replaced: see spawn_child. */
  spawn->file = strcmp(program, process_executable()) == 0
                    ? program
                    : process_find(L, program, path_of(spawn->envp));
  if (spawn->file == NULL) {
    dx_fail(L, "not_found", "there is no program '%s'", program);
    return false;
  }
  return true;
}
