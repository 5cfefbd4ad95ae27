/* tty.ask: one line from the person at the terminal, whatever stdin is.
 *
 * The terminal's own line editing does the work (canonical mode), so what arrives is what was
 * confirmed by Enter. /dev/tty is opened anew: making that description non-blocking hurts nobody.
 */
#include "dixis.h"

#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ASK_TYPE "dixis.ask"

/* Linux keeps 4095 bytes of a line and drops the rest silently; a line that fills the buffer may
 * therefore have lost its end. */
enum { line_max = 4095 };

enum outcome { asking, answered, cancelled, ended, too_long, timed_out, terminal_lost };

struct ask {
  uv_poll_t poll;
  uv_timer_t timer;
  int refs; /* two handles and the userdata */
  int fd;
  struct termios saved;
  const char *prompt; /* on the stack of the task that waits */
  size_t prompt_left;
  char line[line_max];
  size_t size;
  bool overflow;
  enum outcome outcome;
  struct dx_wait wait;
};

static void ask_release(struct ask *ask)
{
  if (--ask->refs > 0) return;
  close(ask->fd);
  free(ask);
}

static void handle_closed(uv_handle_t *handle)
{
  ask_release(handle->data);
}

/* From the background this would stop us (SIGTTOU); blocked, it is simply done. */
static void terminal_set(int fd, const struct termios *mode)
{
  sigset_t stop, old;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &stop, &old);
  tcflush(fd, TCIFLUSH); /* half a line must reach neither us nor the shell after us */
  tcsetattr(fd, TCSANOW, mode);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Whatever a crashed program has left: lines, echo, signals, all eight bits. */
static void terminal_prepare(struct ask *ask)
{
  struct termios mode = ask->saved;
  mode.c_lflag |= ICANON | ECHO | ECHOE | ISIG;
  mode.c_iflag |= ICRNL | IUTF8;
  mode.c_iflag &= ~(tcflag_t)(IGNCR | INLCR | ISTRIP);
  terminal_set(ask->fd, &mode);
}

static void ask_finish(struct ask *ask, enum outcome outcome)
{
  if (ask->outcome != asking) return;
  ask->outcome = outcome;
  if (outcome != answered && outcome != terminal_lost) {
    ssize_t ignored = write(ask->fd, "\n", 1);
    (void)ignored;
  }
  terminal_set(ask->fd, &ask->saved);
  dx_wake(&ask->wait);
  uv_close((uv_handle_t *)&ask->poll, handle_closed);
  uv_close((uv_handle_t *)&ask->timer, handle_closed);
}

static void ask_cancel(struct dx_wait *wait)
{
  ask_finish((struct ask *)((char *)wait - offsetof(struct ask, wait)), cancelled);
}

static void ask_timeout(uv_timer_t *timer)
{
  ask_finish(timer->data, timed_out);
}

/* Ctrl-D in the middle of a line delivers what is there without a newline: the line goes on. */
static void ask_take(struct ask *ask, const char *data, size_t size)
{
  const char *newline = memchr(data, '\n', size);
  if (newline != NULL) size = (size_t)(newline - data);
  if (ask->size + size >= line_max) {
    ask->overflow = true;
  } else {
    memcpy(ask->line + ask->size, data, size);
    ask->size += size;
  }
  if (newline != NULL) ask_finish(ask, ask->overflow ? too_long : answered);
}

static void ask_read(struct ask *ask)
{
  char data[line_max + 1];
  ssize_t got = read(ask->fd, data, sizeof data);
  if (got > 0) {
    ask_take(ask, data, (size_t)got);
  } else if (got == 0) {
    struct pollfd hung_up = {.fd = ask->fd};
    poll(&hung_up, 1, 0);
    ask_finish(ask, hung_up.revents & POLLHUP ? terminal_lost : ended);
  } else if (errno != EAGAIN && errno != EINTR) {
    ask_finish(ask, terminal_lost);
  }
}

static void ask_ready(uv_poll_t *poll, int status, int events)
{
  struct ask *ask = poll->data;
  if (status < 0) {
    ask_finish(ask, terminal_lost);
    return;
  }
  if (ask->prompt_left == 0) {
    if (events & (UV_READABLE | UV_DISCONNECT)) ask_read(ask);
    return;
  }
  ssize_t written = write(ask->fd, ask->prompt, ask->prompt_left);
  if (written < 0 && errno != EAGAIN && errno != EINTR) ask_finish(ask, terminal_lost);
  if (written < 0) return;
  ask->prompt += written;
  ask->prompt_left -= (size_t)written;
  if (ask->prompt_left == 0) uv_poll_start(poll, UV_READABLE, ask_ready);
}

static int ask_results(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  const struct ask *ask = (const struct ask *)context;
  switch (ask->outcome) {
  case answered:
    lua_pushlstring(L, ask->line, ask->size);
    return 1;
  case ended:
    return dx_fail(L, "end_of_input", "the input ended before an answer was given");
  case too_long:
    return dx_fail(L, "too_long", "the answer is longer than a terminal line can be");
  case timed_out:
    return dx_fail(L, "deadline", "no answer was given in time");
  case terminal_lost:
    return dx_fail(L, "no_terminal", "the terminal is gone");
  default:
    return dx_fail(L, "cancelled", "the question was withdrawn");
  }
}

static int ask_gc(lua_State *L)
{
  struct ask **box = luaL_checkudata(L, 1, ASK_TYPE);
  struct ask *ask = *box;
  *box = NULL;
  if (ask == NULL) return 0;
  ask_finish(ask, cancelled);
  ask_release(ask);
  return 0;
}

static int no_terminal(lua_State *L, int fd, const char *why)
{
  if (fd >= 0) close(fd);
  return dx_fail(L, "no_terminal", "nobody can be asked: %s", why);
}

int dx_tty_ask(lua_State *L)
{
  size_t size;
  const char *prompt = luaL_checklstring(L, 1, &size);
  lua_Number timeout = luaL_optnumber(L, 2, 0);
  luaL_argcheck(L, timeout >= 0 && timeout < 1e9, 2, "seconds out of range");
  bool timed = !lua_isnoneornil(L, 2);
  dx_check_wait(L);
  struct ask **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, ASK_TYPE);

  int fd = open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return no_terminal(L, fd, "there is no controlling terminal");
  if (tcgetpgrp(fd) != getpgrp()) return no_terminal(L, fd, "dixis runs in the background");
  struct ask *ask = calloc(1, sizeof *ask);
  if (ask == NULL || tcgetattr(fd, &ask->saved) != 0 ||
      uv_poll_init(dx_loop(), &ask->poll, fd) != 0) {
    free(ask);
    return no_terminal(L, fd, "the terminal cannot be used");
  }
  uv_timer_init(dx_loop(), &ask->timer);
  ask->poll.data = ask->timer.data = ask;
  ask->refs = 3;
  ask->fd = fd;
  ask->prompt = prompt;
  ask->prompt_left = size;
  *box = ask;
  terminal_prepare(ask);
  uv_update_time(dx_loop());
  if (timed) uv_timer_start(&ask->timer, ask_timeout, (uint64_t)(timeout * 1000), 0);
  uv_poll_start(&ask->poll, size > 0 ? UV_WRITABLE : UV_READABLE, ask_ready);
  return dx_wait(L, &ask->wait, ask_cancel, ask_results, (lua_KContext)ask);
}

void dx_tty_open_ask(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, ASK_TYPE, none, ask_gc);
}
