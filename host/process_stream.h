/* One output stream of a child: what was read of it, whose end is kept. */
#ifndef DIXIS_PROCESS_STREAM_H
#define DIXIS_PROCESS_STREAM_H

#include "dixis.h"

struct stream {
  uv_pipe_t pipe;
  void *owner;
  char *data;
  size_t size, capacity;
  size_t max;     /* how much of its end is given as the result */
  uint64_t base;  /* how many bytes before data[0] are forgotten */
  uint64_t taken; /* up to where on_output was told */
  uint64_t line;  /* up to where lines were read */
  bool hold;      /* bytes that were not taken may not be forgotten */
  bool paused;    /* too many of those: the child has to wait */
  bool open;
  void (*moved)(struct stream *);
  void (*gone)(struct stream *);
};

/* Takes the descriptor. `moved` tells that there is more or that the end came, `gone` that the
 * handle is closed and the memory is the owner's again. */
void stream_open(struct stream *stream, int fd, void *owner, void (*moved)(struct stream *),
                 void (*gone)(struct stream *));
void stream_close(struct stream *stream);
void stream_free(struct stream *stream);

/* Reads at once what the pipe still holds. */
void stream_drain(struct stream *stream);

bool stream_pending(const struct stream *stream);
bool stream_truncated(const struct stream *stream);

/* Pushes what was not taken yet. */
void stream_take(lua_State *L, struct stream *stream);
/* Nobody will take anything any more. */
void stream_let_go(struct stream *stream);
/* Pushes the next whole line and returns true, or pushes nothing. */
bool stream_line(lua_State *L, struct stream *stream);
/* Pushes the kept end. */
void stream_push(lua_State *L, const struct stream *stream);

#endif
