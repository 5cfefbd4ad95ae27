/* How a child lives and ends. */
#include "process_child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* How long the group has between SIGTERM and SIGKILL; how long a pipe that somebody else still
 * holds (a daemon that the program left behind) is read after the program itself has ended. */
static const uint64_t kill_after_ms = 5000;
static const uint64_t linger_ms = 250;

/* How often a group that must be gone is killed and looked for again. Once and one SIGCHLD should
 * do, but a wake-up that a virtual machine loses would leave it for ever. */
static const uint64_t again_ms = 100;

static struct child *children; /* not reaped */
static uv_signal_t *watcher;   /* SIGCHLD; exists while there are children */

static void free_handle(uv_handle_t *handle)
{
  free(handle);
}

static void unwatch_children(void)
{
  if (children != NULL || watcher == NULL) return;
  uv_close((uv_handle_t *)watcher, free_handle);
  watcher = NULL;
}

void child_free(struct child *child)
{
  stream_free(&child->out);
  stream_free(&child->err);
  free(child->input);
  free(child);
  unwatch_children();
}

static void child_release(struct child *child)
{
  if (--child->references == 0) child_free(child);
}

static void handle_closed(uv_handle_t *handle)
{
  child_release(handle->data);
}

static void close_handle(void *handle)
{
  if (!uv_is_closing(handle)) uv_close(handle, handle_closed);
}

static void child_kill(struct child *child, int signo)
{
  if (!child->ended) kill(-child->pid, signo);
}

void child_close_in(struct child *child)
{
  if (!child->in_open) return;
  child->in_keep = false;
  if (child->in_writing) return; /* closed when all is written */
  child->in_open = false;
  close_handle(&child->in);
}

static void child_unlink(struct child *child)
{
  struct child **link = &children;
  while (*link != child)
    link = &(*link)->next;
  *link = child->next;
  unwatch_children();
}

/* The zombie kept the process id ours until now, so no signal could hit a stranger. */
static void child_end(struct child *child)
{
  if (child->terminating) child_kill(child, SIGKILL);
  while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  child->ended = true;
  child_unlink(child);
  stream_close(&child->out);
  stream_close(&child->err);
  child->in_writing = false;
  child_close_in(child);
  close_handle(&child->timer);
  dx_wake(&child->wait);
  dx_wake(&child->line);
  child_release(child);
}

static void linger_over(uv_timer_t *timer)
{
  struct child *child = timer->data;
  if (child->terminating) child_kill(child, SIGKILL);
  stream_drain(&child->out);
  stream_drain(&child->err);
  if (child->out.paused || child->err.paused) {
    uv_timer_start(timer, linger_over, linger_ms, 0);
  } else if (!child->ended) {
    child_end(child);
  }
}

static void child_check(struct child *child)
{
  if (!child->exited) {
    siginfo_t info = {0};
    int error = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (error == 0 && info.si_pid == 0) return;
    child->status = info;
    child->exited = true;
    child->ended_at = uv_hrtime();
    uv_timer_start(&child->timer, linger_over, linger_ms, 0);
  }
  if (!child->ended && !child->out.open && !child->err.open) child_end(child);
}

static void on_sigchld(uv_signal_t *handle, int signo)
{
  (void)handle, (void)signo;
  for (struct child *child = children, *next; child != NULL; child = next) {
    next = child->next;
    child_check(child);
  }
}

static void kill_now(uv_timer_t *timer)
{
  struct child *child = timer->data;
  child_kill(child, SIGKILL);
  child_check(child);
}

void child_terminate(struct child *child)
{
  if (child->terminating || child->ended) return;
  child->terminating = true;
  child_kill(child, SIGTERM);
  child_kill(child, SIGCONT); /* a stopped one cannot hear */
  if (!child->exited) uv_timer_start(&child->timer, kill_now, kill_after_ms, again_ms);
}

static void timeout_passed(uv_timer_t *timer)
{
  struct child *child = timer->data;
  child->timed_out = true;
  child_terminate(child);
}

