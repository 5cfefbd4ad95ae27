/* main -> lua_pcall(pmain) -> the main task: lib/dixis/main.lua. Exit codes are in
 * docs/runbooks.md. */
#include "dixis.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_SECONDS = 5 };

struct arguments {
  int argc;
  char **argv;
};

/* A core dump would hold connection passwords. Sanitizers need to trace the process. */
static void forbid_core_dumps(void)
{
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
#ifndef DIXIS_SANITIZE
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* Started with one of them closed, the next file opened would take its number and get our output.
 */
static void open_standard_files(void)
{
  int fd;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

static const char *field_text(lua_State *L, const char *name)
{
  if (!lua_istable(L, -1)) return NULL;
  lua_getfield(L, -1, name);
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 1); /* the table holds it */
  return text;
}

/* An error that reaches this place has no better reporter: a mistake in the library, or a signal.
 */
static int report_failure(lua_State *L)
{
  const char *kind = field_text(L, "kind");
  if (kind != NULL && strcmp(kind, "interrupted") == 0) return 128 + dx_loop_signal();
  const char *message = field_text(L, "message");
  const char *trace = field_text(L, "traceback");
  fprintf(stderr, "dixis: internal error: %s\n%s%s",
          message ? message : luaL_tolstring(L, -1, NULL), trace ? trace : "", trace ? "\n" : "");
  return EXIT_FAILED;
}

/* At exit libuv waits for its threads, and one of them may wait for a network that never answers.
 */
static int exit_code = EXIT_FAILED;

static void leave(int signal_number)
{
  (void)signal_number;
  _exit(exit_code);
}

static int leave_in_time(void)
{
  dx_loop_close();
  fflush(NULL);
  signal(SIGALRM, leave);
  alarm(EXIT_SECONDS);
  return exit_code;
}

/* Lua finalizes in the reverse order of making: when the first object's turn has come, all that
 * holds something of the outside is closed. What is left is memory, and the system takes that back
 * faster than Lua would free it. (A sanitizer wants to see it freed.) */
static int everything_is_closed(lua_State *L)
{
  (void)L;
#ifndef DIXIS_SANITIZE
  exit(leave_in_time());
#endif
  return 0;
}

static void make_first_object(lua_State *L)
{
  lua_newuserdatauv(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, everything_is_closed);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  luaL_ref(L, LUA_REGISTRYINDEX);
}

static int pmain(lua_State *L)
{
  struct arguments *arguments = lua_touserdata(L, 1);
  make_first_object(L);
  lua_gc(L, LUA_GCSTOP); /* until the verb's modules are loaded: lib/dixis/main.lua */
  lua_getglobal(L, "require");
  lua_pushliteral(L, "dixis.main");
  lua_call(L, 1, 1);
  luaL_checkstack(L, arguments->argc + 8, "arguments");
  for (int i = 0; i < arguments->argc; i++)
    lua_pushstring(L, arguments->argv[i]);
  if (dx_loop_run(L, arguments->argc)) {
    exit_code = (int)luaL_optinteger(L, -1, EXIT_SUCCESS);
  } else {
    exit_code = report_failure(L);
  }
  return 0;
}

int main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "--version") == 0) return puts("dixis " DIXIS_VERSION) < 0;
  open_standard_files();
  forbid_core_dumps();
  struct arguments arguments = {argc - 1, argv + 1};
  dx_loop_init();
  lua_State *L = dx_state_new(argc > 1 && strcmp(argv[1], "spec") == 0);
  if (L == NULL) {
    fputs("dixis: not enough memory to start\n", stderr);
    return EXIT_FAILED;
  }
  lua_pushcfunction(L, pmain);
  lua_pushlightuserdata(L, &arguments);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) exit_code = report_failure(L);
  lua_close(L);
  return leave_in_time();
}
