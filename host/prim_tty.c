/* host.tty: what a person sees and types. Waits: ask, wait_stdin_end. Fails: ask (no_terminal,
 * end_of_input, too_long, deadline). Raises: misuse only. */
#include "dixis.h"

#include "tty.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int luaopen_host_tty(lua_State *L);

static const char *const stream_names[] = {"stdin", "stdout", "stderr", NULL};

static int check_output(lua_State *L, int arg)
{
  int fd = luaL_checkoption(L, arg, NULL, stream_names);
  luaL_argcheck(L, fd != STDIN_FILENO, arg, "stdout or stderr expected");
  return fd;
}

static int tty_write(lua_State *L)
{
  int fd = check_output(L, 1);
  size_t size;
  const char *text = luaL_checklstring(L, 2, &size);
  lua_pushboolean(L, dx_tty_write(fd, text, size));
  return 1;
}

static int tty_is_terminal(lua_State *L)
{
  lua_pushboolean(L, isatty(luaL_checkoption(L, 1, NULL, stream_names)));
  return 1;
}

static int tty_width(lua_State *L)
{
  struct winsize size;
  int columns = 80;
  for (int fd = STDERR_FILENO; fd >= STDOUT_FILENO; fd--) {
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) columns = size.ws_col;
  }
  lua_pushinteger(L, columns);
  return 1;
}

static int tty_color(lua_State *L)
{
  int fd = check_output(L, 1);
  const char *terminal = getenv("TERM"), *refused = getenv("NO_COLOR");
  bool able = terminal != NULL && *terminal != '\0' && strcmp(terminal, "dumb") != 0;
  bool wanted = refused == NULL || *refused == '\0';
  lua_pushboolean(L, able && wanted && isatty(fd));
  return 1;
}

int luaopen_host_tty(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"write", tty_write}, {"is_terminal", tty_is_terminal},
      {"width", tty_width}, {"color", tty_color},
      {"ask", dx_tty_ask},  {"wait_stdin_end", dx_tty_wait_stdin_end},
      {NULL, NULL},
  };
  dx_tty_open_ask(L);
  luaL_newlib(L, functions);
  return 1;
}
