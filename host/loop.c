/* The loop: the only libuv loop, the only lua_resume, and what a task is.
 *
 * A task is a coroutine that the loop runs. It leaves the processor by dx_wait, or by force: a
 * tick notices a task that computes for long and makes it yield, so that deadlines and Ctrl-C
 * reach a script that never waits. Cancelling plants a hook that raises at every instruction
 * until the coroutine is gone, so pcall cannot swallow it; task.shield puts that off for the few
 * lines that must not be torn (a COMMIT and its record).
 */
#include "dixis.h"

#include "task.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* A slice that runs for this long is preempted; one that cannot be reached at all (a C function
 * such as a string pattern gone wild) ends the process after stuck_ticks of them. */
static const suseconds_t tick_us = 100000;
static const int stuck_ticks = 300;

static uv_loop_t loop;
static uv_async_t signal_async;
static lua_State *main_state;
static struct dx_task *queue_head, *queue_tail;
static struct dx_task *main_task;
static struct dx_task *live; /* the newest of the tasks that have not ended */
static bool in_uv;
static int handler_ref = LUA_NOREF, no_memory_ref = LUA_NOREF;

/* Shared with signal handlers. */
static pthread_t main_thread;
static lua_State *volatile running;
static volatile sig_atomic_t slice, slice_seen, ticks_stuck;
static volatile sig_atomic_t pending_signal, first_signal;

uv_loop_t *dx_loop(void)
{
  return &loop;
}

int dx_loop_signal(void)
{
  return first_signal;
}

struct dx_task *dx_task_of(lua_State *L)
{
  return *(struct dx_task **)lua_getextraspace(L);
}

void dx_task_enqueue(struct dx_task *task)
{
  if (task->queued || task->done) return;
  task->queued = true;
  task->next = NULL;
  if (queue_tail != NULL) {
    queue_tail->next = task;
  } else {
    queue_head = task;
  }
  queue_tail = task;
  /* libuv may have run its timers already and be about to wait: it must not, there is work. */
  if (in_uv) uv_stop(&loop);
}

/* ---- Cancelling and preempting ------------------------------------------------------------- */

/* Why a task was cancelled; for want of memory, that there is none. */
void dx_task_push_cause(lua_State *L, const struct dx_task *task)
{
  lua_rawgeti(L, LUA_REGISTRYINDEX, task->error_ref == LUA_NOREF ? no_memory_ref : task->error_ref);
}

static void stop_hook(lua_State *L, lua_Debug *record)
{
  (void)record;
  struct dx_task *task = dx_task_of(L);
  if (task->shield > 0) return;
  dx_task_push_cause(L, task);
  lua_error(L);
}

static char *signal_name(int signo)
{
  static char names[2][8] = {"SIGINT", "SIGTERM"};
  return names[signo == SIGINT ? 0 : 1];
}

static void preempt_hook(lua_State *L, lua_Debug *record)
{
  struct dx_task *task = dx_task_of(L);
  ticks_stuck = 0;
  if (task->cancelled) {
    lua_sethook(L, stop_hook, LUA_MASKCOUNT, 1);
    stop_hook(L, record);
    return;
  }
  lua_sethook(L, NULL, 0, 0);
  if (lua_isyieldable(L)) {
    lua_yield(L, 0);
    return;
  }
  /* Inside sort, gsub, require or a metamethod it cannot yield. Most of these are over in a moment,
   * and then the signal's own handler decides; when a later tick finds the same slice still there,
   * the interrupt ends it right here. */
  static sig_atomic_t slice_spared;
  if (pending_signal == 0 || task->shield > 0) return;
  if (slice_spared != slice) {
    slice_spared = slice;
    return;
  }
  dx_push_error(L, "interrupted", "interrupted by a signal");
  dx_field(L, "signal", signal_name(pending_signal));
  lua_error(L);
}

/* Runs in a signal handler: only lua_sethook, which Lua allows there. */
static void preempt_running(void)
{
  lua_State *L = running;
  if (L != NULL) lua_sethook(L, preempt_hook, LUA_MASKCOUNT, 1);
}

static void on_tick(int signo)
{
  if (!pthread_equal(pthread_self(), main_thread)) {
    pthread_kill(main_thread, signo);
    return;
  }
  if (running == NULL) return;
  if (slice != slice_seen) {
    slice_seen = slice;
    ticks_stuck = 0;
    return;
  }
  if (++ticks_stuck > stuck_ticks) {
    static const char text[] =
        "\ndixis: a script has been computing for 30 seconds without a pause and cannot be "
        "stopped; giving up. Open transactions are rolled back by the server.\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(6);
  }
  preempt_running();
}

static void on_stop_signal(int signo)
{
  if (!pthread_equal(pthread_self(), main_thread)) {
    pthread_kill(main_thread, signo);
    return;
  }
  signo = signo == SIGINT ? SIGINT : SIGTERM;
  if (first_signal == 0) first_signal = signo;
  if (pending_signal == 0) pending_signal = signo; /* what comes at the same time changes nothing */
  preempt_running();
  uv_async_send(&signal_async);
}

