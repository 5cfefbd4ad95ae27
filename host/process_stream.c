/* Reading a child's output by libuv, with bounded memory. */
#include "process_stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SIZE = 65536, PENDING_MAX = 4 * BLOCK_SIZE };

/* Shared by all streams: libuv hands it out and gets it back within one callback. */
static char block[BLOCK_SIZE];

static uint64_t stream_end(const struct stream *stream)
{
  return stream->base + stream->size;
}

static void forget(struct stream *stream, size_t wanted)
{
  size_t n = wanted < stream->size ? wanted : stream->size;
  if (stream->hold && n > stream->taken - stream->base) n = stream->taken - stream->base;
  if (n == 0) return;
  memmove(stream->data, stream->data + n, stream->size - n);
  stream->size -= n;
  stream->base += n;
  if (stream->line < stream->base) stream->line = stream->base;
}

/* Up to twice the kept size is stored, so that bytes move only once in a while. */
static void feed(struct stream *stream, const char *bytes, size_t n)
{
  if (stream->size + n > 2 * stream->max + BLOCK_SIZE)
    forget(stream, stream->size + n - stream->max);
  if (stream->size + n > stream->capacity) {
    size_t capacity = stream->capacity > 0 ? stream->capacity : 4096;
    while (capacity < stream->size + n)
      capacity *= 2;
    char *grown = realloc(stream->data, capacity);
    if (grown == NULL) { /* shows as truncated */
      stream->base = stream->taken = stream->line = stream_end(stream) + n;
      stream->size = 0;
      return;
    }
    stream->data = grown;
    stream->capacity = capacity;
  }
  memcpy(stream->data + stream->size, bytes, n);
  stream->size += n;
}

static void give_block(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
  (void)handle, (void)suggested;
  *buf = uv_buf_init(block, BLOCK_SIZE);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
  struct stream *stream = handle->data;
  if (n == 0) return;
  if (n < 0) {
    stream_close(stream);
  } else {
    feed(stream, buf->base, (size_t)n);
    if (stream->hold && stream_end(stream) - stream->taken > PENDING_MAX) {
      stream->paused = true;
      uv_read_stop(handle);
    }
  }
  stream->moved(stream);
}

static void on_closed(uv_handle_t *handle)
{
  struct stream *stream = handle->data;
  stream->gone(stream);
}

void stream_open(struct stream *stream, int fd, void *owner, void (*moved)(struct stream *),
                 void (*gone)(struct stream *))
{
  stream->owner = owner;
  stream->moved = moved;
  stream->gone = gone;
  stream->open = true;
  uv_pipe_init(dx_loop(), &stream->pipe, 0);
  stream->pipe.data = stream;
  uv_pipe_open(&stream->pipe, fd);
  uv_read_start((uv_stream_t *)&stream->pipe, give_block, on_read);
}

void stream_close(struct stream *stream)
{
  if (!stream->open) return;
  stream->open = false;
  stream->paused = false;
  uv_close((uv_handle_t *)&stream->pipe, on_closed);
}

void stream_free(struct stream *stream)
{
  free(stream->data);
}

void stream_drain(struct stream *stream)
{
  uv_os_fd_t fd;
  if (!stream->open || stream->paused || uv_fileno((uv_handle_t *)&stream->pipe, &fd) != 0) return;
  /* No pipe holds more than this by default; whoever goes on writing is not waited for. */
  for (size_t left = 1 << 20; left > 0;) {
    ssize_t n = read(fd, block, left < BLOCK_SIZE ? left : BLOCK_SIZE);
    if (n <= 0) return;
    feed(stream, block, (size_t)n);
    left -= (size_t)n;
  }
}

bool stream_pending(const struct stream *stream)
{
  return stream->hold && stream_end(stream) > stream->taken;
}

bool stream_truncated(const struct stream *stream)
{
  return stream->base > 0 || stream->size > stream->max;
}

/* All that there is counts as taken. */
static void stream_go_on(struct stream *stream)
{
  stream->taken = stream_end(stream);
  if (!stream->paused) return;
  stream->paused = false;
  uv_read_start((uv_stream_t *)&stream->pipe, give_block, on_read);
}

void stream_take(lua_State *L, struct stream *stream)
{
  size_t from = (size_t)(stream->taken - stream->base);
  lua_pushlstring(L, stream->data + from, stream->size - from);
  stream_go_on(stream);
}

void stream_let_go(struct stream *stream)
{
  stream->hold = false;
  stream_go_on(stream);
}

bool stream_line(lua_State *L, struct stream *stream)
{
  size_t from = (size_t)(stream->line - stream->base);
  if (from == stream->size) return false;
  const char *newline = memchr(stream->data + from, '\n', stream->size - from);
  if (newline == NULL) return false;
  size_t size = (size_t)(newline - (stream->data + from));
  lua_pushlstring(L, stream->data + from, size);
  stream->line += size + 1;
  return true;
}

void stream_push(lua_State *L, const struct stream *stream)
{
  size_t n = stream->size < stream->max ? stream->size : stream->max;
  if (n == 0) {
    lua_pushliteral(L, "");
  } else {
    lua_pushlstring(L, stream->data + stream->size - n, n);
  }
}
