/* What a task does for itself: waiting, and host.task (spawning, joining, cancelling, shielding).
 * Waits: join, shield. Raises: misuse. */
#include "dixis.h"

#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Waiting ------------------------------------------------------------------------------- */

void dx_check_wait(lua_State *L)
{
  struct dx_task *task = dx_task_of(L);
  if (task == NULL) luaL_error(L, "cannot wait outside a task");
  if (!lua_isyieldable(L)) luaL_error(L, "cannot wait inside a C call (sort, gsub, require, __gc)");
  if (task->cancelled && task->shield == 0) {
    dx_task_push_cause(L, task);
    lua_error(L);
  }
}

int dx_wait(lua_State *L, struct dx_wait *wait, void (*cancel)(struct dx_wait *),
            lua_KFunction done, lua_KContext context)
{
  struct dx_task *task = dx_task_of(L);
  wait->task = task;
  wait->cancel = cancel;
  task->waiting = wait;
  return lua_yieldk(L, 0, context, done);
}

void dx_wake(struct dx_wait *wait)
{
  struct dx_task *task = wait->task;
  if (task == NULL) return;
  wait->task = NULL;
  if (task->waiting == wait) task->waiting = NULL;
  dx_task_enqueue(task);
}

bool dx_wait_abandoned(const struct dx_wait *wait)
{
  return wait->task == NULL;
}

/* ---- The module --------------------------------------------------------------------------- */

static struct dx_task *check_task(lua_State *L, int arg)
{
  return luaL_checkudata(L, arg, TASK_TYPE);
}

static int task_spawn(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TFUNCTION);
  dx_task_new(L, lua_gettop(L) - 1);
  return 1;
}

static int join_results(lua_State *L, struct dx_task *task)
{
  int n = lua_gettop(task->co);
  luaL_checkstack(L, n + 1, "results of a task");
  lua_pushboolean(L, !task->failed);
  if (!lua_checkstack(task->co, n)) return luaL_error(L, "too many results");
  for (int i = 1; i <= n; i++)
    lua_pushvalue(task->co, i);
  lua_xmove(task->co, L, n);
  return n + 1;
}

static int join_done(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  struct dx_task *task = lua_touserdata(L, 1);
  return join_results(L, task);
}

/* A cancelled joiner must not stay in the list: its wait lives on a stack that goes away. */
static void join_cancel(struct dx_wait *wait)
{
  dx_wake(wait);
}

static int join_wait_gc(lua_State *L)
{
  struct dx_wait *wait = lua_touserdata(L, 1);
  lua_getiuservalue(L, 1, 1);
  struct dx_task *task = lua_touserdata(L, -1);
  if (task == NULL) return 0;
  for (struct dx_wait **link = &task->joiners; *link != NULL; link = &(*link)->next) {
    if (*link == wait) {
      *link = wait->next;
      break;
    }
  }
  return 0;
}

static int task_join(lua_State *L)
{
  struct dx_task *task = check_task(L, 1);
  lua_settop(L, 1);
  if (task->done) return join_results(L, task);
  dx_check_wait(L);
  if (dx_task_of(L) == task) return luaL_error(L, "a task cannot join itself");
  struct dx_wait *wait = lua_newuserdatauv(L, sizeof *wait, 1);
  memset(wait, 0, sizeof *wait);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, "dixis.join");
  wait->next = task->joiners;
  task->joiners = wait;
  return dx_wait(L, wait, join_cancel, join_done, 0);
}

static int task_cancel_method(lua_State *L)
{
  struct dx_task *task = check_task(L, 1);
  if (lua_isnoneornil(L, 2)) {
    lua_settop(L, 1);
    dx_push_error(L, "cancelled", "cancelled");
  }
  lua_settop(L, 2);
  dx_task_cancel(L, task);
  return 0;
}

static int task_done(lua_State *L)
{
  lua_pushboolean(L, check_task(L, 1)->done);
  return 1;
}

static void deadline_passed(uv_timer_t *timer)
{
  struct dx_task *task = timer->data;
  if (task == NULL || task->done) return;
  char message[64];
  double seconds = (double)uv_timer_get_repeat(timer) / 1000;
  snprintf(message, sizeof message, "not finished within %.3g s", seconds);
  uv_timer_stop(timer);
  dx_task_cancel_with(task, "deadline", message, NULL);
}

static int task_deadline(lua_State *L)
{
  struct dx_task *task = check_task(L, 1);
  lua_Number seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 2, "seconds out of range");
  if (task->done) return 0;
  dx_task_stop_deadline(task);
  uv_timer_t *timer = malloc(sizeof *timer);
  if (timer == NULL) return luaL_error(L, "not enough memory");
  uv_timer_init(dx_loop(), timer);
  timer->data = task;
  task->deadline = timer;
  uint64_t ms = (uint64_t)(seconds * 1000);
  uv_update_time(dx_loop());
  uv_timer_start(timer, deadline_passed, ms, ms > 0 ? ms : 1);
  return 0;
}

/* Down to that many shields; what was put off takes effect with the last. */
static void lower_shield(struct dx_task *task, int depth)
{
  if (task->shield > depth) task->shield = depth;
  if (task->shield == 0 && task->cancel_pending) {
    task->cancel_pending = false;
    dx_task_stop(task);
  }
}

static int shield_end(lua_State *L, int status, lua_KContext depth)
{
  lower_shield(dx_task_of(L), (int)depth);
  if (status != LUA_OK && status != LUA_YIELD) return lua_error(L);
  return lua_gettop(L);
}

static int task_shield(lua_State *L)
{
  struct dx_task *task = dx_task_of(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  if (task == NULL) return luaL_error(L, "shield is for tasks");
  lua_KContext depth = task->shield++;
  int status = lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, depth, shield_end);
  return shield_end(L, status, depth);
}

static int task_unshield(lua_State *L)
{
  struct dx_task *task = dx_task_of(L);
  if (task == NULL || task->shield == 0) return luaL_error(L, "there is no shield to lower");
  lower_shield(task, task->shield - 1);
  return 0;
}

static int task_on_signal(lua_State *L)
{
  int ref = LUA_NOREF;
  if (!lua_isnoneornil(L, 1)) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    ref = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  dx_loop_set_handler(L, ref);
  return 0;
}

static int task_gc(lua_State *L)
{
  struct dx_task *task = lua_touserdata(L, 1);
  dx_task_stop_deadline(task);
  if (task->waiting != NULL) {
    task->waiting->task = NULL;
    task->waiting = NULL;
  }
  task->done = true;
  return 0;
}

/* `local t <close> = task.spawn(...)`: a task that must not outlive its scope. */
static int task_scope_ends(lua_State *L)
{
  struct dx_task *task = check_task(L, 1);
  lua_settop(L, 1);
  dx_push_error(L, "cancelled", "its scope ended");
  dx_task_cancel(L, task);
  return 0;
}

int luaopen_host_task(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"join", task_join}, {"cancel", task_cancel_method},
      {"done", task_done}, {"deadline", task_deadline},
      {NULL, NULL},
  };
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, TASK_TYPE, methods, task_gc);
  luaL_getmetatable(L, TASK_TYPE);
  lua_pushcfunction(L, task_scope_ends);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
  dx_handle_type(L, "dixis.join", none, join_wait_gc);
  static const luaL_Reg functions[] = {
      {"spawn", task_spawn},
      {"shield", task_shield},
      {"unshield", task_unshield},
      {"on_signal", task_on_signal},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}