void dx_task_stop(struct dx_task *task)
{
  task->cancelled = true;
  lua_sethook(task->co, stop_hook, LUA_MASKCOUNT, 1);
}

static void begin_cancel(struct dx_task *task)
{
  if (task->shield > 0) {
    task->cancel_pending = true;
    return;
  }
  dx_task_stop(task);
  if (task->waiting == NULL) {
    dx_task_enqueue(task);
  } else if (task->waiting->cancel != NULL) {
    task->waiting->cancel(task->waiting);
  }
}

void dx_task_cancel(lua_State *L, struct dx_task *task)
{
  if (task->done || task->cancelled || task->cancel_pending) {
    lua_pop(L, 1);
    return;
  }
  task->error_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  begin_cancel(task);
}

struct cause {
  struct dx_task *task;
  const char *kind, *message, *signal;
};

static int store_cause(lua_State *L)
{
  struct cause *cause = lua_touserdata(L, 1);
  dx_push_error(L, cause->kind, "%s", cause->message);
  dx_field(L, "signal", cause->signal);
  cause->task->error_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/* Outside any coroutine an error of Lua would jump through libuv: only this way goes into Lua. */
static bool call_protected(lua_CFunction function, void *argument)
{
  lua_State *L = main_state;
  if (!lua_checkstack(L, 2)) return false;
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, argument);
  bool ok = lua_pcall(L, 1, 0, 0) == LUA_OK;
  if (!ok) lua_pop(L, 1);
  return ok;
}

void dx_task_cancel_with(struct dx_task *task, const char *kind, const char *message,
                         const char *signal)
{
  if (task->done || task->cancelled || task->cancel_pending) return;
  struct cause cause = {task, kind, message, signal};
  call_protected(store_cause, &cause);
  begin_cancel(task);
}

/* ---- Running ------------------------------------------------------------------------------- */

static void free_handle(uv_handle_t *handle)
{
  free(handle);
}

void dx_task_stop_deadline(struct dx_task *task)
{
  if (task->deadline == NULL) return;
  task->deadline->data = NULL;
  uv_close((uv_handle_t *)task->deadline, free_handle);
  task->deadline = NULL;
}

/* A string error is a mistake in Lua code: make it a table and keep where it came from. */
static int normalise_error(lua_State *L)
{
  lua_State *co = lua_touserdata(L, 1);
  if (!lua_checkstack(co, 1)) return 0;
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1);
  luaL_traceback(L, co, NULL, 0);
  dx_push_error(L, "internal", "%s", luaL_tolstring(L, -2, NULL));
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "traceback");
  lua_xmove(L, co, 1);
  lua_replace(co, -2);
  return 0;
}

static void link_live(struct dx_task *task)
{
  task->older = live;
  if (live != NULL) live->newer = task;
  live = task;
}

static void unlink_live(struct dx_task *task)
{
  if (task->newer != NULL) task->newer->older = task->older;
  if (task->older != NULL) task->older->newer = task->newer;
  if (live == task) live = task->older;
  task->older = task->newer = NULL;
}

static void task_finish(struct dx_task *task, int status, int nresults)
{
  lua_State *co = task->co;
  lua_sethook(co, NULL, 0, 0);
  task->failed = status != LUA_OK || task->cancelled;
  if (status != LUA_OK) {
    if (status != LUA_ERRMEM && lua_type(co, -1) != LUA_TTABLE) call_protected(normalise_error, co);
    lua_resetthread(co); /* runs pending __close; leaves the error on top */
    if (lua_gettop(co) == 0) lua_pushnil(co);
    if (lua_gettop(co) > 1) {
      lua_replace(co, 1);
      lua_settop(co, 1);
    }
  } else if (task->cancelled) {
    lua_settop(co, 0); /* it ended before the hook could raise: cancelled all the same */
    dx_task_push_cause(co, task);
  } else {
    lua_rotate(co, 1, nresults);
    lua_settop(co, nresults);
  }
  task->done = true;
  dx_task_stop_deadline(task);
  unlink_live(task);
  for (struct dx_wait *wait = task->joiners, *next; wait != NULL; wait = next) {
    next = wait->next;
    dx_wake(wait);
  }
  task->joiners = NULL;
  luaL_unref(main_state, LUA_REGISTRYINDEX, task->self_ref);
  luaL_unref(main_state, LUA_REGISTRYINDEX, task->error_ref);
  task->self_ref = task->error_ref = LUA_NOREF;
}

static void task_resume(struct dx_task *task)
{
  lua_State *co = task->co;
  int nargs = task->nargs, nresults = 0;
  task->nargs = 0;
  slice++;
  running = co;
  int status = lua_resume(co, main_state, nargs, &nresults);
  running = NULL;
  if (status != LUA_YIELD) {
    task_finish(task, status, nresults);
    return;
  }
  lua_pop(co, nresults);
  if (task->waiting == NULL) dx_task_enqueue(task); /* it was preempted */
}