void child_abandon(struct child *child)
{
  if (!child->leave_running) {
    child_kill(child, SIGKILL);
    child->terminating = true;
  }
  stream_close(&child->out);
  stream_close(&child->err);
  child->in_writing = false;
  child_close_in(child);
  close_handle(&child->line_timer);
  dx_wake(&child->wait);
  dx_wake(&child->line);
  if (child->exited && !child->ended) {
    child_end(child);
  } else if (child->leave_running) {
    close_handle(&child->timer);
  } else if (!child->ended) {
    uv_timer_start(&child->timer, kill_now, again_ms, again_ms);
  }
  child_release(child);
}

/* ---- The beginning ------------------------------------------------------------------------------
 */

static void input_written(uv_write_t *write, int status)
{
  (void)status; /* a program that does not read all of its input is no failure of ours */
  struct child *child = write->data;
  child->in_writing = false;
  if (!child->in_keep) child_close_in(child);
}

static void *handle_begin(struct child *child, void *handle)
{
  ((uv_handle_t *)handle)->data = child;
  child->references++;
  return handle;
}

static void stream_moved(struct stream *stream)
{
  struct child *child = stream->owner;
  if (stream->hold) dx_wake(&child->wait);
  dx_wake(&child->line);
  if (!stream->open && child->exited && !child->ended) child_check(child);
}

static void stream_gone(struct stream *stream)
{
  child_release(stream->owner);
}

static bool watch_children(void)
{
  if (watcher != NULL) return true;
  uv_signal_t *handle = malloc(sizeof *handle);
  if (handle == NULL) return false;
  uv_signal_init(dx_loop(), handle);
  uv_signal_start(handle, on_sigchld, SIGCHLD);
  watcher = handle;
  return true;
}

struct child *child_new(const struct options *options)
{
  struct child *child = calloc(1, sizeof *child);
  if (child == NULL || !watch_children()) {
    free(child);
    return NULL;
  }
  child->in_keep = options->keep_stdin;
  child->leave_running = options->leave_running;
  child->timeout = options->timeout;
  child->out.max = child->err.max = options->max_output;
  child->out.hold = child->err.hold = options->on_output;
  if (options->input_size == 0) return child;
  child->input = malloc(options->input_size);
  if (child->input == NULL) {
    child_free(child);
    return NULL;
  }
  memcpy(child->input, options->input, options->input_size);
  child->input_size = options->input_size;
  return child;
}

void child_open(struct child *child, const struct spawned *spawned)
{
  uv_loop_t *loop = dx_loop();
  child->references = 2; /* the Lua handle, the list */
  child->pid = spawned->pid;
  child->started = uv_hrtime();
  child->next = children;
  children = child;
  uv_timer_init(loop, handle_begin(child, &child->timer));
  uv_timer_init(loop, handle_begin(child, &child->line_timer));
  uv_update_time(loop);
  if (child->timeout > 0) {
    uv_timer_start(&child->timer, timeout_passed, (uint64_t)(child->timeout * 1000), 0);
  }
  struct stream *const streams[] = {&child->out, &child->err};
  const int fds[] = {spawned->out, spawned->err};
  for (int i = 0; i < 2; i++) {
    if (fds[i] < 0) continue;
    child->references++;
    stream_open(streams[i], fds[i], child, stream_moved, stream_gone);
  }
  if (spawned->in < 0) return;
  child->in_open = true;
  uv_pipe_init(loop, handle_begin(child, &child->in), 0);
  uv_pipe_open(&child->in, spawned->in);
  if (child->input != NULL) {
    uv_buf_t buf = uv_buf_init(child->input, (unsigned)child->input_size);
    child->write.data = child;
    child->in_writing =
        uv_write(&child->write, (uv_stream_t *)&child->in, &buf, 1, input_written) == 0;
  }
  if (!child->in_keep) child_close_in(child);
}
