/* Output that never blocks the loop: with Ctrl-S pressed, or a pager that reads no further, locks
 * in a database are still watched and deadlines still met. What is not taken now is kept. */
#include "dixis.h"

#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than this unread is dropped (and the caller told): the journal has it all anyway. */
static const size_t kept_max = (size_t)16 << 20;
static const uint64_t retry_ms = 20;

struct stream {
  int fd; /* where to write: an own description when that can be had */
  bool ready;
  bool broken;
  bool patient; /* writes may block: a regular file, or the process ends */
  bool shared;  /* no own description: ask first, write little */
  char *kept;
  size_t size, capacity;
};

static struct stream streams[3];
static uv_timer_t retry_timer;
static bool retry_ready;

/* O_NONBLOCK on fd 1 would be seen by everybody who shares it; a description of our own is ours.
 * A file must not be opened again: that would lose its position. */
static void stream_prepare(struct stream *stream, int fd)
{
  struct stat info;
  stream->ready = true;
  stream->fd = fd;
  if (fstat(fd, &info) != 0 || S_ISREG(info.st_mode)) {
    stream->patient = true;
    return;
  }
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int own = S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)
                ? open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                : -1;
  stream->shared = own < 0;
  if (own >= 0) stream->fd = own;
}

/* How much was taken; less than size when the reader is slow or gone. */
static size_t stream_push(struct stream *stream, const char *text, size_t size)
{
  size_t done = 0;
  while (done < size && !stream->broken) {
    size_t part = size - done;
    if (!stream->patient && stream->shared) {
      struct pollfd ready = {.fd = stream->fd, .events = POLLOUT};
      if (poll(&ready, 1, 0) == 0) break;
      if (part > 512) part = 512;
    }
    ssize_t written = write(stream->fd, text + done, part);
    if (written >= 0) {
      done += (size_t)written;
    } else if (errno == EAGAIN) {
      if (!stream->patient) break;
      struct pollfd ready = {.fd = stream->fd, .events = POLLOUT};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      stream->broken = true;
    }
  }
  return done;
}

static bool stream_keep(struct stream *stream, const char *text, size_t size)
{
  if (stream->size + size > kept_max) return false;
  if (stream->size + size > stream->capacity) {
    size_t capacity = (stream->size + size) * 2;
    char *kept = realloc(stream->kept, capacity);
    if (kept == NULL) return false;
    stream->kept = kept;
    stream->capacity = capacity;
  }
  memcpy(stream->kept + stream->size, text, size);
  stream->size += size;
  return true;
}

static void stream_flush(struct stream *stream)
{
  if (stream->size == 0) return;
  size_t done = stream_push(stream, stream->kept, stream->size);
  if (stream->broken) done = stream->size;
  memmove(stream->kept, stream->kept + done, stream->size - done);
  stream->size -= done;
  if (stream->size > 0) return;
  free(stream->kept);
  stream->kept = NULL;
  stream->capacity = 0;
}

static void retry(uv_timer_t *timer)
{
  size_t left = 0;
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
    stream_flush(&streams[fd]);
    left += streams[fd].size;
  }
  if (left == 0) uv_timer_stop(timer);
}

/* The loop is gone and may block now; Ctrl-C ends the process as it would any other. */
static void flush_at_exit(void)
{
  if (streams[STDOUT_FILENO].size + streams[STDERR_FILENO].size == 0) return;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
    streams[fd].patient = true;
    stream_flush(&streams[fd]);
  }
}

static void retry_later(void)
{
  if (!retry_ready) {
    retry_ready = true;
    uv_timer_init(dx_loop(), &retry_timer);
    atexit(flush_at_exit);
  }
  if (!uv_is_active((uv_handle_t *)&retry_timer)) {
    uv_timer_start(&retry_timer, retry, retry_ms, retry_ms);
  }
}

bool dx_tty_write(int fd, const char *text, size_t size)
{
  struct stream *stream = &streams[fd];
  if (!stream->ready) stream_prepare(stream, fd);
  stream_flush(stream);
  size_t done = stream->size == 0 ? stream_push(stream, text, size) : 0;
  if (stream->broken) return false;
  if (done == size) return true;
  if (!stream_keep(stream, text + done, size - done)) return false;
  retry_later();
  return true;
}