static void run_queue(void)
{
  struct dx_task *task = queue_head;
  queue_head = queue_tail = NULL;
  while (task != NULL) {
    struct dx_task *next = task->next;
    task->queued = false;
    if (!task->done) task_resume(task);
    task = next;
  }
}

/* ---- Making tasks -------------------------------------------------------------------------- */

struct dx_task *dx_task_new(lua_State *L, int nargs)
{
  struct dx_task *task = lua_newuserdatauv(L, sizeof *task, 1);
  memset(task, 0, sizeof *task);
  task->self_ref = task->error_ref = LUA_NOREF;
  task->done = true; /* until all that can fail is done */
  luaL_setmetatable(L, TASK_TYPE);
  task->co = lua_newthread(L);
  lua_setiuservalue(L, -2, 1);
  lua_insert(L, -(nargs + 2));
  lua_pushvalue(L, -(nargs + 2));
  task->self_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  if (!lua_checkstack(task->co, nargs + 1)) luaL_error(L, "too many arguments");
  lua_xmove(L, task->co, nargs + 1);
  *(struct dx_task **)lua_getextraspace(task->co) = task;
  task->nargs = nargs;
  task->done = false;
  link_live(task);
  dx_task_enqueue(task);
  return task;
}

/* ---- The loop itself ----------------------------------------------------------------------- */

static int start_handler(lua_State *L)
{
  const char *name = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, handler_ref);
  lua_pushstring(L, name);
  dx_task_new(L, 1);
  return 0;
}

static void signal_arrived(uv_async_t *async)
{
  (void)async;
  int signo = pending_signal;
  pending_signal = 0;
  if (signo == 0 || main_task == NULL || main_task->done) return;
  char *name = signal_name(signo);
  if (handler_ref != LUA_NOREF && call_protected(start_handler, name)) return;
  dx_task_cancel_with(main_task, "interrupted", "interrupted by a signal", name);
}

void dx_loop_set_handler(lua_State *L, int ref)
{
  luaL_unref(L, LUA_REGISTRYINDEX, handler_ref);
  handler_ref = ref;
}

/* Of signals that are there at the same time the first handler would run last, if the others were
 * not blocked meanwhile. */
static void handle_signal(int signo, void (*handler)(int))
{
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  sigaction(signo, &action, NULL);
}

void dx_loop_init(void)
{
  main_thread = pthread_self();
  queue_head = queue_tail = NULL;
  main_task = live = NULL;
  handler_ref = LUA_NOREF;
  pending_signal = first_signal = 0;
  uv_loop_init(&loop);
  uv_async_init(&loop, &signal_async, signal_arrived);
  handle_signal(SIGINT, on_stop_signal);
  handle_signal(SIGTERM, on_stop_signal);
  handle_signal(SIGHUP, on_stop_signal);
  handle_signal(SIGALRM, on_tick);
  handle_signal(SIGPIPE, SIG_IGN);
  struct itimerval tick = {{0, tick_us}, {0, tick_us}};
  setitimer(ITIMER_REAL, &tick, NULL);
}

static void turn(void)
{
  run_queue();
  in_uv = true;
  uv_run(&loop, queue_head == NULL && !main_task->done ? UV_RUN_ONCE : UV_RUN_NOWAIT);
  in_uv = false;
}

/* Tasks that outlive the main one are cancelled and get a moment to end; the rest is abandoned. */
static void drain(void)
{
  for (struct dx_task *task = live, *older; task != NULL; task = older) {
    older = task->older;
    dx_task_cancel_with(task, "cancelled", "the program ends", NULL);
  }
  uint64_t until = uv_hrtime() + 2000000000;
  while (live != NULL && uv_hrtime() < until) {
    turn();
    if (live != NULL && queue_head == NULL) uv_sleep(1);
  }
}

bool dx_loop_run(lua_State *L, int nargs)
{
  main_state = L;
  lua_pushliteral(L, "not enough memory");
  no_memory_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  main_task =
      dx_task_new(L, nargs); /* the userdata stays on L's stack: it is the main task's anchor */
  while (!main_task->done)
    turn();
  drain();
  lua_State *co = main_task->co;
  bool ok = !main_task->failed;
  if (lua_gettop(co) == 0) lua_pushnil(co);
  lua_settop(co, 1);
  lua_xmove(co, L, 1);
  lua_remove(L, -2);
  return ok;
}

void dx_loop_close(void)
{
  struct itimerval off = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &off, NULL);
  handle_signal(SIGINT, SIG_DFL);
  handle_signal(SIGTERM, SIG_DFL);
  handle_signal(SIGHUP, SIG_DFL);
  uv_close((uv_handle_t *)&signal_async, NULL);
  /* Close callbacks free their handles; a job still on the thread pool is left to the process's
   * end. */
  uv_run(&loop, UV_RUN_NOWAIT);
  uv_run(&loop, UV_RUN_NOWAIT);
  uv_loop_close(&loop);
}
