/* A running program: its processes, pipes and timers, from its start until it is reaped. */
#ifndef DIXIS_PROCESS_CHILD_H
#define DIXIS_PROCESS_CHILD_H

#include "process.h"
#include "process_stream.h"

#include <signal.h>

/* Everything that libuv may still touch lives in here. It is freed when the Lua handle is closed,
 * the child is reaped and every libuv handle in it is closed, in any order. */
struct child {
  struct child *next; /* among those that are not reaped */
  int references;
  pid_t pid;
  struct stream out, err;
  uv_pipe_t in;
  uv_write_t write;
  char *input;
  size_t input_size;
  uv_timer_t timer; /* timeout, then SIGKILL after SIGTERM, then the pipes' end */
  uv_timer_t line_timer;
  struct dx_wait wait; /* for the end */
  struct dx_wait line; /* for a line of output */
  uint64_t started, ended_at;
  double timeout;
  siginfo_t status;
  bool in_open, in_keep, in_writing;
  bool exited;      /* the process is a zombie or gone */
  bool ended;       /* exited, output complete, reaped */
  bool terminating; /* its group is being ended by us */
  bool timed_out;
  bool line_late;
  bool leave_running; /* when the handle is closed */
};

/* Before the program runs: reserves all that its end will need. NULL: no memory. */
struct child *child_new(const struct options *options);
/* Only for one that was not opened. */
void child_free(struct child *child);
void child_open(struct child *child, const struct spawned *spawned);

/* SIGTERM, and SIGKILL when the group still runs after a while. */
void child_terminate(struct child *child);
/* Closes stdin when what there is to write is written. */
void child_close_in(struct child *child);
/* The Lua handle lets go of it: kills it unless it was to be left running. */
void child_abandon(struct child *child);

#endif
