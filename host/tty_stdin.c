/* tty.wait_stdin_end: a parent that dies or closes its end of our stdin is noticed. */
#include "dixis.h"

#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* How often a terminal that belongs to another job is looked at again. */
static const uint64_t background_ms = 500;

struct stdin_wait {
  uv_poll_t poll;
  uv_timer_t pause;
  int open; /* handles that libuv still knows */
  int fd;
  struct dx_wait wait;
};

static void handle_closed(uv_handle_t *handle)
{
  struct stdin_wait *waiting = handle->data;
  if (--waiting->open > 0) return;
  close(waiting->fd);
  free(waiting);
}

static void stdin_finish(struct stdin_wait *waiting)
{
  dx_wake(&waiting->wait);
  uv_close((uv_handle_t *)&waiting->poll, handle_closed);
  uv_close((uv_handle_t *)&waiting->pause, handle_closed);
}

static void stdin_cancel(struct dx_wait *wait)
{
  stdin_finish((struct stdin_wait *)((char *)wait - offsetof(struct stdin_wait, wait)));
}

/* Reading a terminal from the background would stop us (SIGTTIN); blocked, it is only an EIO. */
static ssize_t read_quietly(int fd, void *buffer, size_t size)
{
  sigset_t stop, old;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTIN);
  pthread_sigmask(SIG_BLOCK, &stop, &old);
  ssize_t got = read(fd, buffer, size);
  int code = errno;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  errno = code;
  return got;
}

static void stdin_ready(uv_poll_t *poll, int status, int events);

static void pause_over(uv_timer_t *timer)
{
  struct stdin_wait *waiting = timer->data;
  uv_poll_start(&waiting->poll, UV_READABLE | UV_DISCONNECT, stdin_ready);
}

static void stdin_ready(uv_poll_t *poll, int status, int events)
{
  (void)events;
  struct stdin_wait *waiting = poll->data;
  char discarded[16384];
  ssize_t got = status < 0 ? 0 : read_quietly(waiting->fd, discarded, sizeof discarded);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  pid_t owner = got < 0 && errno == EIO ? tcgetpgrp(waiting->fd) : -1;
  if (owner > 0 && owner != getpgrp()) {
    uv_poll_stop(poll);
    uv_timer_start(&waiting->pause, pause_over, background_ms, 0);
    return;
  }
  stdin_finish(waiting);
}

static int stdin_ended(lua_State *L, int status, lua_KContext context)
{
  (void)L, (void)status, (void)context;
  return 0;
}

/* libuv makes what it polls non-blocking. stdin is shared with whoever started us, so this needs
 * a description of its own; a socket has none to open. */
static int stdin_open(void)
{
  int fd = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return fd >= 0 ? fd : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
}

int dx_tty_wait_stdin_end(lua_State *L)
{
  dx_check_wait(L);
  int fd = stdin_open();
  if (fd < 0) return 0;
  struct stdin_wait *waiting = calloc(1, sizeof *waiting);
  if (waiting == NULL) {
    close(fd);
    return luaL_error(L, "not enough memory");
  }
  waiting->fd = fd;
  /* What cannot be polled (a file, /dev/null) is at its end as soon as nobody wants the rest. */
  if (uv_poll_init(dx_loop(), &waiting->poll, fd) != 0) {
    close(fd);
    free(waiting);
    return 0;
  }
  uv_timer_init(dx_loop(), &waiting->pause);
  waiting->open = 2;
  waiting->poll.data = waiting->pause.data = waiting;
  uv_poll_start(&waiting->poll, UV_READABLE | UV_DISCONNECT, stdin_ready);
  return dx_wait(L, &waiting->wait, stdin_cancel, stdin_ended, 0);
}
